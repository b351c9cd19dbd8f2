"""What the tests that attack have in common: the fake node of the process tests, and containers whose every interface is known."""

import os
import unittest

import frames  # which knows where the next one is
from fake_node import Node


class End:
    """A container's interface, or the node's: what it is called, and a wire into it."""

    def __init__(self, node, namespace, interface="eth0"):
        self.namespace, self.interface = namespace, interface
        link = node.ip_json(namespace, "addr", "show", "dev", interface)[0]
        self.mac = link["address"]
        addresses = [address["local"] for address in link["addr_info"]]
        self.v4 = next((each for each in addresses if ":" not in each), None)
        self.v6 = next((each for each in addresses if ":" in each and not each.startswith("fe80")), None)
        self.link_local = next((each for each in addresses if each.startswith("fe80")), None)
        self.wire = frames.Wire(namespace, interface)


class FramesCase(unittest.TestCase):
    """Frames that are sent one after the other arrive so only where one processor has them all."""

    node = None

    @classmethod
    def setUpClass(cls):
        cls.processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cls.processors)})
        cls.addClassCleanup(os.sched_setaffinity, 0, cls.processors)

    def make_node(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        return self.node

    def end(self, namespace, interface="eth0"):
        end = End(self.node, namespace, interface)
        self.addCleanup(end.wire.close)
        return end

    def attach(self, name, config, **options):
        container = self.node.container(name)
        self.node.add(config, container, **options)
        return self.end(container)

    @staticmethod
    def honest(attacker, victim):
        """What nobody holds back."""
        return frames.arp(attacker.mac, frames.BROADCAST, 1, attacker.v4, victim.v4 or attacker.v4)

    def deliver(self, attacker, victim, *lies):
        """Those of the frames that the victim gets, as it sees them: without an outer tag."""
        last = self.honest(attacker, victim)
        for lie in (*lies, last):
            attacker.wire.send(lie)
        seen = victim.wire.receive_until(last)
        return [lie for lie in lies if seen_form(lie) in seen]

    def host_end_of(self, container):
        links = self.node.ip_json(self.node.host, "link", "show", "type", "veth")
        return next(link["ifname"] for link in links if f"/{container}/" in link.get("ifalias", ""))

    def believed(self, namespace, address, interface="eth0"):
        """The MAC that a neighbour table has for an address."""
        entries = self.node.ip_json(namespace, "neigh", "show", "dev", interface)
        return next((entry.get("lladdr") for entry in entries if entry["dst"] == address), None)

    def setting(self, key, *value):
        """Reads a sysctl of the node's, or sets it."""
        if value:
            self.node.on_host("sysctl", "-qw", f"{key}={value[0]}")
            return value[0]
        return self.node.on_host("sysctl", "-n", key).strip()


def seen_form(frame):
    has_tag = frame[12:14] in (b"\x81\x00", b"\x88\xa8")
    return frame[:12] + frame[16:] if has_tag else frame
