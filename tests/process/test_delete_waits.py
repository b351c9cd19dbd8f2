"""DEL waits for the lock of all links, which each deletion of another's link keeps for a grace period, once if there is a link, and else never."""

import os
import re
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, ShippedBinaryCase, bridge_config, routed_config


class DeleteWaitsTest(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        ports = {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
        self.configs = (bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, isolation="network"),
                        routed_config(self.node, subnets=DUAL_ROUTED, ipMasq=True, antispoof=True, **ports))

    def requests(self, config, container, netns=None):
        """The requests about links that a DEL of the container makes, by their kinds."""
        trace = os.path.join(self.node.directory, "trace")
        path = self.node.path_of(container) if netns is None else netns
        self.node.finish(self.node.start("DEL", config, container, path, prefix=("strace", "-X", "raw", "-e", "trace=socket,sendmsg", "-o", trace)))
        with open(trace, encoding="ascii", errors="replace") as stream:
            lines = stream.read().splitlines()
        sockets, kinds = set(), []
        for line in lines:
            if made := re.match(r"socket\(0x10, \S+, (\w+)\)\s+= (\d+)", line):
                (sockets.add if int(made.group(1), 0) == 0 else sockets.discard)(made.group(2))
            elif (sent := re.match(r"sendmsg\((\d+)", line)) and sent.group(1) in sockets:
                kinds += [int(kind, 16) for kind in re.findall(r"nlmsg_type=(0x\w+)", line)]
        return kinds

    def test_one_request_where_there_is_a_link_and_none_where_there_is_none(self):
        for config in self.configs:
            with self.subTest(mode=config["mode"]):
                a, b = (self.node.container(name + config["mode"]) for name in "ab")
                for container in (a, b):
                    self.node.add(config if container == a else {**config, "runtimeConfig": {}}, container)
                self.assertEqual(self.requests(config, a), [0x11])  # RTM_DELLINK
                self.assertEqual(self.requests(config, a), [])
                self.assertEqual(self.requests(config, a, netns=""), [])
                self.assertEqual(len(self.node.veths()), 1)
                self.node.delete(config, b)

    def test_a_link_that_has_lost_its_name_or_its_mac_is_found_all_the_same(self):
        for config in self.configs:
            for change in (("down", "name", "renamed"), ("address", "02:00:00:00:00:07"), ("alias", "")):
                with self.subTest(mode=config["mode"], change=change):
                    container = self.node.container(f"{config['mode']}-{change[0]}")
                    self.node.add(config, container)
                    self.node.on_host("ip", "link", "set", self.node.veths()[0], *change)
                    self.node.delete(config, container)
                    self.assertEqual(self.node.veths(), [])

    def test_one_that_is_anothers_by_now_stays(self):
        config = self.configs[0]
        container = self.node.container("a")
        self.node.add(config, container)
        name, = self.node.veths()
        mac = self.node.ip_json(self.node.host, "link", "show", name)[0]["address"]
        self.node.on_host("ip", "link", "del", name)
        self.node.on_host("ip", "link", "add", name, "address", mac, "type", "veth", "peer", "name", "other")
        self.node.on_host("ip", "link", "set", name, "alias", "somebody's")
        self.node.delete(config, container)
        self.assertIn(name, self.node.veths())


if __name__ == "__main__":
    unittest.main()
