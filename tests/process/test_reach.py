"""Who reaches whom, with traffic: isolation at each level, masquerade, spoofed senders; TCP and UDP, both families, both modes."""

import json
import socket
import struct
import subprocess
import sys
import unittest

import patience
from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, bridge_config, routed_config

PORT = 7070

# Echoes what comes, with the sender's address as it is seen here.
SERVER = f"""
import select, socket, sys
sockets = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", {PORT}))
    sockets.append(s)
sockets[0].listen(50)
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        if s is sockets[0]:
            c, peer = s.accept()
            c.sendall(peer[0].encode())
            c.close()
        else:
            _, peer = s.recvfrom(100)
            try:
                s.sendto(peer[0].encode(), peer)
            except OSError:
                pass  # no way back, which is what some ask for
"""

# Asks all of them at once, and prints what each answered, null where there was nothing.
CLIENT = f"""
import json, socket, sys, threading
wait, targets, answers = float(sys.argv[1]), json.loads(sys.argv[2]), {{}}
def ask(kind, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = None
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        try:
            s.connect((address, {PORT}))
            if kind == "udp":
                s.send(b"?")
            answer = s.recv(100).decode().removeprefix("::ffff:") or None
        except OSError:
            pass
    answers[kind + " " + address] = answer
threads = [threading.Thread(target=ask, args=(kind, address)) for address in targets for kind in ("tcp", "udp")]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps(answers))
"""


class ReachCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.addresses = {}

    def serve(self, namespace):
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{namespace}", sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdout.readline()

    def ask(self, source, *targets):
        """What each answers: the address that it saw, by protocol and address. When one does not, they are all asked once more."""
        for _ in range(2):
            wait = str(patience.answer_time())
            answers = json.loads(self.node.run_in(source, sys.executable, "-c", CLIENT, wait, json.dumps(targets)).stdout)
            if None not in answers.values():
                break
        return answers

    def attach(self, name, config):
        container = self.node.container(name)
        result = self.node.add(config, container)
        self.addresses[container] = [ip["address"].split("/")[0] for ip in result["ips"]]
        self.serve(container)
        return container

    def outside(self):
        """A neighbour on an uplink, who knows a way to all containers."""
        neighbour = self.node.container("outside")
        self.node.on_host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", neighbour)
        for address in ("192.0.2.1/24", "2001:db8::1/64"):
            self.node.on_host("ip", "addr", "add", address, "dev", "up0", "nodad")
        self.node.on_host("ip", "link", "set", "up0", "up")
        for address in ("192.0.2.2/24", "2001:db8::2/64"):
            self.node.run_in(neighbour, "ip", "addr", "add", address, "dev", "eth0", "nodad")
        self.node.run_in(neighbour, "ip", "link", "set", "eth0", "up")
        self.node.settle(neighbour)
        self.serve(neighbour)
        return neighbour

    def let_in(self, neighbour):
        self.node.run_in(neighbour, "ip", "route", "add", "default", "via", "192.0.2.1")
        self.node.run_in(neighbour, "ip", "-6", "route", "add", "default", "via", "2001:db8::1")

    def assert_reach(self, source, targets, expected):
        answers = self.ask(source, *targets)
        self.assertEqual({what: answer is not None for what, answer in answers.items()}, {what: expected for what in answers}, (source, answers))


def other(mode):
    return "routed" if mode == "bridge" else "bridge"


class IsolationTest(ReachCase):
    def config(self, mode, name, number, **keys):
        subnets = (f"10.{number}.0.0/24", f"fd00:{number}::/64")
        if mode == "bridge":
            return bridge_config(self.node, name=name, bridge="pc" + name, subnets=subnets, isDefaultGateway=True, **keys)
        return routed_config(self.node, name=name, subnets=subnets, **keys)

    def check_level(self, mode, level, br_netfilter=False):
        here = self.config(mode, "here", 70, isolation=level)
        a, b = self.attach("a", here), self.attach("b", here)
        # Containers of two other networks, one of each mode, that have no rules of their own.
        others = [self.attach("c", self.config(mode, "there", 71)), self.attach("d", self.config(other(mode), "yonder", 72))]
        neighbour = self.outside()
        self.let_in(neighbour)
        self.serve(self.node.host)
        if br_netfilter:
            self.node.on_host("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")
        # Outwards, nothing is held back, and the answers come.
        self.assert_reach(a, ["192.0.2.2", "2001:db8::2"] + [ip for each in others for ip in self.addresses[each]], True)
        # Over UDP the host answers from whichever of its addresses it likes.
        answers = self.ask(a, "192.0.2.1", "2001:db8::1")
        self.assertTrue(answers["tcp 192.0.2.1"] and answers["tcp 2001:db8::1"], answers)
        self.assert_reach(self.node.host, self.addresses[a], True)
        self.assert_reach(neighbour, self.addresses[a], True)
        self.assert_reach(b, self.addresses[a], level != "pod")
        for each in others:
            self.assert_reach(each, self.addresses[a], level == "open")

    def test_bridge_open(self):
        self.check_level("bridge", "open")

    def test_bridge_network(self):
        self.check_level("bridge", "network")

    def test_bridge_pod(self):
        self.check_level("bridge", "pod")

    def test_bridge_network_with_br_netfilter(self):
        self.require_br_netfilter()
        self.check_level("bridge", "network", br_netfilter=True)

    def test_bridge_pod_with_br_netfilter(self):
        self.require_br_netfilter()
        self.check_level("bridge", "pod", br_netfilter=True)

    def test_routed_open(self):
        self.check_level("routed", "open")

    def test_routed_network(self):
        self.check_level("routed", "network")

    def test_routed_pod(self):
        self.check_level("routed", "pod")

    def require_br_netfilter(self):
        if self.node.run_in(self.node.host, "sysctl", "net.bridge.bridge-nf-call-iptables", check=False).returncode != 0:
            self.skipTest("this kernel has no br_netfilter, or does not have it loaded")


class MasqueradeTest(ReachCase):
    """The neighbour knows no way to the containers: what is not masqueraded gets no answer."""

    def check(self, config):
        neighbour = self.outside()
        a, b = self.attach("a", config), self.attach("b", config)
        answers = self.ask(a, "192.0.2.2", "2001:db8::2")
        self.assertEqual(set(answers.values()), {"192.0.2.1", "2001:db8::1"}, answers)
        # The own subnet is left alone.
        answers = self.ask(a, *self.addresses[b])
        self.assertEqual(set(answers.values()), set(self.addresses[a]), answers)
        del neighbour

    def test_bridge(self):
        self.check(bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True))

    def test_routed(self):
        self.check(routed_config(self.node, subnets=DUAL_ROUTED, ipMasq=True))

    def test_ptp(self):
        config = {**routed_config(self.node, subnets=DUAL_ROUTED, ipMasq=True), "type": "ptp"}
        del config["mode"]
        config["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
        self.node_add_as("ptp")
        self.check(config)

    def node_add_as(self, name):
        add = self.node.add
        self.node.add = lambda config, container, **options: add(config, container, plugin=self.node.plugin(name), **options)

    def test_excluded_prefixes_and_families(self):
        self.outside()
        a = self.attach("a", routed_config(self.node, subnets=DUAL_ROUTED, ipMasq="ipv6", ipMasqExclude=["2001:db8:1::/48"]))
        answers = self.ask(a, "192.0.2.2", "2001:db8::2")
        self.assertEqual(answers, {"tcp 192.0.2.2": None, "udp 192.0.2.2": None, "tcp 2001:db8::2": "2001:db8::1", "udp 2001:db8::2": "2001:db8::1"})
        b = self.attach("b", routed_config(self.node, subnets=DUAL_ROUTED, ipMasq=True, ipMasqExclude=["192.0.2.0/25", "2001:db8::/32"]))
        self.assert_reach(b, ["192.0.2.2", "2001:db8::2"], False)


# Sends one frame, given in hexadecimal digits, out of eth0.
SEND_FRAME = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
    out.bind(("eth0", 0))
    out.send(bytes.fromhex(sys.argv[1]))
"""


def packed_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def arp_request(source, sender_mac, sender, target):
    """Broadcast; RFC 826."""
    header = b"\xff" * 6 + packed_mac(source) + struct.pack("!H", 0x0806)
    return (header + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + packed_mac(sender_mac) + socket.inet_aton(sender) + bytes(6)
            + socket.inet_aton(target))


def neighbour_advertisement(source, source_address, about, to_mac, to_address):
    """Unsolicited, overriding; RFC 4861, 4.4."""
    own, other = (socket.inet_pton(socket.AF_INET6, text) for text in (source_address, to_address))
    message = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + socket.inet_pton(socket.AF_INET6, about) + b"\x02\x01" + packed_mac(source)
    words = struct.unpack(f"!{(32 + 8 + len(message)) // 2}H", own + other + struct.pack("!II", len(message), socket.IPPROTO_ICMPV6) + message)
    total = sum(words)
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    message = message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
    packet = struct.pack("!IHBB", 0x60000000, len(message), socket.IPPROTO_ICMPV6, 255) + own + other + message
    return packed_mac(to_mac) + packed_mac(source) + struct.pack("!H", 0x86dd) + packet


class SpoofTest(ReachCase):
    """Each lie gets through without the key, so that it is the key that stops it."""

    def send_from(self, container, address, target):
        prefix = f"{address}/32" if "." in address else f"{address}/128"
        self.node.run_in(container, "ip", "addr", "add", prefix, "dev", "eth0", "nodad")
        done = self.node.run_in(container, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", address, target, check=False)
        self.node.run_in(container, "ip", "addr", "del", prefix, "dev", "eth0")
        return done.returncode == 0

    def test_addresses_on_a_bridge(self):
        for guarded in (False, True):
            config = bridge_config(self.node, name=f"net{guarded}", bridge=f"pcsp{int(guarded)}", subnets=DUAL_BRIDGE, isDefaultGateway=True,
                                   antispoof=guarded)
            a, b = (self.attach(f"{name}{guarded}", config) for name in "ab")
            self.assert_reach(a, self.addresses[b], True)
            self.assertEqual(self.send_from(a, "10.88.0.77", self.addresses[b][0]), not guarded)
            self.assertEqual(self.send_from(a, "fd00:88::77", self.addresses[b][1]), not guarded)
            self.assert_reach(a, self.addresses[b], True)
            self.node.run_in(a, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:99")
            self.assert_reach(a, self.addresses[b][:1], not guarded)
            for container in (a, b):
                self.node.delete(config, container)
            self.node.on_host("ip", "link", "del", f"pcsp{int(guarded)}")

    def believed(self, container, address):
        """The MAC that a container has for an address."""
        return next((entry.get("lladdr") for entry in self.node.ip_json(container, "neigh", "show", "dev", "eth0") if entry["dst"] == address), None)

    def mac_of(self, container):
        return self.node.ip_json(container, "link", "show", "eth0")[0]["address"]

    def test_claims_in_arp_and_neighbour_discovery(self):
        """Who is asked by ARP believes the asker, and an advertisement overrides what was known."""
        liar4, liar6, stranger = "10.88.0.77", "fd00:88::77", "02:00:00:00:00:77"
        for guarded in (False, True):
            config = bridge_config(self.node, name=f"net{guarded}", bridge=f"pcsp{int(guarded)}", subnets=DUAL_BRIDGE, isDefaultGateway=True,
                                   antispoof=guarded)
            a, b = (self.attach(f"{name}{guarded}", config) for name in "ab")
            mac_a, mac_b, (b4, b6) = self.mac_of(a), self.mac_of(b), self.addresses[b]
            self.node.run_in(b, "sysctl", "-qw", "net.ipv4.neigh.eth0.locktime=0")  # by default nobody's MAC changes twice within a second

            def assert_believed(frame, about, expected):
                """Behind the frame goes a ping: when that is answered, the frame has come through, or has not."""
                self.node.run_in(a, sys.executable, "-c", SEND_FRAME, frame.hex())
                self.assertTrue(not guarded or self.node.reaches(a, b4))
                patience.until(lambda: self.believed(b, about) == expected, tries=5)
                self.assertEqual(self.believed(b, about), expected)

            assert_believed(arp_request(mac_a, mac_a, self.addresses[a][0], b4), self.addresses[a][0], mac_a)  # what is true gets through
            assert_believed(arp_request(mac_a, mac_a, liar4, b4), liar4, None if guarded else mac_a)
            assert_believed(arp_request(mac_a, stranger, self.addresses[a][0], b4), self.addresses[a][0], mac_a if guarded else stranger)
            for about in (self.addresses[a][1], liar6):
                self.node.run_in(b, "ip", "neigh", "replace", about, "lladdr", stranger, "dev", "eth0", "nud", "stale")
                assert_believed(neighbour_advertisement(mac_a, self.addresses[a][1], about, mac_b, b6), about,
                                stranger if guarded and about == liar6 else mac_a)
            for container in (a, b):
                self.node.delete(config, container)
            self.node.on_host("ip", "link", "del", f"pcsp{int(guarded)}")

    def test_macs_by_the_name_bridge(self):
        for guarded in (False, True):
            config = {**bridge_config(self.node, name=f"net{guarded}", isGateway=True, macspoofchk=guarded), "type": "bridge"}
            a, b = (self.attach(f"{name}{guarded}", config) for name in "ab")
            self.assert_reach(a, self.addresses[b], True)
            self.assertTrue(self.send_from(a, "10.88.0.77", self.addresses[b][0]))
            self.node.run_in(a, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:99")
            self.assert_reach(a, self.addresses[b], not guarded)
            for container in (a, b):
                self.node.delete(config, container)

    def test_addresses_of_a_routed_container(self):
        """Of IPv6 only: IPv4 has rp_filter, with or without us."""
        for guarded in (False, True):
            config = routed_config(self.node, name=f"net{guarded}", subnets=DUAL_ROUTED, antispoof=guarded)
            a, b = (self.attach(f"{name}{guarded}", config) for name in "ab")
            self.assert_reach(a, self.addresses[b], True)
            # Somebody else's, whose way back is known.
            self.node.on_host("ip", "-6", "route", "add", "fd00:89::77/128", "dev", self.veth_of(a))
            self.assertEqual(self.send_from(a, "fd00:89::77", self.addresses[b][1]), not guarded)
            self.assert_reach(a, self.addresses[b], True)
            for container in (a, b):
                self.node.delete(config, container)

    def veth_of(self, container):
        return next(link["ifname"] for link in self.node.ip_json(self.node.host, "link") if container in link.get("ifalias", ""))


if __name__ == "__main__":
    unittest.main()
