"""Type portmap, behind bridge."""

import os
import unittest

from fake_node import PluginError
from ports_case import PortsCase, bridge, plain
from traffic import ports


class PortmapTest(PortsCase):
    """The drop-in, behind the reference's bridge."""

    def setUp(self):
        super().setUp()
        self.bridge = {"cniVersion": "1.0.0", "name": "chain", "type": "bridge", "bridge": "pcbr0", "isGateway": True, "hairpinMode": True,
                       "ipam": {"type": "host-local", "dataDir": self.node.networks, "subnet": "10.87.0.0/24",
                                "routes": [{"dst": "0.0.0.0/0"}]}}
        self.portmap = {"cniVersion": "1.0.0", "name": "chain", "type": "portmap", "capabilities": {"portMappings": True}}

    def call(self, command, config, container, **options):
        return self.node.call(command, config, container, plugin=self.node.plugin(config["type"]), **options)

    def attach(self, container, *mappings, **keys):
        result = self.node.call("ADD", self.bridge, container, plugin="/usr/lib/cni/bridge")
        self.previous = {**self.portmap, **keys, "prevResult": result}
        self.config = {**self.previous, **ports(*mappings)}
        return result, self.call("ADD", self.config, container)

    def test_a_port_is_published_and_the_result_passed_on(self):
        a = self.node.container("a")
        before, after = self.attach(a, "8080:80", "8053:53/udp")
        self.assertEqual(after, plain(before))
        self.traffic.serve(a, "tcp/4/80", "udp/4/53")
        for namespace, address in ((self.outside, "192.0.2.1"), (self.node.host, "192.0.2.1"), (self.node.host, "127.0.0.1"), (a, "10.87.0.1")):
            self.assertEqual(self.traffic.asks(namespace, "tcp", address, 8080)[0], a, namespace)
        self.call("CHECK", self.config, a)

    def test_del_needs_the_names_only(self):
        for strip in ({}, {"runtimeConfig": {}}, {"runtimeConfig": {}, "prevResult": None}):
            a = self.node.container("a")
            self.attach(a, "8080:80")
            self.assertGreater(self.elements(), 0)
            self.node.remove_container(a)
            self.call("DEL", {**self.config, **strip}, a, netns="")
            self.assertEqual(self.elements(), 0)
            self.assertFalse(os.path.exists(os.path.join(self.node.state, "portmap", "chain", f"{a}:eth0")))
            self.node.call("DEL", self.bridge, a, netns="", plugin="/usr/lib/cni/bridge")

    def test_without_mappings_nothing_is_done(self):
        a = self.node.container("a")
        result = self.node.call("ADD", self.bridge, a, plugin="/usr/lib/cni/bridge")
        before = self.node.snapshot(a)
        self.assertEqual(self.call("ADD", {**self.portmap, "prevResult": result}, a), plain(result))
        self.call("CHECK", {**self.portmap, "prevResult": result}, a)
        self.call("DEL", {**self.portmap, "prevResult": result}, a)
        self.assertEqual(self.node.snapshot(a), before)

    def test_patchcord_and_portmap_know_each_others_ports(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.attach(a, "8080:80")
        with self.assertRaises(PluginError) as caught:
            self.node.add({**bridge(self.node, bridge="pcbr1"), **ports("8080:80")}, b)
        self.assertEqual(caught.exception.code, 103)
        self.assertIn(f"chain/{a}/eth0", caught.exception.msg)

    def test_gc_removes_what_is_not_listed(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.attach(a, "8080:80")
        self.attach(b, "8081:80")
        count = self.elements()
        self.call("GC", {**self.portmap, "cniVersion": "1.1.0",
                         "cni.dev/valid-attachments": [{"containerID": b, "ifname": "eth0"}]}, "", netns="")
        self.assertEqual(self.elements(), count // 2)
        self.assertIn("8081", self.rules())
        self.assertNotIn("8080", self.rules())

    def test_conditions_that_nobody_can_translate_are_refused_before_anything_is_done(self):
        a = self.node.container("a")
        result = self.node.call("ADD", self.bridge, a, plugin="/usr/lib/cni/bridge")
        before = self.node.snapshot(a)
        for keys in ({"conditionsV4": ["-m", "owner", "--uid-owner", "0"]}, {"conditionsV4": ["-s"]}):
            with self.assertRaises(PluginError) as caught:
                self.call("ADD", {**self.portmap, **keys, **ports("8080:80"), "prevResult": result}, a)
            self.assertEqual(caught.exception.code, 2)
        self.assertEqual(self.node.snapshot(a), before)


if __name__ == "__main__":
    unittest.main()
