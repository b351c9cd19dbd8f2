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
    def test_a_sample_of_every_type(self):
        """Of each, ADD and one more operation; and the requests of two that make rules."""
        seed = time.time_ns()
        random.seed(seed)
        table = crash_points.Table()
        places = crash_points.PLACES | crash_points.WITH_RULES
        with_requests = random.sample(sorted(crash_points.WITH_RULES), 2)
        for name, place in places.items():
            first, *others = [kind.command for kind in crash_points.kinds_of(place)]
            commands = [first, *random.sample(others, min(1, len(others))), *(["requests"] if name in with_requests else [])]
            crash_points.visit(name, place, table, SECONDS / len(places) / 2, SECONDS_OF_REQUESTS, commands)
        print(f"\n{table}\nseed {seed}", flush=True)
        self.assertEqual(table.leaks, [])
        for row in table.rows:
            self.assertGreater(row.killed + row.refused, crash_points.ENOUGH, row)
            self.assertGreater(row.calls, crash_points.ENOUGH, row)


if __name__ == "__main__":
    unittest.main()
