"""A node with networks that have rules."""

import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, bridge_config, routed_config

PREFIXES = ["10.0.0.0/16", "10.0.8.0/24", "fd00:1::/48"]
ALL_KEYS = {"ipMasq": True, "ipMasqExclude": PREFIXES, "isolation": "pod", "antispoof": True}


class RulesCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def ruleset(self):
        return self.node.on_host("nft", "list", "ruleset")

    def elements(self):
        return [line for line in self.ruleset().splitlines() if "comment" in line and "/eth0" in line]

    def rules(self):
        return [line for line in self.ruleset().splitlines() if line.split()[-1:] in (["accept"], ["drop"], ["masquerade"])]

    def bridge(self, **keys):
        return bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, **keys)

    def routed(self, **keys):
        return routed_config(self.node, subnets=DUAL_ROUTED, **keys)

    def add(self, config, name="a", **options):
        container = self.node.container(name)
        return container, self.node.add(config, container, **options)
