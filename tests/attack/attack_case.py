"""A node with an attacker's pod, which may do what it likes inside its own network namespace, and somebody whom it must not reach."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience  # noqa: E402
from fake_node import PASSED_ON, PLUGIN, Node, PluginError  # noqa: E402


class AttackCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def refused(self, code, call, *arguments, **options):
        """The text of the refusal, which must have this code."""
        with self.assertRaises(PluginError) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        return caught.exception.msg

    def tool(self, *words, prefix=()):
        """What the operator's tool prints as JSON, on the node."""
        environment = {**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "NETCONFPATH": self.node.directory,
                       "CNI_PATH": self.node.plugins}
        command = ["nsenter", f"--net={self.node.path_of(self.node.host)}", *prefix, PLUGIN, *words, "-o", "json"]
        done = patience.run(command, env=environment)
        return json.loads(done.stdout)["attachments"]

    def reconcile(self):
        """What became of each record, by its kind."""
        return {each["kind"]: each for each in self.tool("reconcile")}

    def link(self, namespace, name):
        """Absent where there is no such link."""
        done = self.node.run_in(namespace, "ip", "-j", "-d", "link", "show", name, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def index_of(self, name, namespace=None):
        return self.link(namespace or self.node.host, name)["ifindex"]

    def lose_path(self, container):
        """The namespace loses its name while a process lives on in it."""
        process = self.node.hold(container)
        self.node.remove_container(container)
        return process

    def host_end_of(self, container, ifname="eth0"):
        """By its alias, as long as there is one of this container."""
        for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth"):
            if link.get("ifalias", "").endswith(f"/{container}/{ifname}"):
                return link["ifname"]
        raise AssertionError(f"{container} has no host end")
