"""What else a container tells the node by its port: where the root of the bridge's tree is, redirects, announcements; and what uplinks and unfinished bridges keep."""

import re
import struct
import unittest

import frames as f
import patience
from advertisement_case import TRUE_PREFIX, AdvertisementCase
from fake_node import bridge_config


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
        patience.communicate(process)
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
