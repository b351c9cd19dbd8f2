"""`patchcord gc NETWORK --valid FILE`: the GC of a runtime (CNI 1.1.0), for a whole chain."""

import json
import os
import unittest

from fake_node import bridge_config
from operator_case import OperatorCase

VALID = "cni.dev/valid-attachments"

# A plugin that writes down what it is told, and fails where its configuration says so.
RECORDER = """#!/bin/sh
here=$(dirname "$0")
cat >"$here/input"
env | grep ^CNI_ | sort >"$here/environment"
echo "$CNI_COMMAND" >>"$here/called"
if grep -q '"fails":true' "$here/input"; then echo '{"cniVersion": "1.1.0", "code": 101, "msg": "it would not"}'; exit 1; fi
"""


class ListedTest(OperatorCase):
    def setUp(self):
        super().setUp()
        node = self.node
        with open(node.plugin("recorder"), "w", encoding="utf-8") as stream:
            stream.write(RECORDER)
            os.fchmod(stream.fileno(), 0o755)
        self.config = bridge_config(node, name="shopnet", isGateway=True) | {"cniVersion": "1.1.0"}
        self.interface = {key: value for key, value in self.config.items() if key not in ("cniVersion", "name")}
        self.mapper = {"type": "portmap", "capabilities": {"portMappings": True}}
        self.make_list()
        self.alive, self.stale = (node.container(name) for name in ("alive", "stale"))
        for number, namespace in enumerate((self.alive, self.stale)):
            ports = json.dumps({"portMappings": [{"hostPort": 8080 + number, "containerPort": 80, "protocol": "tcp"}]})
            done = self.tool("add", "shopnet", namespace, "--id", namespace, "--cap-args", ports)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        os.remove(self.recorded("called"))

    def make_list(self, version="1.1.0", recorder=None, **keys):
        plugins = [{"type": "recorder", "capabilities": {"portMappings": True}, **(recorder or {})}, self.interface, self.mapper]
        if not recorder:
            plugins = plugins[1:] + plugins[:1]
        self.write("10-shopnet.conflist", json.dumps({"cniVersion": version, "name": "shopnet", "plugins": plugins, **keys}))

    def recorded(self, name):
        return self.node.plugin(name)

    def read(self, name):
        with open(self.recorded(name), encoding="utf-8") as stream:
            return stream.read()

    def valid(self, text):
        path = os.path.join(self.node.directory, "alive.json")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text if isinstance(text, str) else json.dumps({VALID: text}))
        return path

    def collect(self, valid, *words):
        return self.tool("gc", "shopnet", "--valid", self.valid(valid), *words)

    def listed(self, *containers):
        return [{"containerID": container, "ifname": "eth0"} for container in containers]

    def containers(self):
        """Of interfaces, and of host ports."""
        kinds = []
        for kind in ("attachments", "portmap"):
            directory = os.path.join(self.node.state, kind, "shopnet")
            kinds.append(sorted(name.split(":")[0] for name in os.listdir(directory)) if os.path.isdir(directory) else [])
        return kinds

    def test_every_plugin_of_the_chain_is_told_as_the_specification_has_it(self):
        done = self.collect(self.listed(self.alive))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "network shopnet has no other than these 1\n", ""))
        self.assertEqual(json.loads(self.read("input")),
                         {"cniVersion": "1.1.0", "name": "shopnet", "type": "recorder", VALID: self.listed(self.alive)})
        self.assertEqual(self.read("called"), "GC\n")
        # Names of no attachment: those that there are are empty, as libcni has them.
        self.assertEqual(self.read("environment").splitlines(),
                         ["CNI_ARGS=", "CNI_COMMAND=GC", "CNI_CONTAINERID=", "CNI_IFNAME=", "CNI_NETNS=", f"CNI_PATH={self.node.plugins}"])

    def test_who_is_listed_stays_and_all_others_go(self):
        self.assertEqual(self.containers(), [[self.alive, self.stale]] * 2)
        self.assertEqual(self.collect(self.listed(self.alive, "unknown")).returncode, 0)
        self.assertEqual(self.containers(), [[self.alive]] * 2)
        self.assertEqual(self.node.reservations("shopnet"), ["10.88.0.2"])
        self.assertEqual(len(self.node.veths()), 1)
        self.assertTrue(self.node.reaches(self.node.host, "10.88.0.2"))
        self.assertNotIn("8081", self.node.on_host("nft", "list", "ruleset"))
        self.assertIn("8080", self.node.on_host("nft", "list", "ruleset"))

    def test_null_and_the_empty_list_say_that_nobody_is(self):
        for nobody in ("null", "[]"):
            self.assertEqual(self.collect(f'{{"{VALID}": {nobody}}}').returncode, 0)
            self.assertEqual(json.loads(self.read("input"))[VALID], [])
        self.assertEqual(self.containers(), [[], []])

    def test_a_plugin_that_fails_is_told_and_the_others_do_their_part(self):
        self.make_list(recorder={"fails": True})
        done = self.collect(self.listed(self.alive))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("plugin recorder: it would not", done.stderr)
        self.assertEqual(self.containers(), [[self.alive]] * 2)

    def test_without_a_list_that_can_be_understood_nothing_is_removed(self):
        for text, words in (("", "the list of valid attachments"), ("{}", f"{VALID}: is missing"), ('{"x": []}', f"{VALID}: is missing"),
                            (self.listed("a") + [{"ifname": "eth0"}], "containerID"), ("[]", "the list of valid attachments")):
            with self.subTest(text):
                done = self.collect(text)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(words, done.stderr)
        absent = self.tool("gc", "shopnet", "--valid", "/nowhere/alive.json")
        self.assertEqual((absent.returncode, "there is no file /nowhere/alive.json" in absent.stderr), (1, True))
        self.assertFalse(os.path.exists(self.recorded("called")))
        self.assertEqual(self.containers(), [[self.alive, self.stale]] * 2)

    def test_networks_that_know_no_gc_or_want_none(self):
        self.make_list(version="1.0.0")
        done = self.collect([])
        self.assertEqual((done.returncode, "GC came with 1.1.0" in done.stderr), (1, True))
        self.make_list(disableGC=True, disableCheck=True)
        self.assertEqual(self.collect([]).stdout, "nothing is removed: network shopnet has disableGC\n")
        self.assertEqual(self.tool("check", "shopnet", self.alive).stdout, "not asked: network shopnet has disableCheck\n")
        self.assertFalse(os.path.exists(self.recorded("called")))
        self.assertEqual(self.containers(), [[self.alive, self.stale]] * 2)

    def test_half_a_command_is_no_command(self):
        for words in (["shopnet"], ["--valid", self.valid([])], ["shopnet", "--valid", self.valid([]), "--dry-run"],
                      ["shopnet", "--valid", self.valid([]), "-n", "shopnet"], ["shopnet", "other", "--valid", self.valid([])]):
            self.assertEqual(self.tool("gc", *words).returncode, 2, words)
        self.assertEqual(self.containers(), [[self.alive, self.stale]] * 2)


if __name__ == "__main__":
    unittest.main()
