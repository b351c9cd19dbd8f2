"""packaging/kubernetes: the manifests, and what their script does to a node, which is a directory here, with an API that is a program."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import yaml

from fake_node import NAMES, PLUGIN, ROOT, Node
from patience import communicate, run, until

FOLDER = os.path.join(ROOT, "packaging", "kubernetes")
SCRIPT = os.path.join(FOLDER, "node.sh")
# The shells that the image may have: Debian's, and one of the smallest.
SHELLS = (("/bin/dash",), ("/bin/busybox", "sh"))

# In the place of curl: answers with the file `node` of its directory, and writes down how it was called.
API = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$@" >"$here/asked"
cat "$here/node"
"""


def documents(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as stream:
        return list(yaml.safe_load_all(stream))


def document(name, kind):
    found, = (each for each in documents(name) if each["kind"] == kind)
    return found


def node_object(**spec):
    """As the API prints it, with texts that look like what is searched for."""
    trap = json.dumps({"spec": {"podCIDRs": ["10.1.1.0/24"], "podCIDR": "10.1.1.0/24"}})
    return json.dumps({"kind": "Node", "apiVersion": "v1",
                       "metadata": {"name": "worker-1", "annotations": {"last-applied": trap},
                                    "managedFields": [{"fieldsV1": {"f:spec": {"f:podCIDR": {}, "f:podCIDRs": {".": {}, 'v:"10.1.1.0/24"': {}}}}}]},
                       "spec": spec, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}}, indent=2)


class ManifestTest(unittest.TestCase):
    def test_their_parts_fit_together(self):
        for name in ("patchcord.yaml", "patchcord-remove.yaml"):
            with self.subTest(name):
                pods = document(name, "DaemonSet")["spec"]
                self.assertEqual(pods["selector"]["matchLabels"], pods["template"]["metadata"]["labels"])
                pod = pods["template"]["spec"]
                containers = pod.get("initContainers", []) + pod["containers"]
                mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
                self.assertEqual(mounted, {volume["name"] for volume in pod["volumes"]})
                paths = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in pod["volumes"]}
                for container in containers:
                    self.assertEqual(container["command"][:2], ["/bin/sh", "/node.sh"])
                    self.assertIn(f"  {container['command'][2]})", open_text(SCRIPT))
                    for mount in container["volumeMounts"]:
                        self.assertEqual(mount["mountPath"], paths[mount["name"]] or "/conf")

    def test_the_account_may_do_what_the_script_asks_the_api_for_and_no_more(self):
        account = document("patchcord.yaml", "ServiceAccount")["metadata"]
        binding = document("patchcord.yaml", "ClusterRoleBinding")
        role = document("patchcord.yaml", "ClusterRole")
        pod = document("patchcord.yaml", "DaemonSet")["spec"]["template"]["spec"]
        self.assertEqual(pod["serviceAccountName"], account["name"])
        self.assertEqual([(each["name"], each["namespace"]) for each in binding["subjects"]], [(account["name"], account["namespace"])])
        self.assertEqual(binding["roleRef"]["name"], role["metadata"]["name"])
        self.assertEqual(role["rules"], [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])
        self.assertFalse(document("patchcord-remove.yaml", "DaemonSet")["spec"]["template"]["spec"]["automountServiceAccountToken"])

    def test_the_image_has_what_they_run(self):
        image = open_text(os.path.join(FOLDER, "Dockerfile"))
        for source, place in re.findall(r"(?m)^COPY (\S+) (\S+)$", image):
            self.assertIn(place, ("/patchcord", "/node.sh"))
            if source != "build/patchcord":
                self.assertTrue(os.path.exists(os.path.join(ROOT, source)))
        self.assertEqual(len(re.findall(r"(?m)^COPY ", image)), 2)
        self.assertRegex(image, r"apt-get install .* curl\b")

    def test_the_shells_can_read_the_script(self):
        for shell in SHELLS:
            run([*shell, "-n", SCRIPT], check=True)


def open_text(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


class NodeScriptTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="patchcord-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = os.path.join(self.directory, "root")
        self.plugins = os.path.join(self.root, "opt/cni/bin")
        self.net_d = os.path.join(self.root, "etc/cni/net.d")
        self.conflist = os.path.join(self.net_d, "10-patchcord.conflist")
        os.mkdir(self.root)
        self.write("curl", API, 0o755)
        self.write("token", "secret-of-the-account")
        self.template = document("patchcord.yaml", "ConfigMap")["data"]["10-patchcord.conflist"]
        self.write("template", self.template)
        self.set_node(podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24", "fd00:10:244:1::/64"])

    def write(self, name, text, mode=0o644):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)

    def set_node(self, **spec):
        self.write("node", node_object(**spec))

    def start(self, *words, shell=SHELLS[1], **environment):
        variables = {"PATH": f"{self.directory}:/usr/sbin:/usr/bin:/sbin:/bin", "HOST_ROOT": self.root, "PATCHCORD": PLUGIN, "NODE": "worker-1",
                     "TEMPLATE": os.path.join(self.directory, "template"), "SERVICE_ACCOUNT": self.directory,
                     "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", **environment}
        return subprocess.Popen([*shell, SCRIPT, *words], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run_script(self, *words, status=0, **options):
        with self.start(*words, **options) as process:
            output, _ = communicate(process)
        self.assertEqual(process.returncode, status, output)
        return output

    def ranges(self):
        with open(self.conflist, encoding="utf-8") as stream:
            return json.load(stream)["plugins"][0]["ipam"]["ranges"]

    def contents(self):
        """Names, inodes and times below the root: the same where nothing was written."""
        return sorted((os.path.join(parent, name), os.lstat(os.path.join(parent, name)).st_ino, os.lstat(os.path.join(parent, name)).st_mtime_ns)
                      for parent, _, files in os.walk(self.root) for name in files if name != "patchcord" and name not in NAMES)

    def test_a_dual_stack_node_gets_the_plugin_its_links_and_a_network_of_both_families(self):
        for shell in SHELLS:
            with self.subTest(shell):
                self.run_script("install", shell=shell)
                self.assertEqual(sorted(os.listdir(self.plugins)), sorted(NAMES))
                self.assertEqual({os.readlink(os.path.join(self.plugins, name)) for name in NAMES if name != "patchcord"}, {"patchcord"})
                self.assertEqual(self.ranges(), [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]])
                self.assertEqual(os.listdir(self.net_d), ["10-patchcord.conflist"])
                shutil.rmtree(os.path.join(self.root, "opt"))
                shutil.rmtree(os.path.join(self.root, "etc"))

    def test_the_api_is_asked_for_this_node_by_its_address_with_the_accounts_token(self):
        self.run_script("install")
        asked = open_text(os.path.join(self.directory, "asked")).splitlines()
        self.assertIn("https://[fd00::1]:443/api/v1/nodes/worker-1", asked)
        self.assertIn("Authorization: Bearer secret-of-the-account", asked)
        self.assertEqual(asked[asked.index("--cacert") + 1], os.path.join(self.directory, "ca.crt"))
        self.run_script("install", KUBERNETES_SERVICE_HOST="10.96.0.1", KUBERNETES_SERVICE_PORT="6443")
        self.assertIn("https://10.96.0.1:6443/api/v1/nodes/worker-1", open_text(os.path.join(self.directory, "asked")).splitlines())

    def test_once_more_writes_no_network_and_another_prefix_does(self):
        self.run_script("install")
        before = self.contents()
        self.run_script("install")
        self.assertEqual(self.contents(), before)
        self.set_node(podCIDR="10.9.0.0/24")  # as old clusters say it
        self.assertIn("10.9.0.0/24", self.run_script("install"))
        self.assertEqual(self.ranges(), [[{"subnet": "10.9.0.0/24"}]])

    def test_what_is_wrong_leaves_the_network_that_was(self):
        self.run_script("install")
        before = self.contents()
        self.set_node(taints=[])
        self.assertIn("node worker-1 has no podCIDR yet", self.run_script("install", status=1))
        self.set_node(podCIDRs=["10.9.0.0/24|w /etc/passwd"])
        self.assertIn("which is none", self.run_script("install", status=1))
        self.set_node(podCIDRs=["10.9.0.7"])
        self.assertIn("which has no length", self.run_script("install", status=1))
        self.set_node(podCIDRs=["10.9.0.0/33"])
        self.assertIn("cannot be used", self.run_script("install", status=1))
        self.set_node(podCIDRs=["10.9.0.0/24"])
        self.write("template", self.template.replace("routed", "sideways"))
        self.assertIn("cannot be used", self.run_script("install", status=1))
        self.write("curl", "#!/bin/sh\necho '403 Forbidden' >&2\nexit 22\n", 0o755)
        self.assertIn("the API does not tell of node worker-1", self.run_script("install", status=1))
        self.assertEqual(self.contents(), before)

    def test_a_network_that_comes_first_is_told_and_stays(self):
        os.makedirs(self.net_d)
        other = os.path.join(self.net_d, "05-other.conflist")
        with open(other, "w", encoding="utf-8") as stream:
            stream.write("{}")
        self.assertIn(f"runtimes take the first file, which is {other}", self.run_script("install"))
        self.assertEqual(sorted(os.listdir(self.net_d)), ["05-other.conflist", "10-patchcord.conflist"])

    def test_the_network_connects_pods(self):
        """What the script wrote, for a pod with a host port, by the plugin that it installed."""
        self.run_script("install")
        with Node() as node:
            pod = node.container("pod")
            loaded = json.loads(open_text(self.conflist))
            config = {"cniVersion": loaded["cniVersion"], "name": loaded["name"], **loaded["plugins"][0],
                      "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
            config["ipam"] = {**config["ipam"], "dataDir": node.networks}
            plugin = os.path.join(self.plugins, "patchcord")
            result = node.add(config, pod, plugin=plugin)
            self.assertEqual([each["address"] for each in result["ips"]], ["10.244.1.2/32", "fd00:10:244:1::2/128"])
            self.assertTrue(node.reaches(node.host, "fd00:10:244:1::2"))
            node.delete(config, pod, plugin=plugin)

    def test_removing_waits_for_the_pods_that_are_left(self):
        self.run_script("install")
        os.makedirs(os.path.join(self.root, "run/patchcord/attachments/podnet"))
        record = os.path.join(self.root, "run/patchcord/attachments/podnet/pod-1:eth0")
        with open(record, "w", encoding="utf-8"):
            pass
        with self.start("remove", INTERVAL="0.1") as removal:
            try:
                self.read_until(removal, "1 records of attachments are left")
                self.assertFalse(os.path.exists(self.conflist))
                self.assertEqual(sorted(os.listdir(self.plugins)), sorted(NAMES))
                os.remove(record)
                self.read_until(removal, "nothing is left on this node")
                self.assertEqual(os.listdir(self.plugins), [])
                removal.send_signal(signal.SIGTERM)
                self.assertTrue(until(lambda: removal.poll() is not None))
                self.assertEqual(removal.returncode, 0)
            finally:
                removal.kill()

    def read_until(self, process, text):
        for line in process.stdout:
            if text in line:
                return
        self.fail(f"it ended without: {text}")

    def test_it_reconciles_until_it_is_told_to_end(self):
        called = os.path.join(self.directory, "called")
        os.mkfifo(called)
        self.write("tool", f'#!/bin/sh\necho "$@" >{called}\nexit 1\n', 0o755)  # that something is amiss does not end it
        with self.start("run", INTERVAL="0.1", PATCHCORD=os.path.join(self.directory, "tool")) as running:
            try:
                for _ in range(3):
                    self.assertEqual(open_text(called), "reconcile\n")
                running.send_signal(signal.SIGTERM)
                with open(called, "r+b", buffering=0):  # a call that is at work is waited for
                    self.assertTrue(until(lambda: running.poll() is not None))
                    self.assertEqual(running.returncode, 0)
            finally:
                running.kill()


if __name__ == "__main__":
    unittest.main()
