"""A sample of the crash points, chosen by chance; `make test-fault` goes through all of them."""

import random
import time
import unittest

import crash_points
from fake_node import ShippedBinaryCase

SECONDS = 70  # for all of them together, less what it takes to make the places

SECONDS_OF_REQUESTS = 8  # for each type and mode


class CrashPointTest(ShippedBinaryCase):
    def test_a_sample_of_every_operation_of_every_type(self):
        seed = time.time_ns()
        random.seed(seed)
        table = crash_points.Table()
        places = crash_points.PLACES | crash_points.FIRST
        share = SECONDS / (len(crash_points.PLACES) * len(crash_points.OPERATIONS) + len(crash_points.FIRST))
        for name, arguments in places.items():
            place = crash_points.Place(*arguments)
            try:
                for kind in crash_points.OPERATIONS if name in crash_points.PLACES else (crash_points.Add,):
                    crash_points.go_through(name, place, kind, table, share)
            finally:
                place.close()
        print(f"\n{table}\nseed {seed}", flush=True)
        self.assertEqual(table.leaks, [])
        for row in table.rows:
            self.assertGreater(row[3] + row[4], crash_points.ENOUGH, row)

    def test_a_sample_of_refused_requests_of_nftables(self):
        seed = time.time_ns()
        random.seed(seed)
        table = crash_points.Table()
        for name, arguments in crash_points.WITH_RULES.items():
            place = crash_points.Place(*arguments)
            try:
                crash_points.refuse_requests(name, place, table, SECONDS_OF_REQUESTS)
            finally:
                place.close()
        print(f"\n{table}\nseed {seed}", flush=True)
        self.assertEqual(table.leaks, [])
        for row in table.rows:
            self.assertGreater(row[2], 5, row)
            self.assertGreater(row[4], 5, row)


if __name__ == "__main__":
    unittest.main()
