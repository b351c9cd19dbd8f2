"""What `patchcord fabric config` prints is taken by BIRD and FRR themselves, in each form; and what it cannot know is an error."""

import unittest

from etcd_cluster import patience
from lab import POOLS, Lab


class FabricConfigTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)

    def parse(self, machine, daemon, options, *command):
        """The configuration, which the daemon's own parser takes without a word."""
        path = machine.configure(daemon, *options)
        done = patience.run([*command, path])
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        with open(path, encoding="utf-8") as file:
            return file.read()

    def parse_bird(self, machine, *options):
        return self.parse(machine, "bird", options, "bird", "-p", "-c")

    def parse_frr(self, machine, *options):
        return self.parse(machine, "frr", options, "vtysh", "-C", "-f")

    def test_each_form_of_birds_is_taken(self):
        for pools in (["pods"], ["pods6"], ["pods", "pods6"]):
            self.lab.with_pools(*pools)
            for machine, options in ((self.lab.nodes["n1"], ()), (self.lab.router, ("--reflector",))):
                with self.subTest(pools=pools, options=options):
                    text = self.parse_bird(machine, *options)
                    self.assertEqual("10.50.0.0/16{26,26}" in text, "pods" in pools)
                    self.assertEqual("fd50::/48{122,122}" in text, "pods6" in pools)

    def test_each_form_of_frrs_is_taken(self):
        self.lab.with_pools("pods", "pods6")
        self.lab.nodes["n1"].on_host("ip", "address", "replace", "203.0.113.5/32", "dev", "lo")
        for machine, reflector in ((self.lab.nodes["n1"], ()), (self.lab.router, ("--reflector",))):
            for form in ((), ("--evpn", "bridge"), ("--evpn", "routed"), ("--unnumbered",)):
                with self.subTest(form=form, reflector=reflector):
                    text = self.parse_frr(machine, *reflector, *form)
                    self.assertEqual("l2vpn evpn" in text, "--evpn" in form)

    def test_nodes_of_a_subnet_have_the_same_of_birds(self):
        self.lab.with_pools("pods", "pods6")
        one, other = (self.lab.nodes[name].tool("fabric", "config", "bird", check=True).stdout for name in ("n1", "n2"))
        self.assertEqual(one, other)

    def test_what_cluster_json_leaves_out_is_the_default_routes(self):
        node = self.lab.nodes["n3"]
        node.define("pods")
        node.describe()
        text = self.parse_bird(node)
        self.assertIn("neighbor 192.0.2.254 as 64512; direct;", text)
        self.assertIn('interface "up0"', text)

    def test_a_reflector_of_another_subnet_is_reached_over_hops(self):
        node = self.lab.nodes["n3"]
        node.define("pods")
        node.describe({"reflectors": ["203.0.113.1"], "as": 65001})
        self.assertIn("neighbor 203.0.113.1 as 65001; multihop;", self.parse_bird(node))

    def refused(self, fabric, words, *options, machine=None, daemon="bird"):
        machine = machine or self.lab.router
        machine.describe(fabric)
        done = machine.tool("fabric", "config", daemon, *options)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn(words, done.stderr)

    def test_what_nobody_can_guess_is_an_error(self):
        pools = [POOLS["pods"]]
        self.refused({"uplinks": ["a0"]}, "there is nothing to announce", "--reflector")
        self.refused({"pools": pools}, "names no fabric.uplinks", "--reflector")
        self.refused({"uplinks": ["a0"], "pools": pools}, "has no fabric.reflectors")
        self.refused({"uplinks": ["eth7"], "pools": pools}, "there is no interface eth7", "--reflector")
        self.refused({"uplinks": ["a0\"; }"], "pools": pools}, "is no interface", "--reflector")
        self.refused({"uplinks": ["a0"], "pools": pools, "reflectors": ["rr"]}, "is no address")
        self.refused({"uplinks": ["a0"], "pools": pools, "as": 0}, "fabric.as")
        for option in (("--evpn", "routed"), ("--unnumbered",)):
            self.refused({"uplinks": ["a0"], "pools": pools}, "BIRD 2 has neither", "--reflector", *option)
        self.refused({"uplinks": ["a0"], "pools": pools}, "lo has no address", "--unnumbered", daemon="frr")

    def test_called_wrongly(self):
        for words in ((), ("config",), ("config", "quagga"), ("show",)):
            self.assertEqual(self.lab.router.tool("fabric", *words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
