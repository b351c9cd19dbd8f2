"""Pods of four nodes reach each other by BIRD, one node behind a router: no node knows a pod of another, and restarts go unnoticed."""

import os
import signal
import time
import unittest

from etcd_cluster import patience
from fabric_case import BLOCKS6_OF, BLOCKS_OF, FabricCase
from lab import longest_silence

WHOLE = os.environ.get("PATCHCORD_CLUSTER_TESTS") == "all"
GAP = 0.5  # seconds


class BirdTest(FabricCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        lab.with_pools("pods", "pods6")
        lab.router.configure("bird", "--reflector")
        lab.router.start_bird()
        for name, node in lab.nodes.items():
            node.configure("bird")
            node.start_bird()
            node.announce(BLOCKS_OF[name], BLOCKS6_OF[name])
        cls.pods = cls.add_pods(lambda name: cls.routed_config(name, (BLOCKS_OF[name], BLOCKS6_OF[name])))

    def has_all(self, machine):
        wanted = [{block for name, block in blocks.items() if self.lab.nodes[name] is not machine} for blocks in (BLOCKS_OF, BLOCKS6_OF)]
        return [set(machine.routes_of(12, family)) for family in ("-4", "-6")] == wanted

    def setUp(self):
        for machine in self.lab.machines:
            self.assertTrue(patience.until(lambda: self.has_all(machine)), f"{machine.title}: {machine.routes_of(12)}")

    def test_sixteen_pairs_of_both_families_and_no_address_of_another_node(self):
        self.assert_all_pairs(self.pods)
        for name, node in self.lab.nodes.items():
            others = {address for other, (_, addresses) in self.pods.items() for address in addresses if other != name}
            known = {route["dst"] for family in ("-4", "-6") for route in node.ip_json(node.host, family, "route")}
            self.assertEqual(known & others, set())

    def test_a_pod_of_a_new_block_is_reached_at_once(self):
        node = self.lab.nodes["n2"]
        for number in range(20 if WHOLE else 6):
            block = f"10.50.{100 + number}.0/26"
            node.announce(block)
            container, (address,) = self.add_pod("n2", {**self.routed_config("n2", (block,)), "name": f"new{number}"}, f"new{number}")
            began = time.monotonic()
            for name in ("n1", "n4"):
                while not self.lab.pings(self.lab.nodes[name], self.pods[name][0], address):
                    self.assertLess(time.monotonic() - began, GAP * patience.slowness(), (name, number))
            self.assertLess(time.monotonic() - began, GAP * patience.slowness())
            node.on_host("ip", "route", "del", "unreachable", block, "proto", "81", "metric", "4096")
            node.delete({**self.routed_config("n2", (block,)), "name": f"new{number}"}, container)

    def test_an_address_that_no_pod_has_is_unreachable_at_its_node(self):
        node, (container, _) = self.lab.nodes["n1"], self.pods["n1"]
        before = packets(self.lab.router, "a0")
        done = node.run_in(container, "ping", "-n", "-c", "2", "-W", "1", "10.50.4.60", check=False)
        self.assertIn("Destination Host Unreachable", done.stdout)
        self.assertLess(packets(self.lab.router, "a0") - before, 30)  # no loop: that is dozens for each

    def silence(self, meanwhile):
        """Of n4's pod at n1's, both ways over the router."""
        container, _ = self.pods["n4"]
        return longest_silence(self.lab.nodes["n4"], container, self.pods["n2"][1][0], meanwhile)

    def test_a_daemon_that_is_killed_and_started_again_is_not_noticed(self):
        node = self.lab.nodes["n2"]
        def restart():
            node.end("bird", signal.SIGKILL)
            time.sleep(3)
            node.start_bird()
            self.assertTrue(patience.until(lambda: self.has_all(node) and "Established" in node.birdc("show", "protocols")))
        self.assertLess(self.silence(restart), GAP * patience.slowness())

    def test_a_daemon_that_is_restarted_gracefully_is_not_noticed(self):
        node = self.lab.nodes["n2"]
        def restart():
            node.birdc("graceful", "restart")
            node.daemons.pop("bird").wait()
            node.start_bird()
            self.assertTrue(patience.until(lambda: self.has_all(node) and "Established" in node.birdc("show", "protocols")))
        self.assertLess(self.silence(restart), GAP * patience.slowness())

    def test_a_reflector_that_is_killed_and_started_again_is_not_noticed(self):
        router = self.lab.router
        def restart():
            router.end("bird", signal.SIGKILL)
            time.sleep(2)
            router.start_bird()
            self.assertTrue(patience.until(lambda: router.birdc("show", "protocols").count("Established") == 8))
        self.assertLess(self.silence(restart), GAP * patience.slowness())


def packets(machine, link):
    stats = machine.ip_json(machine.host, "-s", "link", "show", link)[0]["stats64"]
    return stats["rx"]["packets"] + stats["tx"]["packets"]


if __name__ == "__main__":
    unittest.main()
