"""DEL of whatever size: what is written can be read, and every transaction is what the kernel takes."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from delete_case import DeleteCase, mappings, published
from fake_node import DUAL_BRIDGE, PluginError, bridge_config, routed_config


class SizeTest(DeleteCase):
    """What is written can be read, and every transaction is what the kernel takes."""

    def add_ports(self, container, *lists, **keys):
        self.config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, **keys)
        result = self.operate("ADD", self.config | published(*lists), container)
        self.assertGreaterEqual(self.elements_of(container), sum(map(len, lists)))
        return result

    def test_twenty_thousand_ports(self):
        a = self.node.container("a")
        ports = mappings(10000, 30000)
        result = self.add_ports(a, ports)
        self.operate("CHECK", self.config | published(ports) | {"prevResult": result}, a)
        self.operate("DEL", self.config, a, netns="")
        self.require_gone(a)

    def test_twenty_thousand_ports_without_a_record(self):
        a = self.node.container("a")
        self.add_ports(a, mappings(10000, 30000))
        os.unlink(self.record(a))
        self.operate("DEL", self.config, a, netns="")
        self.require_gone(a)

    def test_two_thousand_ports_without_a_record_beside_those_of_another(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.add_ports(b, mappings(1000, 1009))
        of_b = self.elements_of(b)
        self.add_ports(a, mappings(10000, 11999))
        os.unlink(self.record(a))
        self.operate("DEL", self.config, a, netns="")
        self.assertEqual((self.elements_of(a), self.elements_of(b)), (0, of_b))

    def test_ports_at_an_address_of_ipv6(self):
        a = self.node.container("a")
        self.add_ports(a, mappings(10000, 19600, host_ip="2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"))
        self.operate("DEL", self.config, a, netns="")
        self.require_gone(a)

    def test_all_ports_that_are_not_privileged_of_two_protocols(self):
        """More requests than the kernel takes parts of a message, and more than a MiB on stdin."""
        a = self.node.container("a")
        ports = mappings(1024, 65535, "tcp"), mappings(1024, 65535, "udp")
        self.config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True)
        self.operate("ADD", self.config | published(*ports), a)  # nft would take its time to list a quarter of a million elements
        for protocol, port in (("tcp", 1024), ("udp", 65535)):
            self.assertIn(a, self.node.on_host("nft", "get", "element", "inet", "patchcord", "ports4", f"{{ {protocol} . {port} }}"))
        self.operate("DEL", self.config | published(*ports), a)
        self.require_gone(a)

    def test_udp_from_40000_on(self):
        a = self.node.container("a")
        ports = mappings(40000, 65535, "udp")
        result = self.add_ports(a, ports)
        self.operate("CHECK", self.config | published(ports) | {"prevResult": result}, a)
        self.operate("DEL", self.config | published(ports) | {"prevResult": result}, a)
        self.require_gone(a)

    def test_ports_of_the_chained_type_with_and_without_its_record(self):
        a = self.node.container("a")
        config = bridge_config(self.node, isDefaultGateway=True)
        ports = published(mappings(10000, 13000))
        for lost in (False, True):
            result = self.operate("ADD", config, a)
            chained = {"cniVersion": "1.0.0", "name": "br-net", "type": "portmap", "prevResult": result} | ports
            self.operate("ADD", chained, a, plugin=self.node.plugin("portmap"))
            if lost:
                os.unlink(self.record(a, kind="portmap"))
            self.operate("DEL", chained, a, plugin=self.node.plugin("portmap"))
            self.assertEqual(self.elements_of(a), 0, f"lost: {lost}")
            self.operate("DEL", config, a)
            self.require_gone(a)

    def test_ports_of_an_address_that_nobody_reserved_without_a_record(self):
        a = self.node.container("a")
        config = bridge_config(self.node, isDefaultGateway=True)
        config["ipam"] = {"type": "static", "addresses": [{"address": "10.88.0.7/24", "gateway": "10.88.0.1"}]}
        for brought in ("prevResult", "runtimeConfig"):
            result = self.operate("ADD", config | published(mappings(10000, 11999)), a)
            os.unlink(self.record(a))
            more = {"prevResult": result} if brought == "prevResult" else published(mappings(10000, 11999))
            self.operate("DEL", config | more, a, netns="")
            self.require_gone(a)

    def test_collected_by_gc_and_by_hand(self):
        for collect in (self.by_runtime, self.by_hand):
            a = self.node.container("gc" + collect.__name__)
            self.add_ports(a, mappings(10000, 30000))
            collect(a)
            self.require_gone(a)

    def by_runtime(self, _container):
        config = self.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": []}
        self.operate("GC", config, "", netns="")

    def by_hand(self, container):
        self.node.remove_container(container)
        patience.until(lambda: not self.node.veths())
        self.tool("gc")

    def test_many_routes(self):
        a = self.node.container("a")
        config = routed_config(self.node)
        config["ipam"]["routes"] = [{"dst": f"172.{16 + i // 65536}.{i // 256 % 256}.{i % 256}/32"} for i in range(33000)]
        result = self.operate("ADD", config, a)
        self.assertEqual(len(result["routes"]), 33000)
        for words in (["list"], ["inspect", a], ["doctor"], ["graph"], ["reconcile"], ["reservations"]):
            done = self.tool(*words, check=False)
            self.assertNotIn("File too large", done.stdout + done.stderr, words)
            self.assertNotIn("no record", done.stdout + done.stderr, words)
        self.operate("CHECK", config | {"prevResult": result}, a)
        chained = {"cniVersion": "1.0.0", "name": "rt-net", "type": "portmap", "prevResult": result} | published(mappings(80, 81))
        self.assertEqual(len(self.operate("ADD", chained, a, plugin=self.node.plugin("portmap"))["routes"]), 33000)
        self.operate("DEL", chained, a, plugin=self.node.plugin("portmap"))
        self.operate("DEL", config | {"prevResult": result}, a)
        self.require_gone(a, "rt-net")

    def test_many_routes_by_the_tool(self):
        """It keeps the result for its DEL, and gives it to the next in the list."""
        a = self.node.container("a")
        config = routed_config(self.node)
        config["ipam"]["routes"] = [{"dst": f"172.16.{i // 256}.{i % 256}/32"} for i in range(16000)]
        network = {"cniVersion": "1.0.0", "name": config.pop("name"), "plugins": [config, {"type": "portmap", "capabilities": {"portMappings": True}}]}
        with open(os.path.join(self.node.directory, "10-net.conflist"), "w", encoding="ascii") as file:
            json.dump(network, file)
        ports = json.dumps({"portMappings": mappings(8000, 8001)})
        self.tool("add", "rt-net", a, "--id", a, "--cap-args", ports)
        self.assertGreater(self.elements_of(a), 0)
        self.tool("check", "rt-net", a, "--id", a, "--cap-args", ports)
        self.tool("del", "rt-net", a, "--id", a, "--cap-args", ports)
        self.require_gone(a, "rt-net")

    def test_many_settings(self):
        a = self.node.container("a")
        names = [f"net.ipv4.conf.d{number}.{name}" for number in range(100) for name in ("arp_notify", "arp_filter", "accept_local", "medium_id")]
        self.node.run_in(a, "sh", "-c", "for n in $(seq 0 99); do ip link add d$n type bridge || exit 1; done")
        config = {"cniVersion": "1.0.0", "name": "br-net", "type": "tuning", "sysctl": dict.fromkeys(names, "1"),
                  "prevResult": self.operate("ADD", bridge_config(self.node), a)}
        self.operate("ADD", config, a, plugin=self.node.plugin("tuning"))
        self.assertEqual(self.node.run_in(a, "cat", "/proc/sys/net/ipv4/conf/d99/medium_id").stdout, "1\n")
        self.operate("CHECK", config, a, plugin=self.node.plugin("tuning"))
        self.operate("DEL", config, a, plugin=self.node.plugin("tuning"))
        self.assertEqual(self.node.run_in(a, "cat", "/proc/sys/net/ipv4/conf/d99/medium_id").stdout, "0\n")

    def test_an_allow_list_without_end(self):
        """It is ADD's: of what an ADD made under another one all can go."""
        a = self.node.container("a")
        config = bridge_config(self.node, sysctl={"net.core.somaxconn": "99"})
        self.operate("ADD", config, a)
        directory = os.path.join(self.node.directory, "allowed")
        os.mkdir(directory)
        with open(os.path.join(directory, "allowlist.conf"), "w", encoding="ascii") as file:
            file.write("^net.core.somaxconn$\n" * (5 << 20 >> 4))
        under = ("unshare", "--mount", "sh", "-c", 'mkdir -p /etc/cni/tuning; mount -t tmpfs none /etc/cni && mkdir /etc/cni/tuning && '
                 'mount --bind "$D" /etc/cni/tuning && exec "$0"')
        with self.assertRaises(PluginError):
            self.operate("ADD", config, self.node.container("b"), prefix=under, D=directory)
        self.operate("DEL", config, a, prefix=under, D=directory)
        self.require_gone(a)

    def test_a_configuration_too_long_is_refused_by_add_and_taken_by_del(self):
        a = self.node.container("a")
        config = bridge_config(self.node)
        self.operate("ADD", config, a)
        longer = config | {"filling": "x" * (17 << 20)}
        b = self.node.container("b")
        before = self.node.snapshot(b)
        with self.assertRaises(PluginError) as caught:
            self.operate("ADD", longer, b)
        self.assertEqual((caught.exception.code, caught.exception.msg), (6, "the network configuration on stdin is longer than 16 MiB"))
        self.assertEqual(self.node.snapshot(b), before)
        self.operate("DEL", longer, a)
        self.require_gone(a)


if __name__ == "__main__":
    unittest.main()
