"""The tool in a runtime's place: add, del, check, status and validate."""

import json
import os
import unittest

from fake_node import REFERENCE_DIR
from operator_case import OperatorCase


class RuntimeTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()
        self.demo = self.node.container("demo")

    def configure_reference(self):
        self.configure("30-ref.conf", {"cniVersion": "1.0.0", "name": "refnet", "type": "bridge", "bridge": "refbr",
                                       "ipam": {"type": "host-local", "dataDir": self.node.networks, "subnet": "10.99.0.0/24"}})

    def test_add_check_del_as_cnitool_has_them(self):
        done = self.tool("add", "shopnet", self.demo)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["ips"][0]["address"], "10.88.0.4/24")
        self.assertEqual(self.tool("check", "shopnet", self.demo).stdout, "all is as ADD made it\n")
        self.node.run_in(self.demo, "ip", "route", "del", "default")
        failed = self.tool("check", "shopnet", self.demo)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("route 0.0.0.0/0", failed.stderr)
        self.assertEqual(self.tool("del", "shopnet", self.demo).returncode, 0)
        self.assertEqual(self.node.reservations("shopnet"), ["10.88.0.2", "10.88.0.3", "fd00:88::2", "fd00:88::3"])
        self.assertEqual(os.listdir(os.path.join(self.node.state, "results")), [])

    def test_a_plugin_that_fails_undoes_those_before_it(self):
        self.write("30-bad.conflist", json.dumps({"cniVersion": "1.0.0", "name": "bad", "plugins": [
            {key: value for key, value in self.bridge.items() if key not in ("cniVersion", "name")}, {"type": "patchcord", "mode": "nonsense"}]}))
        before = self.node.snapshot(self.demo)
        done = self.tool("add", "bad", self.demo)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("plugin patchcord: mode: is ", done.stderr)
        after = self.node.snapshot(self.demo)
        self.assertEqual([part for part in before if before[part] != after[part] and part != "files"], [])
        self.assertEqual(os.path.isdir(os.path.join(self.node.state, "attachments", "bad")), False)

    def test_a_second_add_leaves_what_the_first_one_made(self):
        self.configure_reference()
        for network, path in (("shopnet", "/nowhere"), ("refnet", REFERENCE_DIR)):
            with self.subTest(network):
                self.assertEqual(self.tool("add", network, self.demo, CNI_PATH=path).returncode, 0)
                made = self.node.snapshot(self.demo)
                self.assertEqual(self.tool("add", network, self.demo, CNI_PATH=path).returncode, 1)
                # The reference reserves an address before it looks.
                self.assertEqual({**self.node.snapshot(self.demo), "files": made["files"]}, made)
                self.assertEqual(self.tool("del", network, self.demo, CNI_PATH=path).returncode, 0)

    def test_a_second_add_leaves_the_first_ones_interface_under_another_name(self):
        self.assertEqual(self.tool("add", "shopnet", self.demo).returncode, 0)
        self.node.run_in(self.demo, "ip", "link", "set", "eth0", "down")
        self.node.run_in(self.demo, "ip", "link", "set", "eth0", "name", "wan0")
        made = self.node.snapshot(self.demo)
        self.assertEqual(self.tool("add", "shopnet", self.demo).returncode, 1)
        self.assertEqual(self.node.snapshot(self.demo), made)

    def test_an_interface_of_somebody_else_stays(self):
        self.node.run_in(self.demo, "ip", "link", "add", "eth0", "type", "bridge")
        made = self.node.ip_json(self.demo, "link", "show")
        self.configure_reference()
        for network, path in (("shopnet", "/nowhere"), ("edgenet", "/nowhere"), ("refnet", REFERENCE_DIR)):
            with self.subTest(network):
                self.assertEqual(self.tool("add", network, self.demo, CNI_PATH=path).returncode, 1)
                self.assertEqual(self.node.ip_json(self.demo, "link", "show"), made)

    def test_without_any_binary_our_own_types_serve(self):
        done = self.tool("add", "shopnet", self.demo, CNI_PATH="/nowhere")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.tool("del", "shopnet", self.demo, CNI_PATH="/nowhere").returncode, 0)

    def test_status(self):
        self.configure("40-new.conflist", self.bridge | {"name": "new", "cniVersion": "1.1.0"})
        self.assertEqual(self.tool("status", "new").stdout, "an ADD would find what it needs\n")
        refused = self.tool("status", "shopnet")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("STATUS came with 1.1.0", refused.stderr)

    def test_validate(self):
        done = self.tool("validate")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.steady(done.stdout), "✓ /node/net.d/10-shopnet.conflist: network shopnet\n"
                                                   "✓ /node/net.d/20-edgenet.conflist: network edgenet\n")
        self.configure("50-bad.conflist", self.routed | {"name": "bad", "vlan": 7})
        self.write("60-broken.conf", "{")
        done = self.tool("validate")
        self.assertEqual(done.returncode, 1)
        self.assertIn("✗ /node/net.d/50-bad.conflist: vlan: 7: has no meaning in mode routed", self.steady(done.stdout))
        self.assertIn("✗ /node/net.d/60-broken.conf: the network configuration", self.steady(done.stdout))


if __name__ == "__main__":
    unittest.main()
