"""The guest has what it is there for: Debian's kernel, and those of its features that the machines it runs on may lack."""

import os
import subprocess
import time
import unittest

from guest import inside_only
from fake_node import Node
from patience import until


@inside_only
class KernelTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def ip(self, *arguments):
        return self.node.on_host("ip", *arguments)

    def details(self, interface):
        (link,) = self.node.ip_json(self.node.host, "-d", "link", "show", "dev", interface)
        return link["linkinfo"]

    def bridge_with_ports(self, *ports):
        """A bridge that filters, with a container at each port; returns the containers."""
        self.ip("link", "add", "br0", "up", "type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", "0")
        containers = []
        for number, port in enumerate(ports, 1):
            container = self.node.container(f"c{number}")
            self.ip("link", "add", port, "up", "master", "br0", "type", "veth", "peer", "name", "eth0", "netns", container)
            self.node.run_in(container, "ip", "link", "set", "eth0", "up")
            self.node.run_in(container, "ip", "addr", "add", f"192.0.2.{number}/24", "dev", "eth0")
            containers.append(container)
        return containers

    def test_it_is_debians_kernel(self):
        kernel = os.uname()
        iproute2 = subprocess.run(["ip", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        print(f"\n{kernel.sysname} {kernel.release} {kernel.version}; {iproute2}", flush=True)
        self.assertRegex(kernel.release, r"^6\.1\.\d+-\d+-amd64$")
        self.assertIn("Debian", kernel.version)

    def test_a_bridge_filters_vlans(self):
        a, b, c = self.bridge_with_ports("pa", "pb", "pc")
        self.assertEqual(self.details("br0")["info_data"]["vlan_filtering"], 1)
        self.assertFalse(self.node.reaches(a, "192.0.2.2"), "no port is in a VLAN")
        for port, vlan in (("pa", "10"), ("pb", "10"), ("pc", "20")):
            self.node.on_host("bridge", "vlan", "add", "dev", port, "vid", vlan, "pvid", "untagged")
        self.assertTrue(self.node.reaches(a, "192.0.2.2", tries=20))
        self.assertFalse(self.node.reaches(a, "192.0.2.3"), "it is in another VLAN")
        self.assertFalse(self.node.reaches(c, "192.0.2.2"), "it is in another VLAN")
        self.assertTrue(self.node.reaches(b, "192.0.2.1", tries=20))

    def test_a_trunk_carries_tagged_vlans(self):
        a, trunk = self.bridge_with_ports("pa", "pt")
        self.node.on_host("bridge", "vlan", "add", "dev", "pa", "vid", "10", "pvid", "untagged")
        self.node.on_host("bridge", "vlan", "add", "dev", "pt", "vid", "10")
        self.assertFalse(self.node.reaches(a, "192.0.2.2"), "the other end takes tagged frames only")
        self.node.run_in(trunk, "ip", "link", "add", "link", "eth0", "name", "eth0.10", "up", "type", "vlan", "id", "10")
        self.node.run_in(trunk, "ip", "addr", "flush", "dev", "eth0")
        self.node.run_in(trunk, "ip", "addr", "add", "192.0.2.2/24", "dev", "eth0.10")
        self.assertTrue(self.node.reaches(a, "192.0.2.2", tries=20))

    def test_the_kinds_of_links_can_be_made(self):
        self.ip("link", "add", "parent", "up", "type", "dummy")
        self.ip("link", "add", "link", "parent", "name", "tagged", "type", "vlan", "id", "7")
        self.assertEqual(self.details("tagged")["info_data"]["id"], 7)
        for kind, *options in (("macvlan", "mode", "bridge"), ("ipvlan", "mode", "l2")):
            self.ip("link", "add", "link", "parent", "name", kind, "type", kind, *options)
            self.assertEqual(self.details(kind)["info_kind"], kind)
            self.ip("link", "del", kind)
        for kind, *options in (("dummy",), ("ifb",), ("vxlan", "id", "1", "dstport", "4789"), ("veth",), ("vrf", "table", "9")):
            self.ip("link", "add", kind + "x", "type", kind, *options)
            self.assertEqual(self.details(kind + "x")["info_kind"], kind)

    def test_rules_and_queueing_disciplines_can_be_made(self):
        self.node.on_host("nft", "add table inet t; add chain inet t c { type nat hook postrouting priority srcnat; }; "
                                 "add rule inet t c ip saddr 192.0.2.0/24 masquerade; add map inet t m { type inet_service : ipv4_addr . "
                                 "inet_service; }; add rule inet t c ct state new counter")
        self.node.on_host("nft", "add table bridge t; add chain bridge t c { type filter hook forward priority 0; }")
        self.ip("link", "add", "d0", "up", "type", "dummy")
        for discipline in (("tbf", "rate", "1mbit", "burst", "32kb", "latency", "25ms"), ("htb",), ("fq_codel",), ("netem", "delay", "1ms")):
            self.node.on_host("tc", "qdisc", "replace", "dev", "d0", "root", *discipline)
        self.node.on_host("tc", "qdisc", "add", "dev", "d0", "ingress")
        self.node.on_host("tc", "filter", "add", "dev", "d0", "parent", "ffff:", "matchall", "action", "police", "rate", "1mbit", "burst", "32k")

    def test_bridged_frames_can_be_sent_through_the_rules(self):
        subprocess.run(["modprobe", "br_netfilter"], check=True)
        self.assertTrue(os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))


@inside_only
class MachineTest(unittest.TestCase):
    def test_the_machines_files_are_below_memory_and_read_only(self):
        with open("/proc/mounts", encoding="ascii") as file:
            mounts = [line.split() for line in file]
        self.assertEqual([fields[2] for fields in mounts if fields[1] == "/"], ["overlay"])
        self.assertEqual({fields[3].split(",")[0] for fields in mounts if fields[2] == "9p"}, {"ro"})
        self.assertEqual({fields[2] for fields in mounts if fields[1] in ("/run", "/tmp", "/dev/shm")}, {"tmpfs"})

    def test_there_is_no_network_but_the_loopback(self):
        self.assertEqual(os.listdir("/sys/class/net"), ["lo"])

    def test_the_clock_is_right(self):
        self.assertGreater(time.time(), os.stat(__file__).st_mtime)

    def test_its_seconds_are_those_of_the_machine(self):
        """Which the emulated hardware clock has, however busy the machine is."""
        def hardware_seconds():
            with open("/sys/class/rtc/rtc0/since_epoch", encoding="ascii") as file:
                return int(file.read())

        first, began = hardware_seconds(), time.monotonic()
        until(lambda: hardware_seconds() >= first + 5)
        last, ended = hardware_seconds(), time.monotonic()
        self.assertGreater(last, first + 4)
        self.assertLess(abs(ended - began - (last - first)), 3)


if __name__ == "__main__":
    unittest.main()
