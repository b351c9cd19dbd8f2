"""Strict only where laxness would do harm: addresses, pools, gateways and CNI_ARGS as people have them, beside the reference in the same lab."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import REFERENCE_DIR, PluginError
from lax_case import LaxCase

# (where it comes from, ipam's addresses, runtimeConfig.ips, CNI_ARGS, addresses and gateways, whether the reference takes it)
STATICS = (
    ("containernetworking/plugins 281 and 406: a gateway, and the runtime's address", [{"gateway": "10.10.10.254"}], ["10.10.10.5/24"], "",
     [("10.10.10.5/24", "10.10.10.254")], True),
    ("containers/podman 17955: a bare address", [{"address": "10.10.10.1/24", "gateway": "10.10.10.254"}], ["10.10.10.5"], "",
     [("10.10.10.5/24", "10.10.10.254")], False),
    ("the same of IPv6", [{"address": "10.1.0.1/16"}, {"address": "fd10::1/64", "gateway": "fd10::fe"}], ["10.1.2.3", "fd10::5"], "",
     [("10.1.2.3/16", None), ("fd10::5/64", "fd10::fe")], False),
    ("containernetworking/plugins 165: by CNI_ARGS", [{"address": "10.10.10.1/24", "gateway": "10.10.10.254"}], None, "IP=10.10.10.5",
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
[ "$CNI_COMMAND" = ADD ] || exit 0
address=$(echo "$CNI_ARGS" | sed 's/.*IP=\\([0-9.]*\\).*/\\1/')
echo '{"cniVersion":"1.0.0","ips":[{"address":"'$address'/24","gateway":"10.61.0.1"}]}'
"""

# containernetworking/cni 127 and 560, projectcalico/cni-plugin 84
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
BRIDGE = {"type": "bridge", "isDefaultGateway": True}
POOLS = (
    ("moby/moby 31272: a pool of one address", ROUTED, {"subnet": "10.61.0.7/32"}, ["10.61.0.7"]),
    ("containernetworking/plugins 908: a pool of two, RFC 3021", ROUTED, {"subnet": "10.61.0.6/31"}, ["10.61.0.6", "10.61.0.7"]),
    ("containernetworking/cni 256: all of a pool", ROUTED, {"subnet": "10.61.0.4/30"}, ["10.61.0.6", "10.61.0.7", "10.61.0.4", "10.61.0.5"]),
    ("the same of IPv6", ROUTED, {"subnet": "fd61::/126"}, ["fd61::2", "fd61::3", "fd61::", "fd61::1"]),
    ("IPv6, one address", ROUTED, {"subnet": "fd61::7/128"}, ["fd61::7"]),
    ("IPv6, two, RFC 6164", ROUTED, {"subnet": "fd61::6/127"}, ["fd61::6", "fd61::7"]),
    ("what is set apart by hand stays so", ROUTED, {"subnet": "10.61.0.4/30", "gateway": "10.61.0.5"}, ["10.61.0.6", "10.61.0.7", "10.61.0.4"]),
    ("limits of both ends", ROUTED, {"subnet": "10.61.0.0/24", "rangeStart": "10.61.0.0", "rangeEnd": "10.61.0.1"}, ["10.61.0.0", "10.61.0.1"]),
    ("the broadcast address", ROUTED, {"subnet": "10.61.0.0/24", "rangeStart": "10.61.0.255"}, ["10.61.0.255"]),
    ("a bridge and a container", BRIDGE, {"subnet": "10.61.0.6/31"}, ["10.61.0.6"]),
    ("the bridge at the other end", BRIDGE, {"subnet": "10.61.0.6/31", "gateway": "10.61.0.6"}, ["10.61.0.7"]),
    ("one address behind a gateway elsewhere", BRIDGE, {"subnet": "10.61.0.7/32", "gateway": "10.9.0.1"}, ["10.61.0.7"]),
    ("a link of two ends", {"type": "ptp"}, {"subnet": "10.61.0.6/31"}, ["10.61.0.6"]),
    ("a link of two ends, IPv6", {"type": "ptp"}, {"subnet": "fd61::6/127"}, ["fd61::6"]),
    ("a link with a gateway elsewhere", {"type": "ptp"}, {"subnet": "10.61.0.7/32", "gateway": "10.9.0.1"}, ["10.61.0.7"]),
    ("a bridge's pool has its gateway and broadcast address", BRIDGE, {"subnet": "10.61.0.4/30"}, ["10.61.0.6"]),
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
            config = {**self.config(ipam=self.ranges(pool, routes=routes), bridge=f"b{number}", **mode), "name": f"lax{number}"}
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
    def join(self, namespace, link, bridge, address, whom):
        """A machine of others on the bridge, that knows the way to one address."""
        self.node.on_host("ip", "link", "add", link, "up", "master", bridge, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self.node.run_in(namespace, "ip", "link", "set", "eth0", "up")
        self.node.run_in(namespace, "ip", "addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        self.node.run_in(namespace, "ip", "route", "add", whom, "dev", "eth0")
        self.node.settle(namespace)

    def test_ptp_without_ipam_is_a_link(self):
        # containernetworking/plugins 987
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
        # ovn-kubernetes/ovn-kubernetes 225, aws/amazon-ecs-cni-plugins 119: the gateway lies in no subnet of the container's, as on Google's machines
        for number, (address, gateway, outside, gates) in enumerate((
                ("10.61.0.7/32", "10.9.0.1", "192.0.2.1", True), ("fd61::7/128", "fd09::1", "2001:db8:2::1", True),
                ("10.62.0.7/32", "10.9.0.9", "10.9.0.9", False), ("fd62::7/128", "fd09::9", "fd09::9", False))):
            with self.subTest(address, gates=gates):
                a = self.node.container(f"a{number}")
                family = "-6" if ":" in address else "-4"
                routes = [{"dst": "::/0" if ":" in address else "0.0.0.0/0"}]
                ipam = {"type": "static", "addresses": [{"address": address, "gateway": gateway}], "routes": routes}
                config = self.config(type="bridge", bridge=f"b{number}", ipam=ipam, isGateway=gates)
                result = self.ours("ADD", config, a)
                if not gates:  # a router of others on the bridge
                    router = self.node.container(f"r{number}")
                    self.join(router, f"r{number}", f"b{number}", gateway, address)
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
                if gates:  # as a DEL without a record leaves it
                    self.node.on_host("ip", family, "route", "add", address, "dev", f"b{number}")
                    self.assert_life(config, a, self.ours("ADD", config, a))
                with self.assertRaises(PluginError):  # as the reference: its route has no such next hop
                    self.run_as(REFERENCE_DIR, "ADD", config, self.node.container(f"ref{number}"))

    def test_a_gateway_beyond_the_subnet_is_still_a_slip(self):
        config = self.config(type="bridge", bridge="b1", ipam={"type": "static", "addresses": [{"address": "10.61.0.7/24"}],
                                                              "routes": [{"dst": "0.0.0.0/0", "gw": "10.16.0.1"}]})
        with self.assertRaises(PluginError):
            self.ours("ADD", config, self.node.container("a"))

    def test_an_unspecified_next_hop_is_none(self):
        # containernetworking/cni 629: a route to what is on the link
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
                    self.join(neighbour, link, f"b{number}", target, address.split("/")[0])
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
