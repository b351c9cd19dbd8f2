"""CHECK, STATUS and GC by the names bridge and ptp of attachments that the reference plugins made, of which we have no record."""

import json
import os
import shutil
import unittest

from fake_node import REFERENCE_DIR, Node, PluginError

DUAL = [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]


class SwapCase(unittest.TestCase):
    kind = "bridge"

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def config(self, kind=None, ranges=DUAL, **keys):
        kind = kind or self.kind
        bridge = {"bridge": "pcdi0", "isDefaultGateway": True} if kind == "bridge" else {}
        ipam = {"ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": ranges}} if ranges else {}
        return {"cniVersion": "1.0.0", "name": "swap", "type": kind, **bridge, **ipam, **keys}

    def add_by_reference(self, container, config, **options):
        result = self.node.add(config, container, plugin=os.path.join(REFERENCE_DIR, config["type"]), **options)
        # Its addresses are tentative for a second or two, and an ADD of the reference goes on meanwhile.
        if any(":" in ip["address"] for ip in result.get("ips", [])):
            self.node.settle(container)
        return result

    def check(self, container, config, result, **options):
        self.node.check(config, container, result, plugin=self.node.plugin(config["type"]), **options)

    def assert_check_fails(self, words, container, config, result, code=105, **options):
        with self.assertRaises(PluginError) as caught:
            self.check(container, config, result, **options)
        self.assertEqual(caught.exception.code, code, caught.exception)
        for word in words:
            self.assertIn(word, caught.exception.msg)

    def ip(self, namespace, text):
        self.node.run_in(namespace, "ip", *text.split())

    def fails_after(self, commands, words, config=None):
        """A fresh attachment of the reference's passes; not after these commands, each in ("host" or "container", "arguments of ip")."""
        config = config or self.config()
        container = self.node.container(f"c{len(self.node.namespaces)}")
        result = self.add_by_reference(container, config)
        self.check(container, config, result)
        veth = [each["name"] for each in result["interfaces"] if each["name"].startswith("veth")][0]
        for where, text in commands:
            self.ip(self.node.host if where == "host" else container, text.format(veth=veth))
        self.assert_check_fails([word.format(veth=veth) for word in words], container, config, result)
        self.node.delete(config, container, plugin=self.node.plugin(config["type"]))


class BridgeCheckTest(SwapCase):
    def test_each_family_and_layer_2_pass(self):
        for ranges in (DUAL[:1], DUAL[1:], DUAL, None):
            for version in ("0.4.0", "1.0.0"):
                with self.subTest(ranges=ranges, version=version):
                    a = self.node.container(f"a{len(self.node.namespaces)}")
                    config = self.config(ranges=ranges, cniVersion=version)
                    self.check(a, config, self.add_by_reference(a, config))
                    self.node.delete(config, a, plugin=self.node.plugin("bridge"))

    def test_every_object_that_is_missing_or_altered_is_named(self):
        # Without IPv6, with which each ADD of the reference takes two seconds.
        ipv4 = self.config(ranges=DUAL[:1])
        for commands, words in (
                ([("host", "link del {veth}")], ["{veth}", "eth0", "missing"]),
                ([("host", "link set {veth} nomaster")], ["{veth}", "not a port of bridge pcdi0"]),
                ([("host", "link set {veth} down")], ["{veth}", "down"]),
                ([("host", "link set {veth} address 02:00:00:00:00:09")], ["{veth}", "MAC"]),
                ([("host", "addr del 10.77.0.1/24 dev pcdi0")], ["10.77.0.1/24", "pcdi0"]),
                ([("container", "link set eth0 down")], ["eth0", "down"]),
                ([("container", "link set eth0 address 02:00:00:00:00:09")], ["eth0", "MAC"]),
                ([("container", "addr flush dev eth0 scope global")], ["address 10.77.0."]),
                ([("container", "route del default")], ["route 0.0.0.0/0"])):
            with self.subTest(commands):
                self.fails_after(commands, words, ipv4)
        for commands, words in (([("container", "addr flush dev eth0 scope global")], ["fd00:77::"]),
                                ([("container", "-6 route del default")], ["route ::/0"])):
            with self.subTest(commands):
                self.fails_after(commands, words)

    def test_a_host_end_that_is_not_the_containers_is_told(self):
        a, b = self.node.container("a"), self.node.container("b")
        config = self.config()
        result = self.add_by_reference(a, config)
        other = self.add_by_reference(b, config)
        swapped = json.loads(json.dumps(result))
        swapped["interfaces"][1] = other["interfaces"][1]
        self.assert_check_fails(["not in prevResult", other["interfaces"][1]["name"]], a, config, swapped)

    def test_masquerade_by_the_reference_is_its_own(self):
        a = self.node.container("a")
        config = self.config(ranges=DUAL[:1], ipMasq=True)
        self.check(a, config, self.add_by_reference(a, config))

    def test_a_reservation_that_is_gone_or_anothers_is_told(self):
        a = self.node.container("a")
        config = self.config(ranges=DUAL[:1])
        result = self.add_by_reference(a, config)
        path = os.path.join(self.node.networks, "swap", "10.77.0.2")
        with open(path, "w", encoding="ascii", newline="") as file:
            file.write("another\r\neth0")
        self.assert_check_fails(["10.77.0.2", "another"], a, config, result)
        os.unlink(path)
        self.assert_check_fails(["reservation", "10.77.0.2", "missing"], a, config, result)

    def test_settings_of_the_port_are_compared(self):
        a = self.node.container("a")
        config = self.config(hairpinMode=True)
        result = self.add_by_reference(a, config)
        self.check(a, config, result)
        self.assert_check_fails(["hairpin"], a, self.config(), result)
        self.assert_check_fails(["promiscuous"], a, self.config(hairpinMode=False, promiscMode=True), result)

    def test_what_later_members_of_a_chain_changed_is_tolerated(self):
        a = self.node.container("a")
        config = self.config()
        result = self.add_by_reference(a, config)
        chain = {"cniVersion": "1.0.0", "name": "swap"}
        for member in ({"type": "bandwidth", "ingressRate": 8000000, "ingressBurst": 8000000, "egressRate": 8000000, "egressBurst": 8000000},
                       {"type": "tuning", "mac": "02:00:00:00:00:77", "mtu": 1400, "promisc": True, "dataDir": self.node.directory}):
            result = self.node.add({**chain, **member, "prevResult": result}, a, plugin=os.path.join(REFERENCE_DIR, member["type"]))
        self.assertEqual(len(result["interfaces"]), 4)
        self.check(a, config, result)

    def test_a_route_with_attributes_that_the_reference_ignores(self):
        a = self.node.container("a")
        config = self.config(ranges=DUAL[:1])
        config["ipam"]["routes"] = [{"dst": "198.51.100.0/24"}, {"dst": "203.0.113.0/24", "gw": "10.77.0.9"}]
        result = self.add_by_reference(a, config)
        for route in result["routes"]:
            route["mtu"] = 1400  # as newer versions of it have them in the result, and not in the kernel
        self.check(a, config, result)
        self.node.run_in(a, "ip", "route", "del", "203.0.113.0/24")
        self.assert_check_fails(["203.0.113.0/24 via 10.77.0.9"], a, config, result)

    def test_an_attachment_of_ours_without_its_record_is_told_from_the_references(self):
        a = self.node.container("a")
        config = self.config()
        result = self.node.add(config, a, plugin=self.node.plugin("bridge"))
        self.check(a, config, result)
        shutil.rmtree(os.path.join(self.node.state, "attachments"))
        self.assert_check_fails(["no record"], a, config, result)

    def test_type_patchcord_has_a_record_or_fails(self):
        a = self.node.container("a")
        config = self.config()
        result = self.add_by_reference(a, config)
        with self.assertRaises(PluginError) as caught:
            self.node.check({**config, "type": "patchcord", "mode": "bridge"}, a, result)
        self.assertIn("no record", caught.exception.msg)

    def test_a_result_that_says_nothing_of_the_host_is_refused(self):
        a = self.node.container("a")
        config = self.config()
        result = self.add_by_reference(a, config)
        result["interfaces"] = [each for each in result["interfaces"] if each.get("sandbox")]
        result["ips"] = [{key: value for key, value in ip.items() if key != "interface"} for ip in result["ips"]]
        self.assert_check_fails(["names no host interface"], a, config, result)

    def test_the_namespace_may_go_by_another_path(self):
        a = self.node.container("a")
        config = self.config()
        result = self.add_by_reference(a, config)
        link = os.path.join(self.node.directory, "link")
        os.symlink(self.node.path_of(a), link)
        self.check(a, config, result, netns=link)


class PtpCheckTest(SwapCase):
    kind = "ptp"

    def test_each_family_passes(self):
        for ranges in (DUAL[:1], DUAL[1:], DUAL):
            with self.subTest(ranges):
                a = self.node.container(f"a{len(self.node.namespaces)}")
                config = self.config(ranges=ranges)
                config["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}] if ranges == DUAL[:1] else []
                self.check(a, config, self.add_by_reference(a, config))
                self.node.delete(config, a, plugin=self.node.plugin("ptp"))

    def test_every_object_that_is_missing_or_altered_is_named(self):
        config = self.config(ranges=DUAL[:1])
        config["ipam"]["routes"] = [{"dst": "198.51.100.0/24"}]
        for commands, words in (
                ([("host", "link del {veth}")], ["{veth}", "eth0", "missing"]),
                ([("host", "link set {veth} down")], ["{veth}", "down"]),
                ([("host", "addr del 10.77.0.1/32 dev {veth}")], ["10.77.0.1", "{veth}"]),
                ([("host", "route flush dev {veth} proto boot")], ["host route 10.77.0."]),
                ([("container", "addr flush dev eth0 scope global")], ["address 10.77.0."]),
                ([("container", "route del 198.51.100.0/24")], ["198.51.100.0/24"]),
                ([("container", "route del 10.77.0.1")], ["10.77.0.1/32"]),
                ([("container", "route del 10.77.0.0/24")], ["10.77.0.0/24"])):
            with self.subTest(commands):
                self.fails_after(commands, words, config)


if __name__ == "__main__":
    unittest.main()
