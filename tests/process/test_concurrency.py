"""Many operations at once."""

import json
import os
import subprocess
import unittest

from fake_node import REFERENCE_DIR, Node, bridge_config
from patience import communicate

MANY = 64


class ConcurrencyTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def test_sixty_four_first_adds_at_once_make_one_bridge_and_distinct_addresses(self):
        config = bridge_config(self.node, isDefaultGateway=True, subnets=("10.88.0.0/24", "fd00:88::/64"))
        # Eight namespaces with eight interfaces each: what counts is the bridge that does not exist yet.
        namespaces = [self.node.container(f"n{i}") for i in range(8)]
        jobs = [(f"id{i}", namespaces[i % 8], f"eth{i // 8}") for i in range(MANY)]
        running = [self.node.start("ADD", config, cid, self.node.path_of(netns), ifname=ifname) for cid, netns, ifname in jobs]
        results = [self.node.finish(process) for process in running]
        bridges = self.node.ip_json(self.node.host, "link", "show", "type", "bridge")
        self.assertEqual([bridge["ifname"] for bridge in bridges], ["pcbr0"])
        self.assertIn("UP", bridges[0]["flags"])
        addresses = [ip["address"] for result in results for ip in result["ips"]]
        self.assertEqual(len(set(addresses)), 2 * MANY)
        self.assertEqual({result["interfaces"][0]["mac"] for result in results}, {bridges[0]["address"]})
        self.assertTrue(self.node.reaches(namespaces[0], "10.88.0.1"))

        running = [self.node.start("DEL", config, cid, self.node.path_of(netns), ifname=ifname) for cid, netns, ifname in jobs]
        for process in running:
            self.node.finish(process)
        self.assertEqual(self.node.veths(), [])
        self.assertEqual(self.node.reservations("br-net"), [])
        self.assertEqual(os.listdir(os.path.join(self.node.state, "attachments")), [])

    def test_a_failing_first_add_does_not_take_the_bridge_from_the_others(self):
        good = bridge_config(self.node, isGateway=True)
        # Its gateway cannot be on the bridge beside the other one, so it fails after the bridge is there.
        bad = bridge_config(self.node, name="bad", subnets=("10.99.0.0/24",), isGateway=True)
        self.node.add(good, self.node.container("warm-up"))
        for attempt in range(5):
            self.node.on_host("ip", "link", "del", "pcbr0")
            namespaces = [self.node.container(f"r{attempt}n{i}") for i in range(8)]
            running = [self.node.start("ADD", (good, bad)[i % 2], f"r{attempt}id{i}", self.node.path_of(netns))
                       for i, netns in enumerate(namespaces)]
            for process in running:
                communicate(process)
            succeeded = [i for i, process in enumerate(running) if process.returncode == 0]
            self.assertTrue(succeeded)
            ports = self.node.ip_json(self.node.host, "link", "show", "master", "pcbr0")
            self.assertEqual(len(ports), len(succeeded))
            gateway = "10.88.0.1" if succeeded[0] % 2 == 0 else "10.99.0.1"
            for i in succeeded:
                self.assertTrue(self.node.reaches(namespaces[i], gateway))
            for i, netns in enumerate(namespaces):
                self.node.delete((good, bad)[i % 2], f"r{attempt}id{i}", netns="")


class SharedDirectoryTest(unittest.TestCase):
    """The reference host-local and ours in one directory."""

    EACH = 200

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, name="shared", subnets=("10.88.0.0/16",))
        self.config["ipam"]["ranges"] = [[{"subnet": "10.88.0.0/16"}]]

    def start_reference(self, command, container_id, ifname="eth0"):
        environment = self.node.environment(command, container_id, "/dummy", ifname)
        process = subprocess.Popen([os.path.join(REFERENCE_DIR, "host-local")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment)
        process.stdin.write(json.dumps(self.config))
        process.stdin.close()
        process.stdin = None
        return process

    def start_ours(self, command, container_id, namespace, ifname):
        return self.node.start(command, self.config, container_id, self.node.path_of(namespace), ifname=ifname)

    def test_both_allocate_at_the_same_time_and_release_each_others(self):
        namespaces = [self.node.container(f"n{i}") for i in range(4)]
        place = {i: (namespaces[i % 4], f"eth{i // 4}") for i in range(self.EACH)}
        addresses, running = [], []
        for i in range(self.EACH):
            running.append(self.start_ours("ADD", f"ours{i}", *place[i]))
            running.append(self.start_reference("ADD", f"theirs{i}", place[i][1]))
            while len(running) > 8:
                addresses.append(self.node.finish(running.pop(0))["ips"][0]["address"])
        addresses += [self.node.finish(process)["ips"][0]["address"] for process in running]
        self.assertEqual(len(addresses), 2 * self.EACH)
        self.assertEqual(len(set(addresses)), 2 * self.EACH)
        self.assertEqual(len(self.node.reservations("shared")), 2 * self.EACH)

        running = []
        for i in range(self.EACH):
            running.append(self.start_ours("DEL", f"theirs{i}", *place[i]))
            running.append(self.start_reference("DEL", f"ours{i}", place[i][1]))
            while len(running) > 8:
                self.node.finish(running.pop(0))
        for process in running:
            self.node.finish(process)
        self.assertEqual(self.node.reservations("shared"), [])
        self.assertEqual(len(self.node.veths()), self.EACH)  # releasing an address is not a DEL


if __name__ == "__main__":
    unittest.main()
