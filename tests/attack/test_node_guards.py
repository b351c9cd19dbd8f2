"""What a container may tell the node on whose bridge, or at whose link, it is: not who its router is, nor where the tree's root is."""

import json
import os
import re
import struct
import unittest

import frames as f
from frames_case import FramesCase
from fake_node import PluginError, bridge_config, routed_config

FALSE_PREFIX, TRUE_PREFIX = "2001:db8:bad::", "2001:db8:900d::"


def false_router(a, *before):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.router_advertisement(a.link_local, FALSE_PREFIX, a.mac, before))


WRAPPED = {
    "plain": false_router,
    "in a tag of VLAN 0": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0)),
    "in a service tag of VLAN 0": lambda a: f.tagged(false_router(a), (f.DOT1AD, 0)),
    "in two tags": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0), (f.DOT1Q, 0)),
    "in a tag in a service tag": lambda a: f.tagged(false_router(a), (f.DOT1AD, 0), (f.DOT1Q, 0)),
    "in a service tag in a tag": lambda a: f.tagged(false_router(a), (f.DOT1Q, 0), (f.DOT1AD, 0)),
    "behind options": lambda a: false_router(a, (f.HOP_BY_HOP, f.PADDING)),
    "behind options in a tag": lambda a: f.tagged(false_router(a, (f.HOP_BY_HOP, f.PADDING), (f.DESTINATION_OPTIONS, f.PADDING)), (f.DOT1Q, 0)),
    "as the one fragment": lambda a: false_router(a, (f.FRAGMENT, f.fragment_header(0, 0))),
    "to a group of switches": lambda a: f.packed_mac(f.LLDP_GROUP) + false_router(a)[6:],
    "to another group of switches": lambda a: f.packed_mac(f.EAPOL_GROUP) + false_router(a)[6:],
}
# The node does not believe those anyhow (RFC 6980).
NEVER_BELIEVED = ("as the one fragment",)
# They come in by the port, whose own setting is not the bridge's.
PAST_THE_BRIDGE = ("to a group of switches", "to another group of switches")


class AdvertisementCase(FramesCase):
    def setUp(self):
        self.make_node()
        self.on_host = self.node.on_host

    def make_bridge(self, name="lan0", **options):
        """As an administrator's tools leave one."""
        words = [word for key, value in options.items() for word in (key, str(value))]
        self.on_host("ip", "link", "add", name, "type", "bridge", *words)
        self.on_host("ip", "link", "set", name, "up")
        self.assertEqual(self.setting(f"net.ipv6.conf.{name}.accept_ra"), "1")

    def believes(self, prefix, interface=None):
        """Whether the node has an address of that prefix, or a router whom it heard of it from."""
        where = ("dev", interface) if interface else ()
        addresses = self.on_host("ip", "-6", "addr", "show", *where)
        routes = self.on_host("ip", "-6", "route", "show", "proto", "ra")
        shown = prefix.rstrip(":")
        return shown in addresses or shown in routes

    def has_router(self, link_local):
        return link_local in self.on_host("ip", "-6", "route", "show", "default")

    def forget(self):
        """What was heard of routers, as if it had not been."""
        self.on_host("ip", "-6", "route", "flush", "proto", "ra")
        for link in self.node.ip_json(self.node.host, "-6", "addr", "show"):
            for address in link.get("addr_info", []):
                if address.get("local", "").startswith(FALSE_PREFIX.rstrip(":")):
                    self.on_host("ip", "addr", "del", f"{address['local']}/{address['prefixlen']}", "dev", link["ifname"])

    def tell(self, attacker, bridge, told):
        attacker.wire.send(told)
        self.deliver(attacker, bridge)
        lied_to = self.believes(FALSE_PREFIX) or self.has_router(attacker.link_local)
        self.forget()
        return lied_to

    def told(self, attacker, bridge):
        """Those of the wrappings in which the node believes a false router."""
        return [name for name, make in WRAPPED.items() if self.tell(attacker, bridge, make(attacker))]

    def findings(self, config, container, result, **how):
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, container, result, **how)
        self.assertEqual(caught.exception.code, 105)
        return caught.exception.msg


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


class SpanningTreeTest(AdvertisementCase):
    def root_port(self):
        """Which of the bridge's ports leads to the root; 0 where it is the root itself."""
        return self.node.ip_json(self.node.host, "-d", "link", "show", "lan0")[0]["linkinfo"]["info_data"]["root_port"]

    def port_facts(self, container):
        return self.node.ip_json(self.node.host, "-d", "link", "show", self.host_end_of(container))[0]["linkinfo"]["info_slave_data"]

    def attach_attacker(self):
        config = bridge_config(self.node, bridge="lan0")
        container = self.node.container("attacker")
        result = self.node.add(config, container)
        return config, container, result, self.end(container)

    def test_a_container_does_not_become_the_root(self):
        self.make_bridge(stp_state=1)
        _, container, _, attacker = self.attach_attacker()
        attacker.wire.send(f.bridge_protocol_unit(attacker.mac))
        self.assertEqual(self.root_port(), 0)
        self.assertEqual(self.port_facts(container)["state"], "disabled")

    def test_check_and_reconcile_know_it(self):
        self.make_bridge(stp_state=1)
        config, container, result, attacker = self.attach_attacker()
        self.node.check(config, container, result)
        self.on_host("bridge", "link", "set", "dev", self.host_end_of(container), "guard", "off")
        self.assertIn("BPDU guard of bridge port", self.findings(config, container, result))
        self.node.reconcile()
        self.node.check(config, container, result)
        attacker.wire.send(f.bridge_protocol_unit(attacker.mac))
        self.assertEqual(self.root_port(), 0)

    def test_without_the_guard_it_does(self):
        self.make_bridge(stp_state=1)
        _, container, _, attacker = self.attach_attacker()
        self.on_host("bridge", "link", "set", "dev", self.host_end_of(container), "guard", "off")
        attacker.wire.send(f.bridge_protocol_unit(attacker.mac))
        self.assertNotEqual(self.root_port(), 0)

    def test_where_the_bridge_speaks_no_stp_a_frame_of_it_does_the_container_no_harm(self):
        self.make_bridge()
        config, container, result, attacker = self.attach_attacker()
        victim = self.attach("victim", config)
        told = f.bridge_protocol_unit(attacker.mac)
        self.assertEqual(self.deliver(attacker, victim, told), [told])
        self.node.check(config, container, result)

    def test_hairpin_and_isolation_come_with_it(self):
        config = bridge_config(self.node, bridge="lan0", hairpinMode=True, portIsolation=True)
        container = self.node.container("a")
        self.node.add(config, container)
        facts = self.port_facts(container)
        self.assertEqual([facts[name] for name in ("hairpin", "isolated", "guard")], [True, True, True])

    def test_frames_to_groups_of_switches_stay_at_their_port(self):
        config = bridge_config(self.node, bridge="lan0")
        attacker, victim = self.attach("attacker", config), self.attach("victim", config)
        lies = [f.link_layer_discovery(attacker.mac)] + [f.frame(attacker.mac, group, 0x888e, bytes(50)) for group in (f.EAPOL_GROUP, f.LACP_GROUP)]
        self.assertEqual(self.deliver(attacker, victim, *lies), [])


class NeighboursOfTheNodeTest(AdvertisementCase):
    """What a bridge's own settings would have the node believe, were it not for antispoof."""

    def test_an_announcement_where_the_node_takes_them(self):
        """Of an address that it has not asked for (arp_accept)."""
        for number, guarded in enumerate((False, True)):
            config = bridge_config(self.node, name=f"net{number}", bridge=f"lan{number}", isGateway=True, antispoof=guarded)
            attacker = self.attach(f"attacker{number}", config)
            bridge = self.end(self.node.host, f"lan{number}")
            self.setting(f"net.ipv4.conf.lan{number}.arp_accept", 1)
            attacker.wire.send(f.arp(attacker.mac, f.BROADCAST, 1, "10.88.0.99", "10.88.0.99"))
            self.deliver(attacker, bridge)
            self.assertEqual(self.believed(self.node.host, "10.88.0.99", bridge.interface), None if guarded else attacker.mac)
            self.node.delete(config, attacker.namespace)
            self.on_host("ip", "link", "del", bridge.interface)

    def redirect4(self, attacker, gateway, node, target, about):
        """From the gateway, as it would have to look; RFC 792."""
        quoted = f.ipv4(1, node, about, bytes(8))  # an answer to a ping, which no socket of the node's has to know of
        body = struct.pack("!BBH", 5, 1, 0) + f.packed(target) + quoted
        return f.ipv4(1, gateway, node, body[:2] + struct.pack("!H", f.checksum(body)) + body[4:])

    def test_a_redirect(self):
        """Nobody's is believed where the node is a router; where it is not, antispoof keeps a container from speaking as one."""
        for number, (guarded, listens, expected) in enumerate(((False, 0, False), (False, 1, True), (True, 1, False))):
            config = bridge_config(self.node, name=f"net{number}", bridge=f"lan{number}", isGateway=True, antispoof=guarded)
            attacker, router = self.attach(f"attacker{number}", config), self.attach(f"router{number}", config)
            bridge = self.end(self.node.host, f"lan{number}")
            self.setting("net.ipv4.conf.all.accept_redirects", listens)
            self.setting(f"net.ipv4.conf.lan{number}.accept_redirects", 1)
            self.setting(f"net.ipv4.conf.lan{number}.secure_redirects", 0)
            self.on_host("ip", "route", "add", "198.51.100.0/24", "via", router.v4)
            self.on_host("ip", "neigh", "replace", attacker.v4, "lladdr", attacker.mac, "dev", bridge.interface)
            packet = self.redirect4(attacker, router.v4, bridge.v4, attacker.v4, "198.51.100.1")
            for destination in (bridge.mac, f.LLDP_GROUP):
                attacker.wire.send(f.in_frame(attacker.mac, destination, packet))
            self.deliver(attacker, bridge)
            self.assertEqual(f"via {attacker.v4} " in self.on_host("ip", "route", "get", "198.51.100.1"), expected, (guarded, listens))
            for end in (attacker, router):
                self.node.delete(config, end.namespace)
            self.on_host("ip", "link", "del", bridge.interface)


class UplinkTest(AdvertisementCase):
    def test_an_uplink_goes_on_listening_when_the_node_becomes_a_router(self):
        lan = self.node.container("lan")
        self.on_host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", lan)
        self.node.run_in(lan, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
        for where, link in ((self.node.host, "up0"), (lan, "eth0")):
            self.node.run_in(where, "ip", "link", "set", link, "up")
        self.node.settle(lan)
        router, uplink = self.end(lan), self.end(self.node.host, "up0")
        told = f.in_frame(router.mac, f.group_mac(f.ALL_NODES), f.router_advertisement(router.link_local, TRUE_PREFIX, router.mac))
        router.wire.send(told)
        self.assertEqual(uplink.wire.receive_until(told), [])
        self.assertTrue(self.has_router(router.link_local))
        self.node.add(bridge_config(self.node, subnets=("fd00:88::/64",), isDefaultGateway=True), self.node.container("a"))
        self.assertEqual(self.setting("net.ipv6.conf.all.forwarding"), "1")
        self.assertEqual(self.setting("net.ipv6.conf.up0.accept_ra"), "2")
        # And so its way out is there when the next advertisement has come.
        self.on_host("ip", "-6", "route", "flush", "proto", "ra")
        router.wire.send(told)
        uplink.wire.receive_until(told)
        self.assertTrue(self.has_router(router.link_local))


class UnfinishedBridgeTest(AdvertisementCase):
    """Between the moment in which an ADD makes a bridge and that in which it sets it up, somebody else adds a port to it."""

    def kill(self, config, container, number):
        prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", f"inject=sendmsg:signal=KILL:when={number}")
        process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=prefix)
        process.communicate(timeout=60)
        return process.returncode != 0

    def leave_unfinished(self, config, container):
        for number in range(1, 60):
            self.assertTrue(self.kill(config, container, number), "no ADD was killed between the making of a bridge and its end")
            links = self.node.ip_json(self.node.host, "link", "show", "type", "bridge")
            if any(link.get("ifname") == "pcbr0" and "UP" not in link["flags"] for link in links):
                return
        self.fail("no end of calls")

    def add_port(self):
        self.on_host("ip", "link", "add", "theirs", "type", "veth", "peer", "name", "theirs1")
        self.on_host("ip", "link", "set", "theirs", "master", "pcbr0")

    def master_of_theirs(self):
        return self.node.ip_json(self.node.host, "link", "show", "theirs")[0].get("master")

    def test_a_del_leaves_it(self):
        config = bridge_config(self.node)
        container = self.node.container("a")
        self.leave_unfinished(config, container)
        self.add_port()
        self.node.delete(config, container)
        self.assertEqual(self.master_of_theirs(), "pcbr0")

    def test_a_del_removes_it_where_nobody_did(self):
        config = bridge_config(self.node)
        container = self.node.container("a")
        self.leave_unfinished(config, container)
        self.node.delete(config, container)
        self.assertIsNone(re.search("pcbr0", self.on_host("ip", "link", "show", "type", "bridge")))


if __name__ == "__main__":
    unittest.main()
