"""Who is measured: patchcord and the reference plugins, each as one plugin or as a chain of several, and the floor."""

import json
import os
import subprocess

from fake_node import REFERENCE_DIR
from measure import plugin_calls


class Chain:
    """The plugins of one network, called in a row with the result so far, as libcni does."""

    def __init__(self, node, launcher, name, plugins):
        self.node, self.launcher, self.name = node, launcher, name
        self.plugins = plugins  # (executable, config)
        self.result = None

    def arguments(self, command, container_id, netns, ifname="eth0"):
        """(command line, environment, text) of each call; of ADD the first only knows no result yet."""
        plugins = self.plugins if command == "ADD" else reversed(self.plugins)
        previous = None if command == "ADD" or len(self.plugins) == 1 else self.result
        return [([executable], *plugin_calls(self.node, config, command, container_id, netns, previous, ifname))
                for executable, config in plugins]

    def add(self, container_id, netns, ifname="eth0", run=None):
        costs, self.result = [], None
        for executable, config in self.plugins:
            environment, text = plugin_calls(self.node, config, "ADD", container_id, netns, self.result, ifname)
            costs.append((run or self.launcher.run)([executable], environment, text))
            self.result = json.loads(self.launcher.read_output())
        return costs

    def delete(self, container_id, netns, ifname="eth0", run=None):
        return [(run or self.launcher.run)(command, environment, text)
                for command, environment, text in self.arguments("DEL", container_id, netns, ifname)]


class Floor:
    """The kernel's own requests (floor.c)."""

    name = "floor"

    def __init__(self, launcher, program, kind):
        self.launcher, self.program, self.kind = launcher, program, kind
        self.bridge = []
        if kind != "routed":
            for arguments in (["link", "add", "floor0", "type", "bridge"], ["addr", "add", "10.99.0.1/16", "dev", "floor0"],
                              ["addr", "add", "fd00:99::1/64", "dev", "floor0", "nodad"], ["link", "set", "floor0", "up"]):
                subprocess.run(["ip", *arguments], check=False, stderr=subprocess.DEVNULL)
            shown = subprocess.run(["ip", "-j", "link", "show", "floor0"], stdout=subprocess.PIPE, check=True)
            self.bridge = [str(json.loads(shown.stdout)[0]["ifindex"])]

    def add(self, _, netns, ifname="eth0", run=None):
        assert ifname == "eth0"
        return [(run or self.launcher.run)([self.program, f"add-{self.kind}", netns, *self.bridge])]

    def delete(self, *_, run=None, **__):
        return [(run or self.launcher.run)([self.program, "del"])]


SUBNETS = {"patchcord": ("10.88.0.0/16", "fd00:88::/64"), "reference": ("10.89.0.0/16", "fd00:89::/64"),
           "drop-ins": ("10.90.0.0/16", "fd00:90::/64")}
PODMAN_PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]


def ipam_of(node, name, dual=False):
    subnets = SUBNETS[name][:2 if dual else 1]
    routes = [{"dst": "0.0.0.0/0"}] + ([{"dst": "::/0"}] if dual else [])
    return {"type": "host-local", "dataDir": node.networks, "ranges": [[{"subnet": subnet}] for subnet in subnets], "routes": routes}


def common(node, name, case, dual=False):
    return {"cniVersion": "1.0.0", "name": f"{case}-{name}", "ipam": ipam_of(node, name, dual)}


def bridge_of(node, name, case, dual=False, **keys):
    return {**common(node, name, case, dual), "type": "bridge", "bridge": f"{case[:6]}{name[:1]}", "isGateway": True, **keys}


def reference(plugin):
    return os.path.join(REFERENCE_DIR, plugin)
