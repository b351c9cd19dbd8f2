"""`"mtu": "auto"` on a bridge that is stretched over nodes: the least of the way out, of its tunnels, and of what is below these."""

import unittest

from fake_node import Node, bridge_config


class MtuOfTunnelsTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        host = self.node.on_host
        if self.node.run_in(self.node.host, "ip", "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789", check=False).returncode:
            self.skipTest("the kernel has no vxlan")
        host("ip", "link", "del", "probe")
        host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        host("ip", "link", "add", "below0", "type", "veth", "peer", "name", "below1")
        host("ip", "link", "set", "below0", "mtu", "1420", "up")
        host("ip", "addr", "add", "10.61.0.1/24", "dev", "below0")
        host("ip", "link", "set", "up0", "up")
        host("ip", "addr", "add", "192.0.2.1/24", "dev", "up0")
        host("ip", "route", "add", "default", "via", "192.0.2.2")
        host("ip", "link", "add", "pcbr0", "type", "bridge")
        host("ip", "link", "set", "pcbr0", "up")

    def stretch(self, name, vni, *words):
        self.node.on_host("ip", "link", "add", name, "type", "vxlan", "id", vni, "dstport", "4789", *words)
        self.node.on_host("ip", "link", "set", name, "master", "pcbr0")

    def mtu(self, name):
        container = self.node.container(name)
        self.node.add(bridge_config(self.node, mtu="auto"), container)
        return self.node.ip_json(container, "link", "show", "eth0")[0]["mtu"]

    def test_the_least_of_all(self):
        self.assertEqual(self.mtu("none"), 1500)
        self.stretch("vx1", "1", "local", "192.0.2.1")
        self.assertEqual(self.mtu("tunnel"), 1450)
        self.stretch("vx2", "2", "local", "10.61.0.1")
        self.assertEqual(self.mtu("below"), 1370)
        self.node.on_host("ip", "link", "set", "vx1", "mtu", "1300")
        self.assertEqual(self.mtu("own"), 1300)
        self.node.on_host("ip", "link", "set", "up0", "mtu", "1280")
        self.assertEqual(self.mtu("out"), 1230)

    def test_that_of_another_bridge_is_not_asked(self):
        self.stretch("vx1", "1", "local", "10.61.0.1")
        self.node.on_host("ip", "link", "set", "vx1", "nomaster")
        self.assertEqual(self.mtu("none"), 1500)


if __name__ == "__main__":
    unittest.main()
