"""Type tuning, chained behind bridge: CHECK, DEL and what it puts back, GC, STATUS, what reconcile mends; and its keys in type patchcord."""

import os
import subprocess
import unittest

from fake_node import REFERENCE_DIR, Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from patience import communicate
from test_reconcile import RESTORED, RIGHT
from tuning_chain import NAME, Chain


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
