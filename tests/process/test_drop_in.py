"""The names bridge and ptp: what they share with the reference besides results, what they refuse, and live swaps in both directions."""

import os
import subprocess
import unittest

from fake_node import PLUGIN, REFERENCE_DIR, Node, PluginError

DUAL = [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]


class DropInCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        for name in ("bridge", "ptp"):
            os.symlink(PLUGIN, os.path.join(self.node.directory, name))

    def ours(self, kind):
        return os.path.join(self.node.directory, kind)

    @staticmethod
    def reference(kind):
        return os.path.join(REFERENCE_DIR, kind)

    def config(self, kind, ranges=DUAL, **keys):
        bridge = {"bridge": "pcdi0", "isDefaultGateway": True} if kind == "bridge" else {}
        return {"cniVersion": "1.0.0", "name": "drop", "type": kind, **bridge,
                "ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": ranges}, **keys}

    def add(self, kind, container, config=None, **options):
        return self.node.add(config or self.config(kind), container, plugin=self.ours(kind), **options)

    def delete(self, kind, container, config=None, **options):
        return self.node.delete(config or self.config(kind), container, plugin=self.ours(kind), **options)

    def assert_refused(self, code, words, kind, config, **options):
        before = self.node.snapshot()
        with self.assertRaises(PluginError) as caught:
            self.add(kind, self.node.container("refused"), config, **options)
        self.assertEqual(caught.exception.code, code, caught.exception)
        for word in words:
            self.assertIn(word, caught.exception.msg)
        self.node.remove_container(f"{self.node.name}-refused")
        after = self.node.snapshot()
        # The directory of a network stays, with its lock and the address reserved last.
        for snapshot in (before, after):
            snapshot["files"] = [entry for entry in snapshot["files"] if "last_reserved" not in entry[0] and "lock" not in entry[0]]
        self.assertEqual(after, before)


class PtpTest(DropInCase):
    def test_containers_reach_the_host_and_each_other_when_add_returns(self):
        a, b = self.node.container("a"), self.node.container("b")
        first = self.add("ptp", a)
        self.add("ptp", b)
        self.assertEqual([interface["name"] for interface in first["interfaces"]][1:], ["eth0"])
        self.assertEqual([ip["interface"] for ip in first["ips"]], [1, 1])
        self.assertTrue(all("mtu" not in interface for interface in first["interfaces"]))
        for target in ("10.77.0.1", "fd00:77::1", "10.77.0.3", "fd00:77::3"):
            self.assertTrue(self.node.reaches(a, target), target)
        self.node.call("CHECK", {**self.config("ptp"), "prevResult": first}, a, plugin=self.ours("ptp"))
        for container in (a, b):
            self.delete("ptp", container)
        self.assertEqual((self.node.veths(), self.node.reservations("drop")), ([], []))

    def test_check_sees_a_way_to_the_gateway_that_is_missing(self):
        a = self.node.container("a")
        result = self.add("ptp", a)
        self.node.run_in(a, "ip", "route", "del", "10.77.0.1")
        with self.assertRaises(PluginError) as caught:
            self.node.call("CHECK", {**self.config("ptp"), "prevResult": result}, a, plugin=self.ours("ptp"))
        self.assertEqual(caught.exception.code, 105)
        self.assertIn("10.77.0.1/32", caught.exception.msg)

    def static(self, *addresses):
        return {"cniVersion": "1.0.0", "name": "drop", "type": "ptp", "ipam": {"type": "static", "addresses": list(addresses)}}

    def test_addresses_may_share_a_gateway(self):
        a = self.node.container("a")
        config = self.static({"address": "10.77.0.5/24", "gateway": "10.77.0.1"}, {"address": "10.77.0.6/24", "gateway": "10.77.0.1"})
        self.add("ptp", a, config)
        self.assertTrue(self.node.reaches(a, "10.77.0.1"))
        for target in ("10.77.0.5", "10.77.0.6"):
            self.assertTrue(self.node.reaches(self.node.host, target), target)

    def test_an_address_may_be_a_slash_32_with_a_gateway_outside_of_it(self):
        a = self.node.container("a")
        config = self.static({"address": "10.77.0.5/32", "gateway": "192.0.2.1"})
        config["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}]
        self.add("ptp", a, config)
        self.assertTrue(self.node.reaches(a, "192.0.2.1"))
        self.assertIn("default via 192.0.2.1", self.node.run_in(a, "ip", "route").stdout)

    def test_an_address_without_a_gateway_is_refused(self):
        self.assert_refused(7, ["10.77.0.5/24", "gateway"], "ptp", self.static({"address": "10.77.0.5/24"}))

    def test_without_ipam_it_is_a_pair_with_no_addresses(self):
        a, config = self.node.container("a"), {"cniVersion": "1.0.0", "name": "drop", "type": "ptp"}
        result = self.add("ptp", a, config)
        self.assertNotIn("ips", result)
        self.assertEqual(self.node.ip_json(a, "-4", "addr", "show", "dev", "eth0"), [])
        self.node.call("CHECK", {**config, "prevResult": result}, a, plugin=self.ours("ptp"))
        self.delete("ptp", a, config)
        self.assertEqual(self.node.veths(), [])


class RefusedTest(DropInCase):
    def test_broken_vlan_keys_are_refused(self):
        for keys in ({"vlan": 4095}, {"vlan": -1}, {"vlanTrunk": [{}]}, {"vlanTrunk": [{"id": 0}]}, {"vlanTrunk": [{"minID": 5}]},
                     {"vlanTrunk": [{"maxID": 5}]}, {"vlanTrunk": [{"minID": 6, "maxID": 5}]}, {"vlanTrunk": [{"minID": 1, "maxID": 4095}]},
                     {"vlan": 1000, "bridge": "a-long-bridge"}):
            with self.subTest(keys):
                self.assert_refused(7, [], "bridge", self.config("bridge", **keys))

    def test_a_bridge_of_others_that_does_not_filter_is_left_as_it_is(self):
        self.node.on_host("ip", "link", "add", "pcdi0", "up", "type", "bridge")
        self.assert_refused(103, ["pcdi0", "does not filter VLANs"], "bridge", self.config("bridge", vlan=100))

    def test_a_kernel_that_cannot_filter_vlans_says_so_and_nothing_is_left(self):
        probe = subprocess.run(["nsenter", f"--net={self.node.path_of(self.node.host)}", "ip", "link", "add", "probe", "type", "bridge",
                                "vlan_filtering", "1"], stderr=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            self.skipTest("this kernel can")
        self.assert_refused(100, ["VLAN"], "bridge", self.config("bridge", vlan=100))

    def test_arguments_are_those_of_the_reference(self):
        a = self.node.container("a")
        self.add("bridge", a, args="MAC=02:00:00:00:00:07")
        self.assertEqual(self.node.ip_json(a, "link", "show", "dev", "eth0")[0]["address"], "02:00:00:00:00:07")
        self.assert_refused(4, ["IP"], "bridge", {**self.config("bridge"), "ipam": {}}, args="IP=10.77.0.9")
        # DEL has no use for them.
        self.delete("bridge", a, args="nonsense")
        self.assertEqual(self.node.veths(), [])


class SwapTest(DropInCase):
    def test_what_the_reference_made_is_deleted_by_ours(self):
        for kind in ("bridge", "ptp"):
            with self.subTest(kind):
                a = self.node.container(f"a{kind}")
                self.node.add(self.config(kind), a, plugin=self.reference(kind))
                self.assertEqual(len(self.node.veths()), 1)
                self.delete(kind, a)
                self.assertEqual((self.node.veths(), self.node.reservations("drop")), ([], []))

    def test_what_ours_made_is_deleted_by_the_reference_and_can_be_added_again(self):
        for kind in ("bridge", "ptp"):
            with self.subTest(kind):
                a = self.node.container(f"a{kind}")
                self.add(kind, a)
                self.node.delete(self.config(kind), a, plugin=self.reference(kind))
                self.assertEqual((self.node.veths(), self.node.reservations("drop")), ([], []))
                self.add(kind, a)
                self.delete(kind, a)
                self.assertEqual((self.node.veths(), self.node.reservations("drop")), ([], []))

    def test_the_references_reservations_are_freed_when_the_namespace_is_gone(self):
        for kind in ("bridge", "ptp"):
            with self.subTest(kind):
                a = self.node.container(f"a{kind}")
                self.node.add(self.config(kind), a, plugin=self.reference(kind))
                self.node.remove_container(a)
                self.delete(kind, a)
                self.assertEqual(self.node.reservations("drop"), [])

    def test_the_references_and_our_containers_reach_each_other(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.config("bridge"), a, plugin=self.reference("bridge"))
        self.add("bridge", b)
        for target in ("10.77.0.2", "10.77.0.1"):
            self.assertTrue(self.node.reaches(b, target), target)

    def test_a_broken_configuration_does_not_hinder_del(self):
        a = self.node.container("a")
        self.node.add(self.config("bridge"), a, plugin=self.reference("bridge"))
        config = self.config("bridge", vlan=5000, hairpinMode=True, promiscMode=True)
        config["ipam"]["ranges"] = []
        self.delete("bridge", a, config)
        self.assertEqual((self.node.veths(), self.node.reservations("drop")), ([], []))

    def test_nothing_of_the_host_itself_is_deleted(self):
        self.node.on_host("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0p")
        before = self.node.veths()
        for path in (self.node.path_of(self.node.host), "/proc/self/ns/net"):
            self.delete("bridge", "id1", netns=path)
        self.assertEqual(self.node.veths(), before)

    def test_only_a_pair_that_leads_to_the_host_is_deleted(self):
        a, other = self.node.container("a"), self.node.container("other")
        # Indices count in each namespace for itself, so that the host may have a veth of the peer's index.
        self.node.run_in(a, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other)
        self.node.run_in(a, "ip", "link", "add", "eth1", "type", "bridge")
        self.node.on_host("ip", "link", "add", "h0", "type", "veth", "peer", "name", "h1")
        before = self.node.veths()
        for ifname in ("eth0", "eth1"):
            self.delete("bridge", a, ifname=ifname)
            self.assertEqual(len(self.node.ip_json(a, "link", "show", "dev", ifname)), 1)
        self.assertEqual(self.node.veths(), before)

    def test_a_pair_with_another_attachments_mark_is_not_deleted(self):
        a = self.node.container("a")
        self.add("bridge", a)
        # The path of another container's namespace, by mistake.
        self.delete("bridge", "another", netns=self.node.path_of(a))
        self.assertEqual(len(self.node.veths()), 1)
        self.assertTrue(self.node.reaches(a, "10.77.0.1"))


if __name__ == "__main__":
    unittest.main()
