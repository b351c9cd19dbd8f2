"""The process by which a namespace was named dies, and others of the pod live on: list, doctor, gc and the rest agree, with the truth."""

import json
import os
import signal
import subprocess
import unittest

from fake_node import bridge_config
from operator_case import OperatorCase
import patience


class PauseTest(OperatorCase):
    def setUp(self):
        super().setUp()
        node = self.node
        self.make_uplink()
        self.pod = node.container("pod")
        self.pause, self.app = node.hold(self.pod), node.hold(self.pod)
        ports = {"runtimeConfig": {"portMappings": [{"hostPort": 8001, "containerPort": 80, "protocol": "tcp"}]}}
        config = bridge_config(node, name="podnet", subnets=("10.88.0.0/24",), isDefaultGateway=True)
        self.configure("10-podnet.conflist", config)
        node.add(config | ports, "pod-4711", netns=f"/proc/{self.pause.pid}/ns/net", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        node.settle(self.pod)
        subprocess.run(["ip", "netns", "del", self.pod], check=True)  # its processes hold it, and nothing else
        node.namespaces.remove(self.pod)

    def lose(self, *processes):
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    def what_each_says(self):
        (attachment,) = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        stale = [each for each in json.loads(self.tool("doctor", "-o", "json").stdout)["diagnoses"] if each["name"] == "stale-attachments"]
        collected = json.loads(self.tool("gc", "--dry-run", "-o", "json").stdout)["attachments"]
        (reconciled,) = json.loads(self.tool("reconcile", "--dry-run", "-o", "json").stdout)["attachments"]
        return attachment["state"], len(stale), len(collected), reconciled["outcome"]

    def test_others_of_the_pod_live_on(self):
        before = self.tool("inspect", "web-0").stdout
        self.lose(self.pause)
        self.assertEqual(self.what_each_says(), ("up", 0, 0, "right"))
        self.assertEqual(self.steady(self.tool("inspect", "web-0").stdout), self.steady(before))
        self.assertIn('state="up"} 1', self.tool("metrics").stdout)

    def test_what_they_lack_is_put_back(self):
        self.lose(self.pause)
        self.node.run_in(self.node.host, "nft", "delete", "table", "inet", "patchcord")
        self.assertEqual(self.what_each_says(), ("broken", 0, 0, "amiss"))
        self.assertEqual(self.tool("reconcile").returncode, 0)
        self.assertEqual(self.what_each_says(), ("up", 0, 0, "right"))

    def test_the_last_one_goes(self):
        self.lose(self.pause, self.app)
        self.assertTrue(patience.until(lambda: not self.node.veths()))
        self.assertEqual(self.what_each_says(), ("gone", 1, 1, "gone"))
        self.assertEqual(self.tool("gc").returncode, 0)
        self.assertEqual(json.loads(self.tool("list", "-o", "json").stdout)["attachments"], [])


if __name__ == "__main__":
    unittest.main()
