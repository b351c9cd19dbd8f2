"""A container that lives, whatever the test takes away of it, and a newcomer who wants what it has."""

from attack_case import AttackCase
from fake_node import bridge_config

WEB = {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}


def inside(script):
    """A prefix that runs a script in a mount namespace of its own, and then the plugin."""
    return ("unshare", "--mount", "sh", "-c", script + ' && exec "$@"', "sh")


class GoneCase(AttackCase):
    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, isGateway=True)
        self.config["ipam"]["ranges"] = [[{"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.10", "rangeEnd": "10.88.0.10"}]]
        self.wide = bridge_config(self.node, isGateway=True)
        self.living, self.newcomer = self.node.container("living"), self.node.container("newcomer")

    def chained(self, kind, result, container, command="ADD", **keys):
        config = {"cniVersion": "1.0.0", "name": result[0], "type": kind, "prevResult": result[1], **keys}
        return self.node.call(command, config, container, plugin=self.node.plugin(kind))

    def rename_host_end(self, container, name="renamed"):
        host_end = self.host_end_of(container)
        self.node.on_host("ip", "link", "set", host_end, "down")
        self.node.on_host("ip", "link", "set", host_end, "name", name)
        self.node.on_host("ip", "link", "set", name, "up")

    def move_host_end(self, container, with_alias=True):
        """Into a namespace of the node's own, as for a router that is kept apart."""
        apart = self.node.container("apart")
        host_end = self.host_end_of(container)
        if not with_alias:
            self.node.on_host("ip", "link", "set", host_end, "alias", "")
        self.node.on_host("ip", "link", "set", host_end, "netns", apart)

    def assert_pool_is_full(self, config=None, **how):
        self.assertIn("no IP addresses available", self.refused(102, self.node.add, config or self.config, self.newcomer, **how))

    def assert_nothing_is_dead(self, **how):
        self.assertEqual(self.tool("gc", "--dry-run", **how), [])
        self.assertEqual(self.tool("gc", **how), [])
