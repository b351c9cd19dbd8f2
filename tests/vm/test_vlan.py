"""VLANs of a bridge's ports: what the port is in, what passes, and what does not leak."""

import json
import unittest

from guest import inside_only
from fake_node import Node, PluginError, bridge_config


class VlanCase(unittest.TestCase):
    called = "patchcord"

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def attach(self, container, **keys):
        """A container on the bridge; returns it, its result and its configuration."""
        config = bridge_config(self.node, **keys) | {"type": self.called}
        container = self.node.container(container)
        return container, self.node.add(config, container, plugin=self.node.plugin(self.called)), config

    def vlans(self, port):
        """{vid: flags} of a port, as bridge(8) shows them."""
        shown = self.node.on_host("bridge", "-j", "vlan", "show", "dev", port)
        found = {}
        for entry in (json.loads(shown)[0]["vlans"] if shown.strip() not in ("", "[]") else []):
            for vid in range(entry["vlan"], entry.get("vlanEnd", entry["vlan"]) + 1):
                found[vid] = sorted(entry.get("flags", []))
        return found

    NATIVE = ["Egress Untagged", "PVID"]


@inside_only
class VlanTest(VlanCase):
    def test_an_access_port_is_in_its_vlan_only_and_check_agrees(self):
        a, result, config = self.attach("a", vlan=100)
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), {100: self.NATIVE})
        self.node.check(config, a, result)
        self.node.on_host("bridge", "vlan", "del", "dev", result["interfaces"][1]["name"], "vid", "100")
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, a, result)
        self.assertIn("VLAN 100", caught.exception.msg)

    def test_traffic_stays_in_its_vlan(self):
        a, _, _ = self.attach("a", vlan=100)
        self.attach("b", vlan=100)
        self.attach("c", vlan=200)
        self.assertTrue(self.node.reaches(a, "10.88.0.3", tries=20))
        self.assertFalse(self.node.reaches(a, "10.88.0.4"), "it is in another VLAN")

    def test_two_networks_share_addresses_within_one_vlan_only(self):
        for name, network, vlan, address in (("a", "n1", 100, "10.88.0.2"), ("b", "n2", 200, "10.88.0.2"), ("c", "n3", 100, "10.88.0.3")):
            _, result, _ = self.attach(name, name=network, vlan=vlan)
            self.assertEqual(result["ips"][0]["address"], f"{address}/24")

    def test_the_default_vlan_is_kept_where_it_is_asked_for(self):
        _, result, _ = self.attach("a", vlan=100, preserveDefaultVlan=True)
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), {1: ["Egress Untagged"], 100: self.NATIVE})

    def test_a_trunk_has_its_vlans_tagged_and_vlan_1_natively(self):
        a, result, config = self.attach("a", vlanTrunk=[{"id": 101}, {"minID": 200, "maxID": 210}])
        wanted = {1: self.NATIVE, 101: []} | {vid: [] for vid in range(200, 211)}
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), wanted)
        self.node.check(config, a, result)

    def test_a_trunk_may_have_another_native_vlan(self):
        _, result, _ = self.attach("a", vlan=100, vlanTrunk=[{"id": 101}])
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), {100: self.NATIVE, 101: []})

    def test_a_trunk_carries_tagged_frames_to_an_access_port(self):
        a, _, _ = self.attach("a", vlan=205)
        trunk, _, _ = self.attach("t", vlanTrunk=[{"minID": 200, "maxID": 210}])
        self.assertFalse(self.node.reaches(a, "10.88.0.3"), "the trunk's untagged frames are of VLAN 1")
        self.node.run_in(trunk, "ip", "link", "add", "link", "eth0", "name", "tagged", "up", "type", "vlan", "id", "205")
        self.node.run_in(trunk, "ip", "addr", "flush", "dev", "eth0")
        self.node.run_in(trunk, "ip", "addr", "add", "10.88.0.3/24", "dev", "tagged")
        self.assertTrue(self.node.reaches(a, "10.88.0.3", tries=20))

    def test_every_second_vlan_fits_into_the_requests(self):
        _, result, _ = self.attach("a", vlanTrunk=[{"id": vid} for vid in range(2, 4095, 2)])
        self.assertEqual(len(self.vlans(result["interfaces"][1]["name"])), 2047 + 1)

    def test_an_empty_trunk_makes_the_bridge_filter_and_leaves_the_port(self):
        _, result, _ = self.attach("a", vlanTrunk=[])
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), {1: self.NATIVE})

    def test_the_gateway_of_a_vlan_is_an_interface_of_its_own(self):
        a, result, config = self.attach("a", vlan=100, isDefaultGateway=True)
        self.assertEqual([i["name"] for i in result["interfaces"]][3], "pcbr0.100")
        self.assertTrue(self.node.reaches(a, "10.88.0.1", tries=20))
        self.node.check(config, a, result)
        index = self.node.ip_json(self.node.host, "link", "show", "dev", "pcbr0.100")[0]["ifindex"]
        b, _, _ = self.attach("b", vlan=100, isDefaultGateway=True)
        self.assertEqual(self.node.ip_json(self.node.host, "link", "show", "dev", "pcbr0.100")[0]["ifindex"], index)
        self.assertTrue(self.node.reaches(b, "10.88.0.1", tries=20))
        self.assertNotIn("10.88.0.1", self.node.on_host("ip", "addr", "show", "dev", "pcbr0"))
        other, _, _ = self.attach("c", vlan=200)
        self.assertFalse(self.node.reaches(other, "10.88.0.1"), "the gateway is of another VLAN")

    def test_a_gateway_whose_making_failed_is_gone(self):
        # A link with this MTU has no IPv6, nor do those of VLANs on top of it: the gateway's address is refused.
        self.node.on_host("ip", "link", "add", "pcbr0", "up", "mtu", "1200", "type", "bridge", "vlan_filtering", "1")
        with self.assertRaises(PluginError) as caught:
            self.attach("a", vlan=100, isDefaultGateway=True, subnets=("fd00:88::/64",))
        self.assertIn("pcbr0.100", caught.exception.msg)
        self.assertEqual(sorted(link["ifname"] for link in self.node.ip_json(self.node.host, "link")), ["lo", "pcbr0"])

    def test_a_foreign_bridge_that_filters_is_used_as_it_is(self):
        self.node.on_host("ip", "link", "add", "pcbr0", "up", "type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", "7")
        _, result, _ = self.attach("a", vlan=100)
        self.assertEqual(self.vlans(result["interfaces"][1]["name"]), {100: self.NATIVE})
        (bridge,) = self.node.ip_json(self.node.host, "-d", "link", "show", "dev", "pcbr0")
        self.assertEqual(bridge["linkinfo"]["info_data"]["vlan_default_pvid"], 7)


class SeparationCase:
    """Traffic passes within a VLAN and nowhere else."""

    def assert_separated(self, container, address):
        """Not even a frame that needs no answer arrives: the other end's MAC is not asked for, and its rules count."""
        other, target = address
        self.node.run_in(other, "nft", "add table netdev t; add chain netdev t c { type filter hook ingress device eth0 priority 0; }; "
                                       "add rule netdev t c ether type ip counter; add rule netdev t c ether type 8021q counter")
        (link,) = self.node.ip_json(other, "link", "show", "dev", "eth0")
        self.node.run_in(container, "ip", "neigh", "replace", target, "lladdr", link["address"], "dev", "eth0")
        self.assertFalse(self.node.reaches(container, target), f"{container} reaches {target}")
        rules = json.loads(self.node.run_in(other, "nft", "-j", "list", "chain", "netdev", "t", "c").stdout)["nftables"]
        counted = [part["counter"]["packets"] for rule in rules if "rule" in rule for part in rule["rule"]["expr"] if "counter" in part]
        self.node.run_in(container, "ip", "neigh", "del", target, "dev", "eth0")
        self.node.run_in(other, "nft", "delete table netdev t")
        self.assertEqual(counted, [0, 0], f"frames of {container} arrive at {other}")

    def test_access_ports_of_vlan_100_are_separate_from_vlan_200_and_from_the_default(self):
        a, _, _ = self.attach("a", vlan=100)
        b, _, _ = self.attach("b", vlan=100)
        c, _, _ = self.attach("c", vlan=200)
        d, _, _ = self.attach("d")
        self.assertTrue(self.node.reaches(a, "10.88.0.3", tries=20))
        for near, far in ((a, (c, "10.88.0.4")), (c, (b, "10.88.0.3")), (a, (d, "10.88.0.5")), (d, (a, "10.88.0.2"))):
            self.assert_separated(near, far)

    def test_the_default_vlan_comes_through_only_where_it_is_kept(self):
        keeps, result, _ = self.attach("k", vlan=100, preserveDefaultVlan=True)
        self.assertIn(1, self.vlans(result["interfaces"][1]["name"]))
        removed, result, _ = self.attach("r", vlan=100, preserveDefaultVlan=False)
        self.assertNotIn(1, self.vlans(result["interfaces"][1]["name"]))
        default, _, _ = self.attach("d")
        self.assertTrue(self.node.reaches(keeps, "10.88.0.3", tries=20), "both are in VLAN 100")
        self.assert_separated(default, (removed, "10.88.0.3"))
        with self.assertRaisesRegex(AssertionError, "arrive at"):  # the other way only: an answer goes out in VLAN 100
            self.assert_separated(default, (keeps, "10.88.0.2"))

    def test_a_trunk_of_101_and_200_to_210_carries_these_and_no_other(self):
        trunk, result, _ = self.attach("t", vlanTrunk=[{"id": 101}, {"minID": 200, "maxID": 210}])
        self.assertEqual(set(self.vlans(result["interfaces"][1]["name"])), {1, 101, *range(200, 211)})
        for vlan, passes in ((100, False), (101, True), (102, False), (199, False), (200, True), (210, True), (211, False)):
            with self.subTest(vlan):
                config = bridge_config(self.node) | {"type": self.called, "vlan": vlan}
                access = self.node.container(f"a{vlan}")
                result = self.node.add(config, access, plugin=self.node.plugin(self.called))
                address = result["ips"][0]["address"].partition("/")[0]
                self.node.run_in(trunk, "ip", "link", "add", "link", "eth0", "name", "tagged", "up", "type", "vlan", "id", str(vlan))
                self.node.run_in(trunk, "ip", "addr", "add", f"10.99.{vlan}.1/24", "dev", "tagged")
                self.node.run_in(access, "ip", "addr", "add", f"10.99.{vlan}.2/24", "dev", "eth0")
                tries = 20 if passes else 1
                self.assertEqual(self.node.reaches(trunk, f"10.99.{vlan}.2", tries=tries), passes)
                self.assertEqual(self.node.reaches(access, f"10.99.{vlan}.1", tries=tries), passes)
                self.node.run_in(trunk, "ip", "link", "del", "tagged")
                if vlan == 101:
                    self.assert_separated(trunk, (access, address))  # without a tag it is in VLAN 1

    def test_the_gateway_of_vlan_100_serves_that_vlan_only(self):
        a, _, _ = self.attach("a", vlan=100, isDefaultGateway=True)
        other, _, _ = self.attach("o", vlan=200)
        default, _, _ = self.attach("d")
        self.assertTrue(self.node.reaches(a, "10.88.0.1", tries=20))
        self.assertTrue(self.node.reaches(self.node.host, "10.88.0.2", tries=20))
        for container in (other, default):
            self.assertFalse(self.node.reaches(container, "10.88.0.1"))


@inside_only
class SeparationTest(SeparationCase, VlanCase):
    pass


@inside_only
class DropInSeparationTest(SeparationCase, VlanCase):
    called = "bridge"


if __name__ == "__main__":
    unittest.main()
