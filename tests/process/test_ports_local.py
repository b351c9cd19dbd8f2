"""What is published on the node's own addresses, and what leaves a masqueraded network: the edges, with real packets."""

import unittest

from ports_case import EVERYWHERE, PLACES, UPLINK, PortsCase, bridge, routed
from traffic import PYTHON, ports
import patience

# How a connection ends: "refused", "timeout" or who has answered.
CONNECT = """
import socket, sys
address = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0]
client = socket.socket(address[0])
client.settimeout(float(sys.argv[3]))
try:
    client.connect(address[4])
    print(client.recv(99).decode())
except ConnectionRefusedError: print("refused")
except OSError: print("timeout")
"""
# A segment that belongs to no connection: RST, or an answer that nobody has asked for.
STRAY = """
import socket, struct, sys
source, destination, flags = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in destination else socket.AF_INET
pack = lambda text: socket.inet_pton(family, text)
segment = struct.pack("!HHIIBBHHH", 4321, 1234, 7, 9, 5 << 4, flags, 100, 0, 0)
pseudo = pack(source) + pack(destination) + (struct.pack("!II", len(segment), 6) if ":" in destination else struct.pack("!HH", 6, len(segment)))
words = struct.unpack(f"!{len(pseudo + segment) // 2}H", pseudo + segment)
total = sum(words)
while total >> 16: total = (total & 0xffff) + (total >> 16)
segment = segment[:16] + struct.pack("!H", ~total & 0xffff) + segment[18:]
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
for _ in range(3): raw.sendto(segment, (destination, 0))
"""
# The sources of what comes in, until a datagram with the word "end".
SNIFF = """
import socket, sys
box = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
box.settimeout(float(sys.argv[1]))
print("ready", flush=True)
seen = set()
while True:
    packet, _ = box.recvfrom(2000)
    four = packet[0] >> 4 == 4
    protocol = packet[9] if four else packet[6]
    if protocol in (6, 17):
        seen.add(socket.inet_ntop(socket.AF_INET, packet[12:16]) if four else socket.inet_ntop(socket.AF_INET6, packet[8:24]))
    if packet.endswith(b"end"): break
print(" ".join(sorted(seen)), flush=True)
"""
# As systemd-resolved, on its own address alone.
RESOLVER = """
import select, socket
udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
for each in (udp, tcp): each.bind(("127.0.0.53", 53))
tcp.listen()
print("ready", flush=True)
while True:
    for each in select.select([udp, tcp], [], [])[0]:
        if each is udp:
            udp.sendto(b'["resolver", ""]', udp.recvfrom(99)[1])
        else:
            connection, _ = tcp.accept()
            connection.sendall(b'["resolver", ""]')
            connection.close()
"""
RST, SYN_ACK = 4, 18


class LocalPortsTest(PortsCase):
    def publish(self, config, *mappings):
        container = self.node.container("published")
        self.node.add({**config, **ports(*mappings)}, container)
        return container

    def connect(self, namespace, address, port):
        return self.node.run_in(namespace, PYTHON, "-c", CONNECT, address, str(port), str(3 * patience.answer_time())).stdout.strip()

    def test_a_resolver_of_the_node_keeps_its_own_address(self):
        for make in (bridge, routed):
            with self.subTest(mode=make.__name__):
                config = make(self.node)
                container = self.publish(config, "53:53/udp", "53:53/tcp")
                self.traffic.serve(container, "udp/4/53", "tcp/4/53", name="container")
                host = self.node.host
                self.node.on_host("ip", "addr", "replace", "127.0.0.53/8", "dev", "lo")
                resolver = self.traffic.start(host, PYTHON, "-c", RESOLVER)
                for protocol in ("udp", "tcp"):
                    self.assertEqual(self.traffic.asks(host, protocol, "127.0.0.53", 53)[0], "resolver")
                    self.assertEqual(self.traffic.asks(host, protocol, "127.0.0.1", 53)[0], "container")
                    self.assertEqual(self.traffic.asks(self.outside, protocol, UPLINK[0], 53)[0], "container")
                self.traffic.stop(resolver)
                self.node.delete(config, container)
                self.node.remove_container(container)

    def test_an_address_of_127_that_is_asked_for_is_published(self):
        container = self.publish(bridge(self.node), "127.0.0.7|8080:80")
        self.traffic.serve(container, "tcp/4/80", name="container")
        self.assertEqual(self.traffic.asks(self.node.host, "tcp", "127.0.0.7", 8080)[0], "container")
        self.assertIsNone(self.traffic.asks(self.node.host, "tcp", "127.0.0.1", 8080))

    def test_localhost_of_ipv6_is_refused_at_once(self):
        """So that a client goes on to 127.0.0.1; a service of the node's may have it."""
        for make in (bridge, routed):
            with self.subTest(mode=make.__name__):
                config = make(self.node)
                container = self.node.container("published")
                self.node.add({**config, **EVERYWHERE}, container)
                self.traffic.serve(container, *PLACES, name="container")
                self.assertEqual(self.connect(self.node.host, "::1", 8080), "refused")
                for protocol, port in (("tcp", 8080), ("udp", 8053)):
                    self.assertEqual(self.traffic.asks(self.node.host, protocol, "127.0.0.1", port)[0], "container")
                    self.assertEqual(self.traffic.asks(self.node.host, protocol, UPLINK[1], port)[0], "container")
                own = self.traffic.serve(self.node.host, "tcp/6/8080", name="node")
                self.assertEqual(self.traffic.asks(self.node.host, "tcp", "::1", 8080)[0], "node")
                self.traffic.stop(own)
                self.node.delete(config, container)
                self.node.remove_container(container)

    def test_a_link_local_address_is_refused_at_once(self):
        for make in (bridge, routed):
            with self.subTest(mode=make.__name__):
                config = make(self.node)
                container = self.publish(config, "8080:80")
                self.traffic.serve(container, "tcp/6/80", name="container")
                self.node.settle(self.outside)  # addresses of links are checked for duplicates
                uplink = next(link for link in self.node.ip_json(self.node.host, "addr") if link["ifname"].startswith("up"))
                address = next(each["local"] for each in uplink["addr_info"] if each["local"].startswith("fe80"))
                self.assertEqual(self.connect(self.outside, f"{address}%eth0", 8080), "refused")
                self.assertIn("container", self.connect(self.outside, UPLINK[1], 8080))
                self.node.delete(config, container)
                self.node.remove_container(container)


class StrayTest(PortsCase):
    def stray(self, config, plugin=None):
        """The sources that are seen outside of a container's datagrams and of segments that belong to no connection."""
        self.node.settle(self.outside)  # addresses are checked for duplicates
        container = self.node.container("stray")
        self.node.add(config, container, plugin=plugin and self.node.plugin(plugin))
        sources = [each["local"] for link in self.node.ip_json(container, "addr", "show", "eth0") for each in link["addr_info"]
                   if each["scope"] == "global"]
        sniffer = self.traffic.start(self.outside, PYTHON, "-c", SNIFF, str(10 * patience.answer_time()))
        for source in sources:
            destination = "2001:db8:2::2" if ":" in source else "192.0.2.2"
            self.assertTrue(self.node.reaches(container, destination))
            for flags in (RST, SYN_ACK):
                self.node.run_in(container, PYTHON, "-c", STRAY, source, destination, str(flags))
        self.node.run_in(container, PYTHON, "-c", "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'end', ('192.0.2.2', 9))")
        seen = set(sniffer.stdout.readline().split())
        self.traffic.stop(sniffer)
        self.node.delete(config, container, plugin=plugin and self.node.plugin(plugin))
        self.node.remove_container(container)
        return sources, seen

    def test_none_leaves_a_masqueraded_network(self):
        ptp = {"cniVersion": "1.0.0", "name": "ptp", "type": "ptp", "ipMasq": True,
               "ipam": {"type": "host-local", "dataDir": self.node.networks, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                        "ranges": [[{"subnet": s}] for s in ("10.90.0.0/24", "fd00:90::/64")]}}
        drop_in = {**bridge(self.node, name="dropin", bridge="pcbr1"), "type": "bridge", "ipMasq": True,
                   "ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": s}] for s in ("10.91.0.0/24", "fd00:91::/64")]}}
        for config, plugin in ((bridge(self.node, ipMasq=True), None), (routed(self.node, ipMasq=True), None), (ptp, "ptp"), (drop_in, "bridge")):
            with self.subTest(name=config["name"]):
                sources, seen = self.stray(config, plugin)
                self.assertEqual(len(sources), 2)
                self.assertIn("192.0.2.1", seen)
                self.assertEqual(seen & set(sources), set())

    def test_without_masquerade_all_leaves_as_it_is(self):
        self.node.run_in(self.outside, "ip", "route", "add", "10.88.0.0/24", "via", "192.0.2.1")
        self.node.run_in(self.outside, "ip", "route", "add", "fd00:88::/64", "via", "2001:db8:2::1")
        sources, seen = self.stray(bridge(self.node))
        self.assertLessEqual(set(sources), seen)


if __name__ == "__main__":
    unittest.main()
