"""Conditions that stand in the way: what ADD refuses, how doctor counts and what a timer hears of them."""

import json
import os
import unittest

from doctor_conditions import sysctl
from fake_node import PluginError, bridge_config, routed_config
from operator_case import OperatorCase

ON_LO = ("addr", "add", "10.89.0.7/32", "dev", "lo")


class ConditionsTest(OperatorCase):
    def doctor(self, *options, **environment):
        done = self.tool("doctor", *options, **environment)
        return done.returncode, done.stdout

    def asking_for(self, config, address):
        return {**config, "args": {"cni": {"ips": [address]}}}

    def test_an_address_of_the_node_is_given_to_nobody(self):
        self.node.on_host("ip", *ON_LO)
        routed = routed_config(self.node, name="edgenet")
        ptp = {"cniVersion": "1.0.0", "name": "edgenet", "type": "ptp", "ipam": routed["ipam"]}
        bridge = bridge_config(self.node, isDefaultGateway=True, subnets=("fd00:88::/64",))
        for config in (bridge, routed):  # their directories are there
            self.node.add(config, self.node.container(f"resident{config['mode']}"))
        self.node.on_host("ip", "addr", "add", "fd00:88::7/64", "dev", "pcbr0", "nodad")
        for config, address in ((routed, "10.89.0.7"), (ptp, "10.89.0.7"), (bridge, "fd00:88::7")):
            with self.subTest(config=config):
                container = self.node.container(f"c{address[:2]}{config['type']}")
                before = self.node.snapshot(container)
                with self.assertRaises(PluginError) as caught:
                    self.node.call("ADD", self.asking_for(config, address), container, plugin=self.node.plugin(config["type"]))
                self.assertEqual((caught.exception.code, caught.exception.msg), (103, f"{address} is an address of the host itself"))
                self.assertEqual(self.node.snapshot(container), before)

    def test_one_cause_is_told_once_however_many_it_stops(self):
        routed = routed_config(self.node, name="edgenet", subnets=("10.89.0.0/24", "fd00:89::/64"))
        self.configure("20-edgenet.conflist", routed)
        for number in range(12):
            self.node.add(routed, self.node.container(f"pod{number:02d}"))
        self.assertEqual(self.doctor(), (0, "nothing stands in the way of this node's containers\n"))
        sysctl(self, "net.ipv4.ip_forward", 0)
        status, text = self.doctor()
        self.assertEqual(status, 1)
        self.assertLess(len(text.splitlines()), 10, text)
        self.assertRegex(text, r"(?s)✗ forwarding-off \(stops packets of 12: \S*pod00, \S*pod01,\s+\S*pod02\s+and\s+9 more\)")
        sysctl(self, "net.ipv4.ip_forward", 1)
        self.node.on_host("sh", "-c", "for route in $(ip -4 route show | grep -o '^10[.]89[.]0[.][0-9]*'); do ip route del $route; done")
        status, text = self.doctor()
        self.assertRegex(text, r"12 containers: host route 10.89.0.\d+/32 is\s+missing")
        self.assertLess(len(text.splitlines()), 10, text)

    def test_a_pools_size_is_what_it_can_give(self):
        """Neither the gateway nor the subnet's own address nor that of broadcasts; in mode routed all of them."""
        for config, size in ((bridge_config(self.node, name="net", subnets=("10.88.0.0/29",)), 5),
                             (bridge_config(self.node, name="net", subnets=("10.88.0.0/29",), isDefaultGateway=True), 5),
                             (routed_config(self.node, name="net", subnets=("10.88.0.0/29",)), 8)):
            with self.subTest(config=config):
                self.configure("10-net.conflist", config)
                containers = [self.node.container(f"{config['mode']}{len(self.node.namespaces)}") for _ in range(size + 1)]
                for container in containers[:-1]:
                    self.node.add(config, container)
                cause, = json.loads(self.doctor("-o", "json")[1])["diagnoses"]
                self.assertEqual((cause["name"], cause["severity"], cause["about"]), ("pool-nearly-empty", "error", ["net"]))
                self.assertIn(f"has given {size} of the {size} addresses of 10.88.0.0/29", cause["text"])
                with self.assertRaises(PluginError):
                    self.node.add(config, containers[-1])
                for container in containers[:-1]:
                    self.node.delete(config, container)
                if config["mode"] == "bridge":
                    self.node.on_host("ip", "link", "del", "pcbr0")

    def test_a_timer_hears_what_is_new(self):
        since = os.path.join(self.node.directory, "since")
        self.configure("20-edgenet.conflist", routed_config(self.node, name="edgenet"))
        self.assertEqual(self.doctor("--since", since), (0, ""))
        self.node.on_host("ip", *ON_LO)
        status, text = self.doctor("--since", since)
        self.assertEqual(status, 1)
        self.assertIn("own-address-in-pool", text)
        self.assertEqual(self.doctor("--since", since), (0, ""))
        self.assertEqual(json.loads(self.doctor("--since", since, "-o", "json")[1]), {"diagnoses": []})
        self.node.on_host("nft", "add table inet fw; add chain inet fw out { type filter hook output priority 0; policy drop; }")
        status, text = self.doctor("--since", since)
        self.assertEqual((status, "own-address-in-pool" in text, "output-policy-drop" in text), (3, False, True))
        self.node.on_host("ip", *[word.replace("add", "del") if word == "add" else word for word in ON_LO])
        self.assertEqual(self.doctor("--since", since), (0, ""))
        self.node.on_host("ip", *ON_LO)  # again, which is new
        self.assertEqual(self.doctor("--since", since)[0], 1)

    def test_a_file_of_somebody_elses_is_not_written_over(self):
        other = os.path.join(self.node.directory, "other")
        with open(other, "w", encoding="ascii") as stream:
            stream.write("mine\n")
        self.assertNotEqual(self.doctor("--since", other)[0], 0)
        with open(other, encoding="ascii") as stream:
            self.assertEqual(stream.read(), "mine\n")

    def test_plugins_are_looked_for_where_runtimes_do(self):
        self.configure("20-edgenet.conflist", routed_config(self.node, name="edgenet"))
        with open(os.path.join(self.net_d, "20-edgenet.conflist"), encoding="utf-8") as stream:
            document = json.load(stream)
        document["plugins"].append({"type": "rare"})
        self.write("20-edgenet.conflist", json.dumps(document))
        crio = os.path.join(self.node.directory, "crio")
        rare = os.path.join(self.node.directory, "rare")
        for directory in (crio, rare):
            os.mkdir(directory)
        os.symlink("/bin/true", os.path.join(rare, "rare"))
        os.symlink(self.node.plugin("patchcord"), os.path.join(rare, "patchcord"))
        with open(os.path.join(crio, "crio.conf"), "w", encoding="ascii") as stream:
            stream.write(f'[crio.network]\nnetwork_dir = "{self.net_d}"\nplugin_dirs = ["{rare}"]\n')
        mount = "mkdir /etc/crio && mount --bind {} /etc/crio && exec \"$@\""
        self.prefix = ("unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /etc/crio 2>/dev/null; {mount.format(crio).replace('mkdir /etc/crio', 'true')}", "sh")
        if not os.path.isdir("/etc/crio"):
            self.prefix = ("unshare", "--mount", "sh", "-c", "d=$(mktemp -d) && cp -a /etc/. $d/ && mkdir $d/crio && "
                           f"cp {crio}/crio.conf $d/crio && mount --bind $d /etc && exec \"$@\"", "sh")
        self.assertEqual(json.loads(self.doctor("-o", "json", CNI_PATH="")[1])["diagnoses"], [])
        self.prefix = ()
        self.assertIn("plugin-missing", self.doctor(CNI_PATH="")[1])


if __name__ == "__main__":
    unittest.main()
