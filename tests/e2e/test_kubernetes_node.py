"""The life of a node of Kubernetes, by packaging/kubernetes/node.sh as its containers run it, with containerd's CRI: no step needs a person."""

import json
import os
import unittest

import yaml

from commands import wait_until
from conflists import PLUGIN_UNDER_TEST, REFERENCE_DIR, REPOSITORY
from containerd import Containerd
from cri import Cri, PYTHON_GRPC
from e2e_case import E2ECase
from fakehost import FakeHost
from traces import links, records, reservations

FOLDER = os.path.join(REPOSITORY, "packaging", "kubernetes")
NETWORKS = "/etc/cni/net.d"
# Where the containerd that runs looks, by a configuration of which only its command line tells.
PLUGINS = "/opt/elsewhere/bin"
# As an image has it: its own /opt and /etc/cni, in a mount namespace of its own.
CONTAINER = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /opt && mount -t tmpfs none /etc/cni && exec "$@"', "container",
             "/bin/sh", os.path.join(FOLDER, "node.sh"))
# Another network, which begins and ends pods without doing anything to them.
OTHER_PLUGIN = """#!/bin/sh
case $CNI_COMMAND in
  VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}' ;;
  ADD) echo '{"cniVersion": "1.0.0", "ips": [{"address": "203.0.113.9/32"}]}' ;;
esac
"""
OTHER_NETWORK = {"cniVersion": "1.0.0", "name": "othernet", "plugins": [{"type": "other"}]}


class KubernetesNodeTest(E2ECase):
    needs = ("containerd", "ctr", "runc", "containerd-shim-runc-v2", PYTHON_GRPC)

    @classmethod
    def _fake_host(cls):
        return FakeHost(hidden_dir=REFERENCE_DIR)  # without any plugin

    def setUp(self):
        super().setUp()
        self.work = self.host.path("work")
        os.mkdir(self.work)
        self.write("curl", '#!/bin/sh\necho \'{"spec": {"podCIDRs": ["10.244.1.0/24", "fd00:10:244:1::/64"]}}\'\n')
        self.write("token", "of the account")
        with open(os.path.join(FOLDER, "base", "patchcord.yaml"), encoding="utf-8") as stream:
            config, = (each for each in yaml.safe_load_all(stream) if each["kind"] == "ConfigMap")
        self.template = config["data"]["10-patchcord.conflist"]
        self.write("template", self.template)
        self.containerd = Containerd(self.host, cri=True, plugins=PLUGINS)

    def write(self, name, text):
        with open(self.host.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), 0o755)

    def environment(self):
        return {"PATH": f"{self.host.dir}:/usr/sbin:/usr/bin:/sbin:/bin", "PATCHCORD": PLUGIN_UNDER_TEST, "NODE": "worker-1",
                "TEMPLATE": self.host.path("template"), "SERVICE_ACCOUNT": self.host.dir, "WORK": self.work, "INTERVAL": "1", "SETTLE": "1",
                "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}

    def node_script(self, *words):
        return self.host.output(*CONTAINER, *words, env=self.environment())

    def install(self, template=None):
        if template:
            self.write("template", template)
        self.node_script("install")

    def pods(self, *numbers):
        return [self.cri.run_pod(f"pod-{number}") for number in numbers]

    def assert_reached(self, pods):
        for pod in pods:
            self.assert_pings(self.host.run, pod.address())

    def log(self):
        with open(self.host.path("remove.log"), encoding="utf-8") as stream:
            return stream.read()

    def start_removal(self):
        return self.host.spawn(*CONTAINER, "remove", log=self.host.path("remove.log"), env=self.environment())

    def waits(self, count, hint):
        wait_until(lambda: f"waiting for {count} attachments" in self.log() and hint in self.log(),
                   lambda: f"the removal to wait for {count} pods: {self.log()}")

    def assert_ended(self, removal, networks):
        wait_until(lambda: removal.poll() is not None, lambda: f"the removal to end: {self.log()}")
        self.assertEqual(removal.returncode, 0, self.log())
        self.assertEqual((records(self.host), reservations(self.host), links(self.host, "veth")), ([], [], []))
        self.assertEqual(self.host.output("find", "/opt", REFERENCE_DIR, "-name", "patchcord*").split(), [])
        self.assertEqual([name for name in os.listdir(self.host.path_of("/etc/cni")) if name.startswith(".")], [])
        self.assertEqual(os.listdir(self.host.path_of(NETWORKS)), networks)

    def put_other_network(self):
        for name in ("other", "loopback"):  # which containerd calls for every pod; it must not be only ours
            self.write(name, OTHER_PLUGIN)
            os.rename(self.host.path(name), os.path.join(self.host.path_of(PLUGINS), name))
        with open(os.path.join(self.host.path_of(NETWORKS), "05-other.conflist"), "w", encoding="utf-8") as stream:
            json.dump(OTHER_NETWORK, stream)

    def test_install_upgrade_change_rename_and_remove_with_pods_running(self):
        self.install()
        self.cri = Cri(self.host)  # which waits until containerd has seen the network
        self.addCleanup(self.cri.close)
        with open(self.host.path("containerd.log"), encoding="utf-8") as log:
            self.assertNotIn("failed to reload cni configuration", log.read())  # as for a file beside the network
        pods = self.pods(*range(8))
        self.assert_reached(pods)

        self.install()  # an upgrade is the same once more
        self.install(self.template.replace('"mode": "routed"', '"mode": "bridge", "isDefaultGateway": true'))
        in_bridge = self.pods(8, 9)
        self.assert_reached(pods + in_bridge)
        pods.pop().remove()
        in_bridge.pop().remove()

        self.install(self.template.replace("podnet", "newname"))
        pods.pop().remove()
        self.node_script("gc")
        self.assertEqual(len(records(self.host)), 7)
        self.assert_reached(pods + in_bridge)

        removal = self.start_removal()
        self.waits(7, "drain the node, or put another network before")
        self.assertTrue(self.cri.network_is_ready())
        for pod in in_bridge + [pods.pop() for _ in range(3)]:
            pod.remove()
        self.waits(3, "drain the node")
        self.put_other_network()
        self.waits(3, "new pods go to the network that comes first")
        elsewhere = self.cri.run_pod("pod-elsewhere")
        self.assertEqual(elsewhere.address(), "203.0.113.9")
        self.assertIsNone(removal.poll())
        for pod in pods:
            pod.remove()  # by the other network's plugin, which does not know them
        self.assert_ended(removal, ["05-other.conflist"])
        self.assertTrue(self.cri.network_is_ready())
        elsewhere.remove()

    def test_remove_with_no_other_network(self):
        self.install()
        self.cri = Cri(self.host)
        self.addCleanup(self.cri.close)
        pods = self.pods(1, 2)
        removal = self.start_removal()
        self.waits(2, "drain the node")
        for pod in pods:
            pod.remove()
        self.assert_ended(removal, [])


if __name__ == "__main__":
    unittest.main()
