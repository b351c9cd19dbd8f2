"""Every system call of every operation: killed there, and refused there. What is left must be nothing, or lead to nothing.

After each the host, the container and the state directory are compared with how they were before, to the byte: after a DEL with names
alone, and, the other way, after the same ADD again and its DEL. And every request of a transaction of nftables, refused by the kernel: after
that nothing must be left, without any DEL. The place where the search for an address goes on is no trace of anybody.

One thing is let pass, and counted ("unset"): the settings of the container that sysctl, promisc and the like name (see Settings), where the
call by which they were to be read before, or put back, was itself refused. They are then put back by hand, and the rest must be as before.

    crash_points.py [PLACE|OPERATION|requests]...    those alone

PATCHCORD_FAULT_POINTS is how many of each operation of each place are gone through, by chance; PATCHCORD_FAULT_PART=1/4 is every fourth
point, from the first one.
"""

import errno
import os
import random
import sys
import typing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PLUGIN
from operations import OPERATIONS, Leak
from place import Place
from places import PLACES, WITH_RULES

TOOLS = os.path.join(os.path.dirname(PLUGIN), "tests")
INJECT = os.path.join(TOOLS, "inject")

# By the number of the call on x86-64, what it can be refused with; all others with any of ERRORS. Absent from both: calls that cannot fail.
ERRORS = (errno.EINTR, errno.ENOMEM, errno.ENOSPC, errno.EPERM, errno.EBUSY)
CANNOT_FAIL = {11, 13, 14, 15, 24, 34, 39, 60, 102, 104, 107, 108, 110, 158, 186, 228, 231}
MEMORY_ONLY = {9, 10, 12, 25, 218, 273, 302, 334}
# A descriptor is gone, whatever close() says; poll, read and the like do not give the errors of a disk.
SPECIAL = {3: (errno.EINTR, errno.EIO), 0: (errno.EINTR, errno.EIO), 7: (errno.EINTR, errno.ENOMEM), 45: (errno.EINTR, errno.ENOMEM, errno.ENOBUFS),
           47: (errno.EINTR, errno.ENOMEM, errno.ENOBUFS), 46: ERRORS + (errno.ENOBUFS,)}
READ = 0  # the number of the call
# What the kernel answers to a request. With the last two it says, too, that somebody was faster: then the transaction is made anew.
REFUSALS = (errno.ENOMEM, errno.EPERM, errno.EBUSY, errno.ENOENT)
MAY_BE_OUTRUN = (errno.EBUSY, errno.ENOENT)
# How often a transaction is made on a ruleset that nobody changes meanwhile.
MOST_ATTEMPTS = 2


def errors_of(call):
    if call in CANNOT_FAIL:
        return ()
    return (errno.ENOMEM,) if call in MEMORY_ONLY else SPECIAL.get(call, ERRORS)


class Row(typing.NamedTuple):
    """How many calls an operation makes, at how many it was killed, how many were refused, after how many of those settings stayed, and
    what was left."""

    place: str
    operation: str
    calls: int
    killed: int
    refused: int
    unset: int
    leaked: int


class Table:
    def __init__(self):
        self.rows = []
        self.leaks = []

    def add(self, row, leaks):
        self.rows.append(row)
        self.leaks += leaks

    def __str__(self):
        sums = Row("all", "", *(sum(row[column] for row in self.rows) for column in range(2, len(Row._fields))))
        rows = [Row._make(("", *Row._fields[1:])), *self.rows, sums]
        return "\n".join("{:<17}{:<12}{:>7}{:>9}{:>9}{:>8}{:>8}".format(*row) for row in rows)


def calls_of(operation):
    listing = os.path.join(operation.place.node.directory, "calls")
    operation.prepare()
    operation.run((INJECT, "count", listing))
    operation.clean_up(0)
    with open(listing, encoding="ascii") as file:
        return [int(line) for line in file]


def plan(calls, limit):
    points = [(number, None, way) for number in range(1, len(calls) + 1) for way in (0, 1)]
    points += [(number, error, 0) for number, call in enumerate(calls, 1) for error in errors_of(call)]
    part, parts = map(int, os.environ.get("PATCHCORD_FAULT_PART", "1/1").split("/"))
    points = points[part - 1::parts]
    return random.sample(points, limit) if limit and limit < len(points) else points


def may_stay_unset(operation, call, error, done):
    """Settings whose own reading, or putting back, may have been what was refused. EIO is what the kernel says where there is no value.
    An operation that failed for it says that it did, and what comes after it has to put them back."""
    if operation.place.settings is None or error is None or done.returncode != 0:
        return False
    return operation.puts_settings_back or (operation.command == "ADD" and call == READ and error == errno.EIO)


class Passage:
    """All points of one operation in one place."""

    def __init__(self, name, place, kind, table):
        self.name, self.place, self.table = name, place, table
        self.operation = kind(place)
        self.calls = calls_of(self.operation)
        self.counts, self.unset, self.leaks = {"kill": 0, "fail": 0}, 0, []
        try:
            place.require(place.before, f"{name}: {kind.command} left something, uninjured")
        except Leak as leak:
            table.leaks.append(str(leak))
            start_again(place)

    def require(self, done, call, error):
        what = f"left, after it ended with {done.returncode} {done.stdout.strip()[:300]} {done.stderr.strip()[:300]}"
        try:
            self.place.require(self.place.before, what)
        except Leak:
            if not may_stay_unset(self.operation, call, error, done):
                raise
            self.place.settings.put_back()
            self.place.require(self.place.before, what)
            self.unset += 1

    def injure(self, number, error, way):
        call = self.calls[number - 1]
        prefix = (INJECT, "kill", str(number)) if error is None else (INJECT, "fail", str(number), str(error))
        try:
            self.operation.prepare()
            done = self.operation.run(prefix)
            self.counts["kill" if error is None else "fail"] += done.returncode != 125
            self.operation.clean_up(way)
            self.require(done, call, error)
        except AssertionError as leak:  # or it did not end
            how = "killed" if error is None else f"refused with {errno.errorcode[error]}"
            self.leaks.append(f"{self.name}: {self.operation.command}, call {number} (no. {call}) {how}, way {way}: {leak}")
            start_again(self.place)

    def end(self):
        self.operation.end()
        self.table.add(Row(self.name, self.operation.command, len(self.calls), self.counts["kill"], self.counts["fail"], self.unset,
                           len(self.leaks)), self.leaks)


def go_through(name, place, kind, table, limit=None):
    """All points in turn, or so many of them by chance."""
    passage = Passage(name, place, kind, table)
    for number, error, way in plan(passage.calls, limit):
        passage.injure(number, error, way)
    passage.end()


class Requests:
    """ADD, with one request of its transactions refused: it fails whole and leaves nothing, or, where another attempt is due, succeeds."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self.leaks, self.made = [], 0

    def add(self, number, error, times):
        self.place.forget_rules()
        return self.place.call("ADD", prefix=(INJECT, "refuse", str(number), str(error), str(times)))

    def count(self):
        """How many requests a first ADD makes."""
        self.place.forget_rules()
        self.place.before = self.place.snapshot()
        reached, unreached = 0, 1024
        while unreached - reached > 1:
            number = (reached + unreached) // 2
            if self.add(number, errno.ENOMEM, 1).returncode != 125:
                reached = number
            else:
                unreached = number
                self.place.delete_by_names()
        return reached

    def refuse(self, number, error, times):
        what = f"{self.name}: ADD, request {number} refused {times} times with {errno.errorcode[error]}"
        try:
            done = self.add(number, error, times)
            self.made += done.returncode != 125
            if error in MAY_BE_OUTRUN and times == 1:
                if done.returncode != 0:
                    raise Leak(f"was not tried again: {done.stdout}{done.stderr}")
                self.place.delete_by_names()
                self.place.forget_rules()
            elif done.returncode != 1 or os.strerror(error) not in done.stdout:
                raise Leak(f"ended with {done.returncode} {done.stdout}{done.stderr}")
            self.place.require(self.place.before, "left")
        except AssertionError as leak:  # or it did not end
            self.leaks.append(f"{what}: {leak}")
            self.place.delete_by_names()
            self.place.forget_rules()
            self.place.before = self.place.snapshot()

    def plan(self, count, limit):
        points = [(number, error, 1) for number in range(1, count + 1) for error in REFUSALS]
        if not limit:
            return points + [(number, error, MOST_ATTEMPTS) for number in range(1, count + 1, 10) for error in MAY_BE_OUTRUN]
        return [(random.randint(1, count), random.choice(MAY_BE_OUTRUN), MOST_ATTEMPTS), *random.sample(points, min(limit, len(points)))]


def refuse_requests(name, place, table, limit=None):
    """All in turn, or so many of them by chance."""
    requests = Requests(name, place)
    count = requests.count()
    for number, error, times in requests.plan(count, limit):
        requests.refuse(number, error, times)
    table.add(Row(name, "requests", count, 0, requests.made, 0, len(requests.leaks)), requests.leaks)


def start_again(place):
    """After a leak the rest is compared with what is there now."""
    place.call("DEL")
    place.before = place.snapshot()


def kinds_of(place):
    return place.get("only", OPERATIONS)


def visit(name, place, table, limit=None, commands=None, tell=lambda: None):
    """All of one place's operations, and its requests of nftables."""
    place = Place(**place)
    try:
        for kind in place.kinds:
            if not commands or kind.command in commands:
                go_through(name, place, kind, table, limit)
                tell()
        if name in WITH_RULES and (not commands or "requests" in commands):
            refuse_requests(name, place, table, limit)
            tell()
    finally:
        place.close()


def main():
    limit = int(os.environ.get("PATCHCORD_FAULT_POINTS", 0)) or None
    places = PLACES | WITH_RULES
    wanted = [name for name in sys.argv[1:] if name in places] or list(places)
    commands = [word for word in sys.argv[1:] if word not in places]
    table, told = Table(), 0

    def tell():
        nonlocal told
        print(*table.leaks[told:], "\t".join(map(str, table.rows[-1])), sep="\n", flush=True)
        told = len(table.leaks)

    for name in wanted:
        visit(name, places[name], table, limit, commands, tell)
    print(table)
    return 1 if table.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
