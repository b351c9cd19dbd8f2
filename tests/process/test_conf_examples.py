"""Every file of conf-examples works: ADD for two containers, ping between them, CHECK, DEL."""

import glob
import json
import os
import unittest

from fake_node import ROOT, Node

EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "conf-examples", "*.conflist")))


def give_blocks(node, blocks):
    for pool, block in blocks.items():
        os.makedirs(os.path.join(node.pools, pool))
        with open(os.path.join(node.pools, pool, "blocks"), "w", encoding="ascii") as file:
            file.write(block + "\n")


def configurations(path, node):
    """The conflist's plugins as a runtime passes them on, with reservations in the test's own place."""
    with open(path, encoding="utf-8") as file:
        conflist = json.load(file)
    configs = [{**plugin, "cniVersion": conflist["cniVersion"], "name": conflist["name"]} for plugin in conflist["plugins"]]
    if configs[0]["ipam"].get("pools"):
        give_blocks(node, {"pods": "10.50.7.0/26", "pods6": "fd50::40/122"})
    elif configs[0]["ipam"]["type"] == "host-local":
        configs[0]["ipam"]["dataDir"] = node.networks
    return configs


class Chain:
    """A list of plugins, each called by its name."""

    def __init__(self, node, configs):
        self.node = node
        self.configs = configs

    def call(self, command, config, container, result):
        previous = {"prevResult": result} if result else {}
        return self.node.call(command, {**config, **previous}, container, plugin=self.node.plugin(config["type"]))

    def add(self, container):
        result = None
        for config in self.configs:
            result = self.call("ADD", config, container, result)
        return result

    def check(self, container, result):
        for config in self.configs:
            self.call("CHECK", config, container, result)

    def delete(self, container, result):
        for config in reversed(self.configs):
            self.call("DEL", config, container, result)


class ConfExamplesTest(unittest.TestCase):
    def try_example(self, path):
        with Node() as node:
            node.on_host("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
            configs = configurations(path, node)
            config, chain = configs[0], Chain(node, configs)
            a, b = node.container("a"), node.container("b")
            first = chain.add(a)
            chain.check(a, first)
            targets = [ip.get("gateway") for ip in first["ips"] if config.get("isGateway") or config.get("isDefaultGateway")]
            if not config.get("args") and config["ipam"]["type"] == "host-local":
                second = chain.add(b)
                targets += [ip["address"].split("/")[0] for ip in second["ips"]]
            for target in targets:
                self.assertTrue(node.reaches(a, target), target)
            self.assertTrue(targets)
            for container in (a, b):
                chain.delete(container, first)
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
