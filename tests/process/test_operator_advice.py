"""validate and add tell of keys that nobody reads, capabilities that nobody declares and subnets that overlap; plugins beside a list are read."""

import json
import os
import unittest

from fake_node import ROOT, bridge_config
from operator_case import OperatorCase


class AdviceTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, name="podnet", subnets=("10.88.0.0/24",), isDefaultGateway=True)
        self.demo = self.node.container("demo")

    def assert_advice(self, config, *notes):
        self.configure("10-podnet.conflist", config)
        done = self.tool("validate")
        self.assertEqual((done.returncode, done.stdout.count("✓")), (0, 1), done.stderr)
        self.assertEqual(sorted(line.split(".conflist: ", 1)[1] for line in done.stderr.splitlines()), sorted(notes))
        done = self.tool("add", "podnet", self.demo)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(line.split("network podnet: ", 1)[1] for line in done.stderr.splitlines()), sorted(notes))

    def test_slips_of_the_pen_with_the_key_that_was_meant(self):
        ipam = self.config["ipam"] | {"range-start": "10.88.0.9", "routs": []}
        self.assert_advice(self.config | {"brigde": "x", "isDefaultGatway": True, "ipam": ipam},
                           "brigde: nobody reads this key; is bridge meant?",
                           "isDefaultGatway: nobody reads this key; is isDefaultGateway meant?",
                           "ipam.range-start: nobody reads this key; is rangeStart meant?",
                           "ipam.routs: nobody reads this key; is routes meant?")

    def test_a_key_that_is_like_none(self):
        self.assert_advice(self.config | {"quux": 1}, "quux: nobody reads this key")

    def test_keys_of_everybody_and_comments_are_none(self):
        self.assert_advice(self.config | {"capabilities": {"portMappings": True}, "args": {"cni": {}}, "dns": {}, "_why": "x", "//": "y",
                                          "ISGATEWAY": True})

    def test_keys_of_the_list_and_of_types_behind_the_first(self):
        plugin = {key: value for key, value in self.config.items() if key not in ("cniVersion", "name")}
        self.write("10-podnet.conflist", json.dumps({"cniVersion": "1.0.0", "name": "podnet", "disableChek": True, "plugins": [
            plugin, {"type": "portmap", "snta": True}, {"type": "bandwidth", "ingresRate": 1}, {"type": "tuning", "sysctls": {"a": "b"}},
            {"type": "firewall", "bakend": "iptables"}, {"type": "macvlan", "what": "ever"}]}))
        said = self.tool("validate").stderr
        for key, meant in (("disableChek", "disableCheck"), ("snta", "snat"), ("ingresRate", "ingressRate"), ("sysctls", "sysctl"),
                           ("bakend", "backend")):
            self.assertIn(f"{key}: nobody reads this key; is {meant} meant?", said)
        self.assertNotIn("what", said.replace(self.node.directory, ""))

    def test_no_key_of_the_examples_and_of_the_documents_is_unread(self):
        """What we ourselves show is read; each key that some type has, by the type that has it."""
        for parent, _, names in os.walk(os.path.join(ROOT, "conf-examples")):
            for name in names:
                if name.endswith((".conf", ".conflist")):
                    done = self.tool("validate", os.path.join(parent, name))
                    self.assertNotIn("nobody reads", done.stderr, name)

    def test_a_capability_that_is_asked_for_and_declared_by_nobody(self):
        ports = json.dumps({"portMappings": [{"hostPort": 8001, "containerPort": 80, "protocol": "tcp"}]})
        for declared in (False, True):
            with self.subTest(declared=declared):
                self.configure("10-podnet.conflist", self.config | {"capabilities": {"portMappings": declared}})
                done = self.tool("add", "podnet", self.demo, "--cap-args", ports)
                self.assertEqual(done.returncode, 0)
                self.assertEqual("portMappings is asked for, and no plugin gets it" in done.stderr, not declared)
                self.assertEqual(self.tool("del", "podnet", self.demo).returncode, 0)

    def test_the_configuration_of_the_readme_publishes_ports(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            text = file.read().split("```json\n", 1)[1].split("```", 1)[0]
        self.assertTrue(json.loads(text)["plugins"][0].get("capabilities", {}).get("portMappings"))

    def test_a_subnet_that_overlaps_another_networks(self):
        other = bridge_config(self.node, name="other", subnets=("10.88.0.128/25",), bridge="pcbr7")
        self.configure("20-other.conflist", other)
        self.configure("10-podnet.conflist", self.config)
        done = self.tool("validate", "podnet")
        self.assertIn("10.88.0.0/24 overlaps 10.88.0.128/25 of network other", done.stderr)
        self.assertIn("10.88.0.128/25 overlaps 10.88.0.0/24 of network podnet", self.tool("validate", "other").stderr)
        self.assertIn("overlaps", self.tool("add", "podnet", self.demo).stderr)

    def test_plugins_beside_a_list_are_read_as_libcni_reads_them(self):
        os.mkdir(os.path.join(self.net_d, "podnet"))
        plugin = {key: value for key, value in self.config.items() if key not in ("cniVersion", "name")}
        self.write("podnet/20-ports.conf", json.dumps({"type": "portmap", "capabilities": {"portMappings": True}}))
        self.write("podnet/10-bridge.conf", json.dumps(plugin))
        self.write("podnet/30-not.json", "{")
        self.write("10-podnet.conflist", json.dumps({"cniVersion": "1.0.0", "name": "podnet"}))
        self.assertEqual(self.tool("validate").returncode, 0)
        ports = json.dumps({"portMappings": [{"hostPort": 8001, "containerPort": 80, "protocol": "tcp"}]})
        done = self.tool("add", "podnet", self.demo, "--cap-args", ports)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        (seen,) = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        self.assertEqual((seen["network"], len(seen["ports"])), ("podnet", 1))
        self.assertEqual(self.tool("del", "podnet", self.demo).returncode, 0)
        os.unlink(os.path.join(self.net_d, "podnet", "10-bridge.conf"))
        # Behind those of the list itself, unless it says that these are all.
        for alone, count in ((False, 2), (True, 1)):
            self.write("10-podnet.conflist", json.dumps({"cniVersion": "1.0.0", "name": "podnet", "loadOnlyInlinedPlugins": alone,
                                                         "plugins": [plugin | {"ipam": {}}]}))
            self.write("podnet/20-ports.conf", json.dumps({"type": "absent-type"}))
            done = self.tool("validate")
            self.assertEqual("there is no plugin absent-type" in done.stdout, count == 2)

    def test_a_list_with_neither_is_refused(self):
        self.write("10-podnet.conflist", json.dumps({"cniVersion": "1.0.0", "name": "podnet"}))
        self.assertEqual(self.tool("validate").returncode, 1)


if __name__ == "__main__":
    unittest.main()
