"""Compares the walk's verdicts with what real packets do, on random nodes: `compare.py PAIRS [SEED]` ends with the counts."""

import collections
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))
import packets  # noqa: E402
from fake_node import PASSED_ON, PLUGIN  # noqa: E402
from patience import run  # noqa: E402
from random_node import RandomNode  # noqa: E402

PAIRS_A_NODE = 20
PROBED = 0.3  # of the pairs, besides those that only a probe can tell


def trace(node, word, to, how, *options):
    """Its document; None where it says that there is no such question."""
    done = run(["nsenter", f"--net={node.path_of(node.host)}", PLUGIN, "trace", word, to, *how, *options, "-o", "json"],
               env={**PASSED_ON, "PATCHCORD_STATE_DIR": node.state, "NETCONFPATH": node.directory})
    if done.returncode == 2 and ("in common" in done.stderr or "say more of it" in done.stderr):
        return None
    if done.returncode == 2 or not done.stdout:
        raise AssertionError(f"trace {word} {to} {how}: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


class Comparison:
    """Counts and differences of some nodes."""

    def __init__(self, seed):
        self.seed = seed
        self.counts = collections.Counter()
        self.wrong = []

    def pairs(self):
        return sum(self.counts[verdict] for verdict in ("passes", "refused", "dropped", "unknown"))

    def node(self, number, pairs=PAIRS_A_NODE):
        generator = random.Random(f"{self.seed}/{number}")
        servers = packets.Servers()
        with RandomNode(generator, servers) as node:
            node.build()
            node.spoil()
            with servers:
                self._pairs(node, generator, pairs, f"{self.seed}/{number}")

    def _pairs(self, node, generator, pairs, name):
        asked, told = [], collections.Counter()
        while len(asked) < pairs:
            namespace, word, to, how = node.pair()
            walked = trace(node, word, to, how)
            if walked is None:
                continue
            if self._asks_too_much(walked, told):
                continue
            is_probed = walked["verdict"] == "unknown" or generator.random() < PROBED
            probed = trace(node, word, to, how, "--probe") if is_probed else None
            asked.append((namespace, (word, to, *how), walked, probed))
        attempts = [packets.Attempt(node.path_of(namespace), walked["packet"], 40000 + number, namespace == node.lan)
                    for number, (namespace, _, walked, _) in enumerate(asked)]
        packets.send_all(attempts)
        for (_, words, walked, probed), attempt in zip(asked, attempts):
            self._judge(node, words, walked, probed, attempt.verdict, name)

    @staticmethod
    def _asks_too_much(walked, told):
        """A router tells one and the same sender no more than five times at once (net.ipv4.route.error_burst, which is of the whole machine)."""
        if "no route" in walked.get("by", ""):
            ends = (walked["packet"]["source"], walked["packet"]["destination"])
            told.update(ends)
            return max(told[each] for each in ends) > 2
        return False

    def _judge(self, node, words, walked, probed, seen, name):
        told = walked["verdict"]
        self.counts[told] += 1
        foreign = "other" in walked.get("by", "") or "filter" in walked.get("by", "")
        right = told == seen or (told == "unknown" and foreign)
        if probed is not None:
            self.counts["probed " + probed["verdict"]] += 1
            right = right and probed["verdict"] == seen
        if not right:
            self.wrong.append({"seed": name, "asked": words, "seen": seen, "walk": walked, "probe": probed, "node": node.notes})


def main():
    pairs = int(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.SystemRandom().randrange(10**6))
    comparison = Comparison(seed)
    for number in range((pairs + PAIRS_A_NODE - 1) // PAIRS_A_NODE):
        comparison.node(number)
        sys.stderr.write(f"\r{comparison.pairs()} pairs, {len(comparison.wrong)} wrong ")
    for each in comparison.wrong:
        print(json.dumps(each, indent=1))
    print(f"seed {seed}: " + ", ".join(f"{name} {count}" for name, count in sorted(comparison.counts.items())) + f"; {len(comparison.wrong)} wrong")
    return 1 if comparison.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
