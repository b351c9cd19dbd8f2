"""Addresses from a DHCP server on the LAN: Debian's dhcp plugin with its daemon, and busybox' udhcpd behind a port of the bridge."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))

import patience
from fake_node import REFERENCE_DIR, Node, PluginError

LEASE = 6  # seconds; the client renews after half of it
SERVER = """interface eth1
start 10.44.0.20
end 10.44.0.29
max_leases 10
min_lease 1
lease_file {directory}/leases
pidfile {directory}/pid
auto_time 1
opt subnet 255.255.255.0
opt router 10.44.0.1
opt lease {lease}
"""


class DhcpCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.log = os.path.join(self.node.directory, "server.log")
        self.socket = os.path.join(self.node.directory, "dhcp.sock")

    def lan(self, name="br-lan"):
        """A bridge with a router on it that serves addresses; all of it up, but for the bridge if it is to be."""
        router = self.node.container("router")
        self.node.on_host("ip", "link", "add", name, "type", "bridge")
        self.node.on_host("ip", "link", "add", "uplink", "master", name, "up", "type", "veth", "peer", "name", "eth1", "netns", router)
        self.node.on_host("ip", "link", "set", name, "up")
        for text in ("link set eth1 up", "addr add 10.44.0.1/24 dev eth1"):
            self.node.run_in(router, "ip", *text.split())
        return router

    def start(self, namespace, *command, log=os.devnull):
        with open(log, "ab") as file:
            process = subprocess.Popen(["nsenter", f"--net={self.node.path_of(namespace)}", *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.node.holders.append(process)
        return process

    def serve(self, router):
        path = os.path.join(self.node.directory, "udhcpd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(SERVER.format(directory=self.node.directory, lease=LEASE))
        with open(os.path.join(self.node.directory, "leases"), "wb"):
            pass
        self.start(router, "busybox", "udhcpd", "-f", path, log=self.log)

    def start_daemon(self):
        self.start(self.node.host, os.path.join(REFERENCE_DIR, "dhcp"), "daemon", "-socketpath", self.socket)
        self.assertTrue(patience.until(lambda: os.path.exists(self.socket)))

    def config(self, **keys):
        return {"cniVersion": "1.0.0", "name": "lan", "ipam": {"type": "dhcp", "daemonSocketPath": self.socket}, **keys}

    def logged(self, words):
        with open(self.log, encoding="utf-8") as file:
            return sum(words in line for line in file)

    def frames(self, namespace, interface):
        """What passes there from now on, as lines of text."""
        path = os.path.join(self.node.directory, "frames")
        self.start(namespace, sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "dhcp_frames.py"), interface, log=path)

        def seen(word):
            with open(path, encoding="ascii") as file:
                return file.read().split().count(word)

        self.assertTrue(patience.until(lambda: seen("listening")))
        return seen


class DhcpTest(DhcpCase):
    def test_a_lease_is_got_renewed_and_released_on_a_bridge(self):
        router = self.lan()
        self.serve(router)
        self.start_daemon()
        seen = self.frames(router, "eth1")
        for number, keys in enumerate(({"type": "bridge"}, {"type": "patchcord", "mode": "bridge"},
                                       {"type": "patchcord", "mode": "bridge", "runtimeConfig": {"mac": "02:44:00:00:00:09"}})):
            config = self.config(bridge="br-lan", **keys)
            with self.subTest(keys):
                a = self.node.container(f"a{number}")
                plugin = self.node.plugin(config["type"])
                asked = seen("DISCOVER")
                result = self.node.add(config, a, plugin=plugin)
                # A link that had no carrier yet would have lost the first one, and seconds with it.
                self.assertEqual(seen("DISCOVER"), asked + 1)
                self.assertRegex(result["ips"][0]["address"], r"^10\.44\.0\.2\d/24$")
                self.assertIn({"dst": "0.0.0.0/0", "gw": "10.44.0.1"}, result["routes"])
                renewed = seen("REQUEST")
                self.assertTrue(patience.until(lambda renewed=renewed: seen("REQUEST") > renewed), "nothing was renewed")
                self.assertTrue(self.node.reaches(a, "10.44.0.1"))
                if number == 2:  # the daemon asks for one more lease, and never forgets it
                    self.node.check(config, a, result, plugin=plugin)
                released = seen("RELEASE")
                self.node.delete(config, a, plugin=plugin)
                self.assertTrue(patience.until(lambda released=released: seen("RELEASE") > released), "nothing was released")
                self.assertEqual(self.node.veths(), ["uplink"])

    def test_a_bridge_that_is_down_is_set_up_for_it_and_down_again_if_it_fails(self):
        router = self.lan()
        self.serve(router)
        a = self.node.container("a")
        self.node.on_host("ip", "link", "set", "br-lan", "down")
        before = self.node.snapshot(a)
        config = self.config(type="bridge", bridge="br-lan")
        with self.assertRaises(PluginError) as caught:  # there is no daemon, which could not be told to release anything either
            self.node.add(config, a, plugin=self.node.plugin("bridge"))
        self.assertIn("dhcp", caught.exception.msg)
        self.assertEqual(self.node.snapshot(a) | {"files": before["files"]}, before)
        self.start_daemon()
        self.node.delete(config, a, plugin=self.node.plugin("bridge"))
        self.assertEqual(self.node.snapshot(a), before)
        result = self.node.add(config, a, plugin=self.node.plugin("bridge"))
        self.assertRegex(result["ips"][0]["address"], r"^10\.44\.0\.2\d/24$")
        self.assertTrue(self.node.reaches(a, "10.44.0.1"))

    def test_nobody_who_serves_leaves_nothing(self):
        self.lan()
        self.start_daemon()
        a = self.node.container("a")
        before = self.node.snapshot(a)
        config = self.config(type="bridge", bridge="br-lan")
        config["ipam"]["timeout"] = 3
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, a, plugin=self.node.plugin("bridge"))
        self.assertIn("dhcp", caught.exception.msg)
        self.assertEqual(self.node.snapshot(a), before)


if __name__ == "__main__":
    unittest.main()
