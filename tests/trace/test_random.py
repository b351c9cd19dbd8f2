"""The walk's verdicts beside real packets: 200 pairs on ten random nodes, none of them wrong; with a probe none unknown."""

import os
import unittest

from compare import PAIRS_A_NODE, Comparison

# The same nodes each time: what a change is tried on does not depend on luck. Others: make test-trace.
SEED = os.environ.get("TRACE_SEED") or "421189"
NODES = 10


class RandomTest(unittest.TestCase):
    def compare(self, number):
        comparison = Comparison(SEED)
        comparison.node(number)
        print(f"seed {SEED}/{number}: {dict(comparison.counts)}")
        self.assertEqual(comparison.pairs(), PAIRS_A_NODE)
        self.assertEqual(comparison.counts["probed unknown"], 0)
        self.assertEqual(comparison.wrong, [], f"again by TRACE_SEED={SEED}")


def test_of(number):
    return lambda self: self.compare(number)


for each in range(NODES):
    setattr(RandomTest, f"test_node_{each}", test_of(each))


if __name__ == "__main__":
    unittest.main()
