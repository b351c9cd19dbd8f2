"""A container that bridge has attached, and type bandwidth behind it."""

import json
import os

from fake_node import Node, bridge_config

NAME = "br-net"
BOTH = {"ingressRate": 10_000_000, "ingressBurst": 1_000_000, "egressRate": 5_000_000, "egressBurst": 800_000}


class Chain:
    """A container that bridge has attached, and bandwidth behind it."""

    def __init__(self, case, **keys):
        self.node = Node()
        case.addCleanup(self.node.close)
        self.bridge = {**bridge_config(self.node, name=NAME, isGateway=True), "type": "bridge", **keys}
        self.container = self.node.container("a")
        self.previous = self.node.add(self.bridge, self.container, plugin=self.node.plugin("bridge"))
        self.host_end = self.previous["interfaces"][1]["name"]

    def config(self, version="1.0.0", previous=None, **keys):
        return {"cniVersion": version, "name": NAME, "type": "bandwidth", "prevResult": previous or self.previous, **keys}

    def call(self, command, config, plugin=None, **options):
        return self.node.call(command, config, self.container, plugin=plugin or self.node.plugin("bandwidth"), **options)

    def add(self, **keys):
        return self.call("ADD", self.config(**keys))

    def check(self, result, **keys):
        return self.call("CHECK", self.config(previous=result, **keys))

    def delete(self, **keys):
        return self.call("DEL", self.config(**keys))

    def qdiscs(self, link):
        text = self.node.on_host("tc", "-j", "qdisc", "show", "dev", link)
        return {qdisc["kind"]: qdisc for qdisc in json.loads(text)}

    def bucket(self, link):
        return self.qdiscs(link)["tbf"]["options"]

    def filters(self, link, parent):
        return self.node.on_host("tc", "filter", "show", "dev", link, "parent", parent)

    def ifbs(self):
        return [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "ifb")]

    def records(self):
        directory = os.path.join(self.node.state, "bandwidth", NAME)
        return os.listdir(directory) if os.path.isdir(directory) else []
