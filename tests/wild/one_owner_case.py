"""A container with several networks that publish the same ports, and who answers on them."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PluginError, bridge_config
from ports_case import PortsCase
from traffic import PYTHON, ports

PUBLISHED = ports("8080:80", "8053:53/udp")
PLACES = ("tcp/4/80", "tcp/6/80", "udp/4/53", "udp/6/53")

# Where an interface's address is seen as the server's: each answer says which address of the container was asked.
WHERE = """
import json, select, socket
listeners = []
for family in (socket.AF_INET, socket.AF_INET6):
    for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_DGRAM, 53)):
        server = socket.socket(family, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        server.bind(("", port))
        if kind == socket.SOCK_STREAM:
            server.listen(64)
        listeners.append(server)
print("ready", flush=True)
while True:
    for server in select.select(listeners, [], [])[0]:
        if server.type == socket.SOCK_STREAM:
            connection, client = server.accept()
            connection.sendall(json.dumps([connection.getsockname()[0], client[0]]).encode())
            connection.close()
            continue
        _, notes, _, client = server.recvmsg(99, 99)
        level, kind, data = notes[0]
        v6 = level == socket.IPPROTO_IPV6
        asked = data[:16] if v6 else data[8:12]
        answer = json.dumps([socket.inet_ntop(server.family, asked), client[0]]).encode()
        server.sendmsg([answer], [(level, kind, asked + bytes(4) if v6 else bytes(4) + asked + bytes(4))], 0, client)
"""

# A client that never rests: it counts questions and those that nobody answered.
RESTLESS = """
import json, select, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
asked, lost, seen, again = 0, 0, [], True
print("ready", flush=True)
while again:
    again = not select.select([sys.stdin], [], [], 0)[0]
    asked += 1
    try:
        with socket.create_connection((address, port), 3) as client:
            where = json.loads(client.recv(999))[0]
            if where not in seen: seen.append(where)
    except (OSError, ValueError):
        lost += 1
print(json.dumps([asked, lost, seen]))
"""


class OneOwnerCase(PortsCase):
    def setUp(self):
        super().setUp()
        self.a = self.node.container("a")

    def network(self, number, **keys):
        """`number` makes a network, a bridge and subnets."""
        subnets = (f"10.6{number}.0.0/24", f"fd00:6{number}::/64")
        return bridge_config(self.node, name=f"n{number}", bridge=f"b{number}", subnets=subnets, isDefaultGateway=True, **{**PUBLISHED, **keys})

    def add(self, config, interface, container=None, **options):
        return self.node.add(config, container or self.a, ifname=interface, **options)

    def delete(self, config, interface, container=None, **options):
        return self.node.delete(config, container or self.a, ifname=interface, **options)

    def check(self, config, interface, result):
        self.node.check(config, self.a, result, ifname=interface)

    def serve(self, container=None):
        return self.traffic.start(container or self.a, PYTHON, "-c", WHERE)

    def answering(self):
        """Which address of the container each question comes to: TCP and UDP, of both families, from the host itself."""
        self.node.settle(self.a)
        questions = [("tcp", "192.0.2.1", 8080), ("tcp", "2001:db8:2::1", 8080), ("udp", "192.0.2.1", 8053), ("udp", "2001:db8:2::1", 8053)]
        return [answer and answer[0] for answer in self.traffic.ask(self.node.host, *questions)]

    def assert_answers(self, number, place=2):
        self.assertEqual(self.answering(), [f"10.6{number}.0.{place}", f"fd00:6{number}::{place}"] * 2)

    def assert_conflict(self, call, holder):
        with self.assertRaises(PluginError) as caught:
            call()
        self.assertEqual(caught.exception.code, 103)
        self.assertIn(f"is that of {holder}", caught.exception.msg)
