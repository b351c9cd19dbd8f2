"""A probe beside 20,000 rules of others and under load, and killed at each of its system calls: the rules are what they were, to the byte."""

import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))
from fake_node import PASSED_ON, PLUGIN, Node, ShippedBinaryCase, bridge_config, routed_config  # noqa: E402
from patience import run  # noqa: E402

RULES = 20_000
LONGEST = 2.0  # s


class ProbeCase(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        node = self.node
        self.pod, self.edge = node.container("pod"), node.container("edge")
        node.add(bridge_config(node, isDefaultGateway=True, ipMasq=True), self.pod)
        node.add(routed_config(node), self.edge)
        node.settle(self.pod, self.edge)

    def command(self, *words):
        return ["nsenter", f"--net={self.node.path_of(self.node.host)}", *words]

    def environment(self):
        return {**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "NETCONFPATH": self.node.directory}

    def probe(self, *prefix):
        return run(self.command(*prefix, PLUGIN, "trace", self.pod, self.edge, "--probe"), env=self.environment())

    def ruleset(self):
        return self.node.on_host("nft", "list", "ruleset")


class LoadTest(ProbeCase):
    def test_beside_twenty_thousand_rules_and_under_load(self):
        rules = "\n".join(f"add rule inet other through ip daddr 172.{16 + n // 65536}.{n // 256 % 256}.{n % 256} tcp dport {1 + n % 60000} drop"
                          for n in range(RULES))
        path = os.path.join(self.node.directory, "rules.nft")
        with open(path, "w", encoding="ascii") as file:
            file.write("add table inet other\nadd chain inet other through { type filter hook forward priority 0; }\n" + rules + "\n"
                       "add rule inet other through ip daddr 10.89.0.0/24 drop\n")
        self.node.on_host("nft", "-f", path)
        before = self.ruleset()
        self.assertGreater(before.count("\n"), RULES)
        load = subprocess.Popen(self.command("sh", "-c", "while :; do :; done"))
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        times = []
        while not times or (min(times) >= LONGEST and len(times) < 5):  # which the machine's other work must not decide
            began = time.monotonic()
            done = self.probe()
            times.append(time.monotonic() - began)
            self.assertIn("host: inet other through, rule with handle", done.stdout)
        self.assertLess(min(times), LONGEST)
        self.assertEqual(self.ruleset(), before)
        print(f"a probe beside {RULES} rules: {min(times):.2f} s")


class KillTest(ProbeCase):
    def test_killed_at_each_system_call_it_leaves_nothing(self):
        before = self.ruleset()
        log = os.path.join(self.node.directory, "calls")
        done = run(self.command("strace", "-o", log, PLUGIN, "trace", self.pod, self.edge, "--probe"), env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        # Before it opens a socket for what it sends, nothing that could be left has been made.
        calls = [re.match(r"\w+", line).group() for line in lines if re.match(r"\w+\(", line)]
        first = next(number for number, line in enumerate(lines) if "NETLINK_NETFILTER" in line)
        self.assertGreater(len(calls), first + 20)
        left = []
        for number in range(first, len(calls)):
            name, nth = calls[number], calls[:number + 1].count(calls[number])
            self.probe("strace", "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={nth}")
            if self.ruleset() != before:
                left.append(f"{name} {nth}")
        print(f"killed at each of {len(calls) - first} system calls")
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
