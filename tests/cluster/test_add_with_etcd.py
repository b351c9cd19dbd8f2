"""ADD in a pool whose blocks an etcd gives: it asks only when they are full, and an etcd that is away holds up nobody who has room."""

import signal
import time
import unittest

from etcd_cluster import EtcdCluster, patience
from fake_node import PluginError
from lab import Machine

POOL = {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 30}  # four addresses a block


class AddWithEtcdTest(unittest.TestCase):
    def setUp(self):
        self.node = Machine("n1")
        self.addCleanup(self.node.close)
        self.etcd = EtcdCluster(namespace=self.node.host)
        self.addCleanup(self.etcd.close)
        self.addCleanup(self.etcd.go_on)
        self.node.describe(source="etcd", endpoints=self.etcd.endpoints)
        self.operator = self.etcd.node("operator")
        self.operator.get("pool-add", **POOL)

    def config(self, **keys):
        return {"cniVersion": "1.1.0", "name": "pods", "type": "patchcord", "mode": "routed",
                "ipam": {"type": "host-local", "pools": ["pods"], "onFull": "claim", **keys}}

    def add(self, name, **options):
        container = self.node.container(name)
        return self.node.add(self.config(), container, **options)["ips"][0]["address"].split("/")[0]

    def file(self):
        with open(f"{self.node.pools}/pods/blocks", encoding="utf-8") as file:
            return file.read().split()

    def given(self):
        return [each["block"] for each in self.operator.get("all", "pods")["blocks"] if each["node"] == "n1"]

    def announced(self):
        return sorted(self.node.routes_of(81))

    def test_it_asks_when_the_blocks_are_full_and_then_only(self):
        addresses = [self.add(f"c{number}") for number in range(9)]
        self.assertEqual(len(set(addresses)), 9)
        self.assertEqual(len(self.file()), 3)  # 4, 4 and 1
        self.assertEqual(sorted(self.file()), sorted(self.given()))
        self.assertEqual(sorted(self.file()), self.announced())
        self.assertEqual({route["dst"] for route in self.node.routes_of(82).values()}, set(addresses))

    def test_an_etcd_that_is_away_holds_up_nobody_who_has_room(self):
        for number in range(3):
            self.add(f"c{number}")
        self.etcd.stop()
        began = time.monotonic()
        self.add("room")
        self.assertLess(time.monotonic() - began, 0.5 * patience.slowness())
        container = self.node.container("full")
        before = self.node.snapshot(container)
        began = time.monotonic()
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.config(), container)
        self.assertLess(time.monotonic() - began, 3.5 + 0.5 * patience.slowness())
        self.assertEqual(caught.exception.code, 11)
        words = caught.exception.msg + caught.exception.document.get("details", "")
        self.assertIn(self.etcd.url(0), words)
        self.assertEqual(self.node.snapshot(container), before)
        self.etcd.go_on()
        self.assertTrue(patience.until(self.etcd.is_up))
        self.node.add(self.config(), container)
        self.assertEqual(sorted(self.file()), sorted(self.given()))

    def test_an_add_killed_while_it_asks_has_one_block_more_at_most(self):
        for number in range(4):
            self.add(f"c{number}")
        for number, wait in enumerate((0.0, 0.005, 0.01, 0.02, 0.05)):
            container = self.node.container(f"k{number}")
            process = self.node.start("ADD", self.config(), container, self.node.path_of(container))
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        self.add("after")
        # What a killed one had taken was found by the next.
        self.assertEqual(sorted(self.file()), sorted(self.given()))
        self.assertEqual(sorted(self.file()), self.announced())


if __name__ == "__main__":
    unittest.main()
