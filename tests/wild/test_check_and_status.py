"""CHECK and STATUS tell the truth, both ways: they pass where all is well, though not as ADD left it, and fail where an ADD or a container would."""

import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import REFERENCE_DIR, Node, PluginError

V4, V6 = "10.61.0.0/24", "fd61::/64"
DEFAULTS = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def bridge(**keys):
    return {"type": "bridge", "bridge": "b1", "isGateway": True, **keys}


def both(**keys):
    return {"type": "patchcord", "mode": "bridge", "bridge": "b1", "isGateway": True, **keys}


ROUTED = {"type": "patchcord", "mode": "routed"}


def without(*destinations):
    def edit(result):
        result["routes"] = [route for route in result["routes"] if route["dst"] not in destinations]
    return edit


def without_ipv6(result):
    result["ips"] = [ip for ip in result["ips"] if ":" not in ip["address"]]
    without("::/0")(result)


# (where it comes from, the configuration's keys, what ip does in the container, what becomes of the result)
TAKEN_OUT = (
    ("k8snetworkplumbingwg/multus-cni: the annotation default-route", bridge(), ["route del default"], without("0.0.0.0/0")),
    ("the same of both families", bridge(), ["route del default", "-6 route del default"], without("0.0.0.0/0", "::/0")),
    ("the same in mode bridge", both(isDefaultGateway=True), ["route del default"], without("0.0.0.0/0")),
    ("the same in mode routed", ROUTED, ["-6 route del default"], without("::/0")),
    ("the same of ptp", {"type": "ptp"}, ["route del default"], without("0.0.0.0/0")),
    ("a plugin of a user's that takes IPv6 out", bridge(), ["-6 addr flush dev eth0 scope global"], without_ipv6),
    ("the same in mode routed", ROUTED, ["-6 addr flush dev eth0 scope global", "-6 route flush dev eth0"], without_ipv6),
    ("the same of ptp", {"type": "ptp"}, ["-6 addr flush dev eth0 scope global", "-6 route flush dev eth0"], without_ipv6),
)


class WildCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def config(self, keys, subnets=(V4, V6), routes=(), **more):
        ipam = {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": subnet}] for subnet in subnets], "routes": list(routes)}
        return {"cniVersion": "1.0.0", "name": "wild", "ipam": ipam, **keys, **more}

    def plugin(self, config):
        return self.node.plugin(config["type"])

    def fails(self, words, call, code=None):
        with self.assertRaises(PluginError) as caught:
            call()
        if code is not None:
            self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg)


class CheckTest(WildCase):
    def test_what_the_result_lists_no_more_is_not_demanded_and_what_it_lists_is(self):
        for number, (source, keys, commands, edit) in enumerate(TAKEN_OUT):
            with self.subTest(source, keys=keys):
                config = self.config(keys, routes=DEFAULTS)
                a = self.node.container(f"a{number}")
                result = self.node.add(config, a, plugin=self.plugin(config))
                for command in commands:
                    self.node.run_in(a, "ip", *command.split())
                self.fails(["missing"], lambda: self.node.check(config, a, result, plugin=self.plugin(config)), 105)
                edited = copy.deepcopy(result)
                edit(edited)
                self.node.check(config, a, edited, plugin=self.plugin(config))
                self.node.delete(config, a, plugin=self.plugin(config))

    def test_what_the_result_lists_beyond_the_record_is_somebody_elses(self):
        config = self.config(bridge(), routes=DEFAULTS)
        a = self.node.container("a")
        result = self.node.add(config, a, plugin=self.plugin(config))
        result["routes"].append({"dst": "192.0.2.0/24", "gw": "10.61.0.9"})
        result["interfaces"].append({"name": "other0", "sandbox": self.node.path_of(a), "mac": "02:00:00:00:00:01"})
        self.node.check(config, a, result, plugin=self.plugin(config))

    def test_source_based_routing_behind_it_moves_routes_to_a_table_of_its_own(self):
        # containernetworking/plugins sbr; the reference's own CHECK of bridge fails behind it
        for number, keys in enumerate((bridge(), both(isDefaultGateway=True), {"type": "ptp"})):
            config = self.config(keys, routes=DEFAULTS, subnets=(V4,)) if number else self.config(keys, routes=DEFAULTS[:1], subnets=(V4,))
            config["ipam"]["routes"] = DEFAULTS[:1]
            with self.subTest(keys):
                a = self.node.container(f"a{number}")
                result = self.node.add(config, a, plugin=self.plugin(config))
                sbr = {"cniVersion": "1.0.0", "name": "wild", "type": "sbr"}
                result = self.node.add({**sbr, "prevResult": result}, a, plugin=os.path.join(REFERENCE_DIR, "sbr"))
                self.node.check(config, a, result, plugin=self.plugin(config))
                self.node.run_in(a, "ip", "route", "flush", "table", "100")
                self.fails(["0.0.0.0/0", "missing"], lambda: self.node.check(config, a, result, plugin=self.plugin(config)), 105)
                self.node.delete(config, a, plugin=self.plugin(config))


    def test_a_chained_type_judges_what_the_reference_made_by_the_result_and_the_kernel(self):
        members = ({"type": "tuning", "mtu": 1400, "sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "1"}, "dataDir": self.node.directory},
                   {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000, "egressBurst": 800_000},
                   {"type": "firewall"}, {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}})
        harm = {"tuning": ("link set eth0 mtu 1300", "MTU"), "bandwidth": ("addr flush dev eth0", "10.61.0."), "firewall": ("addr flush dev eth0", "10.61.0."),
                "portmap": ("link del eth0", "eth0")}
        for member in members:
            with self.subTest(member["type"]):
                a = self.node.container(f"a-{member['type']}")
                config = self.config(bridge(), subnets=(V4,))
                member = {"cniVersion": "1.0.0", "name": "wild", **member}
                reference = os.path.join(REFERENCE_DIR, member["type"])
                result = self.node.add(config, a, plugin=os.path.join(REFERENCE_DIR, "bridge"))
                result = self.node.add({**member, "prevResult": result}, a, plugin=reference)
                self.node.check(member, a, result, plugin=self.plugin(member))
                command, words = harm[member["type"]]
                self.node.run_in(a, "ip", *command.split())
                self.fails([words], lambda: self.node.check(member, a, result, plugin=self.plugin(member)), 105)
                self.node.delete({**member, "prevResult": result}, a, plugin=reference)
                self.node.delete(config, a, plugin=self.plugin(config))

    def test_a_link_of_the_host_that_the_result_lists_is_looked_for(self):
        member = {"cniVersion": "1.0.0", "name": "wild", "type": "bandwidth", "egressRate": 8_000_000, "egressBurst": 800_000}
        a = self.node.container("a")
        config = self.config(bridge(), subnets=(V4,))
        result = self.node.add(config, a, plugin=os.path.join(REFERENCE_DIR, "bridge"))
        result = self.node.add({**member, "prevResult": result}, a, plugin=os.path.join(REFERENCE_DIR, "bandwidth"))
        ifb = result["interfaces"][-1]["name"]
        self.node.on_host("ip", "link", "del", ifb)
        self.fails([ifb], lambda: self.node.check(member, a, result, plugin=self.plugin(member)), 105)

    def test_a_record_of_ours_that_is_lost_is_told(self):
        member = {"cniVersion": "1.0.0", "name": "wild", "type": "tuning", "mtu": 1400}
        a = self.node.container("a")
        config = self.config(bridge(), subnets=(V4,))
        result = self.node.add(config, a, plugin=self.plugin(config))
        self.fails(["no record"], lambda: self.node.check(member, a, result, plugin=self.plugin(member)), 105)


STATIC = {"type": "static"}
# (where it comes from, the configuration's keys, commands on the host before, what STATUS is to say; with nothing it passes, and so does an ADD that
# gets what the runtime is asked for; where it fails, that ADD does, too)
RUNTIME = {"ips": ["10.61.0.7/24"], "ipRanges": [[{"subnet": V4}]]}
STATUSES = (
    ("containernetworking CONVENTIONS: capability ips with static", bridge(capabilities={"ips": True}, ipam=STATIC), (), None),
    ("containernetworking CONVENTIONS: capability ipRanges with host-local", bridge(capabilities={"ipRanges": True}, ipam={"type": "host-local"}), (), None),
    ("the same in mode routed", {**ROUTED, "capabilities": {"ipRanges": True}, "ipam": {"type": "host-local"}}, (), None),
    ("the same of ptp", {"type": "ptp", "capabilities": {"ipRanges": True}, "ipam": {"type": "host-local"}}, (), None),
    ("a bridge of libvirt's that has the gateway's address already", bridge(), ("link add b1 up type bridge", "addr add 10.61.0.1/24 dev b1"), None),
    ("a bridge that has another address, and forceAddress", bridge(forceAddress=True), ("link add b1 up type bridge", "addr add 10.9.9.1/24 dev b1"), None),
    ("another address, and no gateway", bridge(isGateway=False), ("link add b1 up type bridge", "addr add 10.9.9.1/24 dev b1"), None),
    ("flannel-io/flannel 934: cni0 has another address than the gateway's", bridge(), ("link add b1 up type bridge", "addr add 10.9.9.1/24 dev b1"),
     "10.9.9.1/24"),
    ("the same of IPv6", bridge(), ("link add b1 up type bridge", "addr add fd61::9/64 dev b1"), "fd61::9/64"),
    ("the name of a veth", both(), ("link add b1 type veth peer name c1",), "is a veth, not a bridge"),
    ("a VLAN on a bridge that does not filter", both(vlan=7), ("link add b1 up type bridge",), "VLANs"),
    ("an MTU that IPv6 does not work with", both(mtu=1200), (), "1280"),
    ("the same in mode routed", {**ROUTED, "mtu": 1200}, (), "1280"),
    ("the same of ptp", {"type": "ptp", "mtu": 1279}, (), "1280"),
    ("the least MTU that it works with", both(mtu=1280), (), None),
    ("IPv6 off on the host", bridge(), ("sysctl all 1",), "net/ipv6/conf/default/disable_ipv6"),
    ("the same in mode routed", ROUTED, ("sysctl all 1",), "net/ipv6/conf/default/disable_ipv6"),
    ("the same of ptp", {"type": "ptp"}, ("sysctl all 1",), "net/ipv6/conf/default/disable_ipv6"),
    ("the same of the bridge alone", bridge(), ("link add b1 up type bridge", "sysctl b1 1"), "net/ipv6/conf/b1/disable_ipv6"),
    ("IPv6 off on the host, where it needs none: layer 2", bridge(isGateway=False), ("sysctl all 1",), None),
    ("a route of a family that nobody has", {**ROUTED, "ipam": {"type": "host-local", "subnet": V4, "routes": [{"dst": "::/0"}]}}, (), "::/0"),
)


class StatusTest(WildCase):
    def prepare(self, commands):
        for command in commands:
            words = command.split()
            if words[0] == "sysctl":
                self.node.on_host("sysctl", "-q", "-w", f"net.ipv6.conf.{words[1]}.disable_ipv6={words[2]}")
            else:
                self.node.on_host("ip", *words)

    def test_status_says_what_an_add_does(self):
        for source, keys, commands, words in STATUSES:
            with self.subTest(source, keys=keys):
                self.setUp()
                self.prepare(commands)
                config = self.config(keys, cniVersion="1.1.0")
                if config["ipam"]["type"] == "host-local":
                    config["ipam"]["dataDir"] = self.node.networks
                before = self.node.snapshot()
                plugin = self.plugin(config)
                runtime = {name: RUNTIME[name] for name in config.get("capabilities", {})}
                a = self.node.container("a")
                status = lambda: self.node.call("STATUS", config, "", netns="", ifname="", plugin=plugin)
                add = lambda: self.node.add({**config, "runtimeConfig": runtime}, a, plugin=plugin)
                if words:
                    self.fails([words], status, 50)
                    self.assertEqual(self.node.snapshot(), before)
                    links = sorted(link["ifname"] for link in self.node.ip_json(self.node.host, "link"))
                    self.fails([words], add)
                    self.assertEqual(sorted(link["ifname"] for link in self.node.ip_json(self.node.host, "link")), links)
                else:
                    status()
                    self.assertEqual(self.node.snapshot(), before)
                    add()

    def test_vlans_on_a_kernel_without_them_are_told_before_the_bridge_is_there(self):
        made = self.node.run_in(self.node.host, "ip", "link", "add", "x", "type", "bridge", "vlan_filtering", "1", check=False)
        if made.returncode == 0:
            self.skipTest("this kernel's bridges filter VLANs")
        config = self.config(both(vlan=7), cniVersion="1.1.0")
        before = self.node.snapshot()
        self.fails(["filter VLANs"], lambda: self.node.call("STATUS", config, "", netns="", ifname="", plugin=self.plugin(config)), 50)
        self.assertEqual(self.node.snapshot(), before)

    def test_a_program_that_does_not_know_status_is_no_reason_to_fail(self):
        programs = os.path.join(self.node.directory, "programs")
        os.mkdir(programs)
        path = os.path.join(programs, "program")
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\ncat >/dev/null\necho '{\"code\":4,\"msg\":\"unknown CNI_COMMAND: STATUS\"}'\nexit 1\n")
        os.chmod(path, 0o755)
        config = self.config(bridge(), cniVersion="1.1.0") | {"ipam": {"type": "program"}}
        self.node.call("STATUS", config, "", netns="", ifname="", plugin=self.plugin(config), CNI_PATH=programs)


class Ipv6Test(WildCase):
    def test_the_first_container_of_a_new_bridge_reaches_the_node_at_once(self):
        for number, keys in enumerate((bridge(), both(isDefaultGateway=True))):
            with self.subTest(keys):
                self.setUp()
                config = self.config(keys)
                a = self.node.container("a")
                self.node.add(config, a, plugin=self.plugin(config))
                [bridge_] = self.node.ip_json(self.node.host, "-6", "addr", "show", "dev", "b1")
                [local] = [each["local"] for each in bridge_["addr_info"] if each["scope"] == "link"]
                self.assertTrue(self.node.reaches(a, f"{local}%eth0", tries=1), number)

    def test_a_tuning_that_would_end_ipv6_is_refused_and_one_that_would_not_is_not(self):
        config = self.config(bridge())
        a = self.node.container("a")
        result = self.node.add(config, a, plugin=self.plugin(config))
        tuning = {"cniVersion": "1.0.0", "name": "wild", "type": "tuning", "mtu": 1200, "dataDir": self.node.directory}
        before = self.node.snapshot(a)
        self.fails(["1280", "fd61::"], lambda: self.node.add({**tuning, "prevResult": result}, a, plugin=self.plugin(tuning)), 7)
        self.assertEqual(self.node.snapshot(a), before)
        self.node.add({**tuning, "mtu": 1280, "prevResult": result}, a, plugin=self.plugin(tuning))
        ipv4 = self.config(bridge(bridge="b4", name="v4"), subnets=("10.62.0.0/24",))
        b = self.node.container("b")
        result = self.node.add(ipv4, b, plugin=self.plugin(ipv4))
        self.node.add({**tuning, "name": "v4", "prevResult": result}, b, plugin=self.plugin(tuning))

    def test_the_remedy_for_ipv6_that_is_off_is_not_more_rights(self):
        config = self.config({**ROUTED, "sysctl": {"net.ipv6.conf.all.disable_ipv6": "1"}})
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, self.node.container("a"))
        self.assertIn("disable_ipv6", caught.exception.document["details"])
        self.assertNotIn("root", caught.exception.document["details"])

    def test_an_uplink_that_listens_goes_on_though_no_router_has_spoken_yet(self):
        router = self.node.container("router")
        self.node.on_host("ip", "link", "add", "br-up", "up", "type", "bridge")
        self.node.on_host("ip", "link", "add", "port0", "master", "br-up", "up", "type", "veth", "peer", "name", "eth0", "netns", router)
        for keys in (both(bridge="b1"), ROUTED, {"type": "ptp"}):
            with self.subTest(keys):
                self.node.on_host("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=0", "net.ipv6.conf.br-up.accept_ra=1")
                config = self.config(keys, name=f"n-{keys['type']}-{keys.get('mode')}")
                a = self.node.container(f"a-{keys['type']}-{keys.get('mode')}")
                self.node.add(config, a, plugin=self.plugin(config))
                self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv6.conf.all.forwarding").strip(), "1")
                self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv6.conf.br-up.accept_ra").strip(), "2")
                self.node.delete(config, a, plugin=self.plugin(config))

    def test_one_that_was_told_not_to_listen_does_not(self):
        self.node.on_host("ip", "link", "add", "br-up", "up", "type", "bridge")
        self.node.on_host("sysctl", "-q", "-w", "net.ipv6.conf.br-up.accept_ra=0")
        self.node.add(self.config(ROUTED), self.node.container("a"))
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv6.conf.br-up.accept_ra").strip(), "0")


# (where it comes from, commands on the host, the MTU that mtu: auto is to give). up0 has 1400 bytes, up1 1450, up2 1500.
MTUS = (
    ("no default route", (), 1500),
    ("one default route", ("route add default dev up0",), 1400),
    ("openvpn: redirect-gateway def1", ("route add default dev up2", "route add 0.0.0.0/1 dev up0", "route add 128.0.0.0/1 dev up0"), 1400),
    ("the halves by two links", ("route add 0.0.0.0/1 dev up1", "route add 128.0.0.0/1 dev up0"), 1400),
    ("wg-quick(8): a table of its own, by a rule",
     ("route add default dev up2", "route add default dev up0 table 51820", "rule add not fwmark 51820 table 51820",
      "rule add table main suppress_prefixlength 0"), 1400),
    ("a route's own mtu", ("route add default dev up2 mtu 1380",), 1380),
    ("a route's own mtu that its link does not have", ("route add default dev up0 mtu 9000",), 1400),
    ("several ways at once: the smallest", ("route add default nexthop dev up2 nexthop dev up0 nexthop dev up1",), 1400),
    ("IPv6 alone", ("-6 route add default dev up1",), 1450),
    ("IPv6 alone, the internet's prefix", ("-6 route add 2000::/3 dev up1",), 1450),
    ("a default route that forbids", ("route add unreachable default",), 1500),
)


class MtuTest(WildCase):
    def test_auto_is_what_packets_meet_on_the_way_out(self):
        for source, commands, mtu in MTUS:
            with self.subTest(source):
                self.setUp()
                for number, bytes_ in enumerate((1400, 1450, 1500)):
                    self.node.on_host("ip", "link", "add", f"up{number}", "mtu", str(bytes_), "type", "veth", "peer", "name", f"far{number}")
                    for end in (f"up{number}", f"far{number}"):
                        self.node.on_host("ip", "link", "set", end, "up")
                    self.node.on_host("ip", "addr", "add", f"192.0.2.{number + 1}/32", "dev", f"up{number}")
                for command in commands:
                    self.node.on_host("ip", *command.split())
                a = self.node.container("a")
                self.node.add(self.config(ROUTED, subnets=(V4,), mtu="auto"), a)
                self.assertEqual(self.node.ip_json(a, "link", "show", "eth0")[0]["mtu"], mtu)


if __name__ == "__main__":
    unittest.main()
