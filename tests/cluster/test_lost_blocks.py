"""A node that was forgotten comes back: by its source, its block is another's, and is not announced."""

import unittest

from etcd_cluster import EtcdCluster
from lab import Lab

CONFIG = {"cniVersion": "1.1.0", "name": "pods", "type": "patchcord", "mode": "routed", "ipam": {"type": "host-local", "pools": ["pods"]}}


class LostBlockTest(unittest.TestCase):
    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.etcd = EtcdCluster(namespace=self.lab.router.host, address="192.0.2.254")
        self.addCleanup(self.etcd.close)
        for node in self.lab.nodes.values():
            node.describe({"reflectors": []}, source="etcd", endpoints=self.etcd.endpoints)
        # One block for all, so that it is clear who has it.
        self.lab.nodes["n1"].tool("pool", "add", "pods", "10.50.0.0/26", check=True)

    def test_a_forgotten_node_that_boots_does_not_announce_what_it_lost(self):
        n2, n4 = self.lab.nodes["n2"], self.lab.nodes["n4"]
        n4.add(CONFIG, n4.container("pod"))
        self.assertEqual(list(n4.routes_of(81)), ["10.50.0.0/26"])
        self.assertEqual(self.lab.nodes["n1"].tool("block", "forget", "n4").returncode, 2)  # not a word of whether it is off
        self.lab.nodes["n1"].tool("block", "forget", "n4", "--fenced", check=True)
        n2.add(CONFIG, n2.container("pod"))
        self.assertEqual(list(n2.routes_of(81)), ["10.50.0.0/26"])
        n4.on_host("ip", "route", "flush", "proto", "81")
        n4.tool("block", "boot")
        n4.tool("block", "keep")
        self.assertEqual(list(n4.routes_of(81)), [])
        self.assertEqual(list(n2.routes_of(81)), ["10.50.0.0/26"])
        with self.assertRaises(Exception):
            n4.add(CONFIG, n4.container("another"))
        self.assertIn("block-lost", n4.tool("doctor", "-o", "json").stdout)

    def test_without_its_source_a_node_boots_by_its_file(self):
        n4 = self.lab.nodes["n4"]
        n4.add(CONFIG, n4.container("pod"))
        n4.on_host("ip", "route", "flush", "proto", "81")
        self.etcd.stop()
        self.addCleanup(self.etcd.go_on)
        done = n4.tool("block", "boot")
        self.assertEqual(list(n4.routes_of(81)), ["10.50.0.0/26"], done.stderr)


if __name__ == "__main__":
    unittest.main()
