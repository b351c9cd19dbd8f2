"""Strict only where laxness would do harm: odd keys get what their author meant, and what the reference takes is taken, beside it in the same lab."""

import glob
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PLUGIN, REFERENCE_DIR
from lax_case import LaxCase
from ports_case import PLACES
from traffic import ports

EVERYBODY = {"near", "far", "near6"}
KUBERNETES = "kubernetes/website 34430: network plugins, support hostPort"

# (where it comes from, portmap's keys, who reaches the port, whether the reference takes it and does the same). near is 192.0.2.2 on up2, far
# is 198.51.100.2 on up3, near6 is 2001:db8:2::2 on up2.
PORTMAPS = (
    (KUBERNETES, {"externalSetMarkChain": "KUBE-MARK-MASQ"}, EVERYBODY, True),
    ("containernetworking/plugins 275: behind kube-proxy", {"externalSetMarkChain": "KUBE-MARK-MASQ", "snat": True}, EVERYBODY, True),
    ("containernetworking/cni.dev 143: backend", {"backend": "iptables"}, EVERYBODY, True),
    ("containernetworking/plugins 935: backend nftables", {"backend": "nftables"}, EVERYBODY, False),
    ("containernetworking/cni.dev, portmap: conditionsV4", {"conditionsV4": ["!", "-d", "198.51.100.0/24"]}, {"near", "near6"}, True),
    ("the same of IPv6", {"conditionsV6": ["!", "-d", "2001:db8:2::/64"]}, {"near", "far"}, True),
    ("tigera/operator 2017: addresses of the host", {"conditionsV4": ["-d", "192.0.2.1/32,127.0.0.1/32"]}, {"near", "near6"}, True),
    ("one address of the host", {"conditionsV4": ["-d", "192.0.2.1/32"]}, {"near", "near6"}, True),
    ("the same without a length, by its long name", {"conditionsV4": ["--destination", "192.0.2.1"]}, {"near", "near6"}, True),
    ("who may ask", {"conditionsV4": ["-s", "198.51.100.0/24"]}, {"far", "near6"}, True),
    ("who may not", {"conditionsV4": ["!", "--source", "198.51.100.2"], "conditionsV6": ["-s", "2001:db8:9::/64"]}, {"near"}, True),
    ("two in one list", {"conditionsV4": ["-s", "198.51.100.0/24,192.0.2.0/24"]}, EVERYBODY, True),
    ("an uplink", {"conditionsV4": ["-i", "up3"], "conditionsV6": ["-i", "up2"]}, {"far", "near6"}, True),
    ("all uplinks of a kind", {"conditionsV4": ["-i", "up+"], "conditionsV6": ["-i", "eth+"]}, {"near", "far"}, True),
    ("none of those", {"conditionsV4": ["!", "-i", "up3"], "conditionsV6": ["!", "-i", "up3"]}, {"near", "near6"}, True),
    ("two that must both hold", {"conditionsV4": ["-i", "up3", "!", "-s", "198.51.100.2/32"]}, {"near6"}, True),
    ("what is so of every packet", {"conditionsV4": ["-m", "addrtype", "--dst-type", "LOCAL"]}, EVERYBODY, True),
    ("containernetworking/plugins 1115: in nft's words", {"conditionsV4": ["ip", "daddr", "!=", "{ 127.0.0.0/8, 198.51.100.1 }"]},
     {"near", "near6"}, False),
    ("the same in one piece", {"conditionsV4": ["ip daddr != { 198.51.100.0/24, 203.0.113.0/24 }"]}, {"near", "near6"}, False),
    ("the same without braces", {"conditionsV4": ["ip", "daddr", "192.0.2.1"], "conditionsV6": ["ip6", "saddr", "!=", "2001:db8:2::2"]},
     {"near"}, False),
    ("nft's word for interfaces", {"conditionsV4": ['iifname { "up2", "up9" }'], "conditionsV6": ["iifname != up*"]}, {"near"}, False),
    ("overlapping prefixes", {"conditionsV4": ["ip saddr { 198.51.100.2, 198.51.0.0/16 }"]}, {"far", "near6"}, False),
    ("empty lists", {"conditionsV4": [], "conditionsV6": None}, EVERYBODY, True),
    ("empty names", {"externalSetMarkChain": "", "backend": ""}, EVERYBODY, False),
)

# What a mapping would be wrong with: nobody knows whom it keeps out.
UNREADABLE = (["-m", "set", "--match-set", "hosts", "src"], ["-d", "192.0.2.1/32", "-p", "tcp"], ["ip", "daddr", "@internal"], ["-d"], ["!"],
              ["-d", "nowhere"], ["-s", "2001:db8::/32"], ["ip", "saddr", "{", "10.0.0.0/8"], ["-o", "up2"], ["-i", "up*2"])


class PortmapTest(LaxCase):
    def setUp(self):
        super().setUp()
        self.far = self.traffic.neighbour("far", "198.51.100", "2001:db8:3")
        # Of kube-proxy, where a mark becomes a masquerade.
        for command in ("-N KUBE-MARK-MASQ", "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
                        "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"):
            for program in ("iptables", "ip6tables"):
                self.node.on_host(program, "-w", "-t", "nat", *command.split())
        self.a = self.node.container("a")
        self.bridge = self.config(type="bridge", bridge="b1", isDefaultGateway=True, ipam=self.ranges("10.61.0.0/24", "fd61::/64"))
        self.result = self.ours("ADD", self.bridge, self.a)
        self.traffic.serve(self.a, *PLACES)
        self.node.settle(self.a)

    def portmap(self, keys, **more):
        return self.config(type="portmap", prevResult=self.result, **ports("8080:80"), **keys, **more)

    def who(self):
        asked = {"near": (self.outside, "192.0.2.1"), "far": (self.far, "198.51.100.1"), "near6": (self.outside, "2001:db8:2::1")}
        return {name for name, (client, address) in asked.items() if self.traffic.asks(client, "tcp", address, 8080)}

    def test_who_is_let_in_by_each_configuration(self):
        for source, keys, reach, is_known in PORTMAPS:
            config = self.portmap(keys)
            with self.subTest(source, keys=keys):
                self.ours("ADD", config, self.a)
                self.assertEqual(self.who(), reach, self.node.on_host("nft", "list", "table", "inet", "patchcord"))
                self.ours("CHECK", config, self.a)
                self.ours("DEL", config, self.a)
                self.assertEqual(self.who(), set())
                if is_known:
                    self.run_as(REFERENCE_DIR, "ADD", config, self.a)
                    self.assertEqual(self.who(), reach)
                    self.run_as(REFERENCE_DIR, "DEL", config, self.a)

    def test_what_is_not_understood_is_refused_where_it_is_of_a_mapping(self):
        for words in UNREADABLE:
            with self.subTest(words):
                before = self.node.snapshot(self.a)
                self.fails(2, ["conditionsV4", " ".join(words)], lambda: self.ours("ADD", self.portmap({"conditionsV4": words}), self.a))
                self.assertEqual(self.node.snapshot(self.a), before)
                nobody = self.config(type="portmap", prevResult=self.result, conditionsV4=words)
                self.assertEqual(self.ours("ADD", nobody, self.a)["ips"], self.result["ips"])
                self.ours("DEL", nobody, self.a)
                self.ours("STATUS", {**self.config(type="portmap", conditionsV4=words), "cniVersion": "1.1.0"}, self.a)

    def test_conditions_of_a_family_that_the_container_or_the_mapping_lacks_keep_nobody_out(self):
        b = self.node.container("b")
        bridge = self.config(type="bridge", bridge="b2", isDefaultGateway=True, ipam=self.ranges("10.62.0.0/24"))
        result = self.ours("ADD", {**bridge, "name": "v4"}, b)
        odd = {"conditionsV6": ["-m", "set", "--match-set", "hosts", "src"]}
        self.ours("ADD", {**self.portmap(odd), "name": "v4", "prevResult": result}, b)
        self.ours("DEL", {**self.portmap(odd), "name": "v4", "prevResult": result}, b)
        of_ipv4 = {**self.portmap(odd), **ports("192.0.2.1|8080:80")}
        self.ours("ADD", of_ipv4, self.a)
        self.assertEqual(self.who(), {"near"})
        of_ipv6 = {**self.portmap(odd), **ports("::|8081:80"), "name": "v6"}
        self.fails(2, ["conditionsV6"], lambda: self.ours("ADD", of_ipv6, self.a))

    def test_two_networks_share_a_host_port_by_their_conditions(self):
        b = self.node.container("b")
        other = self.ours("ADD", {**self.bridge, "name": "other", "bridge": "b2", "ipam": self.ranges("10.62.0.0/24", "fd62::/64")}, b)
        self.traffic.serve(b, *PLACES)
        self.node.settle(b)
        self.ours("ADD", self.portmap({"conditionsV4": ["-i", "up2"], "conditionsV6": ["-i", "up2"]}), self.a)
        second = {**self.portmap({}), "name": "other", "prevResult": other}
        self.ours("ADD", second, b)
        self.assertEqual(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080)[0], self.a)
        self.assertEqual(self.traffic.asks(self.far, "tcp", "198.51.100.1", 8080)[0], b)
        self.ours("CHECK", second, b)

    def test_a_delete_finds_them_without_a_record_and_reconcile_after_a_flush(self):
        config = self.portmap({"conditionsV4": ["-s", "198.51.100.0/24"]})
        self.ours("ADD", config, self.a)
        self.node.on_host("nft", "flush", "ruleset")
        self.node.reconcile()
        self.assertEqual(self.who(), {"far", "near6"})
        (record,) = glob.glob(os.path.join(self.node.state, "portmap", "**", "*eth0*"), recursive=True)
        os.unlink(record)
        self.ours("DEL", config, self.a)
        self.assertEqual(self.who(), set())
        self.assertNotIn("a/eth0", self.node.on_host("nft", "list", "ruleset"))

    def test_in_mode_bridge_and_routed_too(self):
        for number, mode in enumerate(({"mode": "bridge", "bridge": "b3", "isDefaultGateway": True}, {"mode": "routed"})):
            with self.subTest(mode):
                c = self.node.container(f"c{number}")
                config = self.config(type="patchcord", ipam=self.ranges(f"10.7{number}.0.0/24"), conditionsV4=["!", "-i", "up3"],
                                     **mode, **ports("8080:80"))
                result = self.ours("ADD", config, c)
                self.traffic.serve(c, "tcp/4/80")
                self.assertEqual(self.who(), {"near"})
                self.assert_life(config, c, result)

    def test_each_is_told_of_on_stderr_and_in_the_log(self):
        for keys in ({"externalSetMarkChain": "KUBE-MARK-MASQ"}, {"backend": "iptables"}):
            (key,) = keys
            with self.subTest(key):
                told, logged = self.said(self.portmap(keys), self.a)
                self.assertEqual(told, logged)
                self.assertEqual([line.split(":")[0] for line in logged], [key])
                self.ours("DEL", self.portmap(keys), self.a)
        self.assertEqual(self.said(self.portmap({}), self.a), ([], []))
        self.ours("DEL", self.portmap({}), self.a)
        nobody = self.config(type="portmap", prevResult=self.result, backend="iptables", externalSetMarkChain="X")
        self.assertEqual(self.said(nobody, self.a), ([], []))


ROUTED = {"type": "patchcord", "mode": "routed"}
# (where it comes from, the configuration's keys, of what a line is to tell; absent: the code of the error, and its words)
OTHER_KEYS = (
    ("containernetworking/plugins 935: ipMasqBackend", {"type": "bridge", "ipMasq": True, "ipMasqBackend": "iptables"}, ["ipMasqBackend"]),
    ("the same of ptp", {"type": "ptp", "ipMasq": True, "ipMasqBackend": "iptables"}, ["ipMasqBackend"]),
    ("where nothing is masqueraded", {"type": "bridge", "ipMasqBackend": "iptables"}, []),
    ("a bridge's configuration with another mode", {**ROUTED, "bridge": "cni0", "isGateway": True}, ["bridge", "isGateway"]),
    ("the list that podman network create writes, with another type",
     {**ROUTED, "bridge": "cni-podman1", "isGateway": True, "ipMasq": True, "hairpinMode": True}, ["bridge", "isGateway", "hairpinMode"]),
    ("k3s' and kindnet's keys", {**ROUTED, "isDefaultGateway": True, "forceAddress": True, "promiscMode": True},
     ["isDefaultGateway", "forceAddress", "promiscMode"]),
    ("what asks for nothing", {**ROUTED, "bridge": "", "isGateway": False, "vlan": 0, "vlanTrunk": [], "portIsolation": False,
                               "macspoofchk": False, "disableContainerInterface": False, "preserveDefaultVlan": False}, []),
    ("what would be missing", {**ROUTED, "portIsolation": True}, (2, "portIsolation", '"isolation": "pod"')),
    ("likewise", {**ROUTED, "macspoofchk": True}, (2, "macspoofchk", "antispoof")),
    ("likewise", {**ROUTED, "vlan": 7}, (2, "vlan", "mode bridge")),
    ("likewise", {**ROUTED, "vlanTrunk": [{"id": 7}]}, (2, "vlanTrunk", "mode bridge")),
    ("likewise", {**ROUTED, "disableContainerInterface": True}, (2, "disableContainerInterface", "mode bridge")),
)


class OtherKeysTest(LaxCase):
    def test_each_key_that_was_an_error(self):
        for number, (source, keys, expected) in enumerate(OTHER_KEYS):
            with self.subTest(source, keys=keys):
                a = self.node.container(f"a{number}")
                config = self.config(ipam=self.ranges("10.61.0.0/24"), **keys)
                if isinstance(expected, tuple):
                    self.fails(expected[0], expected[1:], lambda: self.ours("ADD", config, a))
                    continue
                told, logged = self.said(config, a)
                self.assertEqual(told, logged)
                self.assertEqual(sorted(line.split(":")[0] for line in logged), sorted(expected))
                self.assertEqual(len(told), len(expected))
                self.ours("DEL", config, a)

    def test_validate_tells_before_a_pod_meets_them(self):
        path = os.path.join(self.node.directory, "10-lax.conf")
        with open(path, "w", encoding="ascii") as file:
            json.dump(self.config(type="bridge", ipam=self.ranges("10.61.0.0/24"), ipMasq=True, ipMasqBackend="iptables"), file)
        done = self.node.run_in(self.node.host, PLUGIN, "validate", path, env={**os.environ, "CNI_PATH": REFERENCE_DIR})
        self.assertIn("ipMasqBackend: masquerading is done in nftables", done.stderr)

    def test_a_default_route_beside_routes_where_it_is_asked_for(self):
        a = self.node.container("a")
        ipam = self.ranges("10.61.0.0/24", "fd61::/64", routes=[{"dst": "10.99.0.0/16"}])
        self.ours("ADD", self.config(type="patchcord", mode="routed", isDefaultGateway=True, ipam=ipam), a)
        self.assertTrue(self.node.reaches(a, "192.0.2.1"))
        self.assertTrue(self.node.reaches(a, "2001:db8:2::1"))

    def test_firewalld_by_name_where_it_is_not_at_work_and_where_it_is(self):
        # containerd/nerdctl 2818, Kubeinit/kubeinit 441
        a = self.node.container("a")
        bridge = self.config(type="bridge", bridge="b1", isGateway=True, ipam=self.ranges("10.61.0.0/24"))
        result = self.ours("ADD", bridge, a)
        config = self.config(type="firewall", backend="firewalld", firewalldZone="pods", prevResult=result)
        told, logged = self.said(config, a)
        self.assertEqual((told, [line.split(":")[0] for line in told]), (logged, ["backend"]))
        self.ours("CHECK", config, a)
        self.ours("DEL", config, a)
        self.node.on_host("nft", "add table inet firewalld; add chain inet firewalld filter_FORWARD")
        self.fails(2, ["firewalld", "--zone=pods"], lambda: self.ours("ADD", config, a))


if __name__ == "__main__":
    unittest.main()
