"""The base of the tests that ask an etcd: one for the class, and a clean set of keys for each test."""

import unittest

from etcd_cluster import PREFIX, EtcdCluster, encode

POOL = {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 26}


class EtcdCase(unittest.TestCase):
    members, tls = 1, False

    @classmethod
    def setUpClass(cls):
        cls.etcd = EtcdCluster(cls.members, cls.tls)
        cls.addClassCleanup(cls.etcd.close)

    def setUp(self):
        self.etcd.go_on()
        self.etcd.curl(0, "/v3/kv/deleterange", {"key": encode(PREFIX), "range_end": encode(PREFIX[:-1] + "0")})

    def add_pool(self, **keys):
        operator = self.etcd.node("operator")
        operator.get("pool-add", **{**POOL, **keys})
        return operator

    def assert_consistent(self, by_node):
        """No block twice, and etcd has exactly what the nodes have, by block and by node."""
        given = [block for blocks in by_node.values() for block in blocks]
        self.assertEqual(len(given), len(set(given)))
        listed = {block["block"]: block["node"] for block in self.etcd.node("operator").get("all", "pods")["blocks"]}
        self.assertEqual(listed, {block: node for node, blocks in by_node.items() for block in blocks})
        index = sorted(self.etcd.keys("node/"))
        self.assertEqual(index, sorted(f"{node}/pods/{key_of(block)}" for block, node in listed.items()))
        machines = sorted(self.etcd.keys("machine/").values())
        self.assertEqual(machines, sorted(node for node, blocks in by_node.items() if blocks))


def key_of(block):
    address, length = block.split("/")
    return ".".join(f"{int(byte):03}" for byte in address.split(".")) + "-" + length
