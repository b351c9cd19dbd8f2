"""What is read inside a container is the container's to choose: index, MAC, name and address prove nothing about what is on the host."""

import json
import os
import subprocess
import unittest

from attack_case import AttackCase
from fake_node import REFERENCE_DIR, bridge_config

needs_reference = unittest.skipUnless(os.path.exists(f"{REFERENCE_DIR}/bridge"), "needs the reference plugins")

SLOW = {"ingressRate": 1_000_000, "ingressBurst": 800_000, "egressRate": 1_000_000, "egressBurst": 800_000}


class IdentityCase(AttackCase):
    def setUp(self):
        super().setUp()
        self.attacker, self.victim = self.node.container("attacker"), self.node.container("victim")
        # Another runtime's, without any mark of ours.
        self.node.on_host("ip", "link", "add", "veth1a2b3c", "index", "700", "type", "veth",
                          "peer", "name", "eth0", "netns", self.victim)
        self.node.on_host("tc", "qdisc", "add", "dev", "veth1a2b3c", "root", "tbf", "rate", "800mbit", "burst", "1mb", "latency", "10ms")
        self.node.on_host("ip", "link", "set", "veth1a2b3c", "up")
        self.before = self.victims()

    def victims(self, name="veth1a2b3c"):
        """All that the host has of the victim's link."""
        link = self.link(self.node.host, name)
        return link and (link["ifindex"], link["address"], link["flags"], self.node.on_host("tc", "qdisc", "show", "dev", name),
                         self.node.on_host("tc", "filter", "show", "dev", name, "parent", "ffff:"))

    def in_pod(self, *command):
        self.node.run_in(self.attacker, *command)

    def impersonate(self, name="veth1a2b3c", victim=None, keep=False):
        """The attacker's eth0 has index and MAC of the victim's, and as its peer's the index of the victim's host end."""
        inside = self.link(victim or self.victim, "eth0")
        if keep:
            self.in_pod("ip", "link", "set", "eth0", "down")
            self.in_pod("ip", "link", "set", "eth0", "name", "kept")
        else:
            self.in_pod("ip", "link", "del", "eth0")
        free = self.node.run_in(self.attacker, "ip", "-o", "link").stdout
        index = [] if f"\n{inside['ifindex']}: " in "\n" + free else ["index", str(inside["ifindex"])]
        self.in_pod("ip", "link", "add", "eth0", *index, "address", inside["address"], "type", "veth",
                    "peer", "name", "x0", "index", str(self.index_of(name)))

    def reference_config(self, kind="bridge", **keys):
        config = {"cniVersion": "1.0.0", "name": "ref-net", "type": kind,
                  "ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": "10.70.0.0/24"}]]}, **keys}
        return config | ({"bridge": "ref0"} if kind == "bridge" else {})

    def by_reference(self, config):
        return self.node.add(config, self.attacker, plugin=f"{REFERENCE_DIR}/{config['type']}")

    def ours(self, name, command, config, **options):
        return self.node.call(command, config, self.attacker, plugin=self.node.plugin(name), **options)

    def assert_untouched(self):
        self.assertEqual(self.victims(), self.before)


@needs_reference
class PodOfTheReference(IdentityCase):
    """No record of ours tells of the attacker's pod."""

    def delete_by_us(self, kind):
        config = self.reference_config(kind)
        self.by_reference(config)
        self.impersonate()
        self.ours(kind, "DEL", config)
        self.assert_untouched()
        self.assertEqual(self.node.reservations("ref-net"), [])

    def test_del_of_a_bridge_deletes_nobody_elses_link(self):
        self.delete_by_us("bridge")

    def test_del_of_ptp_deletes_nobody_elses_link(self):
        self.delete_by_us("ptp")

    def test_del_still_deletes_what_is_proved(self):
        config = self.reference_config()
        result = self.by_reference(config)
        host_end = next(each["name"] for each in result["interfaces"] if each["name"].startswith("veth"))
        self.in_pod("ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")  # a lie that makes no difference
        self.ours("bridge", "DEL", config)
        self.assertIsNone(self.link(self.node.host, host_end))
        self.assert_untouched()

    def test_check_takes_nobody_elses_link_for_the_peer(self):
        config = self.reference_config()
        result = self.by_reference(config)
        self.impersonate()
        text = self.refused(105, self.ours, "bridge", "CHECK", config | {"prevResult": result})
        self.assertNotIn("veth1a2b3c", text)

    def test_the_rate_of_nobody_else_is_limited(self):
        config = self.reference_config()
        result = self.by_reference(config)
        self.impersonate()
        shaping = config | {"type": "bandwidth", "prevResult": result, **SLOW}
        self.assertIn("is not one end of a veth pair whose other end is on the host",
                      self.refused(103, self.ours, "bandwidth", "ADD", shaping))
        self.assert_untouched()

    def test_a_firewall_isolates_nobody_elses_link(self):
        config = self.reference_config()
        result = self.by_reference(config)
        self.impersonate()
        firewall = config | {"type": "firewall", "ingressPolicy": "isolated", "prevResult": result}
        self.assertIn("needs an interface with its other end on the host", self.refused(7, self.ours, "firewall", "ADD", firewall))
        self.assertNotIn("veth1a2b3c", self.node.on_host("nft", "list", "ruleset"))

    def test_list_does_not_take_an_address_inside_for_a_name(self):
        config = self.reference_config()
        self.by_reference(config)
        # Who answers to the attacker's address in the victim's namespace is not the attacker.
        self.node.run_in(self.victim, "ip", "addr", "add", "10.70.0.2/24", "dev", "eth0")
        with open(os.path.join(self.node.directory, "10-ref.conf"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        named = {each["hostInterface"]: each["container"] for each in self.tool("list")}
        self.assertNotEqual(named.pop("veth1a2b3c"), self.attacker, named)


class PodOfOurs(IdentityCase):
    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, isGateway=True)
        self.result = self.node.add(self.config, self.attacker)
        self.host_end = self.host_end_of(self.attacker)

    def shape(self, **rates):
        config = {"cniVersion": "1.0.0", "name": "br-net", "type": "bandwidth", **(rates or SLOW)}
        self.node.add(config | {"prevResult": self.result}, self.attacker, plugin=self.node.plugin("bandwidth"))
        return config

    def test_reconcile_limits_nobody_elses_rate_and_del_cuts_nobody_off(self):
        config = self.shape()
        self.impersonate()
        line = self.reconcile()["bandwidth"]
        self.assertEqual(line["outcome"], "amiss")
        self.assert_untouched()
        self.ours("bandwidth", "DEL", config)
        self.node.delete(self.config, self.attacker)
        self.assert_untouched()

    def test_check_of_a_rate_looks_at_nobody_elses(self):
        config = self.shape()
        self.impersonate()
        text = self.refused(105, self.ours, "bandwidth", "CHECK", config | {"prevResult": self.result})
        self.assertIn(f"host interface {self.host_end} is missing", text)

    def test_check_sees_an_interface_that_is_not_the_pairs(self):
        self.impersonate(name=self.host_end, victim=self.attacker, keep=True)
        text = self.refused(105, self.node.check, self.config, self.attacker, self.result)
        self.assertIn(f"container interface eth0 is not the peer of {self.host_end}", text)

    def test_reconcile_puts_nothing_on_an_interface_that_is_not_the_pairs(self):
        self.impersonate(name=self.host_end, victim=self.attacker, keep=True)
        line = self.reconcile()["attachments"]
        self.assertEqual(line["outcome"], "amiss")
        self.assertNotIn("10.88.0.2", self.node.run_in(self.attacker, "ip", "addr", "show", "eth0").stdout)

    def test_the_rate_stays_where_it_was_when_two_interfaces_of_a_pod_change_names(self):
        second = bridge_config(self.node, name="second", bridge="pcbr1", subnets=("10.99.0.0/24",))
        self.shape()
        self.node.add(second, self.attacker, ifname="net1")
        other_end = self.host_end_of(self.attacker, "net1")
        for old, new in (("eth0", "aside"), ("net1", "eth0"), ("aside", "net1")):
            self.in_pod("ip", "link", "set", old, "down")
            self.in_pod("ip", "link", "set", old, "name", new)
            self.in_pod("ip", "link", "set", new, "up")
        self.reconcile()
        self.assertNotIn("tbf", self.node.on_host("tc", "qdisc", "show", "dev", other_end))
        self.assertIn("tbf", self.node.on_host("tc", "qdisc", "show", "dev", self.host_end))

    def test_del_of_a_rate_spares_who_got_name_and_index_since(self):
        config = self.shape(ingressRate=1_000_000, ingressBurst=800_000)
        index = self.index_of(self.host_end)
        self.node.on_host("ip", "link", "del", self.host_end)
        other = self.node.container("other")
        self.node.on_host("ip", "link", "add", self.host_end, "index", str(index), "type", "veth", "peer", "name", "eth0", "netns", other)
        self.node.on_host("tc", "qdisc", "add", "dev", self.host_end, "root", "tbf", "rate", "800mbit", "burst", "1mb", "latency", "10ms")
        before = self.victims(self.host_end)
        self.reconcile()
        self.ours("bandwidth", "DEL", config)
        self.assertEqual(self.victims(self.host_end), before)

    def test_del_finds_the_host_end_under_another_name(self):
        self.node.on_host("ip", "link", "set", self.host_end, "down")
        self.node.on_host("ip", "link", "set", self.host_end, "name", "renamed")
        self.node.delete(self.config, self.attacker)
        self.assertIsNone(self.link(self.node.host, "renamed"))
        self.assert_untouched()

    def test_del_spares_who_got_name_and_index_of_the_host_end_since(self):
        index = self.index_of(self.host_end)
        self.node.on_host("ip", "link", "del", self.host_end)
        self.node.on_host("ip", "link", "add", self.host_end, "index", str(index), "type", "veth", "peer", "name", "theirs")
        self.node.delete(self.config, self.attacker)
        self.assertEqual(self.index_of(self.host_end), index)

    def test_a_second_add_is_refused_also_when_the_host_end_has_another_name(self):
        self.node.on_host("ip", "link", "set", self.host_end, "down")
        self.node.on_host("ip", "link", "set", self.host_end, "name", "renamed")
        before = self.node.snapshot(self.attacker)
        self.assertIn("is attached to network br-net", self.refused(103, self.node.add, self.config, self.attacker))
        self.assertEqual(self.node.snapshot(self.attacker), before)

    def test_a_pod_that_comes_back_on_the_path_and_number_of_a_dead_one_is_not_that_one(self):
        """The kernel gives the number of a namespace's file again, mostly at once; who is given it is chance, so here the record says it."""
        config = {"cniVersion": "1.0.0", "name": "br-net", "type": "tuning", "sysctl": {"net.ipv4.ip_default_ttl": "77"}}
        self.node.add(config | {"prevResult": self.result}, self.attacker, plugin=self.node.plugin("tuning"))
        inode = os.stat(self.node.path_of(self.attacker)).st_ino
        self.node.remove_container(self.attacker)
        other = self.node.container(self.attacker.split("-", 1)[1])
        record = os.path.join(self.node.state, "tuning", "br-net", f"{self.attacker}:eth0")
        with open(record, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(str(inode), text)
        with open(record, "w", encoding="utf-8") as file:
            file.write(text.replace(str(inode), str(os.stat(self.node.path_of(other)).st_ino)))
        self.node.run_in(other, "sysctl", "-qw", "net.ipv4.ip_default_ttl=33")
        self.ours("tuning", "DEL", config)
        self.assertEqual(self.node.run_in(other, "sysctl", "-n", "net.ipv4.ip_default_ttl").stdout, "33\n")


if __name__ == "__main__":
    unittest.main()
