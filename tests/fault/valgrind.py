"""ADD, CHECK, GC and DEL of every type and mode, and an ADD that is refused, under valgrind: nothing lost, nothing read that was never written.

    make valgrind

builds the plugin for it (dynamically linked, not optimized, with symbols) and goes through the places of places.py.
"""

import json
import os
import re
import sys

from crash_points import PLACES, WITH_RULES
from operations import Check, Collect, Reconcile
from place import Place

VALGRIND = ("/usr/bin/valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible")
SUMS = ("definitely lost", "indirectly lost", "possibly lost")
LINE = "{:<17}{:<13}{:>12}{:>8}{:>17}{:>17}{:>15}"


class Patient:
    """One place, and the operations that are run in it under valgrind."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        place.tries *= 10
        self.log = os.path.join(place.node.directory, "valgrind")
        self.complaints = []

    def run(self, command, config=None, refused=False):
        """Returns what the operation wrote."""
        done = self.place.call(command, config=config, prefix=(*VALGRIND, f"--log-file={self.log}"))
        operation = command + (" refused" if refused else "")
        if (done.returncode != 0) != refused:
            self.complaints.append(f"{self.name}: {operation} ended with {done.returncode}: {done.stdout}{done.stderr}")
        self.judge(operation)
        return done.stdout

    def judge(self, operation):
        with open(self.log, encoding="utf-8") as file:
            text = file.read()
        lost = [0] * len(SUMS) if "All heap blocks were freed" in text else [number_in(text, rf"{kind}: ([\d,]+) bytes") for kind in SUMS]
        errors = number_in(text, r"ERROR SUMMARY: ([\d,]+) errors")
        print(LINE.format(self.name, operation, number_in(text, r"total heap usage: ([\d,]+) allocs"), errors, *lost), flush=True)
        if errors or any(lost):
            self.complaints.append(f"{self.name}: {operation}:\n{text}")

    def go_through(self):
        result = self.run("ADD")
        if Reconcile in self.place.kinds:  # which is of those types that keep a record
            self.run("ADD", refused=True)
        if Check in self.place.kinds:
            self.run("CHECK", config=self.place.config | {"prevResult": json.loads(result)})
        if Collect in self.place.kinds:
            self.run("GC", config=Collect(self.place).config)
            self.place.must("ADD")
        self.run("DEL")


def number_in(text, pattern):
    found = re.search(pattern, text)
    if not found:
        raise AssertionError(f"valgrind did not say {pattern}:\n{text}")
    return int(found.group(1).replace(",", ""))


def main():
    if not os.path.exists(VALGRIND[0]):
        sys.exit(f"{VALGRIND[0]} is missing: apt-get install valgrind")
    places = PLACES | WITH_RULES
    print(LINE.format("", "operation", "allocations", "errors", *SUMS))
    complaints = []
    for name in [name for name in sys.argv[1:] if name in places] or places:
        place = Place(**places[name])
        try:
            patient = Patient(name, place)
            patient.go_through()
            complaints += patient.complaints
        finally:
            place.close()
    print("\n".join(complaints) or "nothing lost, and no errors")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
