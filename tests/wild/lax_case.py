"""What the tests of laxness share: ADDs of ours and of the reference, and what is said of them."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import PluginError
from traffic import TrafficCase


class LaxCase(TrafficCase):
    def config(self, **keys):
        return {"cniVersion": "1.0.0", "name": "lax", **keys}

    def ranges(self, *subnets, **keys):
        sets = [[each if isinstance(each, dict) else {"subnet": each}] for each in subnets]
        return {"type": "host-local", "dataDir": self.node.networks, "ranges": sets, **keys}

    def run_as(self, where, command, config, container, **options):
        """`where` is the directory of the plugins: ours, or the reference's."""
        return self.node.call(command, config, container, plugin=os.path.join(where, config["type"]), **options)

    def ours(self, command, config, container, **options):
        return self.run_as(self.node.plugins, command, config, container, **options)

    def fails(self, code, words, call):
        with self.assertRaises(PluginError) as caught:
            call()
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg + caught.exception.document.get("details", ""))

    def said(self, config, container, **options):
        """What an ADD says on stderr, and in the log."""
        log = os.path.join(self.node.directory, "log")
        if os.path.exists(log):
            os.unlink(log)
        process = self.node.start("ADD", {**config, "log": log}, container, self.node.path_of(container),
                                  plugin=self.node.plugin(config["type"]), **options)
        stdout, stderr = patience.communicate(process)
        self.assertEqual(process.returncode, 0, stdout + stderr)
        with open(log, encoding="utf-8") as file:
            line = json.loads(file.read())
        return stderr.splitlines(), line.get("notes", [])

    def assert_life(self, config, container, result, **options):
        """CHECK, reconcile with nothing to do, and DEL, which leaves nothing."""
        self.ours("CHECK", {**config, "prevResult": result}, container, **options)
        self.ours("DEL", {**config, "prevResult": result}, container, **options)
