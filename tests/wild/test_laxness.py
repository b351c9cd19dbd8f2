"""Strict only where laxness would do harm: odd input gets what its author meant, and what the reference takes is taken, beside it in the same lab."""

import glob
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import REFERENCE_DIR, Node, PluginError
from ports_case import PLACES
from traffic import TrafficCase, ports

EVERYBODY = {"near", "far", "near6"}
KUBERNETES = "kubernetes.io/docs: network plugins, support hostPort"

# (where it comes from, portmap's keys, who reaches the port, whether the reference takes it and does the same). near is 192.0.2.2 on up2, far
# is 198.51.100.2 on up3, near6 is 2001:db8:2::2 on up2.
PORTMAPS = (
    (KUBERNETES, {"externalSetMarkChain": "KUBE-MARK-MASQ"}, EVERYBODY, True),
    ("kubernetes/kops 5151: Calico's list behind kube-proxy", {"externalSetMarkChain": "KUBE-MARK-MASQ", "snat": True}, EVERYBODY, True),
    ("containernetworking/plugins README portmap: backend", {"backend": "iptables"}, EVERYBODY, True),
    ("containernetworking/plugins 935: backend nftables", {"backend": "nftables"}, EVERYBODY, False),
    ("containernetworking/plugins README portmap: conditions", {"conditionsV4": ["!", "-d", "198.51.100.0/24"]}, {"near", "near6"}, True),
    ("the same of IPv6", {"conditionsV6": ["!", "-d", "2001:db8:2::/64"]}, {"near", "far"}, True),
    ("containernetworking/plugins 59: one address of the host", {"conditionsV4": ["-d", "192.0.2.1/32"]}, {"near", "near6"}, True),
    ("the same without a length, by its long name", {"conditionsV4": ["--destination", "192.0.2.1"]}, {"near", "near6"}, True),
    ("who may ask", {"conditionsV4": ["-s", "198.51.100.0/24"]}, {"far", "near6"}, True),
    ("who may not", {"conditionsV4": ["!", "--source", "198.51.100.2"], "conditionsV6": ["-s", "2001:db8:9::/64"]}, {"near"}, True),
    ("two in one list", {"conditionsV4": ["-s", "198.51.100.0/24,192.0.2.0/24"]}, EVERYBODY, True),
    ("an uplink", {"conditionsV4": ["-i", "up3"], "conditionsV6": ["-i", "up2"]}, {"far", "near6"}, True),
    ("all uplinks of a kind", {"conditionsV4": ["-i", "up+"], "conditionsV6": ["-i", "eth+"]}, {"near", "far"}, True),
    ("none of those", {"conditionsV4": ["!", "-i", "up3"], "conditionsV6": ["!", "-i", "up3"]}, {"near", "near6"}, True),
    ("two that must both hold", {"conditionsV4": ["-i", "up3", "!", "-s", "198.51.100.2/32"]}, {"near6"}, True),
    ("what is so of every packet", {"conditionsV4": ["-m", "addrtype", "--dst-type", "LOCAL"]}, EVERYBODY, True),
    ("containernetworking/plugins 1053: in nft's words", {"conditionsV4": ["ip daddr != { 198.51.100.0/24, 203.0.113.0/24 }"]}, {"near", "near6"}, False),
    ("the same in pieces", {"conditionsV4": ["ip", "daddr", "192.0.2.1"], "conditionsV6": ["ip6", "saddr", "!=", "2001:db8:2::2"]}, {"near"}, False),
    ("nft's word for interfaces", {"conditionsV4": ['iifname { "up2", "up9" }'], "conditionsV6": ["iifname != up*"]}, {"near"}, False),
    ("overlapping prefixes", {"conditionsV4": ["ip saddr { 198.51.100.2, 198.51.0.0/16 }"]}, {"far", "near6"}, False),
    ("empty lists", {"conditionsV4": [], "conditionsV6": None}, EVERYBODY, True),
    ("empty names", {"externalSetMarkChain": "", "backend": ""}, EVERYBODY, False),
)

# What a mapping would be wrong with: nobody knows whom it keeps out.
UNREADABLE = (["-m", "set", "--match-set", "hosts", "src"], ["-d", "192.0.2.1/32", "-p", "tcp"], ["ip", "daddr", "@internal"], ["-d"], ["!"],
              ["-d", "nowhere"], ["-s", "2001:db8::/32"], ["ip", "saddr", "{", "10.0.0.0/8"], ["-o", "up2"], ["-i", "up*2"])


class LaxCase(TrafficCase):
    def config(self, **keys):
        return {"cniVersion": "1.0.0", "name": "lax", **keys}

    def ranges(self, *subnets, **keys):
        return {"type": "host-local", "dataDir": self.node.networks, "ranges": [[each if isinstance(each, dict) else {"subnet": each}] for each in subnets],
                **keys}

    def run_as(self, where, command, config, container, **options):
        """`where` is the directory of the plugins: ours, or the reference's."""
        return self.node.call(command, config, container, plugin=os.path.join(where, config["type"]), **options)

    def ours(self, command, config, container, **options):
        return self.run_as(self.node.plugins, command, config, container, **options)

    def fails(self, code, words, call):
        with self.assertRaises(PluginError) as caught:
            call()
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg + caught.exception.document.get("details", ""))

    def said(self, config, container, **options):
        """What an ADD says on stderr, and in the log."""
        log = os.path.join(self.node.directory, "log")
        if os.path.exists(log):
            os.unlink(log)
        process = self.node.start("ADD", {**config, "log": log}, container, self.node.path_of(container), plugin=self.node.plugin(config["type"]), **options)
        stdout, stderr = patience.communicate(process)
        self.assertEqual(process.returncode, 0, stdout + stderr)
        with open(log, encoding="utf-8") as file:
            line = json.loads(file.read())
        return stderr.splitlines(), line.get("notes", [])

    def assert_life(self, config, container, result, **options):
        """CHECK, reconcile with nothing to do, and DEL, which leaves nothing."""
        self.ours("CHECK", {**config, "prevResult": result}, container, **options)
        self.ours("DEL", {**config, "prevResult": result}, container, **options)


class PortmapTest(LaxCase):
    def setUp(self):
        super().setUp()
        self.far = self.traffic.neighbour("far", "198.51.100", "2001:db8:3")
        # Of kube-proxy, where a mark becomes a masquerade.
        for command in ("-N KUBE-MARK-MASQ", "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000", "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"):
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
                config = self.config(type="patchcord", ipam=self.ranges(f"10.7{number}.0.0/24"), conditionsV4=["!", "-i", "up3"], **mode, **ports("8080:80"))
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


# (where it comes from, the configuration's keys, of what a line is to tell; absent: the code of the error, and its words)
OTHER_KEYS = (
    ("containernetworking/plugins 935: ipMasqBackend", {"type": "bridge", "ipMasq": True, "ipMasqBackend": "iptables"}, ["ipMasqBackend"]),
    ("the same of ptp", {"type": "ptp", "ipMasq": True, "ipMasqBackend": "iptables"}, ["ipMasqBackend"]),
    ("where nothing is masqueraded", {"type": "bridge", "ipMasqBackend": "iptables"}, []),
    ("a bridge's configuration with another mode", {"type": "patchcord", "mode": "routed", "bridge": "cni0", "isGateway": True}, ["bridge", "isGateway"]),
    ("the list that podman network create writes, with another type", {"type": "patchcord", "mode": "routed", "bridge": "cni-podman1", "isGateway": True,
                                                                       "ipMasq": True, "hairpinMode": True}, ["bridge", "isGateway", "hairpinMode"]),
    ("k3s' and kindnet's keys", {"type": "patchcord", "mode": "routed", "isDefaultGateway": True, "forceAddress": True, "promiscMode": True},
     ["isDefaultGateway", "forceAddress", "promiscMode"]),
    ("what asks for nothing", {"type": "patchcord", "mode": "routed", "bridge": "", "isGateway": False, "vlan": 0, "vlanTrunk": [], "portIsolation": False,
                               "macspoofchk": False, "disableContainerInterface": False, "preserveDefaultVlan": False}, []),
    ("what would be missing", {"type": "patchcord", "mode": "routed", "portIsolation": True}, (2, "portIsolation", '"isolation": "pod"')),
    ("likewise", {"type": "patchcord", "mode": "routed", "macspoofchk": True}, (2, "macspoofchk", "antispoof")),
    ("likewise", {"type": "patchcord", "mode": "routed", "vlan": 7}, (2, "vlan", "mode bridge")),
    ("likewise", {"type": "patchcord", "mode": "routed", "vlanTrunk": [{"id": 7}]}, (2, "vlanTrunk", "mode bridge")),
    ("likewise", {"type": "patchcord", "mode": "routed", "disableContainerInterface": True}, (2, "disableContainerInterface", "mode bridge")),
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

    def test_a_default_route_beside_routes_where_it_is_asked_for(self):
        a = self.node.container("a")
        ipam = self.ranges("10.61.0.0/24", "fd61::/64", routes=[{"dst": "10.99.0.0/16"}])
        self.ours("ADD", self.config(type="patchcord", mode="routed", isDefaultGateway=True, ipam=ipam), a)
        self.assertTrue(self.node.reaches(a, "192.0.2.1"))
        self.assertTrue(self.node.reaches(a, "2001:db8:2::1"))

    def test_firewalld_by_name_where_it_is_not_at_work_and_where_it_is(self):
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


# (where it comes from, ipam's addresses, runtimeConfig.ips, CNI_ARGS, addresses and gateways, whether the reference takes it)
STATICS = (
    ("containers/podman 4286: a gateway, and the address by --ip", [{"gateway": "10.10.10.254"}], ["10.10.10.5/24"], "", [("10.10.10.5/24", "10.10.10.254")], True),
    ("a bare address", [{"address": "10.10.10.1/24", "gateway": "10.10.10.254"}], ["10.10.10.5"], "", [("10.10.10.5/24", "10.10.10.254")], False),
    ("the same of IPv6", [{"address": "10.1.0.1/16"}, {"address": "fd10::1/64", "gateway": "fd10::fe"}], ["10.1.2.3", "fd10::5"], "",
     [("10.1.2.3/16", None), ("fd10::5/64", "fd10::fe")], False),
    ("by CNI_ARGS", [{"address": "10.10.10.1/24", "gateway": "10.10.10.254"}], None, "IP=10.10.10.5",
     [("10.10.10.1/24", "10.10.10.254"), ("10.10.10.5/24", "10.10.10.254")], False),
    ("by CNI_ARGS, with a gateway of their own", [{"gateway": "10.10.10.254"}], None, "IP=10.10.10.5/24;GATEWAY=10.10.10.253",
     [("10.10.10.5/24", "10.10.10.253")], False),
    ("an address that the runtime replaces", [{"address": "to be replaced"}], ["10.10.10.5/24"], "", [("10.10.10.5/24", None)], True),
    ("a bare one that it replaces", [{"address": "10.10.10.1"}], ["10.10.10.5/24"], "", [("10.10.10.5/24", None)], True),
    ("a gateway of another subnet", [{"gateway": "10.20.0.1"}], ["10.10.10.5/24"], "", [("10.10.10.5/24", None)], True),
    ("a host's length, gateway on the link", [{"gateway": "10.20.0.1"}], ["10.10.10.5/32"], "", [("10.10.10.5/32", "10.20.0.1")], True),
    ("nothing tells the length", [], ["10.10.10.5"], "", (7, "runtimeConfig.ips", "10.10.10.5/24", "ipam.addresses"), False),
    ("the same in CNI_ARGS", [], None, "IP=fd10::5", (4, "CNI_ARGS IP", "fd10::5/64"), False),
    ("not replaced", [{"gateway": "10.10.10.254"}], None, "", (7, "ipam.addresses[0].address", "missing"), False),
    ("not replaced, no address", [{"address": "elsewhere"}], [], "", (7, "ipam.addresses[0].address"), False),
    ("no address at all", [{"gateway": "10.10.10.254"}], ["elsewhere"], "", (7, "runtimeConfig.ips", "elsewhere"), False),
)


class StaticTest(LaxCase):
    def test_what_the_runtime_replaces_need_not_be_right_and_what_it_leaves_is_used(self):
        for number, (source, addresses, ips, args, expected, is_known) in enumerate(STATICS):
            runtime = {} if ips is None else {"runtimeConfig": {"ips": ips}}
            config = self.config(type="static", ipam={"type": "static", "addresses": addresses}, **runtime)
            with self.subTest(source, addresses=addresses, ips=ips, args=args):
                a = self.node.container(f"a{number}")
                add = lambda where: self.run_as(where, "ADD", config, a, args=args)
                if isinstance(expected, tuple):
                    self.fails(expected[0], expected[1:], lambda: add(self.node.plugins))
                else:
                    self.assertEqual([(ip["address"], ip.get("gateway")) for ip in add(self.node.plugins)["ips"]], expected)
                if is_known:
                    self.assertEqual([ip["address"] for ip in add(REFERENCE_DIR)["ips"]], [address for address, _ in expected])
                else:
                    with self.assertRaises(PluginError):
                        add(REFERENCE_DIR)

    def test_the_gateway_is_the_containers_way_out(self):
        a = self.node.container("a")
        ipam = {"type": "static", "addresses": [{"address": "10.10.10.1/24", "gateway": "10.10.10.254"}]}
        config = self.config(type="bridge", bridge="b1", isDefaultGateway=True, ipam=ipam, runtimeConfig={"ips": ["10.10.10.5"]})
        result = self.ours("ADD", config, a)
        self.assertTrue(self.node.reaches(a, "192.0.2.1"))
        self.assertEqual(self.node.ip_json(a, "route", "show", "default")[0]["gateway"], "10.10.10.254")
        self.assert_life(config, a, result)

    def test_tunings_mtu_that_args_replace(self):
        a = self.node.container("a")
        self.node.run_in(a, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
        config = self.config(type="tuning", mtu=7, args={"cni": {"mtu": 1400}}, dataDir=self.node.directory, prevResult={"cniVersion": "1.0.0"})
        self.ours("ADD", config, a)
        self.assertEqual(self.node.ip_json(a, "link", "show", "eth0")[0]["mtu"], 1400)


PROGRAM = """#!/bin/sh
cat >/dev/null
case "$CNI_COMMAND" in ADD) echo '{"cniVersion":"1.0.0","ips":[{"address":"'$(echo "$CNI_ARGS" | sed 's/.*IP=\\([0-9.]*\\).*/\\1/')'/24","gateway":"10.61.0.1"}]}';; esac
"""

# (type, ipam's type, CNI_ARGS, the code of the error if it is one, whether the reference fails)
ARGUMENTS = (
    ("bridge", "host-local", "IP=10.61.0.77", None, True),
    ("bridge", "host-local", "IgnoreUnknown=1;IP=10.61.0.77;FOO=bar", None, False),
    ("bridge", "host-local", "FOO=bar", 4, True),
    ("bridge", "program", "IP=10.61.0.77", None, True),
    ("bridge", None, "IP=10.61.0.77", 4, True),
    ("bridge", None, "FOO=bar", 4, True),
    ("ptp", "program", "IP=10.61.0.77", None, False),
    ("ptp", "program", "IP=10.61.0.77;FOO=bar", None, False),
    ("ptp", "host-local", "IP=10.61.0.77", None, False),
    ("bridge", "host-local", "K8S_POD_NAME=web;IP=10.61.0.77", None, True),
    ("patchcord", "program", "IP=10.61.0.77", None, None),
    ("patchcord", "host-local", "IP=10.61.0.77;GATEWAY=10.61.0.1", None, None),
    ("patchcord", "host-local", "FOO=bar", 4, None),
)


class ArgumentsTest(LaxCase):
    def test_what_is_unknown_is_an_error_where_the_reference_has_one_and_nobody_reads_it(self):
        programs = os.path.join(self.node.directory, "programs")
        os.mkdir(programs)
        with open(os.path.join(programs, "program"), "w", encoding="ascii") as file:
            file.write(PROGRAM)
        os.chmod(file.name, 0o755)
        path = programs + ":" + REFERENCE_DIR
        for number, (kind, ipam, args, code, ref_fails) in enumerate(ARGUMENTS):
            mode = {"bridge": f"b{number}"} if kind == "bridge" else {"mode": "bridge", "bridge": f"b{number}"} if kind == "patchcord" else {}
            section = {} if ipam is None else {"ipam": self.ranges("10.61.0.0/24") if ipam == "host-local" else {"type": ipam}}
            config = {**self.config(type=kind, **mode, **section), "name": f"lax{number}"}
            with self.subTest(kind=kind, ipam=ipam, args=args):
                a = self.node.container(f"a{number}")
                options = {"args": args, "CNI_PATH": path}
                if code:
                    self.fails(code, ["unknown"], lambda: self.ours("ADD", config, a, **options))
                else:
                    result = self.ours("ADD", config, a, **options)
                    self.assertEqual(result["ips"][0]["address"], "10.61.0.77/24")
                    self.assert_life(config, a, result, **options)
                if ref_fails:
                    with self.assertRaises(PluginError):
                        self.run_as(REFERENCE_DIR, "ADD", config, a, **options)
                elif ref_fails is False:
                    self.run_as(REFERENCE_DIR, "ADD", config, a, **options)
                    self.run_as(REFERENCE_DIR, "DEL", config, a, **options)


# (where it comes from, the mode's keys, the subnet and what else the range has, addresses in the order in which they are given, then exhausted)
ROUTED = {"type": "patchcord", "mode": "routed"}
POOLS = (
    ("containernetworking/plugins 338: a pool of one address", ROUTED, {"subnet": "10.61.0.7/32"}, ["10.61.0.7"]),
    ("a pool of two, RFC 3021", ROUTED, {"subnet": "10.61.0.6/31"}, ["10.61.0.6", "10.61.0.7"]),
    ("all of a pool", ROUTED, {"subnet": "10.61.0.4/30"}, ["10.61.0.6", "10.61.0.7", "10.61.0.4", "10.61.0.5"]),
    ("the same of IPv6", ROUTED, {"subnet": "fd61::/126"}, ["fd61::2", "fd61::3", "fd61::", "fd61::1"]),
    ("IPv6, one address", ROUTED, {"subnet": "fd61::7/128"}, ["fd61::7"]),
    ("IPv6, two, RFC 6164", ROUTED, {"subnet": "fd61::6/127"}, ["fd61::6", "fd61::7"]),
    ("what is set apart by hand stays so", ROUTED, {"subnet": "10.61.0.4/30", "gateway": "10.61.0.5"}, ["10.61.0.6", "10.61.0.7", "10.61.0.4"]),
    ("limits of both ends", ROUTED, {"subnet": "10.61.0.0/24", "rangeStart": "10.61.0.0", "rangeEnd": "10.61.0.1"}, ["10.61.0.0", "10.61.0.1"]),
    ("the broadcast address", ROUTED, {"subnet": "10.61.0.0/24", "rangeStart": "10.61.0.255"}, ["10.61.0.255"]),
    ("a bridge and a container", {"type": "bridge", "bridge": "b1", "isDefaultGateway": True}, {"subnet": "10.61.0.6/31"}, ["10.61.0.6"]),
    ("the bridge at the other end", {"type": "bridge", "bridge": "b2", "isDefaultGateway": True}, {"subnet": "10.61.0.6/31", "gateway": "10.61.0.6"}, ["10.61.0.7"]),
    ("one address behind a gateway elsewhere", {"type": "bridge", "bridge": "b3", "isDefaultGateway": True}, {"subnet": "10.61.0.7/32", "gateway": "10.9.0.1"},
     ["10.61.0.7"]),
    ("a link of two ends", {"type": "ptp"}, {"subnet": "10.61.0.6/31"}, ["10.61.0.6"]),
    ("a link of two ends, IPv6", {"type": "ptp"}, {"subnet": "fd61::6/127"}, ["fd61::6"]),
    ("a link with a gateway elsewhere", {"type": "ptp"}, {"subnet": "10.61.0.7/32", "gateway": "10.9.0.1"}, ["10.61.0.7"]),
    ("on a bridge that is nobody's gateway", {"type": "bridge", "bridge": "b4", "isDefaultGateway": True}, {"subnet": "10.61.0.4/30"}, ["10.61.0.6"]),
)


def apart(address, number):
    """A subnet of its own for each row."""
    return address.replace("10.61.", f"10.{100 + number}.").replace("fd61:", f"fd{number:02}:")


class PoolTest(LaxCase):
    def test_small_pools_and_all_of_a_pool(self):
        for number, (source, mode, pool, expected) in enumerate(POOLS):
            pool = {key: apart(value, number) for key, value in pool.items()}
            expected = [apart(value, number) for value in expected]
            v6 = ":" in pool["subnet"]
            routes = [{"dst": "::/0" if v6 else "0.0.0.0/0"}]
            config = {**self.config(ipam=self.ranges(pool, routes=routes), **mode), "name": f"lax{number}"}
            with self.subTest(source, mode=mode, pool=pool):
                made = []
                for turn, address in enumerate(expected):
                    c = self.node.container(f"c{number}-{turn}")
                    made.append((c, self.ours("ADD", config, c)))
                    self.assertEqual(made[-1][1]["ips"][0]["address"].split("/")[0], address)
                    self.assertTrue(self.node.reaches(c, "2001:db8:2::1" if v6 else "192.0.2.1"), address)
                    self.assertTrue(self.node.reaches(self.node.host, address), address)
                late = self.node.container(f"l{number}")
                self.fails(102, [], lambda: self.ours("ADD", config, late))
                before = self.node.on_host("ip", "route") + self.node.on_host("ip", "-6", "route")
                for c, result in made:
                    self.assert_life(config, c, result)
                after = self.node.on_host("ip", "route") + self.node.on_host("ip", "-6", "route")
                self.assertNotIn(expected[0] + " ", after, before)

    def test_no_room_for_a_gateway_is_said(self):
        for kind in ({"type": "bridge", "bridge": "b1", "isGateway": True}, {"type": "ptp"}):
            with self.subTest(kind):
                config = self.config(ipam=self.ranges("10.61.0.7/32"), **kind)
                self.fails(7, ["10.61.0.7/32", "gateway"], lambda config=config: self.ours("ADD", config, self.node.container(f"c-{kind['type']}")))

    def test_the_gateway_of_a_routed_pool_can_be_asked_for(self):
        a = self.node.container("a")
        config = self.config(ipam=self.ranges("10.61.0.0/24"), runtimeConfig={"ips": ["10.61.0.1"]}, **ROUTED)
        self.assertEqual(self.ours("ADD", config, a)["ips"][0]["address"], "10.61.0.1/32")
        self.assertTrue(self.node.reaches(a, "192.0.2.1"))


class LinkTest(LaxCase):
    def test_ptp_without_ipam_is_a_link(self):
        for number, ipam in enumerate((None, {}, {"type": ""})):
            a = self.node.container(f"a{number}")
            config = self.config(type="ptp", **({} if ipam is None else {"ipam": ipam}))
            with self.subTest(ipam=ipam):
                result = self.ours("ADD", config, a)
                host_end = result["interfaces"][0]["name"]
                for namespace, link, address in ((self.node.host, host_end, "10.61.0.1/24"), (a, "eth0", "10.61.0.2/24")):
                    self.node.run_in(namespace, "ip", "addr", "add", address, "dev", link)
                self.assertTrue(self.node.reaches(a, "10.61.0.1"))
                self.ours("STATUS", {**config, "cniVersion": "1.1.0"}, a)
                self.assert_life(config, a, result)
                self.assertNotIn(host_end, self.node.veths())

    def test_a_gateway_on_the_link_of_a_bridge(self):
        # rkt/rkt 2390, hosting companies' failover addresses: the gateway lies in no subnet of the container's
        for number, (address, gateway, outside, gates) in enumerate((
                ("10.61.0.7/32", "10.9.0.1", "192.0.2.1", True), ("fd61::7/128", "fd09::1", "2001:db8:2::1", True),
                ("10.62.0.7/32", "10.9.0.9", "10.9.0.9", False), ("fd62::7/128", "fd09::9", "fd09::9", False))):
            with self.subTest(address, gates=gates):
                a = self.node.container(f"a{number}")
                family = "-6" if ":" in address else "-4"
                ipam = {"type": "static", "addresses": [{"address": address, "gateway": gateway}], "routes": [{"dst": "::/0" if ":" in address else "0.0.0.0/0"}]}
                config = self.config(type="bridge", bridge=f"b{number}", ipam=ipam, isGateway=gates)
                result = self.ours("ADD", config, a)
                if not gates:  # a router of others on the bridge
                    router = self.node.container(f"r{number}")
                    self.node.on_host("ip", "link", "add", f"r{number}", "up", "master", f"b{number}", "type", "veth", "peer", "name", "eth0", "netns", router)
                    self.node.run_in(router, "ip", "link", "set", "eth0", "up")
                    self.node.run_in(router, "ip", "addr", "add", gateway, "dev", "eth0", *(["nodad"] if ":" in gateway else []))
                    self.node.run_in(router, "ip", "route", "add", address, "dev", "eth0")
                    self.node.settle(router)
                self.assertTrue(self.node.reaches(a, outside))
                if gates:
                    self.node.on_host("ip", family, "route", "del", address)
                    with self.assertRaises(PluginError) as caught:
                        self.ours("CHECK", {**config, "prevResult": result}, a)
                    self.assertIn(address.split("/")[0], caught.exception.msg)
                    self.node.reconcile()
                    self.assertTrue(self.node.reaches(a, outside))
                self.assert_life(config, a, result)
                self.assertEqual(self.node.ip_json(self.node.host, family, "route", "show", address), [])
                with self.assertRaises(PluginError):  # as the reference: its route has no such next hop
                    self.run_as(REFERENCE_DIR, "ADD", config, self.node.container(f"ref{number}"))

    def test_a_gateway_beyond_the_subnet_is_still_a_slip(self):
        config = self.config(type="bridge", bridge="b1", ipam={"type": "static", "addresses": [{"address": "10.61.0.7/24"}],
                                                              "routes": [{"dst": "0.0.0.0/0", "gw": "10.16.0.1"}]})
        with self.assertRaises(PluginError):
            self.ours("ADD", config, self.node.container("a"))

    def test_an_unspecified_next_hop_is_none(self):
        # containernetworking/plugins 225: "gw": "0.0.0.0" for what is on the link
        for number, (dst, gw, target) in enumerate((("198.51.100.0/24", "0.0.0.0", "198.51.100.9"), ("0.0.0.0/0", "0.0.0.0", "203.0.113.9"),
                                                    ("2001:db8:9::/64", "::", "2001:db8:9::9"))):
            address = "fd61::7/64" if ":" in dst else "10.61.0.7/24"
            ipam = {"type": "static", "addresses": [{"address": address}], "routes": [{"dst": dst, "gw": gw}]}
            config = {**self.config(type="bridge", bridge=f"b{number}", ipam=ipam), "name": f"lax{number}"}
            with self.subTest(dst):
                routes, results = [], []
                for where in (self.node.plugins, REFERENCE_DIR)[:1 if ":" in dst else 2]:  # the reference has no such route of IPv6
                    a = self.node.container(f"a{number}{len(routes)}")
                    results.append(self.run_as(where, "ADD", config, a))
                    (route,) = self.node.ip_json(a, *(["-6"] if ":" in dst else []), "route", "show", dst)
                    routes.append((route.get("gateway"), route["dev"]))
                    neighbour = self.node.container(f"n{number}{len(routes)}")
                    link = f"n{number}{len(routes)}"
                    self.node.on_host("ip", "link", "add", link, "up", "master", f"b{number}", "type", "veth", "peer", "name", "eth0", "netns", neighbour)
                    self.node.run_in(neighbour, "ip", "link", "set", "eth0", "up")
                    self.node.run_in(neighbour, "ip", "addr", "add", target, "dev", "eth0", *(["nodad"] if ":" in target else []))
                    self.node.run_in(neighbour, "ip", "route", "add", address.split("/")[0], "dev", "eth0")
                    self.node.settle(neighbour)
                    self.assertTrue(self.node.reaches(a, target))
                    if where == self.node.plugins:
                        self.assert_life(config, a, results[0])
                    else:
                        self.run_as(where, "DEL", config, a)
                    self.node.on_host("ip", "link", "del", link)
                if len(routes) > 1:
                    self.assertEqual(routes[0], routes[1])
                    self.assertEqual(results[0]["routes"], results[1]["routes"])


if __name__ == "__main__":
    unittest.main()
