#!/usr/bin/python3
"""Writes plugin/layout.ld: which functions an ADD, a CHECK and a DEL run, for the linker to put them side by side (docs/decisions/0088).

    make layout

links the release build once more, with symbols and a map of it, goes through some places of tests/fault/crash_points.py under valgrind's callgrind,
and takes down the sections of the functions that were called, in the order of the places: those of the commonest first.
"""

import bisect
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUTPUT = os.path.join(ROOT, "plugin", "layout.ld")
CALLGRIND = ("/usr/bin/valgrind", "--tool=callgrind", "--demangle=no")
# Of the string functions the C library has one for each kind of processor, and valgrind is one that knows no AVX-512.
KINDS = (("-avx2", ("-avx2", "-evex")), ("-avx-", ("-avx-", "-evex-", "-avx512-")))
HEAD = """\
/* Where code lies in the static executable: what an ADD, a CHECK and a DEL run, side by side (docs/decisions/0088).
 * Written by `make layout`. A supplement to the linker's own script; what it names and there is not does no harm. */
SECTIONS
{
  .text.operation :
  {
"""
TAIL = """\
  }
}
INSERT BEFORE .text;
"""


def link(directory):
    """The release build with symbols; and its map."""
    build = os.path.join(ROOT, "build")
    with open(os.path.join(build, "CMakeFiles", "patchcord.dir", "link.txt"), encoding="utf-8") as file:
        words = file.read().split()
    program, linker_map = os.path.join(directory, "patchcord"), os.path.join(directory, "map")
    words.remove("-s")
    words[words.index("-o") + 1] = program
    subprocess.run([*words, f"-Wl,-Map={linker_map}"], cwd=build, check=True)
    with open(linker_map, encoding="utf-8") as file:
        return program, file.read().split("Linker script and memory map", 1)[1]


def sections_in(linker_map):
    """(address, size, name, file) of each section of code, in ascending order. A long name has a line for itself."""
    found = re.findall(r"^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", linker_map, re.MULTILINE)
    return sorted((int(address, 16), int(size, 16), name, file) for name, address, size, file in found if int(size, 16) and int(address, 16))


def symbols_in(program):
    shown = subprocess.run(["nm", "--defined-only", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: int(address, 16) for address, _, name in (line.split() for line in shown.splitlines())}


def functions_called(directory):
    """What the operations call, each once, in the order of the places."""
    sys.path[:0] = [os.path.join(ROOT, "tests", "fault"), os.path.join(ROOT, "tests", "process")]
    from crash_points import PLACES, WITH_RULES, Place  # they run what PATCHCORD_BIN names when they are imported
    from fake_node import bridge_config

    masquerading = {"configure": lambda node: bridge_config(node, isDefaultGateway=True, ipMasq=True)}
    others = [(PLACES | WITH_RULES)[name] for name in ("routed mode", "type loopback", "type portmap", "type firewall")]
    called = {}
    for settings in (masquerading, masquerading | {"bridge": "pcbr0"}, *others):  # the second time it is the network's first ADD
        place = Place(**settings)
        try:
            place.patience = 600
            result = run(place, place.config, "ADD", directory)
            run(place, place.config | {"prevResult": json.loads(result)}, "CHECK", directory)
            run(place, place.config, "DEL", directory)
        finally:
            place.close()
        for name in sorted(os.listdir(directory)):
            if name.startswith("calls-"):
                called |= dict.fromkeys(functions_in(os.path.join(directory, name)))
    return list(called)


def run(place, config, command, directory):
    output = os.path.join(directory, f"calls-{command}")
    done = place.call(command, config=config, prefix=(*CALLGRIND, f"--callgrind-out-file={output}"))
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def functions_in(profile):
    """A name is written out where it is used first; one that is called by itself has a number behind it."""
    with open(profile, encoding="utf-8") as file:
        return sorted({re.sub(r"'\d+$", "", name) for name in re.findall(r"^c?fn=\(\d+\) (\S+)$", file.read(), re.MULTILINE)})


def pattern_of(name, file):
    """What names a section. One that is not C++ is not of one function, and is named by the archive's member; None for what is in no archive."""
    if "_Z" in name:
        return f"*({name})"
    member = re.search(r"(lib[^/]+\.a)\((.+)\)$", file)
    return member and f"*{member.group(1)}:{member.group(2)}(.text .text.*)"


def variants_of(pattern):
    for kind, kinds in KINDS:
        if kind in pattern:
            return [pattern.replace(kind, one) for one in kinds]
    return [pattern]


def patterns_for(sections, addresses):
    """One for each section that has such an address, in their order."""
    starts = [section[0] for section in sections]
    patterns = {}
    for address in addresses:
        start, size, name, file = sections[bisect.bisect_right(starts, address) - 1]
        pattern = pattern_of(name, file)
        if pattern and address < start + size:
            patterns |= dict.fromkeys(variants_of(pattern))
    return list(patterns)


def share_that_is_there():
    """Of what the layout names, of the sections in this build."""
    with open(OUTPUT, encoding="utf-8") as file:
        named = [line.strip() for line in file if line.startswith("    *")]
    with tempfile.TemporaryDirectory() as directory:
        there = {pattern_of(name, file) for _, _, name, file in sections_in(link(directory)[1])}
    return sum(pattern in there for pattern in named) / len(named)


def main():
    if not os.path.exists(CALLGRIND[0]):
        sys.exit(f"{CALLGRIND[0]} is missing: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as directory:
        program, linker_map = link(directory)
        os.environ["PATCHCORD_BIN"] = program
        symbols = symbols_in(program)
        patterns = patterns_for(sections_in(linker_map), [symbols[name] for name in functions_called(directory) if name in symbols])
    with open(OUTPUT, "w", encoding="utf-8") as file:
        file.write(HEAD + "".join(f"    {pattern}\n" for pattern in patterns) + TAIL)
    print(f"{len(patterns)} sections")


if __name__ == "__main__":
    main()
