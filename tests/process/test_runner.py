"""What runs the tests: each has a name by which it is found, and none that fails is counted as passed."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

import patience
from fake_node import PLUGIN, ROOT, ShippedBinaryCase

sys.path.insert(0, os.path.join(ROOT, "tests"))

import running
import suites

BUILD = os.path.dirname(PLUGIN)


class TestNamesTest(ShippedBinaryCase):
    def test_each_test_case_of_the_programs_is_found_by_its_name(self):
        for name in ("unit", "netns"):
            suite = suites.SUITES[name]
            program, *_ = suite.command(BUILD)
            # Ends with the number of names.
            listed = subprocess.run([program, "--list-test-names-only"], stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()
            self.assertGreater(len(listed), 100)
            self.assertEqual(sorted(suite.find(lambda _: True)), sorted(listed))
            chosen = suite.find(lambda label: label in listed[:3])
            _, *options = suite.command(BUILD, chosen)
            again = subprocess.run([program, *options, "--list-test-names-only"], stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()
            self.assertEqual(sorted(again), sorted(chosen))

    def test_a_name_is_of_a_suite_a_file_a_class_a_test_or_a_tag(self):
        self.assertEqual(suites.find("e2e"), {"e2e": ()})
        mine = {"process": [test for test in suites.SUITES["process"].find(lambda _: True) if test.startswith("test_runner.TestNamesTest.")]}
        self.assertGreater(len(mine["process"]), 2)
        for name in ("TestNamesTest", "test_runner.TestNamesTest", "process/test_runner.TestNamesTest"):
            self.assertEqual(suites.find(name), mine)
        for name in ("test_runner", "tests/process/test_runner.py", "process/test_runner"):
            self.assertLess(set(mine["process"]), set(suites.find(name)["process"]))
        self.assertEqual(set(suites.find("netlink_monitor")), {"netns"})
        self.assertEqual(set(suites.find("tests/netns/netlink_monitor.cpp")), {"netns"})
        self.assertIn("a whole request is read", suites.find("[request]")["unit"])
        self.assertEqual(set(suites.find("vm/KernelTest")), {"vm"})

    def test_a_part_of_a_name_will_do_where_nothing_is_called_that(self):
        self.assertEqual(suites.find("a_part_of_a_name_will_do"), {"process": [self.id()]})
        self.assertEqual(suites.find("waiting ends when pat"), {"netns": ["waiting ends when patience does"]})

    def test_what_nothing_is_called_is_an_error(self):
        done = patience.run([os.path.join(ROOT, "tests", "run"), "--only", "no such name"])
        self.assertEqual((done.returncode, done.stderr), (1, "tests: nothing is called no such name\n"))


class CountsTest(unittest.TestCase):
    def counts(self, **commands):
        """What is counted, and what is shown. A command is one, or a script."""
        commands = {name: ["sh", "-c", command] if isinstance(command, str) else command for name, command in commands.items()}
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            total = running.run_all(commands, dict(os.environ))
        return str(total), re.sub(r"\(.*\)", "", shown.getvalue())

    def test_they_are_of_what_a_suite_says_last(self):
        self.assertEqual(self.counts(a="echo 9 passed, 9 failed, 9 skipped; echo 3 passed, 0 failed, 1 skipped")[0], "3 passed, 0 failed, 1 skipped")
        self.assertEqual(self.counts(a="echo 'All tests passed (5 assertions in 2 test cases)'")[0], "2 passed, 0 failed, 0 skipped")
        self.assertEqual(self.counts(a="echo 'test cases:  7 |  5 passed |  2 failed'; exit 2")[0], "5 passed, 2 failed, 0 skipped")

    def test_what_ends_badly_or_says_nothing_has_failed(self):
        for script in ("echo 3 passed, 0 failed, 0 skipped; exit 1", "echo 3 passed, 0 failed, 0 skipped; kill -9 $$"):
            self.assertEqual(self.counts(a=script)[0], "3 passed, 1 failed, 0 skipped")
        for script in ("exit 0", "exit 1", "echo 0 passed, 0 failed, 0 skipped"):
            self.assertEqual(self.counts(a=script)[0], "0 passed, 1 failed, 0 skipped")
        self.assertEqual(self.counts(a=("/nowhere",))[0], "0 passed, 1 failed, 0 skipped")

    def test_they_run_side_by_side_and_are_shown_one_behind_the_other(self):
        pair = os.path.join(self.enterContext(tempfile.TemporaryDirectory(prefix="patchcord-test-")), "fifo")
        os.mkfifo(pair)
        ends = "echo 1 passed, 0 failed, 0 skipped"
        total, shown = self.counts(a=f"cat {pair}; {ends}", b=f"echo hello >{pair}; echo there; {ends}")
        self.assertEqual(total, "2 passed, 0 failed, 0 skipped")
        self.assertEqual([line for line in shown.splitlines() if not line.startswith(("==", "--", "1"))], ["hello", "there"])


if __name__ == "__main__":
    unittest.main()
