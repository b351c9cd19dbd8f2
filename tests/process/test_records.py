"""Versions of ourselves: records of the first version that made any, which records/ keeps as it wrote them, and of versions to come."""

import json
import os
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, PluginError, bridge_config, routed_config

RECORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records")
# What differs from one attachment to the next: members of the record, or of an object in it.
OWN = ("containerId", "netns", "netnsDevice", "netnsInode", "dataDir", "host", "hostMac", "mac", "bridgeMac")


def kept(name):
    with open(os.path.join(RECORDS, f"{name}.jsonl"), encoding="ascii") as file:
        return [json.loads(line) for line in file]


def filled(kept_members, present):
    """A kept record with what is another attachment's own replaced by this one's."""
    record = {}
    for name, value in kept_members.items():
        if isinstance(value, dict):
            record[name] = filled(value, present[name])
        else:
            record[name] = present[name] if name in OWN else value
    return record


def names(record, prefix=""):
    found = set()
    for name, value in record.items():
        found.add(prefix + name)
        if isinstance(value, dict):
            found |= names(value, f"{prefix}{name}.")
    return found


def with_strangers(value):
    """As a later version may write it: a member more in every object."""
    if isinstance(value, dict):
        return {name: with_strangers(member) for name, member in value.items()} | {"later": {"than": "this"}}
    return [with_strangers(member) for member in value] if isinstance(value, list) else value


class RecordsTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.configs = {
            "bridge": bridge_config(self.node, isDefaultGateway=True, hairpinMode=True, subnets=DUAL_BRIDGE, mtu=1400),
            "routed": routed_config(self.node, subnets=DUAL_ROUTED)}

    def attach(self, name):
        """A fresh attachment, as in the kept records; returns its container, its result, and where its record is."""
        container = self.node.container(name)
        config = self.configs[name]
        result = self.node.add(config, container)
        return container, result, os.path.join(self.node.state, "attachments", config["name"], f"{container}:eth0")

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    @staticmethod
    def write(path, lines):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def assert_it_serves(self, name, container, result):
        config = self.configs[name]
        self.node.check(config, container, result)
        self.node.run_in(container, "ip", "addr", "del", result["ips"][0]["address"], "dev", "eth0")
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, container, result)
        self.assertIn(result["ips"][0]["address"], caught.exception.msg)
        self.node.delete({"cniVersion": "1.0.0", "name": config["name"]}, container, netns="")
        self.assertEqual((self.node.veths(), self.node.reservations(config["name"])), ([], []))
        self.assertFalse(os.path.exists(os.path.join(self.node.state, "attachments", config["name"])))

    def test_records_of_the_first_version_serve_this_one(self):
        for name in self.configs:
            with self.subTest(name):
                container, result, path = self.attach(name)
                present = self.read(path)[-1]
                self.write(path, [filled(line, present) for line in kept(name)])
                self.assert_it_serves(name, container, result)

    def test_drafts_of_the_first_version_are_cleaned_up(self):
        for name in self.configs:
            with self.subTest(name):
                container, _, path = self.attach(name)
                present = self.read(path)[-1]
                os.unlink(path)
                draft = os.path.join(os.path.dirname(path), "." + os.path.basename(path))
                self.write(draft, [filled(line, present) for line in kept(name)])
                self.node.add(self.configs[name], container)  # clears up what the killed one left
                self.assertFalse(os.path.exists(draft))
                self.node.delete(self.configs[name], container)
                self.assertEqual((self.node.veths(), self.node.reservations(self.configs[name]["name"])), ([], []))

    def test_this_version_writes_everything_that_the_first_one_reads(self):
        for name in self.configs:
            with self.subTest(name):
                _, _, path = self.attach(name)
                first, present = kept(name)[-1], self.read(path)[-1]
                self.assertEqual(present["format"], first["format"])
                self.assertEqual(names(first) - names(present), set())
                for member in names(first):
                    old, new = first, present
                    for part in member.split("."):
                        old, new = old[part], new[part]
                    self.assertIs(type(new), type(old), member)

    def test_records_of_a_later_version_serve_this_one(self):
        for name in self.configs:
            with self.subTest(name):
                container, result, path = self.attach(name)
                self.write(path, [with_strangers(line) for line in self.read(path)])
                self.assert_it_serves(name, container, result)


if __name__ == "__main__":
    unittest.main()
