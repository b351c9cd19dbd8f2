"""What a container with antispoof or macspoofchk is given later (a lease) it may use, and nothing else than before."""

import json
import os
import unittest

import frames as f
from frames_case import FramesCase
from fake_node import bridge_config

LEASE = {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.9/24", "gateway": "10.88.0.1"}]}
PROGRAM = """#!/bin/sh
cat >/dev/null
[ $CNI_COMMAND != ADD ] || echo '{answer}'
"""
OTHERS_MAC = "02:00:00:00:00:ad"


class ProgramsAddressTest(FramesCase):
    """One container whose address a program has looked for, as a DHCP client does, and one that has its own from the start."""

    def setUp(self):
        self.make_node()
        program = os.path.join(self.node.directory, "program")
        with open(program, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(answer=json.dumps(LEASE)))
        os.chmod(program, 0o755)
        self.victim = self.attach("victim", bridge_config(self.node, isDefaultGateway=True))
        leased = bridge_config(self.node, name="leased", isDefaultGateway=True, antispoof=True) | {"ipam": {"type": "program"}}
        self.leased = self.attach("leased", leased, CNI_PATH=self.node.directory)
        self.settled = self.attach("settled", bridge_config(self.node, name="settled", subnets=["10.88.1.0/24"], antispoof=True))

    @staticmethod
    def discovery(container, source="0.0.0.0", mac=None):
        """A datagram to where a DHCP server listens."""
        return f.in_frame(mac or container.mac, f.BROADCAST, f.udp(source, "255.255.255.255", 67))

    def test_a_lease_is_looked_for_and_renewed(self):
        asked = [self.discovery(self.leased), self.discovery(self.leased, self.leased.v4)]
        self.assertEqual(self.deliver(self.leased, self.victim, *asked), asked)

    def test_from_another_mac_it_is_not(self):
        self.assertEqual(self.deliver(self.leased, self.victim, self.discovery(self.leased, mac=OTHERS_MAC)), [])

    def test_who_has_an_address_from_the_start_looks_for_none(self):
        lie, last = self.discovery(self.settled), self.discovery(self.settled, self.settled.v4)
        for told in (lie, last):
            self.settled.wire.send(told)
        self.assertNotIn(lie, self.victim.wire.receive_until(last))

    def test_nobody_asks_for_the_address_of_another(self):
        """Who is just asking for it takes it for taken (RFC 5227)."""
        own, others = (f.arp(self.leased.mac, f.BROADCAST, 1, "0.0.0.0", about) for about in (self.leased.v4, self.victim.v4))
        self.assertEqual(self.deliver(self.leased, self.victim, own, others), [own])


if __name__ == "__main__":
    unittest.main()
