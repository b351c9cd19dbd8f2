"""A network that is given another name while containers run: its DELs come with the new one, and find what the old one made."""

import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, bridge_config, routed_config
from patience import communicate

PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}


class RenamedTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.old = bridge_config(self.node, name="old", subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, isolation="network")
        self.new = {**self.old, "name": "new"}

    def traces(self):
        """What is left of containers, wherever."""
        rules = self.node.on_host("nft", "list", "ruleset")
        return [*self.node.veths(), *self.node.reservations("old"), *self.node.reservations("new"),
                *(line for line in rules.splitlines() if "eth0" in line)]

    def test_a_del_by_the_new_name_takes_away_what_the_old_one_made(self):
        cases = ((self.old, self.new), (routed_config(self.node, name="old", subnets=DUAL_ROUTED, ipMasq=True),) * 2,
                 (self.old | {"type": "bridge"},) * 2, (self.old | {"type": "ptp"},) * 2)
        for number, (old, new) in enumerate(cases):
            new = {**new, "name": "new"}
            with self.subTest(type=old["type"], mode=old.get("mode")):
                container = self.node.container(f"a{number}")
                program = self.node.plugin(old["type"])
                self.node.add({**old, "runtimeConfig": PORTS} if old["type"] == "patchcord" else old, container, plugin=program)
                self.assertNotEqual(self.traces(), [])
                self.node.delete(new, container, plugin=program)
                self.assertEqual(self.traces(), [])

    def test_also_where_the_mode_has_changed_since(self):
        container = self.node.container("a")
        self.node.add(self.old, container)
        self.node.delete(routed_config(self.node, name="new", subnets=DUAL_BRIDGE), container)
        self.assertEqual(self.traces(), [])

    def test_what_stood_behind_it_in_the_chain_goes_with_it(self):
        container = self.node.container("a")
        old = self.old | {"type": "bridge"}
        result = self.node.add(old, container, plugin=self.node.plugin("bridge"))
        portmap = {"cniVersion": "1.0.0", "name": "old", "type": "portmap", "runtimeConfig": PORTS, "prevResult": result}
        self.node.add(portmap, container, plugin=self.node.plugin("portmap"))
        self.node.delete({**portmap, "name": "new"}, container, plugin=self.node.plugin("portmap"))
        self.node.delete({**old, "name": "new"}, container, plugin=self.node.plugin("bridge"))
        self.assertEqual(self.traces(), [])

    def test_another_network_loses_nothing_to_a_del_of_the_same_container_and_interface(self):
        """As the one that follows an ADD which was refused because the container has that interface."""
        container = self.node.container("a")
        self.node.add(self.old, container)
        before = self.node.snapshot(container)
        for other in (bridge_config(self.node, name="other", bridge="other0", subnets=("10.44.0.0/24",)),
                      routed_config(self.node, name="other"), {"cniVersion": "1.0.0", "name": "other", "type": "patchcord", "mode": "nonsense"}):
            self.node.delete(other, container)
            self.assertEqual(self.node.snapshot(container), before)

    def test_status_says_it_and_gc_takes_the_dead_only(self):
        self.new["cniVersion"] = "1.1.0"
        living, dead = self.node.container("living"), self.node.container("dead")
        for container in (living, dead):
            self.node.add(self.old, container)
        process = self.node.start("STATUS", self.new, "", "", ifname="")
        stdout, stderr = communicate(process)
        self.assertEqual((process.returncode, stdout), (0, ""))
        self.assertIn("network old has 2 attachments", stderr)
        self.node.remove_container(dead, veths=1)
        self.node.call("GC", {**self.new, "cni.dev/valid-attachments": []}, "", netns="", ifname="")
        self.assertEqual(len(self.node.veths()), 1)
        self.assertEqual(len(self.node.reservations("old")), 2)
        self.node.delete(self.new, living)
        self.assertEqual(self.traces(), [])


if __name__ == "__main__":
    unittest.main()
