"""A sample of the crash points of each place, chosen by chance; `make test-fault` goes through all of them."""

import random
import time
import unittest

import crash_points
from fake_node import ShippedBinaryCase

POINTS = 60  # of each operation
LEAST = 5  # that an operation has, and that are reached


class CrashPointTest(ShippedBinaryCase):
    def sample(self, name, place):
        """Of ADD and one more operation, and of the requests where it makes rules."""
        seed = time.time_ns()
        random.seed(seed)
        first, *others = [kind.command for kind in crash_points.kinds_of(place)]
        table = crash_points.Table()
        crash_points.visit(name, place, table, POINTS, [first, *random.sample(others, min(1, len(others))), "requests"])
        print(f"\n{table}\nseed {seed}", flush=True)
        self.assertEqual(table.leaks, [])
        for row in table.rows:
            self.assertGreater(row.killed + row.refused, LEAST, row)
            self.assertGreater(row.calls, LEAST, row)


# A test for each, which wait for the kernel side by side.
for name_, place_ in (crash_points.PLACES | crash_points.WITH_RULES).items():
    setattr(CrashPointTest, "test_" + name_.replace(",", "").replace(" ", "_"), lambda self, name=name_, place=place_: self.sample(name, place))


if __name__ == "__main__":
    unittest.main()
