"""doctor finds each of its conditions when it is there, and has nothing to say of a healthy node."""

import json
import os
import unittest

from operator_case import OperatorCase


class DoctorTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()

    def names(self):
        return [each["name"] for each in json.loads(self.tool("doctor", "-o", "json").stdout)["diagnoses"]]

    def sysctl(self, key, value):
        self.node.on_host("sysctl", "-qw", f"{key}={value}")

    def assert_found(self, *names):
        done = self.tool("doctor")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(sorted(set(self.names())), sorted(names))

    def test_a_healthy_node(self):
        done = self.tool("doctor")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "nothing stands in the way of this node's containers\n", ""))
        self.assertEqual(self.names(), [])

    def test_forwarding_off(self):
        self.sysctl("net.ipv4.ip_forward", 0)
        found = self.names()
        self.assertIn("forwarding-off", found)
        self.sysctl("net.ipv4.ip_forward", 1)
        self.sysctl("net.ipv6.conf.all.forwarding", 0)
        self.assertIn("forwarding-off", self.names())

    def test_ipv6_off(self):
        self.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
        self.assertIn("ipv6-off", self.names())

    def test_bridge_netfilter(self):
        if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
            self.skipTest("this kernel has no br_netfilter")
        self.sysctl("net.bridge.bridge-nf-call-iptables", 1)
        self.assertEqual(self.names(), [])
        self.node.on_host("nft", "add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }; "
                                 "add rule ip nat POSTROUTING masquerade")
        self.assert_found("bridge-netfilter")
        self.sysctl("net.bridge.bridge-nf-call-iptables", 0)
        self.assertEqual(self.names(), [])

    def test_strict_reverse_path_filter_with_two_uplinks(self):
        for number in (1, 2):
            self.node.on_host("ip", "link", "add", f"up{number}", "type", "bridge")
            self.node.on_host("ip", "addr", "add", f"192.0.{number}.1/24", "dev", f"up{number}")
            self.node.on_host("ip", "link", "set", f"up{number}", "up")
            self.node.on_host("ip", "route", "add", "default", "via", f"192.0.{number}.2", "metric", str(number))
        self.sysctl("net.ipv4.conf.all.rp_filter", 1)
        self.assert_found("rp-filter-strict")

    def test_reverse_path_filter_off(self):
        self.sysctl("net.ipv4.conf.all.rp_filter", 0)
        ends = json.loads(self.tool("inspect", "edge-0c11", "-o", "json").stdout)["attachments"]
        self.sysctl(f"net.ipv4.conf.{ends[0]['hostInterface']}.rp_filter", 0)
        self.assertIn("rp-filter-off", self.names())

    def test_forward_policy_drop(self):
        if os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
            self.sysctl("net.bridge.bridge-nf-call-iptables", 0)
        self.node.on_host("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
        self.assert_found("forward-policy-drop")
        self.node.on_host("nft", "add chain ip filter FORWARD { policy accept; }")
        self.assertEqual(self.names(), [])

    def test_mtu_mismatch(self):
        self.node.on_host("ip", "link", "add", "up0", "mtu", "1400", "type", "bridge")
        self.node.on_host("ip", "addr", "add", "192.0.2.1/24", "dev", "up0")
        self.node.on_host("ip", "link", "set", "up0", "up")
        self.node.on_host("ip", "route", "add", "default", "via", "192.0.2.2")
        self.assert_found("mtu-mismatch")

    def test_bridge_nearly_full(self):
        batch = os.path.join(self.node.directory, "batch")
        with open(batch, "w", encoding="ascii") as stream:
            for number in range(460):
                stream.write(f"link add d{number} type veth peer name e{number}\nlink set d{number} master pcbr0\nlink set e{number} master pcbr0\n")
        self.node.on_host("ip", "-batch", batch)
        self.assert_found("bridge-nearly-full")

    def test_pool_nearly_empty(self):
        directory = os.path.join(self.node.networks, "edgenet")
        for number in range(3, 245):
            with open(os.path.join(directory, f"10.89.0.{number}"), "w", encoding="ascii") as stream:
                stream.write("somebody\r\neth0")
        self.assert_found("pool-nearly-empty")

    def test_stale_attachments(self):
        self.node.remove_container(self.edge)
        self.assert_found("stale-attachments")

    def test_broken_attachment(self):
        self.node.run_in(self.edge, "ip", "route", "del", "default")
        self.assert_found("attachment-broken")

    def test_overlapping_subnets(self):
        self.configure("30-other.conflist", self.routed | {"name": "other"})
        self.assert_found("subnets-overlap")

    def test_route_conflict(self):
        self.configure("30-other.conflist", self.routed | {"name": "other", "ipam": self.routed["ipam"] | {"ranges": [[{"subnet": "10.77.0.0/24"}]]}})
        self.assertEqual(self.names(), [])
        self.node.on_host("ip", "link", "add", "tun7", "type", "bridge")
        self.node.on_host("ip", "link", "set", "tun7", "up")
        self.node.on_host("ip", "route", "add", "10.77.0.0/16", "dev", "tun7")
        self.assert_found("route-conflict")

    def test_unreadable_configuration(self):
        self.write("30-bad.conflist", "{\"name\": \"x\", \"plugins\": [")
        self.assert_found("configuration-unreadable")
        self.write("30-bad.conflist", "{\"name\": \"x\", \"plugins\": [{}]}")
        self.assert_found("configuration-unreadable")

    def test_no_configuration(self):
        for name in os.listdir(self.net_d):
            os.unlink(os.path.join(self.net_d, name))
        self.assert_found("no-configuration")

    def test_missing_plugins(self):
        self.configure("30-macvlan.conflist", {"cniVersion": "1.0.0", "name": "mac", "type": "macvlan", "ipam": {"type": "dhcp"}})
        done = self.tool("doctor")
        self.assertIn("needs the plugin macvlan", done.stdout.replace("\n  ", " "))
        self.assertIn("needs the plugin dhcp", done.stdout.replace("\n  ", " "))
        self.assert_found("plugin-missing")


if __name__ == "__main__":
    unittest.main()
