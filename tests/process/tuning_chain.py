"""A container that bridge has attached, and type tuning behind it."""

import os

from fake_node import Node, bridge_config

NAME = "br-net"
ORIGINAL = {"mtu": 1500, "txqlen": 1000}


class Chain:
    """A container that bridge has attached, and tuning behind it."""

    def __init__(self, case, container="a", **keys):
        self.node = Node()
        case.addCleanup(self.node.close)
        self.bridge = {**bridge_config(self.node, name=NAME), "type": "bridge", **keys}
        self.container = self.node.container(container)
        self.previous = self.attach()

    def attach(self):
        return self.node.add(self.bridge, self.container, plugin=self.node.plugin("bridge"))

    def config(self, version="1.0.0", previous=None, **keys):
        return {"cniVersion": version, "name": NAME, "type": "tuning", "prevResult": previous or self.previous, **keys}

    def call(self, command, config, args="", plugin="tuning", **options):
        return self.node.call(command, config, self.container, args=args, plugin=self.node.plugin(plugin), **options)

    def add(self, args="", **keys):
        return self.call("ADD", self.config(**keys), args)

    def check(self, result, **keys):
        return self.call("CHECK", self.config(previous=result, **keys))

    def delete(self, **keys):
        return self.call("DEL", self.config(**keys))

    def link(self, name="eth0"):
        (link,) = self.node.ip_json(self.container, "-d", "link", "show", "dev", name)
        return link

    def sysctl(self, path, namespace=None):
        return self.node.run_in(namespace or self.container, "cat", f"/proc/sys/{path}").stdout.strip()

    def records(self):
        directory = os.path.join(self.node.state, "tuning")
        return os.listdir(os.path.join(directory, NAME)) if os.path.isdir(os.path.join(directory, NAME)) else []
