"""An IPAM program that is not ours may take its time while the interface is there. Who is in the container already, as where a running one is
connected to one more network, or still, is held by `antispoof` and `macspoofchk` all that time.
"""

import json
import os
import socket
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import Node, bridge_config
from namespace_look import in_namespace
from patience import until

ANSWER = {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.9/24", "gateway": "10.88.0.1"}]}
# Says that it has begun, and goes on when it may.
PROGRAM = """#!/bin/sh
cat >/dev/null
: >{place}/$CNI_COMMAND.begun
until [ -e {place}/go ]; do sleep 0.02; done
[ $CNI_COMMAND != ADD ] || echo '{answer}'
"""
GATEWAY, OTHERS_MAC = socket.inet_aton("10.88.0.1"), bytes.fromhex("0200000000ad")
ARP_ANSWER = struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2)


class Spoofer(threading.Thread):
    """In the container: claims the gateway's address on eth0, from its own MAC and from another's, whenever it can."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.raw = in_namespace(path, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        self.path, self.sent, self.over = path, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.005):
            try:
                self.raw.bind(("eth0", 0))
                own = self.raw.getsockname()[4]
                for source in (own, OTHERS_MAC):
                    self.raw.send(b"\xff" * 6 + source + ARP_ANSWER + source + GATEWAY + b"\xff" * 6 + GATEWAY)
                self.sent += 1
            except OSError:
                pass  # not there yet, not up, or no more

    def end(self):
        self.over.set()
        self.join()
        self.raw.close()


class WhileAProgramRuns(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.program = os.path.join(self.node.directory, "program")
        with open(self.program, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(place=self.node.directory, answer=json.dumps(ANSWER)))
        os.chmod(self.program, 0o755)
        self.victim, self.evil = self.node.container("victim"), self.node.container("evil")
        self.node.add(bridge_config(self.node, isDefaultGateway=True), self.victim)
        self.ear = in_namespace(self.node.path_of(self.victim), self.listen)
        self.addCleanup(self.ear.close)
        self.spoofer = Spoofer(self.node.path_of(self.evil))
        self.addCleanup(self.spoofer.end)
        self.spoofer.start()

    @staticmethod
    def listen():
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(0x0806))
        ear.bind(("eth0", 0x0806))
        return ear

    def heard(self):
        """Claims of the gateway's address that arrive, by the MAC that they are from."""
        claims, gateway_mac = set(), self.gateway_mac()
        while True:
            try:
                frame = self.ear.recv(2048)
            except BlockingIOError:
                return claims
            if frame[20:22] == b"\0\2" and frame[28:32] == GATEWAY and frame[6:12] != gateway_mac:
                claims.add(frame[6:12].hex(":"))

    def gateway_mac(self):
        return bytes.fromhex(self.node.ip_json(self.node.host, "link", "show", "pcbr0")[0]["address"].replace(":", ""))

    def go(self, may):
        place = os.path.join(self.node.directory, "go")
        if may:
            open(place, "w", encoding="ascii").close()
        elif os.path.exists(place):
            os.unlink(place)

    def run_slowly(self, command, config, **options):
        """The operation; what is heard while the program is at it."""
        self.go(False)
        self.heard()
        process = self.node.start(command, config, self.evil, self.node.path_of(self.evil), CNI_PATH=self.node.directory, **options)
        self.assertTrue(until(lambda: os.path.exists(f"{self.node.directory}/{command}.begun")), command)
        sent = self.spoofer.sent
        until(lambda: self.spoofer.sent > sent + 20, tries=3)
        heard = self.heard()
        self.go(True)
        self.node.finish(process)
        return heard

    def config(self, **keys):
        config = bridge_config(self.node, name="slow", isDefaultGateway=True, **keys)
        return config | {"ipam": {"type": "program", "timeout": 600}}

    def test_antispoof_holds_before_there_are_addresses_and_until_the_link_is_gone(self):
        config = self.config(antispoof=True)
        self.assertEqual(self.run_slowly("ADD", config), set())
        self.assertTrue(until(lambda: self.spoofer.sent > 0, tries=5))
        self.assertEqual(self.heard(), set())
        self.assertEqual(self.run_slowly("DEL", config), set())

    def test_macspoofchk_holds_all_the_time(self):
        config = self.config(macspoofchk=True) | {"type": "bridge"}
        plugin = self.node.plugin("bridge")
        others = OTHERS_MAC.hex(":")
        self.assertNotIn(others, self.run_slowly("ADD", config, plugin=plugin))
        # What it is not about passes, so that silence above says something.
        self.assertTrue(until(lambda: any(claim != others for claim in self.heard()), tries=5))
        self.assertNotIn(others, self.run_slowly("DEL", config, plugin=plugin))


if __name__ == "__main__":
    unittest.main()
