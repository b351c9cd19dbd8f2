"""What the model of trust in SECURITY.md rests on: a pod that has NET_ADMIN over its own network namespace alone, because a user namespace of
its own owns that, cannot get at the host's through the other end of its pair; and the plugin serves such a pod as any other.
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import Node, bridge_config, routed_config

# Requests by the id that a namespace has for its pair's other end: IFLA_TARGET_NETNSID. Prints the kernel's answers, 0 or an errno.
REACH_OUT = """
import json, socket, struct, sys
kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
answers = []
for request, index in ((18, int(sys.argv[1])), (17, int(sys.argv[1]))):
    body = struct.pack("=BBHiII", 0, 0, 0, index, 0, 0) + struct.pack("=HHi", 8, 46, 0)
    kernel.send(struct.pack("=IHHII", 16 + len(body), request, 5, 1, 0) + body)
    answer = kernel.recv(1 << 16)
    answers.append(-struct.unpack_from("=i", answer, 16)[0] if struct.unpack_from("=IH", answer)[1] == 2 else 0)
print(json.dumps(answers))
"""


class UserNamespaceTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.pod = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                    stdout=subprocess.PIPE)
        self.addCleanup(self.end)
        self.pod.stdout.readline()

    def end(self):
        self.pod.kill()
        self.pod.communicate()

    def in_pod(self, *command):
        return subprocess.run(["nsenter", "--target", str(self.pod.pid), "--user", "--net", "--preserve-credentials", *command],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True).stdout

    def test_a_pod_is_served_and_cannot_reach_the_host_through_its_pair(self):
        netns = f"/proc/{self.pod.pid}/ns/net"
        self.node.on_host("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
        other = self.node.ip_json(self.node.host, "link", "show", "other0")[0]["ifindex"]
        for config in (bridge_config(self.node, isDefaultGateway=True), routed_config(self.node)):
            with self.subTest(mode=config["mode"]):
                result = self.node.add(config, "pod", netns=netns)
                self.node.check(config, "pod", result, netns=netns)
                self.assertEqual(json.loads(self.in_pod(sys.executable, "-c", REACH_OUT, str(other))), [13, 13])  # EACCES
                # Of its own it may do what it likes.
                self.in_pod("ip", "link", "set", "eth0", "down")
                self.in_pod("ip", "link", "set", "eth0", "name", "mine")
                self.node.delete(config, "pod", netns=netns)
                self.assertEqual(self.node.ip_json(self.node.host, "link", "show", "other0")[0]["ifindex"], other)
                self.assertEqual([name for name in self.node.veths() if not name.startswith("other")], [])


if __name__ == "__main__":
    unittest.main()
