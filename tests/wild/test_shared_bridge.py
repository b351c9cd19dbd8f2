"""An attachment is not alone: two networks on one bridge, with one range, give no address twice."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import Node, PluginError, bridge_config

SUBNETS = ("10.61.0.0/24", "fd00:61::/64")


class SharedBridgeTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.containers = [self.node.container(name) for name in "abcd"]

    def network(self, name, bridge="b1", subnets=SUBNETS, **keys):
        return bridge_config(self.node, name=name, bridge=bridge, subnets=subnets, isGateway=True, **keys)

    def fixed(self, name, *addresses, **keys):
        return {**self.network(name, **keys), "ipam": {"type": "static", "addresses": [{"address": address} for address in addresses]}}

    def add(self, config, number, **options):
        if config["type"] != "patchcord":
            options["plugin"] = self.node.plugin(config["type"])
        return [ip["address"].split("/")[0] for ip in self.node.add(config, self.containers[number], **options)["ips"]]

    def assert_conflict(self, call, address, holder):
        with self.assertRaises(PluginError) as caught:
            call()
        self.assertEqual(caught.exception.code, 103, caught.exception.msg)
        self.assertIn(address, caught.exception.msg)
        self.assertIn(holder, caught.exception.msg)

    def test_what_another_network_has_is_passed_over(self):
        self.assertEqual(self.add(self.network("n1"), 0), ["10.61.0.2", "fd00:61::2"])
        self.assertEqual(self.add(self.network("n2"), 1), ["10.61.0.3", "fd00:61::3"])
        self.assertEqual(self.add(self.network("n1"), 2), ["10.61.0.4", "fd00:61::4"])
        for here, there in ((0, "10.61.0.3"), (1, "10.61.0.2"), (0, "fd00:61::3")):
            self.assertTrue(self.node.reaches(self.containers[here], there), there)
        # Nothing stays reserved of what was tried.
        self.assertEqual(self.node.reservations("n2"), ["10.61.0.3", "fd00:61::3"])

    def test_it_is_free_again_when_it_goes(self):
        one, two = self.network("n1"), self.network("n2", subnets=("10.61.0.0/30",))
        two["isGateway"] = False
        self.add(one, 0)
        with self.assertRaises(PluginError):  # .2 is all that a /30 has
            self.add(two, 1)
        self.assertEqual(self.node.reservations("n2"), [])
        self.node.delete(one, self.containers[0])
        self.assertEqual(self.add(two, 1), ["10.61.0.2"])

    def test_what_is_asked_for_by_name_is_refused_and_the_holder_named(self):
        a, b = self.containers[:2]
        self.add(self.network("n1"), 0)
        for asked in ({"args": "IP=10.61.0.2"}, {"args": "IP=fd00:61::2"}):
            with self.subTest(asked):
                self.assert_conflict(lambda: self.add(self.network("n2"), 1, **asked), "", f"n1/{a}/eth0")
        runtime = {**self.network("n2"), "capabilities": {"ips": True}, "runtimeConfig": {"ips": ["10.61.0.2"]}}
        self.assert_conflict(lambda: self.add(runtime, 1), "10.61.0.2", f"n1/{a}/eth0")
        self.assert_conflict(lambda: self.add(self.fixed("n3", "10.61.0.2/24"), 1), "10.61.0.2", f"n1/{a}/eth0")
        self.assertEqual(self.node.reservations("n2"), [])
        self.assertEqual(self.add(self.network("n2"), 1, args="IP=10.61.0.9")[0], "10.61.0.9")
        self.assert_conflict(lambda: self.add(self.network("n1"), 2, args="IP=10.61.0.9"), "10.61.0.9", f"n2/{b}/eth0")

    def test_what_has_no_reservation_counts_too(self):
        a = self.containers[0]
        self.assertEqual(self.add(self.fixed("n1", "10.61.0.2/24"), 0), ["10.61.0.2"])
        self.assertEqual(self.add(self.network("n2"), 1)[0], "10.61.0.3")
        self.assert_conflict(lambda: self.add(self.fixed("n3", "10.61.0.2/24"), 2), "10.61.0.2", f"n1/{a}/eth0")

    def test_type_bridge_too(self):
        drop_in = lambda name: {key: value for key, value in self.network(name).items() if key != "mode"} | {"type": "bridge"}
        self.assertEqual(self.add(drop_in("n1"), 0)[0], "10.61.0.2")
        self.assertEqual(self.add(drop_in("n2"), 1)[0], "10.61.0.3")
        self.assertEqual(self.add(self.network("n3"), 2)[0], "10.61.0.4")

    def test_on_two_bridges_the_same_address_is_no_conflict(self):
        self.assertEqual(self.add(self.network("n1"), 0)[0], "10.61.0.2")
        self.assertEqual(self.add(self.network("n2", bridge="b2", subnets=("10.61.0.0/24",)), 1), ["10.61.0.2"])

    def test_a_network_that_has_moved_to_another_bridge(self):
        self.add(self.network("n1"), 0)
        self.node.delete(self.network("n1"), self.containers[0])
        self.assertEqual(self.add(self.network("n1", bridge="b2"), 0, args="IP=10.61.0.5")[0], "10.61.0.5")
        self.assertEqual(self.add(self.network("n2"), 1, args="IP=10.61.0.5")[0], "10.61.0.5")

    def test_many_at_once(self):
        started = []
        for number, container in enumerate(self.containers * 5):
            config = self.network(f"n{number % 3}", subnets=("10.61.0.0/24",))
            path = self.node.path_of(container)
            started.append((self.node.start("ADD", config, container, path, ifname=f"eth{number}"), config))
        addresses = [self.node.finish(process)["ips"][0]["address"] for process, _ in started]
        self.assertEqual(len(set(addresses)), len(addresses), sorted(addresses))


if __name__ == "__main__":
    unittest.main()
