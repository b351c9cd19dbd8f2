"""What a container may tell the node on whose bridge, or at whose link, it is: not who its router is."""

import json
import os
import unittest

import frames as f
from advertisement_case import NEVER_BELIEVED, PAST_THE_BRIDGE, TRUE_PREFIX, WRAPPED, AdvertisementCase, false_router
from fake_node import bridge_config, routed_config


class RouterOfTheNodeTest(AdvertisementCase):
    """CVE-2020-10749, of the node itself."""

    def attack(self, **keys):
        config = bridge_config(self.node, bridge="lan0", isGateway=True, **keys)
        plugin = self.node.plugin(keys.get("type", "patchcord"))
        container = self.node.container("attacker")
        result = self.node.add(config, container, plugin=plugin)
        attacker, bridge = self.end(container), self.end(self.node.host, "lan0")
        self.assertEqual(self.told(attacker, bridge), [])
        self.assertEqual(self.setting("net.ipv6.conf.lan0.accept_ra"), "0")
        self.node.check(config, container, result, plugin=plugin)
        # Had it been left as it was, the node would have had another router.
        self.setting("net.ipv6.conf.lan0.accept_ra", 1)
        self.assertEqual(set(self.told(attacker, bridge)), set(WRAPPED) - set(NEVER_BELIEVED) - set(PAST_THE_BRIDGE))
        self.assertIn("net/ipv6/conf/lan0/accept_ra is 1, not 0", self.findings(config, container, result, plugin=plugin))
        return attacker, bridge

    def test_a_bridge_that_was_there_before(self):
        self.make_bridge()
        self.attack()

    def test_the_same_by_the_name_bridge(self):
        self.make_bridge()
        self.attack(type="bridge")

    def test_a_bridge_of_ours(self):
        self.attack()

    def test_a_bridge_that_another_plugin_has_ports_of(self):
        self.make_bridge()
        other = self.node.container("other")
        self.on_host("ip", "link", "add", "vethother", "type", "veth", "peer", "name", "eth0", "netns", other)
        self.on_host("ip", "link", "set", "vethother", "master", "lan0", "up")
        self.attack()

    def test_a_bridge_that_was_told_to_listen_even_as_a_router(self):
        self.make_bridge()
        self.setting("net.ipv6.conf.lan0.accept_ra", 2)
        self.attack()

    def test_reconcile_puts_it_back(self):
        attacker, bridge = self.attack()
        done = self.node.reconcile_by_kind()
        self.assertIn("sysctl net/ipv6/conf/lan0/accept_ra", json.dumps(done))
        self.assertEqual(self.told(attacker, bridge), [])

    def test_the_next_add_puts_it_back(self):
        attacker, bridge = self.attack()
        self.node.add(bridge_config(self.node, bridge="lan0", isGateway=True), self.node.container("next"))
        self.assertEqual(self.told(attacker, bridge), [])

    def test_a_link_of_the_containers_own(self):
        for config in (routed_config(self.node, name="routed"), {**routed_config(self.node, name="ptp", subnets=("10.91.0.0/24",)), "type": "ptp"}):
            plugin = self.node.plugin(config["type"])
            if config["type"] == "ptp":
                del config["mode"]
            container = self.node.container(config["name"])
            result = self.node.add(config, container, plugin=plugin)
            attacker = self.end(container)
            host = self.end(self.node.host, self.host_end_of(container))
            self.assertEqual(self.told(attacker, host), [])
            self.setting(f"net.ipv6.conf.{host.interface}.accept_ra", 1)
            self.assertIn("plain", self.told(attacker, host))
            self.assertIn(f"{host.interface}/accept_ra is 1, not 0", self.findings(config, container, result, plugin=plugin))
            self.node.reconcile()
            self.assertEqual(self.told(attacker, host), [])

    def test_where_it_is_off_nothing_is_written_and_nobody_speaks_to_netfilter(self):
        config = bridge_config(self.node, bridge="lan0", isGateway=True)
        self.node.add(config, self.node.container("first"))
        log = os.path.join(self.node.directory, "calls")
        container = self.node.container("second")
        self.node.add(config, container, prefix=("strace", "-f", "-qq", "-o", log, "-e", "trace=openat,socket"))
        with open(log, encoding="utf-8") as stream:
            calls = stream.read()
        self.assertIn("/accept_ra", calls)  # of the pair
        self.assertNotIn("lan0/accept_ra", calls)
        self.assertNotIn("NETLINK_NETFILTER", calls)


class LanBridgeTest(AdvertisementCase):
    """A bridge on which the node has its own address and way out from a router of the LAN."""

    def setUp(self):
        super().setUp()
        self.make_bridge()
        lan = self.node.container("lan")
        self.on_host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", lan)
        # A neighbour in another namespace looks like a container; what is in this one does not.
        self.on_host("ip", "link", "add", "nic0", "type", "veth", "peer", "name", "nic1")
        self.on_host("ip", "link", "add", "wire", "type", "bridge")
        for port, master in (("nic0", "lan0"), ("nic1", "wire"), ("up0", "wire")):
            self.on_host("ip", "link", "set", port, "master", master, "up")
        self.setting("net.ipv6.conf.wire.accept_ra", 0)
        self.on_host("ip", "link", "set", "wire", "addrgenmode", "none", "up")
        self.node.run_in(lan, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
        self.node.run_in(lan, "ip", "link", "set", "eth0", "up")
        self.node.run_in(lan, "ip", "addr", "add", "10.88.0.200/24", "dev", "eth0")
        self.node.settle(lan)
        self.config = bridge_config(self.node, bridge="lan0", ipam={"type": "host-local", "dataDir": self.node.networks, "subnet": "10.88.0.0/24"})
        self.container = self.node.container("attacker")
        self.result = self.node.add(self.config, self.container)
        self.router, self.attacker = self.end(lan), self.end(self.container)
        self.bridge = self.end(self.node.host, "lan0")

    def hears_the_true_router(self):
        packet = f.router_advertisement(self.router.link_local, TRUE_PREFIX, self.router.mac)
        self.router.wire.send(f.in_frame(self.router.mac, f.group_mac(f.ALL_NODES), packet))
        self.deliver(self.router, self.bridge)
        heard = self.believes(TRUE_PREFIX, "lan0") and self.has_router(self.router.link_local)
        self.on_host("ip", "-6", "route", "flush", "proto", "ra")
        return heard

    def test_the_node_hears_its_router_and_no_container(self):
        self.assertEqual(self.told(self.attacker, self.bridge), [])
        self.assertTrue(self.hears_the_true_router())
        self.assertEqual(self.setting("net.ipv6.conf.lan0.accept_ra"), "1")
        self.node.check(self.config, self.container, self.result)

    def test_so_it_does_as_a_router(self):
        self.setting("net.ipv6.conf.lan0.accept_ra", 2)
        self.setting("net.ipv6.conf.all.forwarding", 1)
        self.assertEqual(self.told(self.attacker, self.bridge), [])
        self.assertTrue(self.hears_the_true_router())

    def test_others_on_the_bridge_hear_a_container(self):
        told = false_router(self.attacker)
        self.assertEqual(self.deliver(self.attacker, self.router, told), [told])

    def test_without_the_rule_a_container_is_heard_and_check_tells(self):
        self.on_host("nft", "flush", "chain", "bridge", "patchcord", "node")
        self.assertEqual(set(self.told(self.attacker, self.bridge)), set(WRAPPED) - set(NEVER_BELIEVED) - set(PAST_THE_BRIDGE))
        self.assertIn("chain bridge patchcord node", self.findings(self.config, self.container, self.result))
        self.node.reconcile()
        self.assertEqual(self.told(self.attacker, self.bridge), [])
        self.node.check(self.config, self.container, self.result)

    def test_the_rule_is_the_same_when_its_text_was_loaded_again(self):
        self.node.compare_ruleset(self, "node")
        self.assertEqual(self.told(self.attacker, self.bridge), [])
        self.assertTrue(self.hears_the_true_router())

    def test_it_outlives_a_container(self):
        other = self.attach("other", self.config | {"name": "another", "ipam": self.config["ipam"] | {"subnet": "10.88.0.128/25"}})
        self.node.delete(self.config, self.container)
        self.assertEqual(self.told(other, self.bridge), [])
        self.node.delete(self.config, self.container)

    def test_what_a_container_sends_in_tags_reaches_the_node_otherwise(self):
        """The one tag of a VLAN, that is; of two nothing does."""
        for told in (f.in_frame(self.attacker.mac, self.bridge.mac, f.udp(self.attacker.v4, "10.88.0.254", 7)),
                     f.in_frame(self.attacker.mac, f.group_mac(f.ALL_ROUTERS),
                                f.icmp6(self.attacker.link_local, f.ALL_ROUTERS, 133, bytes(4)))):
            for tags in ((), ((f.DOT1Q, 0),), ((f.DOT1AD, 0),)):
                sent = f.tagged(told, *tags)
                self.assertEqual(self.deliver(self.attacker, self.bridge, sent), [sent])

    def test_a_bridge_that_gets_its_router_later(self):
        self.on_host("ip", "link", "add", "lan1", "type", "bridge")
        self.on_host("ip", "link", "set", "lan1", "up")
        config = bridge_config(self.node, name="later", bridge="lan1", subnets=("10.90.0.0/24",))
        container = self.node.container("later")
        result = self.node.add(config, container)
        self.assertEqual(self.setting("net.ipv6.conf.lan1.accept_ra"), "0")
        self.on_host("nft", "flush", "ruleset")
        self.on_host("ip", "link", "set", "nic0", "master", "lan1")
        self.node.check(config, container, result)  # it listens to nobody
        self.setting("net.ipv6.conf.lan1.accept_ra", 1)
        self.assertIn("chain bridge patchcord node", self.findings(config, container, result))
        self.node.reconcile()
        attacker, bridge = self.end(container), self.end(self.node.host, "lan1")
        self.assertEqual(self.told(attacker, bridge), [])


if __name__ == "__main__":
    unittest.main()
