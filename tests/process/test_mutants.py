"""The list of mutants fits the source as it is; `make test-mutants` runs them."""

import os
import sys
import unittest

from fake_node import ROOT

sys.path[:0] = [os.path.join(ROOT, "tests", "mutants"), os.path.join(ROOT, "tests")]
from mutant import problems_of  # noqa: E402
from mutations import MUTANTS  # noqa: E402
from suites import SUITES, CatchSuite  # noqa: E402


class MutantsTest(unittest.TestCase):
    def test_each_has_its_place_in_the_source(self):
        """Whoever moves or changes such a line moves or changes its mutation, too: tests/mutants/mutations.py."""
        self.assertEqual(problems_of(MUTANTS), [])
        self.assertGreaterEqual(len(MUTANTS), 60)

    def test_each_has_a_test_to_kill_it(self):
        for mutant in MUTANTS:
            with self.subTest(mutant=mutant.name):
                suite, _, test = mutant.killer.partition(" ")
                if isinstance(SUITES[suite], CatchSuite):
                    self.assertEqual(SUITES[suite].find(lambda label, wanted=test: label == wanted), [test])
                    continue
                module, *names = test.split(".")
                with open(os.path.join(ROOT, "tests", suite, f"{module}.py"), encoding="utf-8") as stream:
                    text = stream.read()
                for name in names:
                    self.assertRegex(text, rf"(?m)^ *(class|def) {name}\b")


if __name__ == "__main__":
    unittest.main()
