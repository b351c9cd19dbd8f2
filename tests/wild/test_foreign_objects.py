"""A foreign object is not ours, and yet it stays what it was: bridges that were there before, and what routers of a LAN say to containers on it."""

import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import REFERENCE_DIR, Node, PluginError

BRIDGE = {"type": "bridge", "bridge": "br7"}
OWN = {"type": "patchcord", "mode": "bridge", "bridge": "br7"}
# (where it comes from, the configuration's keys)
GATEWAYS = (
    ("containernetworking/cni 285: bridge mac changes as containers come and go", {**BRIDGE, "isGateway": True}),
    ("kubernetes/kubernetes 30783: kubenet pins cbr0's MAC", {**BRIDGE, "isDefaultGateway": True, "ipMasq": True}),
    ("mode bridge", {**OWN, "isGateway": True}),
    ("mode bridge with rules", {**OWN, "isDefaultGateway": True, "ipMasq": True, "antispoof": True, "isolation": "network"}),
    ("the gateway's address was given by whoever made the bridge", {**OWN, "isGateway": True, "present": "10.7.0.1/24"}),
    ("a program gives the addresses, which runs when the port is there", {**OWN, "isGateway": True, "program": True}),
)
RIGHT, RESTORED = 0, 1
LOWEST = "00:00:00:00:00:01"  # of a port that joins later, which the kernel would have the bridge take
# A router's advertisement of a prefix, and of itself as a router: type 134, hop limit 64, no flags, 1800 s; prefix with L and A.
ROUTER = """import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 1800, 0) + socket.inet_pton(socket.AF_INET6, "fd77::")
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
"""
PROGRAM = """#!/bin/sh
cat >/dev/null
[ $CNI_COMMAND != ADD ] || echo '{"cniVersion":"1.0.0","ips":[{"address":"10.7.0.2/24","gateway":"10.7.0.1"}]}'
"""


class ForeignCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def host_local(self, *subnets):
        return {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": each}] for each in subnets]}

    def call(self, command, keys, container, where=None, **more):
        config = {"cniVersion": "1.0.0", "name": "lan", **keys, **more}
        plugin = os.path.join(where or self.node.plugins, config["type"])
        return self.node.call(command, config, container, plugin=plugin, CNI_PATH=f"{self.node.directory}:{REFERENCE_DIR}")


class MacTest(ForeignCase):
    def prepare(self, keys):
        self.node.on_host("ip", "link", "del", "br7", check=False)
        self.node.on_host("ip", "link", "add", "br7", "up", "type", "bridge")
        if "present" in keys:
            self.node.on_host("ip", "addr", "add", keys["present"], "dev", "br7")
        with open(os.path.join(self.node.directory, "program"), "w", encoding="ascii") as file:
            file.write(PROGRAM)
        os.chmod(file.name, 0o755)
        ipam = {"type": "program"} if "program" in keys else self.host_local("10.7.0.0/24")
        return {**{key: value for key, value in keys.items() if key not in ("present", "program")}, "ipam": ipam}

    def mac(self):
        return self.node.ip_json(self.node.host, "link", "show", "br7")[0]["address"]

    def reported(self, result):
        return next(each["mac"] for each in result["interfaces"] if each["name"] == "br7")

    def lend_another(self, name):
        """A port that would change the bridge's MAC if nobody had told it one."""
        self.node.on_host("ip", "link", "add", name, "address", LOWEST, "master", "br7", "type", "veth", "peer", "name", name + "p")

    def test_a_gateway_keeps_the_mac_that_its_bridge_had(self):
        for number, (source, keys) in enumerate(GATEWAYS):
            for where in (self.node.plugins, REFERENCE_DIR) if number == 0 else (self.node.plugins,):
                with self.subTest(source, where=where):
                    config = self.prepare(keys)
                    before = self.mac()
                    a = self.node.container(f"a{number}{where == REFERENCE_DIR}")
                    result = self.call("ADD", config, a, where)
                    if where != REFERENCE_DIR:
                        self.assertEqual((self.reported(result), self.mac()), (before, before))
                    else:
                        before = self.reported(result)
                    self.lend_another("l0")
                    self.assertEqual(self.mac(), before)
                    self.call("DEL", config, a, where)
                    self.node.on_host("ip", "link", "del", "l0")
                    self.assertEqual(self.mac(), before)

    def test_the_others_do_not_lose_the_gateway_when_a_container_leaves(self):
        config = self.prepare(GATEWAYS[2][1])
        containers = [self.node.container(f"c{number}") for number in range(4)]
        for each in containers:
            self.call("ADD", config, each)
        stays = containers.pop()
        self.assertTrue(self.node.reaches(stays, "10.7.0.1"))
        ping = subprocess.Popen(["nsenter", f"--net={self.node.path_of(stays)}", "ping", "-n", "-i", "0.01", "10.7.0.1"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for each in containers:
            self.call("DEL", config, each)
        time.sleep(0.2)
        ping.send_signal(signal.SIGINT)
        self.assertIn(" 0% packet loss", patience.communicate(ping)[0])

    def test_without_a_gateway_the_mac_is_the_kernels_to_choose_and_is_told_as_it_is(self):
        for keys in (BRIDGE, OWN):
            with self.subTest(keys):
                config = self.prepare(keys)
                a = self.node.container(f"n-{keys['type']}")
                result = self.call("ADD", config, a)
                self.assertEqual(self.reported(result), self.mac())
                self.lend_another("l0")
                self.assertEqual(self.mac(), LOWEST)
                self.node.on_host("ip", "link", "del", "l0")

    def test_a_bridge_of_ours_asks_for_nothing(self):
        config = {**OWN, "isGateway": True, "ipam": self.host_local("10.7.0.0/24")}
        a, b = self.node.container("a"), self.node.container("b")
        before = self.reported(self.call("ADD", config, a))
        self.lend_another("l0")
        self.assertEqual(self.reported(self.call("ADD", config, b)), before)


# (where it comes from, the keys, whether the container has an address of the LAN's router's prefix)
LISTENERS = (
    ("containernetworking/plugins 195: layer 2 only, the LAN's router gives addresses", {**BRIDGE, "ipam": {}}, True),
    ("the same without the key", BRIDGE, True),
    ("mode bridge without ipam", {**OWN, "ipam": {}}, True),
    ("with the MAC checked", {**BRIDGE, "ipam": {}, "macspoofchk": True}, True),
    ("CVE-2020-10749: IPv4 from us", {**BRIDGE, "subnets": ["10.7.0.0/24"]}, False),
    ("CVE-2020-10749: both from us", {**OWN, "subnets": ["10.7.0.0/24", "fd07::/64"]}, False),
    ("CVE-2020-10749: IPv6 from us", {**OWN, "subnets": ["fd07::/64"]}, False),
    ("asked for", {**BRIDGE, "subnets": ["10.7.0.0/24"], "acceptRA": True}, True),
    ("asked for beside addresses of ours", {**OWN, "subnets": ["10.7.0.0/24", "fd07::/64"], "acceptRA": True}, True),
    ("asked for where engines switch IPv6 off", {**OWN, "subnets": ["10.7.0.0/24"], "acceptRA": True, "off": True}, True),
    ("asked for in a container that forwards", {**OWN, "subnets": ["10.7.0.0/24"], "acceptRA": True, "forwards": True}, True),
    ("not asked for", {**OWN, "subnets": ["10.7.0.0/24"], "acceptRA": False}, False),
)


class AdvertisementsTest(ForeignCase):
    def setUp(self):
        super().setUp()
        self.router = self.node.container("router")
        self.node.on_host("ip", "link", "add", "br7", "up", "type", "bridge")
        self.node.on_host("ip", "link", "add", "lan0", "up", "master", "br7", "type", "veth", "peer", "name", "lan1", "netns", self.router)
        self.node.run_in(self.router, "ip", "link", "set", "lan1", "up")

    def advertise(self, interface="lan1", where=None):
        self.node.run_in(where or self.router, sys.executable, "-c", ROUTER, interface)

    def listens(self, container, interface="lan1", where=None, tries=patience.TRIES):
        def heard():
            self.advertise(interface, where)
            return any("fd77:" in each["local"] for each in self.addresses(container))
        return bool(patience.until(heard, tries))

    def addresses(self, container):
        [link] = self.node.ip_json(container, "-6", "addr", "show", "eth0") or [{"addr_info": []}]
        return link["addr_info"]

    def attach(self, keys, name, where=None):
        keys = dict(keys)
        subnets, off, forwards = keys.pop("subnets", None), keys.pop("off", False), keys.pop("forwards", False)
        config = {**keys, "ipam": self.host_local(*subnets)} if subnets else keys
        container = self.node.container(name)
        if off:
            self.node.run_in(container, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        if forwards:
            self.node.run_in(container, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        return container, config, self.call("ADD", config, container, where)

    def test_a_container_listens_where_nobody_else_gives_addresses_and_where_it_is_told_to(self):
        self.node.settle(self.router)
        for number, (source, keys, wanted) in enumerate(LISTENERS):
            with self.subTest(source):
                a, config, result = self.attach(keys, f"a{number}")
                self.assertEqual(self.listens(a, tries=patience.TRIES if wanted else 1), wanted)
                self.call("CHECK", config, a, prevResult=result)
                self.assertEqual({each["outcome"] for each in self.node.reconcile()}, {RIGHT})
                self.call("DEL", config, a)

    def test_as_the_references_does(self):
        self.node.settle(self.router)
        a, _, _ = self.attach({**BRIDGE, "ipam": {}}, "a", REFERENCE_DIR)
        self.assertTrue(self.listens(a))

    def test_the_key_in_ptp_and_in_mode_routed(self):
        for number, keys in enumerate(({"type": "ptp"}, {"type": "patchcord", "mode": "routed"})):
            for wanted in (True, False):
                with self.subTest(keys, wanted=wanted):
                    a, config, result = self.attach({**keys, "subnets": ["10.7.0.0/24"], "acceptRA": wanted}, f"p{number}{wanted}")
                    [host_end] = [each["name"] for each in result["interfaces"] if not each.get("sandbox")]
                    self.node.settle()
                    self.assertEqual(self.listens(a, host_end, self.node.host, patience.TRIES if wanted else 1), wanted)
                    self.call("DEL", config, a)

    def test_check_misses_what_was_asked_for_and_reconcile_puts_it_back(self):
        a, config, result = self.attach({**OWN, "subnets": ["10.7.0.0/24"], "acceptRA": True}, "a")
        self.node.run_in(a, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0")
        with self.assertRaises(PluginError) as caught:
            self.call("CHECK", config, a, prevResult=result)
        self.assertIn("accept_ra is 0, not 2", caught.exception.msg)
        self.assertEqual([each["outcome"] for each in self.node.reconcile()], [RESTORED])
        self.call("CHECK", config, a, prevResult=result)

    def test_it_is_refused_where_what_comes_of_it_would_be_dropped_and_where_it_is_no_boolean(self):
        a = self.node.container("a")
        for keys, words in (({"acceptRA": True, "antispoof": True}, "acceptRA"), ({"acceptRA": "yes"}, "acceptRA")):
            with self.assertRaises(PluginError) as caught:
                self.call("ADD", {**OWN, "ipam": self.host_local("10.7.0.0/24"), **keys}, a)
            self.assertEqual(caught.exception.code, 7)
            self.assertIn(words, caught.exception.msg)
