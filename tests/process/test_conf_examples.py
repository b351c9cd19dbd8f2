"""Every file of conf-examples works: ADD for two containers, ping between them, CHECK, DEL."""

import glob
import json
import os
import unittest

from fake_node import ROOT, Node

EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "conf-examples", "*.conflist")))


def configuration(path, node):
    """The conflist's only plugin as a runtime passes it on, with reservations in the test's own place."""
    with open(path, encoding="utf-8") as file:
        conflist = json.load(file)
    (plugin,) = conflist["plugins"]
    config = {**plugin, "cniVersion": conflist["cniVersion"], "name": conflist["name"]}
    if config["ipam"]["type"] == "host-local":
        config["ipam"]["dataDir"] = node.networks
    return config


class ConfExamplesTest(unittest.TestCase):
    def try_example(self, path):
        with Node() as node:
            node.on_host("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
            config = configuration(path, node)
            a, b = node.container("a"), node.container("b")
            first = node.add(config, a)
            node.check(config, a, first)
            targets = [ip.get("gateway") for ip in first["ips"] if config.get("isGateway") or config.get("isDefaultGateway")]
            if not config.get("args") and config["ipam"]["type"] == "host-local":
                second = node.add(config, b)
                targets += [ip["address"].split("/")[0] for ip in second["ips"]]
            for target in targets:
                self.assertTrue(node.reaches(a, target), target)
            self.assertTrue(targets)
            for container in (a, b):
                node.delete(config, container)
            self.assertEqual(node.veths(), [])
            self.assertEqual(node.reservations(config["name"]), [])


def add_test(path):
    name = os.path.basename(path).removesuffix(".conflist").replace("-", "_")
    setattr(ConfExamplesTest, f"test_{name}", lambda self: self.try_example(path))


for example in EXAMPLES:
    add_test(example)


class ReadmeTest(unittest.TestCase):
    def test_every_example_is_explained(self):
        with open(os.path.join(ROOT, "conf-examples", "README.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(EXAMPLES)
        for path in EXAMPLES:
            self.assertIn(f"`{os.path.basename(path)}`", text)


if __name__ == "__main__":
    unittest.main()
