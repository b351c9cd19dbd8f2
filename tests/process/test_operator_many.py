"""What list and inspect of one cost on a node with 1,000 attachments, in times of what ip needs to show its links: nothing that is quadratic.

list looks at each attachment as inspect does, in its container, too; inspect reads the node's links and records for one."""

import unittest

from fake_node import PASSED_ON, PLUGIN, Node, ShippedBinaryCase, bridge_config, routed_config
import patience

MANY = 1000


def command(node, *words):
    return ["nsenter", f"--net=/var/run/netns/{node.host}", *words]


def least(node, *words, tries=5):
    """Processor time, the least of several: what the machine is busy with otherwise does not count."""
    environment = {**PASSED_ON, "PATCHCORD_STATE_DIR": node.state, "NETCONFPATH": "/nowhere"}
    return min(patience.processor_time(lambda: patience.run(command(node, *words), env=environment, check=True))[1] for _ in range(tries))


class ManyTest(ShippedBinaryCase):
    def fill(self, node, count):
        routed = routed_config(node, name="routed", subnets=("10.80.0.0/20",))
        bridge = bridge_config(node, name="bridged", subnets=("10.96.0.0/20",), isDefaultGateway=True, ipMasq=True)
        for number in range(count):
            container = node.container(f"c{number}")
            node.add(bridge if number % 2 == 0 else routed, container)

    def test_list_and_inspect_at_1000_attachments(self):
        with Node() as node:
            self.fill(node, MANY)
            among_many = least(node, PLUGIN, "inspect", f"{node.name}-c0")
            by_address = least(node, PLUGIN, "inspect", "10.96.0.2")
            links, listed = least(node, "ip", "-d", "-j", "link"), least(node, PLUGIN, "list")
        self.assertLessEqual(listed, 40 * links)
        self.assertLessEqual(among_many, 8 * links)
        self.assertLessEqual(by_address, 8 * links)


if __name__ == "__main__":
    unittest.main()
