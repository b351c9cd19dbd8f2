"""Type tuning, chained behind bridge: every key, who wins where several say something, and the allow-list."""

import json
import os
import unittest

from fake_node import PluginError
from tuning_chain import ORIGINAL, Chain


class KeysTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain(self)

    def refuse(self, code, *words, args="", **keys):
        before = self.chain.node.snapshot(self.chain.container)
        with self.assertRaises(PluginError) as caught:
            self.chain.call("ADD", self.chain.config(**keys), args)
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg)
        self.assertEqual(self.chain.node.snapshot(self.chain.container), before)

    def test_every_key_is_set_checked_and_put_back(self):
        before = self.chain.link()
        keys = {"mac": "C2-11-22-33-44-66", "mtu": 1454, "promisc": True, "allmulti": True, "txQLen": 20000,
                "sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "2", "net.core.somaxconn": "500",
                           "net.ipv4.ip_local_port_range": "20000  50000"}}
        result = self.chain.add(**keys)
        link = self.chain.link()
        self.assertEqual((link["address"], link["mtu"], link["txqlen"]), ("c2:11:22:33:44:66", 1454, 20000))
        self.assertTrue({"PROMISC", "ALLMULTI"} <= set(link["flags"]), link["flags"])
        self.assertEqual(self.chain.sysctl("net/ipv4/conf/eth0/arp_ignore"), "2")
        self.assertEqual(self.chain.sysctl("net/core/somaxconn"), "500")
        self.assertEqual(self.chain.sysctl("net/ipv4/ip_local_port_range"), "20000\t50000")
        self.assertEqual([i["mac"] for i in result["interfaces"] if i.get("sandbox")], ["c2:11:22:33:44:66"])
        self.chain.check(result, **keys)
        self.chain.delete()
        self.assertEqual(self.chain.link(), before)
        self.assertEqual(self.chain.sysctl("net/ipv4/conf/eth0/arp_ignore"), "0")
        self.assertEqual(self.chain.sysctl("net/core/somaxconn"), self.chain.sysctl("net/core/somaxconn", self.chain.node.host))
        self.assertEqual(self.chain.records(), [])

    def test_nothing_asked_is_nothing_done(self):
        for keys in ({}, {"promisc": False}, {"mtu": 0}, {"mac": ""}, {"sysctl": {}}, {"sysctl": None, "mtu": None}):
            with self.subTest(keys):
                before = self.chain.node.snapshot(self.chain.container)
                self.assertEqual(self.chain.add(**keys), self.chain.previous)
                self.chain.check(self.chain.previous, **keys)
                self.assertEqual(self.chain.node.snapshot(self.chain.container), before)
                self.chain.delete(**keys)

    def test_allmulti_acts_by_both_values_and_a_queue_may_be_none(self):
        self.chain.node.run_in(self.chain.container, "ip", "link", "set", "eth0", "allmulticast", "on")
        result = self.chain.add(allmulti=False, txQLen=0)
        self.assertNotIn("ALLMULTI", self.chain.link()["flags"])
        self.assertEqual(self.chain.link().get("txqlen", 0), 0)
        self.chain.check(result, allmulti=False, txQLen=0)
        self.chain.delete()
        self.assertIn("ALLMULTI", self.chain.link()["flags"])
        self.assertEqual(self.chain.link()["txqlen"], ORIGINAL["txqlen"])

    def test_a_key_of_sysctl_may_be_written_in_each_way(self):
        self.chain.node.run_in(self.chain.container, "ip", "link", "add", "eth0.7", "type", "ifb")
        for key, path in (("net.ipv4.conf.eth0.arp_announce", "net/ipv4/conf/eth0/arp_announce"),
                          ("net/ipv4/conf/IFNAME/arp_announce", "net/ipv4/conf/eth0/arp_announce"),
                          ("net/ipv4/conf/eth0.7/arp_announce", "net/ipv4/conf/eth0.7/arp_announce"),
                          ("net.ipv4.conf.eth0/7.arp_announce", "net/ipv4/conf/eth0.7/arp_announce")):
            with self.subTest(key):
                self.chain.add(sysctl={key: "2"})
                self.assertEqual(self.chain.sysctl(path), "2")
                self.chain.delete()
                self.assertEqual(self.chain.sysctl(path), "0")

    def test_the_token_stands_for_an_interface_with_a_dot_in_its_name(self):
        node, container = self.chain.node, self.chain.node.container("dotted")
        result = node.add(self.chain.bridge, container, ifname="net.1", plugin=node.plugin("bridge"))
        config = self.chain.config(previous=result, sysctl={"net.ipv4.conf.IFNAME.arp_ignore": "1"})
        node.add(config, container, ifname="net.1", plugin=node.plugin("tuning"))
        self.assertEqual(self.chain.sysctl("net/ipv4/conf/net.1/arp_ignore", container), "1")

    def test_a_sysctl_that_sets_others_goes_first(self):
        self.chain.add(sysctl={"net.ipv4.conf.IFNAME.forwarding": "0", "net.ipv4.conf.all.forwarding": "1", "net.ipv4.ip_forward": "1"})
        self.assertEqual(self.chain.sysctl("net/ipv4/conf/eth0/forwarding"), "0")
        self.assertEqual(self.chain.sysctl("net/ipv4/ip_forward"), "1")

    def test_a_value_may_be_written_as_the_kernel_reads_it(self):
        self.chain.add(sysctl={"net.ipv4.conf.eth0.arp_ignore": "0x2"})
        self.assertEqual(self.chain.sysctl("net/ipv4/conf/eth0/arp_ignore"), "2")

    def test_one_that_can_only_be_written_is_no_hindrance(self):
        result = self.chain.add(sysctl={"net.ipv4.route.flush": "1"})
        self.chain.check(result, sysctl={"net.ipv4.route.flush": "1"})
        self.chain.delete()

    def test_one_that_nobody_has_set_so_far_is_no_hindrance(self):
        wanted = {"net.ipv6.conf.IFNAME.stable_secret": "2001:0db8:0000:0000:0001:0002:0003:0004"}
        self.chain.check(self.chain.add(sysctl=wanted), sysctl=wanted)
        self.chain.delete()

    def test_what_is_refused_has_no_effect(self):
        self.refuse(7, "sysctl.kernel.shmmax", sysctl={"kernel.shmmax": "1"})
        self.refuse(7, "below net", sysctl={"net/../kernel/shmmax": "1"})
        self.refuse(7, "below net", sysctl={"net.ipv4.conf..arp_ignore": "1"})
        self.refuse(7, "sysctl", sysctl={"net.ipv4.conf.eth0.arp_ignore": 1})
        self.refuse(7, "sysctl", sysctl={"net.ipv4.conf.eth0.arp_ignore": None})
        self.refuse(7, "same sysctl", sysctl={"net.core.somaxconn": "1", "net/core/somaxconn": "2"})
        self.refuse(7, "mac", mac="zz")
        self.refuse(7, "mac", mac="01:00:5e:00:00:01")
        self.refuse(7, "mtu", mtu=67)
        self.refuse(7, "mtu", mtu=-1)
        self.refuse(7, "txQLen", txQLen=-1)
        self.refuse(7, "promisc", promisc="yes")
        self.refuse(4, "MAC", args="MAC=01:00:5e:00:00:01")
        self.refuse(4, "FOO", args="FOO=bar")

    def test_doubles_are_refused(self):
        text = json.dumps(self.chain.config(sysctl={"net.core.somaxconn": "1"}))
        text = text.replace('"net.core.somaxconn": "1"', '"net.core.somaxconn": "1", "net.core.somaxconn": "2"')
        with self.assertRaises(PluginError) as caught:
            self.chain.call("ADD", text)
        self.assertEqual(caught.exception.code, 7)
        self.assertIn("twice", caught.exception.msg)

    def test_what_the_kernel_refuses_is_undone(self):
        good = {"net.ipv4.conf.all.arp_ignore": "1"}
        for bad, word in (({"net.ipv4.nosuch": "1"}, "no such setting"), ({"net.ipv4.tcp_congestion_control": "none-such"}, "cannot set"),
                          ({"net.ipv4.ip_default_ttl": "0"}, "cannot set"),
                          # The kernel has it for the host alone.
                          ({"net.core.netdev_max_backlog": "1"}, "no such setting")):
            with self.subTest(bad):
                self.refuse(100, word, mtu=1400, sysctl={**good, **bad})

    def test_prev_result_is_required(self):
        for previous in ({}, None):
            config = {**self.chain.config(mtu=1400), "prevResult": previous}
            for command in ("ADD", "CHECK"):
                with self.assertRaises(PluginError) as caught:
                    self.chain.call(command, config)
                self.assertEqual(caught.exception.code, 7)
                self.assertIn("prevResult", caught.exception.msg)
            self.chain.call("DEL", config)

    def test_only_the_containers_interface_gets_the_mac_in_the_result(self):
        previous = {**self.chain.previous, "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01"}, *self.chain.previous["interfaces"]]}
        result = self.chain.call("ADD", self.chain.config(previous=previous, mac="c2:11:22:33:44:55"))
        self.assertEqual([i["mac"] for i in result["interfaces"] if i["name"] == "eth0"], ["02:00:00:00:00:01", "c2:11:22:33:44:55"])

    def test_the_hosts_own_namespace_is_refused(self):
        with self.assertRaises(PluginError) as caught:
            self.chain.call("ADD", self.chain.config(sysctl={"net.core.somaxconn": "77"}), netns=self.chain.node.path_of(self.chain.node.host))
        self.assertEqual(caught.exception.code, 8)

    def test_the_result_is_in_the_version_of_the_configuration(self):
        for version in ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"):
            node, container = self.chain.node, self.chain.node.container("v" + version.replace(".", ""))
            previous = node.add({**self.chain.bridge, "cniVersion": version}, container, plugin=node.plugin("bridge"))
            config = self.chain.config(version=version, previous=previous, mtu=1400)
            self.assertEqual(node.add(config, container, plugin=node.plugin("tuning")), previous)


class PrecedenceTest(unittest.TestCase):
    MACS = [f"c2:00:00:00:00:{n:02x}" for n in range(1, 5)]

    def test_the_mac_of_args_beats_the_runtimes_and_that_cni_args(self):
        config, cni_args, runtime, args = self.MACS
        sources = ({"mac": config}, {"args": f"MAC={cni_args}"}, {"runtimeConfig": {"mac": runtime}}, {"args_cni": {"mac": args}})
        chain = Chain(self)
        for count in range(1, 5):
            keys, environment = {}, ""
            for source in sources[:count]:
                environment = source.get("args", environment)
                if "args_cni" in source:
                    keys["args"] = {"cni": source["args_cni"]}
                elif "args" not in source:
                    keys.update(source)
            chain.call("ADD", chain.config(**keys), environment)
            self.assertEqual(chain.link()["address"], self.MACS[count - 1])
            chain.delete()

    def test_args_beat_the_configuration(self):
        chain = Chain(self)
        keys = {"mtu": 1400, "promisc": True, "allmulti": False, "txQLen": 7,
                "sysctl": {"net.core.somaxconn": "100", "net.ipv4.tcp_sack": "0"},
                "args": {"cni": {"mtu": 1300, "promisc": False, "allmulti": True, "txQLen": 8, "sysctl": {"net/core/somaxconn": "200"}}}}
        chain.call("ADD", chain.config(**keys))
        link = chain.link()
        self.assertEqual((link["mtu"], link["txqlen"]), (1300, 8))
        self.assertIn("ALLMULTI", link["flags"])
        self.assertNotIn("PROMISC", link["flags"])
        self.assertEqual(chain.sysctl("net/core/somaxconn"), "200")
        self.assertEqual(chain.sysctl("net/ipv4/tcp_sack"), "0")

    def test_args_alone_are_enough(self):
        chain = Chain(self)
        chain.call("ADD", chain.config(args={"cni": {"sysctl": {"net.core.somaxconn": "200"}}}))
        self.assertEqual(chain.sysctl("net/core/somaxconn"), "200")


class AllowListTest(unittest.TestCase):
    """The list in a /etc of the plugin's own, by a mount namespace."""

    def add(self, chain, lines, sysctl):
        directory = os.path.join(chain.node.directory, "etc")
        os.makedirs(os.path.join(directory, "cni", "tuning"), exist_ok=True)
        with open(os.path.join(directory, "cni", "tuning", "allowlist.conf"), "w", encoding="ascii") as file:
            file.write(lines)
        prefix = ("unshare", "-m", "sh", "-c", f'mount --bind {directory} /etc && exec "$0"')
        return chain.call("ADD", chain.config(sysctl=sysctl), prefix=prefix)

    def test_a_key_must_match_some_part_of_some_line(self):
        chain = Chain(self)
        for lines, sysctl, is_allowed in (
                (r"^net\.ipv4\.conf\.IFNAME\.[a-z_]*$", {"net.ipv4.conf.IFNAME.arp_filter": "1"}, True),
                ("nothing\n\n  ipv4\r\n", {"net.ipv4.conf.IFNAME.arp_filter": "1"}, True),
                (r"net\.ipv4\.conf\.eth\d+\.(?:arp_filter|arp_ignore)", {"net.ipv4.conf.eth0.arp_filter": "1"}, True),
                (r"net\.ipv4\.conf\.eth[\d]\.", {"net.ipv4.conf.eth0.arp_filter": "1"}, True),
                (r"^net\.ipv6", {"net.ipv4.conf.IFNAME.arp_filter": "1"}, False),
                ("ipv4", {"net.ipv4.conf.eth0.arp_filter": "1", "net.core.somaxconn": "9"}, False),
                ("", {"net.ipv4.conf.IFNAME.arp_filter": "1"}, False)):
            with self.subTest(lines):
                if is_allowed:
                    self.add(chain, lines, sysctl)
                    self.assertEqual(chain.sysctl("net/ipv4/conf/eth0/arp_filter"), "1")
                    chain.delete()
                    continue
                with self.assertRaises(PluginError) as caught:
                    self.add(chain, lines, sysctl)
                self.assertEqual(caught.exception.code, 7)
                self.assertIn("allowlist.conf", caught.exception.msg)
                self.assertEqual(chain.sysctl("net/ipv4/conf/eth0/arp_filter"), "0")

    def test_a_line_that_is_no_expression_is_named(self):
        chain = Chain(self)
        with self.assertRaises(PluginError) as caught:
            self.add(chain, "([", {"net.core.somaxconn": "9"})
        self.assertIn('"(["', caught.exception.msg)


if __name__ == "__main__":
    unittest.main()
