"""A sample of the crash points, chosen by chance; `make test-fault` goes through all of them."""

import random
import time
import unittest

import crash_points
from fake_node import ShippedBinaryCase

# For all of them together, less what it takes to make the places.
SECONDS = 45
SECONDS_OF_REQUESTS = 3  # for each type and mode


class CrashPointTest(ShippedBinaryCase):
    def test_a_sample_of_every_operation_of_every_type(self):
        seed = time.time_ns()
        random.seed(seed)
        table = crash_points.Table()
        places = crash_points.PLACES | crash_points.WITH_RULES
        share = SECONDS / sum(len(crash_points.kinds_of(place)) for place in places.values())
        for name, place in places.items():
            crash_points.visit(name, place, table, share, SECONDS_OF_REQUESTS)
        print(f"\n{table}\nseed {seed}", flush=True)
        self.assertEqual(table.leaks, [])
        for row in table.rows:
            self.assertGreater(row.killed + row.refused, crash_points.ENOUGH, row)
            self.assertGreater(row.calls, crash_points.ENOUGH, row)


if __name__ == "__main__":
    unittest.main()
