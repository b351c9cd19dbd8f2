"""The order that others count on: what an IPAM program finds when it is run, and what a later plugin's change takes with it."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import REFERENCE_DIR, Node, PluginError, bridge_config, routed_config

MAC = "c2:b0:57:49:47:f1"

# (where it comes from, the configuration's keys, what the program has to find). The reference's bridge has the interface there and down, and
# DHCP clients set it up; its macvlan, which is their usual company, has it up.
PROGRAMS = (
    ("containernetworking/plugins README: bridge with ipam dhcp on a LAN", {"type": "bridge", "bridge": "br-lan"}),
    ("containers/podman 8480: bridge, dhcp, and a MAC that the router knows", {"type": "bridge", "bridge": "br-lan", "runtimeConfig": {"mac": MAC}}),
    ("k8snetworkplumbingwg/whereabouts README: bridge as a secondary network", {"type": "bridge", "bridge": "br-new", "isGateway": False}),
    ("containernetworking/plugins 371: ptp with a program that looks at the interface", {"type": "ptp"}),
    ("the same in mode bridge", {"type": "patchcord", "mode": "bridge", "bridge": "br-lan", "isDefaultGateway": True}),
    ("the same in mode bridge, with all that rules are made of",
     {"type": "patchcord", "mode": "bridge", "bridge": "br-lan", "ipMasq": True, "isolation": "network", "antispoof": True, "runtimeConfig": {"mac": MAC}}),
    ("the same in mode routed", {"type": "patchcord", "mode": "routed", "runtimeConfig": {"mac": MAC}}),
    ("a sysctl of the interface beside it", {"type": "patchcord", "mode": "routed", "sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "1"}}),
)
ANSWER = {"cniVersion": "1.0.0", "ips": [{"address": "10.44.0.9/24", "gateway": "10.44.0.1"}, {"address": "fd44::9/64", "gateway": "fd44::1"}]}
PROGRAM = """#!/bin/sh
cat >/dev/null
nsenter --net=$CNI_NETNS ip -j link show $CNI_IFNAME >{log}.$CNI_COMMAND
[ ! -e {log}.refuse ] || [ $CNI_COMMAND = DEL ] || {{ echo '{{"code":117,"msg":"nobody serves"}}'; exit 1; }}
[ $CNI_COMMAND != ADD ] || echo '{answer}'
"""


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.programs = os.path.join(self.node.directory, "programs")
        os.mkdir(self.programs)
        self.log = os.path.join(self.node.directory, "log")
        self.write(ANSWER)
        self.node.on_host("ip", "link", "add", "br-lan", "up", "type", "bridge")
        self.node.on_host("ip", "link", "add", "lan0", "master", "br-lan", "type", "veth", "peer", "name", "lan1")
        for end in ("lan0", "lan1"):
            self.node.on_host("ip", "link", "set", end, "up")

    def write(self, answer):
        path = os.path.join(self.programs, "program")
        with open(path, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(log=self.log, answer=json.dumps(answer)))
        os.chmod(path, 0o755)

    def seen(self, command):
        with open(f"{self.log}.{command}", encoding="ascii") as file:
            return json.loads(file.read() or "[]")

    def call(self, command, keys, container, **more):
        config = {"cniVersion": "1.0.0", "name": "lan", "ipam": {"type": "program"}, **keys}
        return self.node.call(command, {**config, **more}, container, plugin=self.node.plugin(config["type"]), CNI_PATH=self.programs)

    def test_it_finds_the_interface_up_with_its_final_mac_and_finds_it_still_when_it_is_to_release(self):
        for number, (source, keys) in enumerate(PROGRAMS):
            with self.subTest(source):
                a = self.node.container(f"a{number}")
                result = self.call("ADD", keys, a)
                mac = next(each["mac"] for each in result["interfaces"] if each.get("sandbox"))
                self.assertEqual(mac, keys.get("runtimeConfig", {}).get("mac", mac))
                [link] = self.seen("ADD")
                self.assertEqual((link["address"], link["operstate"]), (mac, "UP"))
                self.call("CHECK", keys, a, prevResult=result)
                self.call("DEL", keys, a)
                self.assertEqual(self.seen("DEL")[0]["address"], mac)
                self.assertEqual(sorted(self.node.veths()), ["lan0", "lan1"])

    def test_what_it_gives_carries_traffic_in_both_families(self):
        self.node.on_host("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
        for number, keys in enumerate(({"type": "patchcord", "mode": "bridge", "bridge": "br-gw", "isDefaultGateway": True}, {"type": "ptp"},
                                       {"type": "patchcord", "mode": "routed"})):
            with self.subTest(keys):
                a = self.node.container(f"c{number}")
                self.node.run_in(a, "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")  # as container engines set it where IPv6 is not asked for
                self.call("ADD", keys, a)
                for address in ("10.44.0.9", "fd44::9"):
                    self.assertTrue(self.node.reaches(self.node.host, address), address)
                self.call("DEL", keys, a)

    def test_addresses_of_ipv4_alone_leave_ipv6_as_the_container_has_it(self):
        self.write({**ANSWER, "ips": ANSWER["ips"][:1]})
        a = self.node.container("a")
        self.node.run_in(a, "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
        self.call("ADD", {"type": "bridge", "bridge": "br-lan"}, a)
        self.assertEqual(self.node.run_in(a, "sysctl", "-n", "net.ipv6.conf.eth0.disable_ipv6").stdout.strip(), "1")

    def test_a_refusal_or_an_answer_that_fits_nothing_undoes_all(self):
        a = self.node.container("a")
        # The chains of rules that are the same for everybody stay once they are there.
        everything = next(keys for _, keys in PROGRAMS if "antispoof" in keys)
        for command in ("ADD", "DEL"):
            self.call(command, everything, a)
        self.node.on_host("ip", "link", "set", "br-lan", "down")
        before = self.node.snapshot(a)
        for answer in (None, {}, {**ANSWER, "ips": [{"address": "10.44.0.9"}]}, {**ANSWER, "routes": [{"dst": "192.0.2.0/24", "gw": "10.9.9.9"}]}):
            if answer is None:
                with open(f"{self.log}.refuse", "w", encoding="ascii"):
                    pass
            else:
                self.write(answer)
                if os.path.exists(f"{self.log}.refuse"):
                    os.unlink(f"{self.log}.refuse")
            for source, keys in PROGRAMS if answer is None else PROGRAMS[::3]:
                if answer and "routes" in answer and keys["type"] != "bridge":
                    continue  # where the next hop is the host's end, another one is taken at its word; and a LAN keeps a gateway that it was given
                with self.subTest(source, answer=answer):
                    with self.assertRaises(PluginError):
                        self.call("ADD", keys, a)
                    self.assertEqual(self.node.snapshot(a), before)


# (where it comes from, what the plugin changes)
CHANGES = (
    ("containernetworking/plugins tuning: mac", {"mac": MAC}),
    ("the same, by the runtime", {"runtimeConfig": {"mac": MAC}}),
    ("with an MTU and sysctls beside it", {"mac": MAC, "mtu": 1400, "promisc": True, "sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "1"}}),
)


class LaterChangeTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = routed_config(self.node, subnets=("10.89.0.0/24", "fd00:89::/64"))
        self.node.on_host("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")

    def chain(self, config, a, change, directory):
        result = self.node.add(config, a)
        tuning = {"cniVersion": "1.0.0", "name": config["name"], "type": "tuning", "dataDir": self.node.directory, **change}
        plugin = os.path.join(directory, "tuning")
        return tuning, plugin, self.node.add({**tuning, "prevResult": result}, a, plugin=plugin)

    def test_the_neighbours_of_mode_routed_outlive_it(self):
        for number, (source, change) in enumerate(CHANGES):
            with self.subTest(source):
                a = self.node.container(f"a{number}")
                tuning, plugin, result = self.chain(self.config, a, change, self.node.plugins)
                for ip in result["ips"]:
                    self.assertTrue(self.node.reaches(self.node.host, ip["address"].split("/")[0]), ip)
                self.node.check(self.config, a, result)
                self.node.check(tuning, a, result, plugin=plugin)
                self.node.delete(tuning, a, plugin=plugin)
                neighbours = self.node.ip_json(a, "neigh", "show", "nud", "permanent")
                self.assertEqual({each["dst"] for each in neighbours}, {"169.254.1.1", "fe80::1"})
                self.node.delete(self.config, a)

    def test_somebody_elses_change_is_borne_where_the_neighbour_can_be_learnt(self):
        a = self.node.container("a")
        self.node.on_host("ip", "link", "add", "up0", "up", "type", "veth", "peer", "name", "up1")
        self.node.on_host("ip", "link", "set", "up1", "up")
        self.node.on_host("ip", "route", "add", "default", "dev", "up0")
        _, _, result = self.chain(self.config, a, {"mac": MAC}, REFERENCE_DIR)
        for ip in result["ips"]:
            self.assertTrue(self.node.reaches(self.node.host, ip["address"].split("/")[0]), ip)
        self.node.check(self.config, a, result)

    def test_where_it_cannot_be_learnt_check_says_what_is_missing(self):
        a = self.node.container("a")
        _, _, result = self.chain(self.config, a, {"mac": MAC}, REFERENCE_DIR)
        with self.assertRaises(PluginError) as caught:
            self.node.check(self.config, a, result)
        self.assertIn("169.254.1.1", caught.exception.msg)
        self.assertNotIn("fe80::1", caught.exception.msg)

    def test_in_mode_bridge_the_new_mac_is_the_one_that_everybody_sees(self):
        config = bridge_config(self.node, isDefaultGateway=True, subnets=("10.88.0.0/24", "fd00:88::/64"))
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(config, b)
        for directory in (self.node.plugins, REFERENCE_DIR):
            with self.subTest(directory):
                tuning, plugin, result = self.chain(config, a, {"mac": MAC}, directory)
                for ip in result["ips"]:
                    self.assertTrue(self.node.reaches(b, ip["address"].split("/")[0]), ip)
                self.node.check(config, a, result)
                self.node.delete(tuning, a, plugin=plugin)
                self.node.delete(config, a)


if __name__ == "__main__":
    unittest.main()
