"""The process edge: environment, stdin, exit status, and exactly one document on stdout."""

import json
import os
import unittest

from fake_node import PLUGIN, Node, PluginError, bridge_config
import patience

VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


def run(environment, text="", stdin=None):
    return patience.run([PLUGIN], env=environment, **({"stdin": stdin} if stdin else {"input": text}))


class EdgeTest(unittest.TestCase):
    def refused(self, code, environment, text='{"cniVersion":"1.0.0","name":"n"}'):
        done = run(environment, text)
        self.assertEqual(done.returncode, 1, done)
        document = json.loads(done.stdout)
        self.assertEqual(document["code"], code, document)
        return document["msg"]

    def test_without_a_command_it_explains_itself_and_succeeds(self):
        done = run({})
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("CNI", done.stderr)

    def test_on_a_terminal_it_shows_how_to_call_it(self):
        primary, secondary = os.openpty()
        try:
            done = run({}, stdin=secondary)
        finally:
            os.close(primary)
            os.close(secondary)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("CNI_COMMAND=ADD", done.stderr)

    def test_version_answers_without_reading_stdin(self):
        read_end, write_end = os.pipe()
        try:
            done = run({"CNI_COMMAND": "VERSION"}, stdin=read_end)  # nobody ever writes
        finally:
            os.close(read_end)
            os.close(write_end)
        document = json.loads(done.stdout)
        self.assertEqual(document, {"cniVersion": "1.1.0", "supportedVersions": VERSIONS})

    def test_all_missing_variables_come_in_one_error(self):
        message = self.refused(4, {"CNI_COMMAND": "ADD"})
        for name in ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"):
            self.assertIn(name, message)

    def test_malformed_variables_are_named(self):
        good = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/nowhere", "CNI_IFNAME": "eth0"}
        for name, value in (("CNI_CONTAINERID", "-c"), ("CNI_CONTAINERID", "a/b"), ("CNI_IFNAME", "a%d"),
                            ("CNI_IFNAME", "sixteen-bytes-xx"), ("CNI_IFNAME", ".."), ("CNI_IFNAME", "a b"),
                            ("CNI_COMMAND", "add")):
            message = self.refused(4, good | {name: value})
            self.assertIn(name if name != "CNI_COMMAND" else "add", message)

    def test_what_is_not_one_json_object_is_refused(self):
        good = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0"}
        for text in ("", "[]", '"x"', "{", '{"name":"n"} x', "{" * 3, '{"a":' * 100 + "1" + "}" * 100, "x" * 2000000, " " * (65 << 20)):
            self.refused(6, good, text)

    def test_the_network_name_is_required(self):
        good = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0"}
        for text in ('{"cniVersion":"1.0.0"}', '{"cniVersion":"1.0.0","name":"../etc"}', '{"cniVersion":"1.0.0","name":""}'):
            self.refused(7, good, text)

    def test_versions_and_commands_that_do_not_go_together_are_refused(self):
        good = {"CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/nowhere"}
        for command, version in (("ADD", "1.0"), ("ADD", "2.0.0"), ("CHECK", "0.3.1"), ("GC", "1.0.0"), ("STATUS", "1.0.0")):
            self.refused(1, good | {"CNI_COMMAND": command}, json.dumps({"cniVersion": version, "name": "n"}))


class ResultShapeTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def add(self, version):
        container = self.node.container("v" + version.replace(".", ""))
        config = bridge_config(self.node, isDefaultGateway=True, subnets=("10.88.0.0/24", "fd00:88::/64"))
        return self.node.add({**config, "cniVersion": version}, container), container

    def test_each_version_has_its_shape(self):
        for version in VERSIONS:
            with self.subTest(version):
                result, container = self.add(version)
                self.assertEqual(result["cniVersion"], version)
                if version < "0.3.0":
                    self.assertEqual(set(result), {"cniVersion", "ip4", "ip6", "dns"})
                    self.assertEqual(result["ip4"]["gateway"], "10.88.0.1")
                    self.assertEqual(result["ip6"]["routes"], [{"dst": "::/0", "gw": "fd00:88::1"}])
                else:
                    self.assertEqual([ip.get("version") for ip in result["ips"]],
                                     ["4", "6"] if version < "1.0.0" else [None, None])
                    self.assertEqual("dns" in result, version < "1.0.0")
                    self.assertEqual("mtu" in result["interfaces"][2], version == "1.1.0")
                    self.assertEqual(result["interfaces"][2]["sandbox"], self.node.path_of(container))

    def test_layer_2_cannot_be_said_before_0_3_0_and_is_refused_before_any_effect(self):
        config = bridge_config(self.node) | {"cniVersion": "0.2.0", "ipam": {}}
        before = self.node.snapshot()
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, self.node.container("a"))
        self.assertEqual(caught.exception.code, 7)
        self.assertEqual(self.node.snapshot(), before)

    def test_configurations_that_cannot_be_are_refused_with_the_key_named(self):
        base = bridge_config(self.node)
        cases = [({"mode": "tunnel"}, 7, "mode"), ({"mode": None}, 7, "mode"), ({"mtu": "1500"}, 7, "mtu"), ({"mtu": 1500.0}, 7, "mtu"),
                 ({"mtu": 70000}, 7, "mtu"), ({"bridge": ""}, 7, "bridge"), ({"isGateway": "yes"}, 7, "isGateway"),
                 ({"hairpinMode": True, "promiscMode": True}, 7, "hairpinMode"), ({"disableContainerInterface": True}, 7, "ipam"),
                 ({"ipam": "x"}, 7, "ipam"), ({"ipam": {"type": "host-local"}}, 7, "ipam.ranges"),
                 ({"ipam": {"type": "host-local", "subnet": "10.0.0.1/24"}}, 7, "ipam.subnet"),
                 ({"ipam": {"type": "host-local", "subnet": "10.09.0.0/24"}}, 7, "ipam.subnet"),
                 ({"ipam": {"type": "nowhere-plugin"}}, 7, "nowhere-plugin"),
                 ({"runtimeConfig": {"mac": "01:00:00:00:00:01"}}, 7, "runtimeConfig.mac"),
                 ({"hostInterfacePrefix": "toolongprefix"}, 7, "hostInterfacePrefix"),
                 ({"prevResult": []}, 6, "prevResult")]
        container = self.node.container("a")
        before = self.node.snapshot(container)
        for change, code, word in cases:
            with self.subTest(change):
                with self.assertRaises(PluginError) as caught:
                    self.node.add({**base, **change}, container)
                self.assertIn(caught.exception.code, (code, 6, 7))
                self.assertIn(word, caught.exception.msg)
                self.assertEqual(self.node.snapshot(container), before)


if __name__ == "__main__":
    unittest.main()
