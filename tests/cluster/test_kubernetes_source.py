"""Blocks by a node's podCIDRs, asked of an API that answers as the real one, refuses, is slow, or hangs up in the middle."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from etcd_cluster import BLOCKS, make_certificates, patience

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 6443
POOLS = [{"name": "pods", "cidrs": ["10.244.0.0/16"], "block": 24}, {"name": "pods6", "cidrs": ["fd44::/16"], "block": 64}]


class KubernetesSourceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="patchcord-api-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        make_certificates(cls.directory)
        cls.namespace = f"pck{os.getpid()}"
        subprocess.run(["ip", "netns", "add", cls.namespace], check=True)
        cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", cls.namespace], check=True)
        subprocess.run(["ip", "-n", cls.namespace, "link", "set", "lo", "up"], check=True)
        server = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{cls.namespace}", sys.executable, f"{HERE}/api_server.py", cls.directory,
                                   str(PORT)], stdout=subprocess.PIPE)
        cls.addClassCleanup(lambda: (server.kill(), server.communicate()))
        server.stdout.readline()
        cls.write("token", "secret\n")

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def setUp(self):
        self.write("behaviour", "ok")

    def ask(self, *words, given=None, **settings):
        content = {"node": "n1", "source": "kubernetes", "endpoints": [f"https://127.0.0.1:{PORT}"], "ca": f"{self.directory}/ca.pem",
                   "token": f"{self.directory}/token", "timeout": 1, **settings}
        path = self.write("cluster.json", json.dumps(content))
        done = patience.run(["nsenter", f"--net=/var/run/netns/{self.namespace}", BLOCKS, *words], input=json.dumps(given or {}),
                            env={"PATH": os.environ["PATH"], "PATCHCORD_CLUSTER": path})
        return done.returncode, json.loads(done.stdout)

    def test_both_families_are_adopted_once(self):
        for pool, block, cidr in (("pods", "10.244.1.0/24", "10.244.0.0/16"), ("pods6", "fd44:1::/64", "fd44::/16")):
            status, document = self.ask("claim", pool, pools=POOLS)
            self.assertEqual((status, document["block"], document["adopted"]), (0, block, True))
            self.assertEqual(document["pool"]["cidrs"], [cidr])
            status, document = self.ask("claim", pool, given={"blocks": [block]}, pools=POOLS)
            self.assertEqual(status, 3)
            self.assertEqual(self.ask("own", pool, pools=POOLS)[1]["blocks"], [block])

    def test_without_pools_the_block_is_the_pool(self):
        status, document = self.ask("pools")
        self.assertEqual((status, [(pool["name"], pool["cidrs"]) for pool in document["pools"]]),
                         (0, [("pods", ["10.244.1.0/24"]), ("pods6", ["fd44:1::/64"])]))
        self.assertEqual(self.ask("own", "pods")[1]["blocks"], ["10.244.1.0/24"])

    def test_the_blocks_of_all_nodes_over_pages(self):
        status, document = self.ask("all", "pods", pools=POOLS)
        self.assertEqual((status, {each["block"]: each["node"] for each in document["blocks"]}), (0, {"10.244.1.0/24": "n1", "10.244.2.0/24": "n2"}))

    def test_a_kubeconfig(self):
        def data(name):
            with open(f"{self.directory}/{name}", "rb") as file:
                return base64.b64encode(file.read()).decode()
        text = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {data("ca.pem")}
    server: https://127.0.0.1:{PORT}
  name: lab
contexts:
- context: {{cluster: lab, user: node}}
  name: node@lab
users:
- name: node
  user:
    client-certificate-data: {data("node.pem")}
    client-key-data: {data("node.key")}
    token: "secret"
"""
        path = self.write("kubeconfig", text)
        self.assertEqual(self.ask("own", "pods", kubeconfig=path, endpoints=[], ca="", token=""), (0, self.ask("own", "pods")[1]))
        path = self.write("two", text + text)
        status, document = self.ask("own", "pods", kubeconfig=path, endpoints=[], ca="", token="")
        self.assertEqual((status, "has several clusters or users" in document["error"]), (1, True))

    def failure(self, *words, **settings):
        status, document = self.ask(*words, **settings)
        self.assertEqual(status, 1, document)
        return document["error"] + " / " + document["details"]

    def test_each_refusal_is_one_clear_error(self):
        for behaviour, words in (("401", "token or certificate"), ("403", "needs get"), ("404", '"node" of cluster.json'), ("410", "too old"),
                                 ("429", "busy"), ("500", "HTTP 500"), ("text", "whether that is the API")):
            with self.subTest(behaviour=behaviour):
                self.write("behaviour", behaviour)
                self.assertIn(words, self.failure("own", "pods"))
                if behaviour.isdigit():
                    self.assertIn(f"as it says {behaviour}", self.failure("claim", "pods"))

    def test_what_hangs_up_or_hangs(self):
        self.write("behaviour", "cut")
        self.assertIn(f"https://127.0.0.1:{PORT}: ", self.failure("own", "pods"))
        self.write("behaviour", "slow")
        began = time.monotonic()
        self.assertIn("no answer within 1.0 s", self.failure("own", "pods"))
        self.assertLess(time.monotonic() - began, 1 + 0.5 * patience.slowness())

    def test_what_is_not_there(self):
        self.assertIn('nodes "n9" not found', self.failure("own", "pods", node="n9"))
        self.assertIn("has no podCIDR yet", self.failure("own", "pods", node="new"))
        self.assertIn("is no pod of Kubernetes", self.failure("own", "pods", endpoints=[]))
        self.assertIn("certificate", self.failure("own", "pods", ca=f"{self.directory}/stranger.pem"))
        self.write("wrong", "other")
        self.assertIn("401", self.failure("own", "pods", token=f"{self.directory}/wrong"))
        self.assertEqual(self.ask("own", "other")[0], 3)

    def test_what_kubernetes_does_itself_is_refused(self):
        for words in (("release", "pods", "10.244.1.0/24"), ("forget", "n2")):
            self.failure(*words)
        self.assertIn("--cluster-cidr", self.failure("pool-add", given=POOLS[0]))


if __name__ == "__main__":
    unittest.main()
