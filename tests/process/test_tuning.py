"""Type tuning, chained behind bridge: every key, who wins where several say something, CHECK, and what DEL puts back."""

import json
import os
import subprocess
import unittest

from fake_node import REFERENCE_DIR, Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from patience import communicate
from test_reconcile import RESTORED, RIGHT

NAME = "br-net"
ORIGINAL = {"mtu": 1500, "txqlen": 1000}


class Chain:
    """A container that bridge has attached, and tuning behind it."""

    def __init__(self, case, container="a", **keys):
        self.node = Node()
        case.addCleanup(self.node.close)
        self.bridge = {**bridge_config(self.node, name=NAME), "type": "bridge", **keys}
        self.container = self.node.container(container)
        self.previous = self.attach()

    def attach(self):
        return self.node.add(self.bridge, self.container, plugin=self.node.plugin("bridge"))

    def config(self, version="1.0.0", previous=None, **keys):
        return {"cniVersion": version, "name": NAME, "type": "tuning", "prevResult": previous or self.previous, **keys}

    def call(self, command, config, args="", plugin="tuning", **options):
        return self.node.call(command, config, self.container, args=args, plugin=self.node.plugin(plugin), **options)

    def add(self, args="", **keys):
        return self.call("ADD", self.config(**keys), args)

    def check(self, result, **keys):
        return self.call("CHECK", self.config(previous=result, **keys))

    def delete(self, **keys):
        return self.call("DEL", self.config(**keys))

    def link(self, name="eth0"):
        (link,) = self.node.ip_json(self.container, "-d", "link", "show", "dev", name)
        return link

    def sysctl(self, path, namespace=None):
        return self.node.run_in(namespace or self.container, "cat", f"/proc/sys/{path}").stdout.strip()

    def records(self):
        directory = os.path.join(self.node.state, "tuning")
        return os.listdir(os.path.join(directory, NAME)) if os.path.isdir(os.path.join(directory, NAME)) else []


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


class CheckTest(unittest.TestCase):
    def test_each_difference_is_named(self):
        chain = Chain(self)
        keys = {"mac": "c2:11:22:33:44:55", "mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 77,
                "sysctl": {"net.ipv4.ip_local_port_range": "20000 50000"}}
        result = chain.add(**keys)
        set_link = ("ip", "link", "set", "eth0")
        for words, command, undo in (
                (("MAC", "c2:11:22:33:44:55"), (*set_link, "address", "c2:00:00:00:00:01"), (*set_link, "address", "c2:11:22:33:44:55")),
                (("MTU", "is 1300, not 1400"), (*set_link, "mtu", "1300"), (*set_link, "mtu", "1400")),
                (("promiscuity", "is off, not on"), (*set_link, "promisc", "off"), (*set_link, "promisc", "on")),
                (("all-multicast", "is off, not on"), (*set_link, "allmulticast", "off"), (*set_link, "allmulticast", "on")),
                (("transmit queue", "is 5, not 77"), (*set_link, "txqueuelen", "5"), (*set_link, "txqueuelen", "77")),
                (("ip_local_port_range", "20000 50000"), ("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 2048"),
                 ("sysctl", "-qw", "net.ipv4.ip_local_port_range=20000 50000"))):
            with self.subTest(command):
                chain.node.run_in(chain.container, *command)
                with self.assertRaises(PluginError) as caught:
                    chain.check(result, **keys)
                self.assertEqual(caught.exception.code, 105)
                for word in words:
                    self.assertIn(word, caught.exception.msg)
                chain.node.run_in(chain.container, *undo)
                chain.check(result, **keys)

    def test_a_packet_capture_is_no_difference(self):
        chain = Chain(self)
        result = chain.add(mtu=1400)
        chain.node.run_in(chain.container, "ip", "link", "set", "eth0", "promisc", "on")
        chain.check(result, mtu=1400)

    def test_another_namespace_is_named(self):
        chain = Chain(self)
        result = chain.add(mtu=1400)
        other = chain.node.container("other")
        with self.assertRaises(PluginError) as caught:
            chain.call("CHECK", chain.config(previous=result, mtu=1400), netns=chain.node.path_of(other))
        self.assertIn("is not the namespace", caught.exception.msg)


class EndTest(unittest.TestCase):
    KEYS = {"mtu": 1400, "sysctl": {"net.core.somaxconn": "77"}}

    def test_del_needs_names_only_and_can_be_repeated(self):
        chain = Chain(self)
        chain.add(**self.KEYS)
        for _ in range(2):
            chain.call("DEL", {"cniVersion": "1.0.0", "name": NAME}, netns="")
            self.assertEqual(chain.link()["mtu"], 1500)
            self.assertNotEqual(chain.sysctl("net/core/somaxconn"), "77")
            self.assertEqual(chain.records(), [])

    def test_the_namespace_may_be_gone_and_its_path_anothers(self):
        chain = Chain(self)
        chain.add(**self.KEYS)
        path = chain.container
        chain.node.remove_container(path)
        subprocess.run(["ip", "netns", "add", path], check=True)
        chain.node.namespaces.append(path)
        chain.node.run_in(path, "sysctl", "-qw", "net.core.somaxconn=55")
        chain.delete()
        self.assertEqual(chain.sysctl("net/core/somaxconn"), "55")
        self.assertEqual(chain.records(), [])

    def test_an_interface_that_took_the_name_is_left_alone(self):
        chain = Chain(self)
        chain.add(**self.KEYS)
        chain.node.run_in(chain.container, "ip", "link", "del", "eth0")
        chain.node.run_in(chain.container, "ip", "link", "add", "eth0", "mtu", "1400", "type", "ifb")
        chain.delete()
        self.assertEqual(chain.link()["mtu"], 1400)

    def test_a_second_add_is_refused_and_harms_nothing(self):
        chain = Chain(self)
        result = chain.add(**self.KEYS)
        with self.assertRaises(PluginError) as caught:
            chain.add(mtu=1300)
        self.assertEqual(caught.exception.code, 103)
        chain.check(result, **self.KEYS)
        chain.delete()
        self.assertEqual(chain.link()["mtu"], 1500)

    def test_a_container_that_came_back_without_a_del_is_attached_anew(self):
        chain = Chain(self)
        chain.add(**self.KEYS)
        chain.node.remove_container(chain.container)
        subprocess.run(["ip", "netns", "add", chain.container], check=True)
        chain.node.namespaces.append(chain.container)
        chain.previous = chain.attach()
        chain.check(chain.add(**self.KEYS), **self.KEYS)

    def test_gc_removes_what_is_not_listed(self):
        chain = Chain(self)
        chain.add(**self.KEYS)
        config = {"cniVersion": "1.1.0", "name": NAME, "type": "tuning"}
        listed = {"containerID": chain.container, "ifname": "eth0"}
        for valid, records in (([listed], [f"{chain.container}:eth0"]), (None, [f"{chain.container}:eth0"]), ([], [])):
            listing = {} if valid is None else {"cni.dev/valid-attachments": valid}
            chain.call("GC", {**config, **listing}, netns="")
            self.assertEqual(chain.records(), records)
        self.assertEqual(chain.link()["mtu"], 1500)

    def test_status_is_ready_and_says_what_is_wrong(self):
        chain = Chain(self)
        chain.call("STATUS", {"cniVersion": "1.1.0", "name": NAME, "type": "tuning"}, netns="")
        with self.assertRaises(PluginError) as caught:
            chain.call("STATUS", {"cniVersion": "1.1.0", "name": NAME, "type": "tuning"}, netns="",
                       PATCHCORD_STATE_DIR="/proc/self/nowhere")
        self.assertEqual(caught.exception.code, 50)

    def test_killed_adds_are_cleaned_up_by_names_and_by_the_next_add(self):
        chain = Chain(self)
        before = chain.node.snapshot(chain.container)
        for call in ("sendmsg", "openat", "write", "rename", "setns"):
            for number in range(1, 100):
                prefix = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
                process = chain.node.start("ADD", chain.config(**self.KEYS), chain.container, chain.node.path_of(chain.container),
                                           plugin=chain.node.plugin("tuning"), prefix=prefix)
                communicate(process)
                killed = process.returncode != 0
                if killed and number % 2:
                    chain.check(chain.add(**self.KEYS), **self.KEYS)
                chain.call("DEL", {"cniVersion": "1.0.0", "name": NAME}, netns="")
                with self.subTest(call=call, number=number):
                    self.assertEqual(chain.node.snapshot(chain.container), before)
                    self.assertNotEqual(chain.sysctl("net/core/somaxconn"), "77")
                if not killed:
                    break
            else:
                self.fail("no end of calls")


class RestoreTest(unittest.TestCase):
    def test_each_damage_is_mended_and_del_puts_back_what_was_before_it_all(self):
        chain = Chain(self)
        before = chain.link()
        keys = {"mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 77, "sysctl": {"net.core.somaxconn": "500"}}
        result = chain.add(**keys)
        for command in ("ip link set eth0 mtu 1300", "ip link set eth0 promisc off", "ip link set eth0 allmulticast off",
                        "ip link set eth0 txqueuelen 5", "sysctl -qw net.core.somaxconn=9"):
            with self.subTest(command):
                chain.node.run_in(chain.container, *command.split())
                line = chain.node.reconcile_by_kind()["tuning"]
                self.assertEqual((line["outcome"], line["problems"]), (RESTORED, []))
                chain.check(result, **keys)
                self.assertEqual((chain.link()["mtu"], chain.link()["txqlen"], chain.sysctl("net/core/somaxconn")), (1400, 77, "500"))
                self.assertEqual(chain.node.reconcile_by_kind()["tuning"]["outcome"], RIGHT)
        chain.delete()
        self.assertEqual(chain.link(), before)


class SwapTest(unittest.TestCase):
    def test_del_puts_back_what_the_reference_changed_and_removes_its_file(self):
        chain = Chain(self)
        keys = {"mtu": 1400, "mac": "c2:11:22:33:44:55", "promisc": True, "allmulti": True,
                "dataDir": os.path.join(chain.node.directory, "backup")}
        before = chain.link()
        chain.node.call("ADD", chain.config(**keys), chain.container, plugin=os.path.join(REFERENCE_DIR, "tuning"))
        self.assertEqual(len(os.listdir(keys["dataDir"])), 1)
        self.assertEqual(chain.link()["mtu"], 1400)
        chain.delete(**keys)
        self.assertEqual(os.listdir(keys["dataDir"]), [])
        self.assertEqual(chain.link(), before)

    def test_its_file_goes_with_the_namespace_too(self):
        chain = Chain(self)
        keys = {"mtu": 1400, "dataDir": os.path.join(chain.node.directory, "backup")}
        chain.node.call("ADD", chain.config(**keys), chain.container, plugin=os.path.join(REFERENCE_DIR, "tuning"))
        chain.node.remove_container(chain.container)
        chain.delete(**keys)
        self.assertEqual(os.listdir(keys["dataDir"]), [])


class RefusalTest(ShippedBinaryCase):
    """A call that is refused on one sysctl alone."""

    WANTED = {"net.core.somaxconn": "77", "net.ipv4.tcp_sack": "0"}

    def setUp(self):
        self.chain = Chain(self)

    def refusing(self, error, path="/proc/sys/net/core/somaxconn"):
        return {"prefix": ("strace", "-o", "/dev/null", "-P", path, "-e", "trace=openat", "-e", f"inject=openat:error={error}")}

    def values(self):
        return self.chain.sysctl("net/core/somaxconn"), self.chain.sysctl("net/ipv4/tcp_sack")

    def test_an_original_that_cannot_be_read_for_want_of_memory_fails_the_add(self):
        before = self.values()
        with self.assertRaises(PluginError) as caught:
            self.chain.call("ADD", self.chain.config(sysctl=self.WANTED), **self.refusing("ENOMEM"))
        self.assertEqual((caught.exception.code, caught.exception.msg), (101, "read sysctl net/core/somaxconn: Cannot allocate memory"))
        self.assertEqual((self.values(), self.chain.records()), (before, []))

    def test_what_cannot_be_put_back_fails_no_del_and_keeps_no_other(self):
        before = self.values()
        self.chain.add(sysctl=self.WANTED)
        self.chain.call("DEL", self.chain.config(), **self.refusing("EPERM"))
        self.assertEqual((self.values(), self.chain.records()), (("77", before[1]), []))


class StepTest(unittest.TestCase):
    """The same as keys of type patchcord."""

    KEYS = {"promisc": True, "allmulti": True, "txQLen": 77,
            "sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "2", "net.core.somaxconn": "77"}}

    def test_both_modes_have_them(self):
        with Node() as node:
            for config in (bridge_config(node, **self.KEYS), routed_config(node, **self.KEYS)):
                with self.subTest(config["mode"]):
                    container = node.container("c" + config["name"])
                    result = node.add(config, container)
                    (link,) = node.ip_json(container, "link", "show", "dev", "eth0")
                    self.assertTrue({"PROMISC", "ALLMULTI"} <= set(link["flags"]))
                    self.assertEqual(link["txqlen"], 77)
                    read = ("sysctl", "-n", "net.ipv4.conf.eth0.arp_ignore", "net.core.somaxconn")
                    self.assertEqual(node.run_in(container, *read).stdout.split(), ["2", "77"])
                    node.check(config, container, result)
                    node.run_in(container, "sysctl", "-qw", "net.core.somaxconn=5")
                    with self.assertRaises(PluginError) as caught:
                        node.check(config, container, result)
                    self.assertIn("somaxconn", caught.exception.msg)
                    node.delete(config, container)
                    self.assertNotIn(node.run_in(container, "sysctl", "-n", "net.core.somaxconn").stdout.strip(), ("5", "77"))

    def test_nonsense_is_refused_before_any_effect(self):
        with Node() as node:
            container = node.container("c")
            before = node.snapshot(container)
            for keys in ({"sysctl": {"kernel.shmmax": "1"}}, {"promisc": 1}, {"txQLen": -1}, {"allmulti": "x"}):
                with self.assertRaises(PluginError) as caught:
                    node.add(bridge_config(node, **keys), container)
                self.assertEqual(caught.exception.code, 7)
            self.assertEqual(node.snapshot(container), before)

    def test_what_the_kernel_refuses_is_undone(self):
        with Node() as node:
            container = node.container("c")
            before = node.snapshot(container)
            for config in (bridge_config(node), routed_config(node)):
                with self.assertRaises(PluginError) as caught:
                    node.add({**config, "sysctl": {"net.core.somaxconn": "77", "net.ipv4.nosuch": "1"}}, container)
                self.assertEqual(caught.exception.code, 100)
            after = node.snapshot(container)
            for parts in (before, after):
                parts["files"] = [file for file in parts["files"] if "last_reserved_ip" not in file[0] and not file[0].endswith("lock")]
            self.assertEqual(after, before)


if __name__ == "__main__":
    unittest.main()
