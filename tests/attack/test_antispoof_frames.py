"""Whatever a container with antispoof or macspoofchk wraps a lie into, nobody gets it. Each lie gets through without the key."""

import fcntl
import os
import re
import socket
import time
import struct
import threading
import unittest

import frames as f
from frames_case import End, FramesCase
from spoofed_frames import LIES, STRANGER, TRUTHS
from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, PluginError, bridge_config, routed_config


class BridgeFramesTest(FramesCase):
    """Two networks on a bridge each, one with antispoof and one without; in each an attacker and a victim."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = Node()
        cls.addClassCleanup(cls.node.close)
        cls.ends = {}
        for guarded in (False, True):
            bridge = f"pcsp{int(guarded)}"
            config = bridge_config(cls.node, name=f"net{guarded}", bridge=bridge, subnets=DUAL_BRIDGE, isDefaultGateway=True, antispoof=guarded)
            containers = [cls.node.container(f"{name}{int(guarded)}") for name in ("attacker", "victim")]
            for container in containers:
                cls.node.add(config, container)
            # Reports of groups decide who gets what is sent to them; here everybody gets all.
            cls.node.on_host("ip", "link", "set", bridge, "type", "bridge", "mcast_snooping", "0")
            cls.node.settle(*containers)
            cls.ends[guarded] = [End(cls.node, container) for container in containers] + [End(cls.node, cls.node.host, bridge)]
            for end in cls.ends[guarded]:
                cls.addClassCleanup(end.wire.close)

    def send_lie(self, make):
        for guarded, (attacker, victim, gateway) in self.ends.items():
            told = make(attacker, victim, gateway)
            self.assertEqual(bool(self.deliver(attacker, victim, told)), not guarded, f"antispoof: {guarded}")

    def send_truth(self, make):
        for attacker, victim, _ in self.ends.values():
            told = make(attacker, victim)
            self.assertEqual(self.deliver(attacker, victim, told), [told])


def _as_name(text):
    return re.sub(r"\W+", "_", text).lower()


for _name, _make in LIES:
    setattr(BridgeFramesTest, f"test_lie__{_as_name(_name)}", lambda self, make=_make: self.send_lie(make))
for _name, _make in TRUTHS:
    setattr(BridgeFramesTest, f"test_truth__{_as_name(_name)}", lambda self, make=_make: self.send_truth(make))


class BelievedLiesTest(FramesCase):
    """What neighbours, the node and the bridge itself make of lies."""

    def both(self, is_foreign=False, **keys):
        """For each of a network without and with the keys: whether it has them, attacker, victim, gateway."""
        self.make_node()
        for number, guarded in enumerate((False, True)):
            bridge = f"pcsp{number}"
            if is_foreign:
                self.node.on_host("ip", "link", "add", bridge, "type", "bridge")
                self.node.on_host("ip", "link", "set", bridge, "up")
            config = bridge_config(self.node, name=f"net{number}", bridge=bridge, subnets=DUAL_BRIDGE, isDefaultGateway=True,
                                   **(keys if guarded else {}))
            attacker, victim = (self.attach(f"{name}{number}", config) for name in ("attacker", "victim"))
            yield guarded, attacker, victim, self.end(self.node.host, bridge)
            for end in (attacker, victim):
                self.node.delete(config, end.namespace)
            self.node.on_host("ip", "link", "del", bridge)

    def test_an_advertisement_in_a_tag_poisons_nobody(self):
        for guarded, a, v, g in self.both(antispoof=True):
            self.node.run_in(v.namespace, "ip", "neigh", "replace", g.v6, "lladdr", g.mac, "dev", "eth0", "nud", "stale")
            self.node.on_host("ip", "neigh", "replace", v.v6, "lladdr", v.mac, "dev", g.interface, "nud", "stale")
            self.deliver(a, v, f.tagged(f.in_frame(a.mac, v.mac, f.advertisement(a.link_local, v.v6, g.v6, a.mac)), (f.DOT1Q, 0)))
            self.deliver(a, g, f.tagged(f.in_frame(a.mac, g.mac, f.advertisement(a.link_local, g.v6, v.v6, a.mac)), (f.DOT1AD, 0)))
            self.assertEqual(self.believed(v.namespace, g.v6), g.mac if guarded else a.mac)
            self.assertEqual(self.believed(self.node.host, v.v6, g.interface), v.mac if guarded else a.mac)

    def learnt_at(self, mac, bridge):
        """The ports behind which a bridge believes that MAC to be."""
        lines = self.node.on_host("bridge", "fdb", "show", "br", bridge).splitlines()
        return {line.split()[2] for line in lines if line.startswith(mac) and f"master {bridge}" in line}

    def learn_from_groups(self, **keys):
        """A bridge takes a frame to such a group aside before any rule sees it."""
        for guarded, a, v, g in self.both(is_foreign=True, **keys):
            for group in (f.LLDP_GROUP, f.EAPOL_GROUP, f.LACP_GROUP):
                self.deliver(v, a)  # is heard of where it is
                self.assertEqual(self.learnt_at(v.mac, g.interface), {self.host_end_of(v.namespace)})
                expected = {self.host_end_of((v if guarded else a).namespace)}
                for _ in range(1 if guarded else 20):  # the victim's own kernel may say something in between
                    a.wire.send(f.frame(v.mac, group, 0x88cc, bytes(50)))
                    self.deliver(a, g)
                    learnt = self.learnt_at(v.mac, g.interface)
                    if learnt == expected:
                        break
                self.assertEqual(learnt, expected, (guarded, group))

    def test_a_frame_to_a_group_of_switches_takes_no_mac_with_antispoof(self):
        self.learn_from_groups(antispoof=True)

    def test_a_frame_to_a_group_of_switches_takes_no_mac_with_macspoofchk(self):
        self.learn_from_groups(macspoofchk=True)

    def test_a_bridge_of_ours_never_learns_from_such_frames(self):
        for _, a, v, g in self.both():
            a.wire.send(f.frame(v.mac, f.LLDP_GROUP, 0x88cc, bytes(50)))
            self.deliver(a, g)
            self.assertNotIn(self.host_end_of(a.namespace), self.learnt_at(v.mac, g.interface))

    def test_a_datagram_to_a_group_of_switches_does_not_reach_the_node(self):
        """It comes in by the port itself, and not by the bridge."""
        for guarded, a, v, g in self.both(antispoof=True):
            for own, other, node, family in ((a.v4, v.v4, g.v4, socket.AF_INET), (a.v6, v.v6, g.v6, socket.AF_INET6)):
                with f.socket_in(self.node.host, family, socket.SOCK_DGRAM) as listener:
                    listener.bind(("", 7))
                    for group in (f.LLDP_GROUP, f.LACP_GROUP):
                        a.wire.send(f.in_frame(a.mac, group, f.udp(other, node, 7, b"lie")))
                    a.wire.send(f.in_frame(a.mac, g.mac, f.udp(own, node, 7, b"truth")))
                    heard = [f.heard_by(listener)]
                    while heard[-1] != b"truth":
                        heard.append(f.heard_by(listener))
                    self.assertEqual(b"lie" in heard, not guarded, (family, heard))

    def test_macs_are_looked_at_in_whatever_frame(self):
        for guarded, a, v, _ in self.both(macspoofchk=True):
            plain = f.arp(STRANGER, v.mac, 2, a.v4, v.v4)
            lies = [plain, f.tagged(plain, (f.DOT1Q, 0)), f.tagged(plain, (f.DOT1AD, 5)), f.tagged(plain, (f.DOT1AD, 0), (f.DOT1Q, 0)), f.in_snap(plain),
                    f.in_pppoe(f.in_frame(STRANGER, v.mac, f.udp(a.v4, v.v4, 7))), f.bridge_protocol_unit(STRANGER)]
            self.assertEqual(self.deliver(a, v, *lies), [] if guarded else lies)

    def test_truths_pass_with_macspoofchk(self):
        for _, a, v, _ in self.both(macspoofchk=True):
            plain = f.in_frame(a.mac, v.mac, f.udp(a.v4, v.v4, 7))
            truths = [f.tagged(plain, (f.DOT1Q, 0)), f.tagged(plain, (f.DOT1Q, 5)), f.in_snap(plain)]
            self.assertEqual(self.deliver(a, v, *truths), truths)


class DuplicateAddressTest(FramesCase):
    """Who detects duplicates believes whoever says that the address is his."""

    def answer(self, attacker, stop, *lies):
        """To each who looks for an address with none of his own."""
        def listen():
            while not stop.is_set():
                seen = attacker.wire.receive(tries=1)
                if seen and seen[12:14] == b"\x86\xdd" and seen[20] == 58 and seen[54] == 135 and seen[22:38] == bytes(16) and seen[6:12] != f.packed_mac(attacker.mac):
                    about = socket.inet_ntop(socket.AF_INET6, seen[62:78])
                    for make in lies:
                        attacker.wire.send(make(about))
                    answered.append(about)
        answered = []
        attacker.wire.socket.settimeout(0.05)
        thread = threading.Thread(target=listen)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        return answered

    def attack(self, guarded):
        self.make_node()
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, enabledad=True, antispoof=guarded)
        a = self.attach("attacker", config)
        group = f.group_mac(f.ALL_NODES)

        def solicit(about):
            return f.in_frame(a.mac, f.group_mac(f.solicited_node(about)), f.solicitation("::", f.solicited_node(about), about))
        lies = (solicit, lambda about: f.tagged(solicit(about), (f.DOT1Q, 0)),
                lambda about: f.in_frame(a.mac, group, f.advertisement(a.link_local, f.ALL_NODES, about, a.mac)),
                lambda about: f.tagged(f.in_frame(a.mac, group, f.advertisement(a.link_local, f.ALL_NODES, about, a.mac)), (f.DOT1AD, 0)))
        answered = self.answer(a, threading.Event(), *lies)
        victim = self.node.container("victim")
        if guarded:
            self.node.add(config, victim)
        else:
            with self.assertRaises(PluginError) as caught:
                self.node.add(config, victim)
            self.assertEqual(caught.exception.code, 103)
        self.assertNotEqual(answered, [])

    def test_without_antispoof_it_fails_the_add(self):
        self.attack(False)

    def test_with_antispoof_it_does_not(self):
        self.attack(True)

    def test_a_true_duplicate_is_still_found(self):
        self.make_node()
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, enabledad=True, antispoof=True)
        self.attach("first", config)
        # Of somebody who knows nothing of the first one.
        elsewhere = os.path.join(self.node.directory, "elsewhere")
        another = config | {"name": "another", "antispoof": False, "ipam": config["ipam"] | {"dataDir": elsewhere + "-networks"}}
        with self.assertRaises(PluginError) as caught:
            self.node.add(another, self.node.container("second"), PATCHCORD_STATE_DIR=elsewhere)
        self.assertEqual(caught.exception.code, 103)


class HastyContainerTest(FramesCase):
    """Somebody is in the container already, sees its interface come, sets it up himself and sends what he can."""

    ATTEMPTS = 10

    def flood(self, container, told, stop):
        with f.socket_in(container, socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
            while not stop.is_set():
                try:
                    out.bind(("eth0", 0))
                    fcntl.ioctl(out, 0x8914, struct.pack("16sh14x", b"eth0", 1))  # SIOCSIFFLAGS, IFF_UP
                    out.send(told)
                except OSError:
                    pass  # it is not there, or not up

    def heard(self, during, **keys):
        """How many lies get to a victim from containers while that is done with each, given the configuration and the container."""
        self.make_node()
        config = bridge_config(self.node, name="hasty", subnets=("10.88.1.0/24",), **keys)
        victim, speaker = (self.attach(name, bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True)) for name in ("victim", "speaker"))
        os.sched_setaffinity(0, self.processors)
        told = f.arp(victim.mac, f.BROADCAST, 1, "10.88.0.1", "10.88.0.77")
        count = 0
        for number in range(self.ATTEMPTS):
            container, stop = self.node.container(f"hasty{number}"), threading.Event()
            thread = threading.Thread(target=self.flood, args=(container, told, stop))
            thread.start()
            try:
                during(config, container)
            finally:
                stop.set()
                thread.join()
            last = self.honest(speaker, victim)
            speaker.wire.send(last)
            count += victim.wire.receive_until(last).count(told)
        return count

    def add(self, config, container):
        self.node.add(config, container)

    def add_in_vain(self, config, container):
        """It fails when the rules are there: the gateway of a route is in nobody's subnet."""
        config["ipam"]["routes"] = [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]
        with self.assertRaises(PluginError):
            self.node.add(config, container)

    def add_and_delete(self, config, container):
        self.node.add(config, container)
        self.node.delete(config, container)

    def test_without_antispoof_it_is_heard(self):
        self.assertGreater(self.heard(self.add), 0)

    def test_nothing_passes_before_the_rules_are_there(self):
        self.assertEqual(self.heard(self.add, antispoof=True), 0)

    def test_nothing_passes_where_the_add_fails(self):
        self.assertEqual(self.heard(self.add_in_vain, antispoof=True), 0)

    def test_nothing_passes_when_the_rules_go(self):
        self.assertEqual(self.heard(self.add_and_delete, antispoof=True), 0)


class RoutedFramesTest(FramesCase):
    """A routed container's link has the node alone at its other end."""

    def heard(self, guarded, *lies):
        self.make_node()
        config = routed_config(self.node, name=f"net{int(guarded)}", subnets=DUAL_ROUTED, antispoof=guarded)
        a = self.attach("attacker", config)
        host = self.end(self.node.host, self.host_end_of(a.namespace))
        self.node.on_host("ip", "-6", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad")
        self.wait_for_local("2001:db8::1")
        with f.socket_in(self.node.host, socket.AF_INET6, socket.SOCK_DGRAM) as listener:
            listener.bind(("", 7))
            heard = []
            for number, wrap in enumerate(lies):
                a.wire.send(wrap(f.in_frame(a.mac, host.mac, f.udp("fd00:89::77", "2001:db8::1", 7, b"lie%d" % number))))
            a.wire.send(f.in_frame(a.mac, host.mac, f.udp(a.v6, "2001:db8::1", 7, b"truth")))
            while b"truth" not in heard:
                heard.append(f.heard_by(listener))
            return heard[:-1]

    def wait_for_local(self, address):
        """The kernel makes the local route of an IPv6 address a moment after the address."""
        for _ in range(500):
            if self.node.ip_json(self.node.host, "-6", "route", "show", "table", "local", address):
                return
            time.sleep(0.01)
        self.fail(f"{address} has no local route")

    LIES = (lambda frame: frame, lambda frame: f.tagged(frame, (f.DOT1Q, 0)), lambda frame: f.tagged(frame, (f.DOT1AD, 0)),
            lambda frame: f.tagged(frame, (f.DOT1AD, 0), (f.DOT1Q, 0)))

    def test_an_address_in_tags_gets_through_without_antispoof(self):
        self.assertEqual(self.heard(False, *self.LIES), [b"lie0", b"lie1", b"lie2", b"lie3"])

    def test_an_address_in_tags_does_not_with_antispoof(self):
        self.assertEqual(self.heard(True, *self.LIES), [])


if __name__ == "__main__":
    unittest.main()
