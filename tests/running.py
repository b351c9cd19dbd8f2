"""Commands that test, run side by side, and their counts."""

import os
import queue
import re
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def count_catch2(output):
    everything = re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", output)
    if everything:
        return Counts(passed=int(everything.group(1)))
    line = re.search(r"^test cases:.*$", output, re.MULTILINE)
    text = line.group(0) if line else ""
    return Counts(number(r"(\d+) passed", text), number(r"(\d+) failed", text), number(r"(\d+) skipped", text))


def count_own(output):
    """What a program that counts for itself says at its end; absent for others."""
    last = re.search(r"(\d+) passed, (\d+) failed, (\d+) skipped\s*\Z", output)
    return Counts(*map(int, last.groups())) if last else None


class Run(threading.Thread):
    """A suite that is being run. One that ends badly without a failed test has one."""

    def __init__(self, name, command, environment):
        super().__init__(daemon=True)
        self.name, self.command, self.environment = name, command, environment
        self.lines = queue.SimpleQueue()
        self.process = None
        self.counts = Counts(failed=1)
        self.cost = ""

    def run(self):
        try:
            self._attend()
        except OSError as error:
            self.lines.put(f"{error}\n")
        self.lines.put(None)

    def _attend(self):
        began = time.monotonic()
        output = []
        with subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", env=self.environment, cwd=ROOT) as self.process:
            for line in self.process.stdout:
                output.append(line)
                self.lines.put(line)
            _, status, usage = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cost = f"{time.monotonic() - began:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of processor time"
        text = "".join(output)
        self.counts = count_own(text) or count_catch2(text)
        if self.counts.failed == 0 and (self.process.returncode != 0 or self.counts.passed + self.counts.skipped == 0):
            self.counts.failed = 1

    def show(self):
        print(f"== {self.name}: {' '.join(self.command)}", flush=True)
        for line in iter(self.lines.get, None):
            sys.stdout.write(line)
            sys.stdout.flush()
        print(f"-- {self.name}: {self.counts} ({self.cost})", flush=True)

    def stop(self):
        """And lets it clean up."""
        if self.process and self.is_alive():
            self.process.terminate()
        self.join()


def run_all(commands, environment):
    """`commands` by the name of what they run; returns the sum of their counts."""
    runs = [Run(name, command, environment) for name, command in commands.items()]
    for run in runs:
        run.start()
    total = Counts()
    try:
        for run in runs:
            run.show()
            total.add(run.counts)
    except BaseException:
        for run in runs:
            run.stop()
        raise
    return total
