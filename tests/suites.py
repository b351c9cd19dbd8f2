"""The test suites: what runs each, what it needs built, and which of its tests have a name."""

import functools
import glob
import os
import re
import subprocess

TESTS = os.path.dirname(os.path.abspath(__file__))
# Debian's own Python, whatever else the PATH may hold.
PYTHON = "/usr/bin/python3"


class CatchSuite:
    """Test cases in C++. They are found in their sources, so that nothing has to be built to know of them."""

    CASE = re.compile(r'^TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)(?:,\s*((?:"[^"]*"\s*)+))?\)', re.MULTILINE)

    def __init__(self, name):
        self.name = name
        self.targets = [f"{name}_tests"]

    def command(self, build, chosen=()):
        """`chosen` is of what find() found."""
        specification = ",".join(re.sub(r'([\\,\["])', r"\\\1", case) for case in chosen)
        return [os.path.join(build, "tests", f"{self.name}_tests"), "--durations", "no", *([specification] if chosen else [])]

    def find(self, fits):
        return [case for labels, case in self._cases() if any(map(fits, labels))]

    def _cases(self):
        """With each the names that it goes by: its own, its file's, and its tags."""
        for path in sorted(glob.glob(os.path.join(TESTS, self.name, "**", "*.cpp"), recursive=True)):
            with open(path, encoding="utf-8") as file:
                for literals, tags in self.CASE.findall(file.read()):
                    case = re.sub(r"\\(.)", r"\1", "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)))
                    yield [case, os.path.basename(path).removesuffix(".cpp"), *re.findall(r"\[[^\]]*\]", tags)], case


class PythonSuite:
    """unittest tests of a folder."""

    def __init__(self, name, targets, at_a_time=2):
        """`at_a_time` tests for each processor."""
        self.name = name
        self.targets = targets
        self._jobs = ["--jobs", str(at_a_time * (os.cpu_count() or 1))]

    def command(self, build, chosen=()):
        return [PYTHON, os.path.join(TESTS, "parallel"), *self._jobs, os.path.join(TESTS, self.name), *chosen]

    def find(self, fits):
        # A test's id is file.Class.method, and any run of these is a name.
        return [test for test in self._tests if any(map(fits, runs_of(test.split("."))))]

    @functools.cached_property
    def _tests(self):
        return subprocess.run([PYTHON, os.path.join(TESTS, "parallel"), "--list", os.path.join(TESTS, self.name)], stdout=subprocess.PIPE,
                              text=True, check=True).stdout.split()


class GuestSuite(PythonSuite):
    """As much of what tests/vm/suite has as a change can wait for; all of it: make test-vm. By name: the folder's own tests."""

    def command(self, build, chosen=()):
        what = [f"{self.name}/{test}" for test in chosen] or ["--short"]
        return [os.path.join(TESTS, "vm", "suite"), "--build", build, *what]


def runs_of(words):
    return [".".join(words[first:last]) for first in range(len(words)) for last in range(first + 1, len(words) + 1)]


PLUGIN, DRIVER, BLOCKS = "patchcord", "operator_driver", "patchcord-blocks"
# In the order in which their output is shown.
SUITES = {suite.name: suite for suite in (
    CatchSuite("unit"),
    CatchSuite("netns"),
    PythonSuite("process", [PLUGIN, DRIVER], at_a_time=4),  # by far the most tests, so that they end with the others
    PythonSuite("attack", [PLUGIN, DRIVER, "inject"]),
    PythonSuite("wild", [PLUGIN, DRIVER]),
    PythonSuite("trace", [PLUGIN]),
    GuestSuite("vm", [PLUGIN, DRIVER, "netns_tests"]),
    PythonSuite("fault", [PLUGIN, DRIVER, "inject"]),
    PythonSuite("e2e", [PLUGIN, BLOCKS, "completions"]),
    PythonSuite("cluster", [PLUGIN, BLOCKS]),
)}


def find(name):
    """What is called `name`, by suite: a suite, a file, a class, a test, a tag; if nothing is, what has it in its name. With suite/ before it
    in that suite alone."""
    name = name.removeprefix("tests/").removesuffix(".py").removesuffix(".cpp")
    if name in SUITES:
        return {name: ()}
    folder, _, rest = name.partition("/")
    suites, wanted = ([SUITES[folder]], os.path.basename(rest)) if folder in SUITES else (SUITES.values(), name)
    for fits in (lambda label: label == wanted, lambda label: wanted in label):
        found = {suite.name: suite.find(fits) for suite in suites}
        if any(found.values()):
            return {suite: tests for suite, tests in found.items() if tests}
    return {}
