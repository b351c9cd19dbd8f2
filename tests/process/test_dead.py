"""What is left of containers that are provably gone, and who finds it."""

import json
import os
import subprocess
import unittest

from fake_node import DRIVER, Node, bridge_config
from traffic import ports

CHAINED = ("portmap", "firewall", "tuning", "bandwidth")


class CollectDeadTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, isGateway=True)

    def driver(self, *options, stdin=""):
        done = subprocess.run(["nsenter", f"--net={self.node.path_of(self.node.host)}", DRIVER, self.node.state, *options],
                              input=stdin, stdout=subprocess.PIPE, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_only_what_is_provably_gone_is_removed_and_a_dry_run_removes_nothing(self):
        living, gone, killed, moved = (self.node.container(name) for name in ("living", "gone", "killed", "moved"))
        for container in (living, gone, killed, moved):
            self.node.add(self.config, container)
        self.node.remove_container(gone, veths=3)
        # Its path goes, but a process keeps the namespace: it lives on.
        self.node.hold(moved)
        self.node.remove_container(moved)
        directory = os.path.join(self.node.state, "attachments", "br-net")
        os.rename(os.path.join(directory, f"{killed}:eth0"), os.path.join(directory, f".{killed}:eth0"))
        expected = {f"br-net/{gone}/eth0": f"its network namespace {self.node.path_of(gone)} is gone",
                    f"br-net/{killed}/eth0": "an ADD was killed at work on it"}
        before = self.node.snapshot(living, killed)
        seen = self.driver("dead", "--dry-run")
        self.assertEqual({line["key"]: line["reason"] for line in seen}, expected)
        self.assertEqual({line["removed"] for line in seen}, {False})
        self.assertEqual(self.node.snapshot(living, killed), before)
        seen = self.driver("dead")
        self.assertEqual({line["key"]: (line["reason"], line["removed"], line["problem"]) for line in seen},
                         {key: (reason, True, "") for key, reason in expected.items()})
        self.assertEqual(sorted(os.listdir(directory)), sorted([f"{living}:eth0", f"{moved}:eth0"]))
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "10.88.0.5"])
        self.assertEqual(len(self.node.veths()), 2)
        self.assertEqual(self.driver("dead"), [])

    def chain(self, container, port):
        """What a chain of all types makes of a container's interface."""
        result = self.node.add(self.config, container)
        keys = {"portmap": ports(f"{port}:80", f"{port}:80/udp"), "firewall": {"ingressPolicy": "same-bridge"},
                "tuning": {"sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "1"}},
                "bandwidth": {"ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000, "egressBurst": 800_000}}
        for kind in CHAINED:
            self.node.add({"cniVersion": "1.0.0", "name": "br-net", "type": kind, "prevResult": result, **keys[kind]}, container,
                          plugin=self.node.plugin(kind))

    def abandon(self, container, way):
        """Leaves the container without its DEL, and says of which kinds there are records still."""
        kinds = {*CHAINED, "attachments"}
        if way == "an ADD killed":
            for kind in kinds:
                directory = os.path.join(self.node.state, kind, "br-net")
                os.rename(os.path.join(directory, f"{container}:eth0"), os.path.join(directory, f".{container}:eth0"))
            return kinds
        if way == "interface deleted":
            self.node.delete(self.config, container)
            kinds.discard("attachments")
        self.node.remove_container(container, veths=1)
        return kinds

    def seen_to_be_dead(self, *options):
        return {(line["kind"], line["key"].split("/")[1], line["removed"], line["problem"]) for line in self.driver("dead", *options)}

    def test_what_chained_types_have_of_the_dead_goes_too(self):
        """Their rules and links, also where the interface itself has had its DEL, and nothing of those who live."""
        living = self.node.container("living")
        self.chain(living, 8081)
        before = self.steady_snapshot(living)
        for way in ("no DEL", "interface deleted", "an ADD killed"):
            with self.subTest(way=way):
                container = self.node.container(way.replace(" ", "-"))
                self.chain(container, 8080)
                kinds = self.abandon(container, way)
                self.assertIn(container, self.node.on_host("nft", "list", "ruleset"))
                self.assertEqual(self.seen_to_be_dead("--dry-run"), {(kind, container, False, "") for kind in kinds})
                self.assertIn(container, self.node.on_host("nft", "list", "ruleset"))
                self.assertEqual(self.seen_to_be_dead(), {(kind, container, True, "") for kind in kinds})
                self.assertEqual(self.steady_snapshot(living), before)
                self.assertEqual(self.seen_to_be_dead(), set())

    def steady_snapshot(self, container):
        snapshot = self.node.snapshot(container)
        # Where the search for an address goes on is not put back.
        snapshot["files"] = [file for file in snapshot["files"] if "last_reserved" not in file[0]]
        return snapshot

    def test_a_namespace_that_only_lost_its_path_keeps_what_its_chain_has(self):
        container = self.node.container("moved")
        self.chain(container, 8080)
        self.node.hold(container)
        self.node.remove_container(container)
        self.assertEqual(self.driver("dead"), [])
        # Also where another plugin made the interface: each record has the pair that was found.
        os.unlink(os.path.join(self.node.state, "attachments", "br-net", f"{container}:eth0"))
        self.assertEqual(self.driver("dead"), [])

    def test_the_addresses_of_a_delegate_are_left_to_the_runtime(self):
        fakes = os.path.join(self.node.directory, "fakes")
        os.mkdir(fakes)
        with open(os.path.join(fakes, "fake"), "w", encoding="ascii") as file:
            file.write('#!/bin/sh\necho \'{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.9/24"}]}\'\n')
        os.chmod(os.path.join(fakes, "fake"), 0o755)
        container = self.node.container("a")
        self.node.add(self.config | {"ipam": {"type": "fake"}}, container, CNI_PATH=fakes)
        self.node.remove_container(container, veths=0)
        self.assertEqual([line["problem"] for line in self.driver("dead")],
                         ["its addresses are ipam plugin fake's, which only a DEL can tell"])

    def test_what_gc_would_remove_is_listed_with_its_traces(self):
        living, stale = self.node.container("living"), self.node.container("stale")
        config = self.config | {"cniVersion": "1.1.0"}
        for container in (living, stale):
            self.node.add(config, container)
        veth = [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth")
                if f"/{stale}/" in link["ifalias"]][0]
        before = self.node.snapshot(living, stale)
        lines, = self.driver("garbage", stdin=json.dumps(
            config | {"cni.dev/valid-attachments": [{"containerID": living, "ifname": "eth0"}]}))
        self.assertEqual(lines, [f"attachment br-net/{stale}/eth0 is not on the runtime's list; there is a record, host interface {veth}, "
                                 "a reservation"])
        self.assertEqual(self.node.snapshot(living, stale), before)


if __name__ == "__main__":
    unittest.main()
