"""A pod that has thousands of links and changes them all the time keeps nobody else waiting, and nobody else's leftovers in place."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PLUGIN, Node, bridge_config, routed_config
from patience import processor_time

PAIRS = 1000
# Every list of its links or addresses has changed before it has been read: one adds without end, another takes all of it away now and then, which
# takes the kernel long. Says so when at work.
CHANGE = """
import os, socket, struct, sys
kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
def ask(kind, flags, body):
    kernel.send(struct.pack("=IHHII", 16 + len(body), kind, 5 | flags, 1, 0) + body)
    kernel.recv(1 << 16)
group, address = attribute(27, struct.pack("=I", 77)), socket.inet_aton("10.9.9.9")
print(flush=True)
number = 0
while True:
    number += 1
    name = attribute(3, f"f{sys.argv[1]}{number}\\0".encode())
    ask(16, 0x600, bytes(16) + name + group + attribute(18, attribute(1, b"ifb\\0")))
    ask(20, 0x600, struct.pack("=BBBBi", 2, 32, 0, 0, 1) + attribute(2, address) + attribute(1, address))
    ask(21, 0, struct.pack("=BBBBi", 2, 32, 0, 0, 1) + attribute(2, address))
    if number % 200 == 0:
        ask(17, 0, bytes(16) + group)
"""


class NoiseCase(unittest.TestCase):
    """A victim, an attacker that makes noise, and one that is gone without a DEL."""

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def prepare(self, config):
        self.config = config
        self.victim, self.evil, dead = (self.node.container(name) for name in ("victim", "evil", "dead"))
        self.result = self.node.add(config, self.victim)
        for container in (self.evil, dead):
            self.node.add(config, container)
        lines = "".join(f"link add n{number} type veth peer name m{number}\n" for number in range(PAIRS))
        self.node.run_in(self.evil, "ip", "-batch", "-", input=lines)
        self.node.remove_container(dead, veths=2)
        for name in "ab":
            noise = subprocess.Popen(["nsenter", f"--net={self.node.path_of(self.evil)}", sys.executable, "-c", CHANGE, name], stdout=subprocess.PIPE)
            self.addCleanup(lambda noise=noise: (noise.kill(), noise.communicate()))
            noise.stdout.readline()

    def small(self, config, last):
        """Room for a victim, an attacker and one more."""
        first = config["ipam"]["ranges"][0][0]
        return config | {"ipam": config["ipam"] | {"ranges": [[first | {"rangeStart": last[0], "rangeEnd": last[1]}]]}}

    def tool(self, *words):
        return self.node.run_in(self.node.host, "env", f"PATCHCORD_STATE_DIR={self.node.state}", PLUGIN, *words, check=False)

    def assert_the_dead_ones_address_is_given(self):
        late = self.node.container("late")
        result, seconds = processor_time(lambda: self.node.add(self.config, late))
        self.assertEqual(len(result["ips"]), 1)
        self.assertLess(seconds, 1)

    def test_a_full_pool_takes_back_what_the_dead_had(self):
        self.prepare(self.small(bridge_config(self.node), ("10.88.0.2", "10.88.0.4")))
        self.assert_the_dead_ones_address_is_given()

    def test_a_full_pool_takes_back_what_the_dead_had_in_mode_routed(self):
        self.prepare(self.small(routed_config(self.node), ("10.89.0.2", "10.89.0.4")))
        self.assert_the_dead_ones_address_is_given()

    def test_gc_removes_the_dead(self):
        self.prepare(bridge_config(self.node))
        for words in 5 * [("gc", "--dry-run")] + [("gc",)]:  # a list may be read in a quiet moment, by chance
            done = self.tool(*words)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("dead", done.stdout)
        self.assertEqual(done.stdout.count("removed"), 1, done)

    def test_gc_spares_whose_host_end_is_amid_the_noise(self):
        """It has neither its name nor its number there, and no path leads to its namespace any more."""
        self.prepare(bridge_config(self.node))
        host_end = self.result["interfaces"][1]["name"]
        self.node.hold(self.victim)
        self.node.on_host("ip", "link", "set", host_end, "netns", self.evil, "name", "moved", "index", "1000000")
        self.node.remove_container(self.victim)
        done = self.tool("gc")
        self.assertEqual((done.returncode, done.stdout.count("removed")), (0, 1), done)
        self.assertNotIn("victim", done.stdout)

    def test_others_are_told_of_checked_and_reconciled(self):
        self.prepare(bridge_config(self.node))
        self.node.check(self.config, self.victim, self.result)
        self.node.on_host("ip", "link", "set", self.result["interfaces"][1]["name"], "nomaster")
        for words in (("reconcile",), ("list",), ("inspect", self.victim), ("graph",)):
            done = self.tool(*words)
            self.assertEqual(done.returncode, 0, done)
        self.node.check(self.config, self.victim, self.result)


if __name__ == "__main__":
    unittest.main()
