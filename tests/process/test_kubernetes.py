"""packaging/kubernetes/node.sh: what it does to a node, which is a directory here, with an API that is a program."""

import json
import os
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

# In the place of the plugin where it would look at the machine: writes down its words. "gc" collects what `dead` lists.
TOOL = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/called"
case $1 in
  gc) if [ -e "$here/dead" ]; then echo collected && xargs rm <"$here/dead" && rm "$here/dead"; else echo nothing to remove; fi ;;
  list) printf 'NETWORK CONTAINER IF ADDRESS STATE\\npodnet shop/web-0 eth0 10.244.1.2 up\\n' ;;
  metrics) echo patchcord_attachments 1 ;;
esac
"""
# In the place of curl: answers with the file `node` of its directory, and writes down how it was called.
API = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$@" >"$here/asked"
cat "$here/node"
"""


def node_object(**spec):
    """As the API prints it, with texts that look like what is searched for."""
    trap = json.dumps({"spec": {"podCIDRs": ["10.1.1.0/24"], "podCIDR": "10.1.1.0/24"}})
    return json.dumps({"kind": "Node", "apiVersion": "v1",
                       "metadata": {"name": "worker-1", "annotations": {"last-applied": trap},
                                    "managedFields": [{"fieldsV1": {"f:spec": {"f:podCIDR": {}, "f:podCIDRs": {".": {}, 'v:"10.1.1.0/24"': {}}}}}]},
                       "spec": spec, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}}, indent=2)


def template_of_the_manifest():
    with open(os.path.join(FOLDER, "base", "patchcord.yaml"), encoding="utf-8") as stream:
        found, = (each for each in yaml.safe_load_all(stream) if each["kind"] == "ConfigMap")
    return found["data"]["10-patchcord.conflist"]


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
        self.work = os.path.join(self.directory, "work")
        os.mkdir(self.root)
        os.mkdir(self.work)
        self.write("curl", API, 0o755)
        self.write("token", "secret-of-the-account")
        self.write("tool", TOOL, 0o755)
        self.template = template_of_the_manifest()
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
                     "WORK": self.work, "ENTER": "", "TOOL": os.path.join(self.directory, "tool"),
                     "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443",
                     "ASAN_OPTIONS": "detect_leaks=0",  # which needs the host's /proc
                     **environment}
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
                run([*shell, "-n", SCRIPT], check=True)
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

    def wait_out(self, reason, mend, **options):
        """Starts install where something is amiss, which it tells, once and without ending or writing; then it is mended, and it ends well."""
        before = self.contents()
        with self.start("install", INTERVAL="0.05", **options) as process:
            try:
                self.read_until(process, reason)
                self.assertEqual(self.contents(), before)
                mend()
                rest, _ = communicate(process)
                self.assertNotIn(reason, rest)
                self.assertEqual(process.returncode, 0, rest)
            finally:
                process.kill()

    def test_it_waits_for_what_will_come_and_says_for_what(self):
        self.run_script("install")
        right = lambda number: lambda: self.set_node(podCIDRs=[f"10.9.{number}.0/24"])
        self.set_node(taints=[])
        self.wait_out("waiting for a podCIDR of node worker-1", right(1))
        self.set_node(podCIDRs=["10.9.0.0/24|w /etc/passwd"])
        self.wait_out("which is none", right(2))
        self.set_node(podCIDRs=["10.9.0.7"])
        self.wait_out("which has no length", right(3))
        self.set_node(podCIDRs=["10.9.0.0/33"])
        self.wait_out("cannot be used", right(4))
        self.write("curl", "#!/bin/sh\necho '403 Forbidden' >&2\nexit 22\n", 0o755)
        right(5)()
        self.wait_out("waiting for the API, which does not tell of node worker-1: 403 Forbidden", lambda: self.replace("curl", API))
        self.assertEqual(self.ranges(), [[{"subnet": "10.9.5.0/24"}]])
        self.write("template", self.template.replace("routed", "sideways"))
        self.wait_out("cannot be used", lambda: self.write("template", self.template.replace("podnet", "othernet")))

    def replace(self, name, text):
        """As a whole: it may be about to be run."""
        self.write(name + ".new", text, 0o755)
        os.rename(os.path.join(self.directory, name + ".new"), os.path.join(self.directory, name))

    def test_a_network_with_a_pool_of_its_own_needs_no_pod_cidr(self):
        self.set_node(taints=[])
        self.write("template", self.template.replace("@RANGES@", '[[{"subnet": "10.1.0.0/24"}]]'))
        self.run_script("install")
        self.assertEqual(self.ranges(), [[{"subnet": "10.1.0.0/24"}]])

    def test_plugin_and_network_go_where_the_runtime_looks(self):
        os.makedirs(os.path.join(self.root, "etc/containerd"))
        with open(os.path.join(self.root, "etc/containerd/config.toml"), "w", encoding="utf-8") as stream:
            stream.write('[plugins.cri.cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "/srv/net.d"\n')
        self.run_script("install")
        self.assertEqual(sorted(os.listdir(os.path.join(self.root, "usr/lib/cni"))), sorted(NAMES))
        self.assertEqual(os.listdir(os.path.join(self.root, "srv")), ["net.d"])
        self.assertEqual(os.listdir(os.path.join(self.root, "srv/net.d")), ["10-patchcord.conflist"])
        self.assertFalse(os.path.exists(self.net_d))

    def test_nothing_else_is_ever_in_the_directory_of_networks(self):
        """A runtime reads all that is there: what a watcher would be told of is the network alone."""
        os.makedirs(self.net_d)
        trace = os.path.join(self.directory, "trace")
        self.run_script("install", shell=("strace", "-f", "-e", "trace=%file", "-o", trace, "/bin/dash"))
        made = {line.split('"')[1] for line in open_text(trace).splitlines() if "O_CREAT" in line}
        self.assertTrue(any(path.startswith(os.path.join(self.root, "etc/cni/.patchcord-new")) for path in made), made)
        self.assertEqual([path for path in made if path.startswith(self.net_d)], [])

    def test_a_network_that_comes_first_is_told_and_stays(self):
        os.makedirs(self.net_d)
        other = os.path.join(self.net_d, "05-other.conflist")
        with open(other, "w", encoding="utf-8") as stream:
            stream.write("{}")
        self.assertIn(f"runtimes take the first file, which is /etc/cni/net.d/05-other.conflist", self.run_script("install"))
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

    def put_record(self, kind, container):
        directory = os.path.join(self.root, "run/patchcord", kind, "podnet")
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, f"{container}:eth0")
        with open(path, "w", encoding="utf-8"):
            pass
        return path

    def test_removing_keeps_plugin_and_network_until_the_last_pod_is_gone(self):
        self.run_script("install")
        alive, dead = self.put_record("attachments", "pod-1"), self.put_record("portmap", "pod-2")
        self.write("dead", dead)
        with self.start("remove", INTERVAL="0.05", SETTLE="0.05") as removal:
            try:
                self.read_until(removal, "waiting for 1 attachments of pods that run; the plugin and its network stay until they are gone; "
                                         "drain the node, or put another network before /etc/cni/net.d/10-patchcord.conflist")
                self.read_until(removal, "shop/web-0")
                self.assertFalse(os.path.exists(dead))
                self.assertEqual(os.listdir(self.net_d), ["10-patchcord.conflist"])
                self.assertEqual(sorted(os.listdir(self.plugins)), sorted(NAMES))
                with open(os.path.join(self.net_d, "05-other.conflist"), "w", encoding="utf-8"):
                    pass
                self.read_until(removal, "new pods go to the network that comes first")
                os.remove(alive)
                rest, _ = communicate(removal)
                self.assertIn("nothing is left on this node", rest)
                self.assertNotIn("waiting", rest)
                self.assertEqual(removal.returncode, 0)
            finally:
                removal.kill()
        self.assertEqual((os.listdir(self.plugins), os.listdir(self.net_d), os.listdir(os.path.dirname(self.net_d))),
                         ([], ["05-other.conflist"], ["net.d"]))
        self.assertIn("nothing is left", self.run_script("remove", SETTLE="0"))

    def test_a_pod_that_begins_while_the_network_goes_has_it_back(self):
        self.run_script("install")
        late = os.path.join(self.root, "run/patchcord/attachments/podnet/late:eth0")
        os.makedirs(os.path.dirname(late))
        # In the place of sleep: a pod begins while it is waited for any.
        self.write("sleep", f'#!/bin/sh\nif [ "$1" = 0.31 ]; then : >{late}; fi\nexec /bin/sleep "$1"\n', 0o755)
        with self.start("remove", INTERVAL="0.05", SETTLE="0.31", shell=SHELLS[0]) as removal:
            try:
                self.read_until(removal, "waiting for 1 attachments")
                self.assertEqual(os.listdir(self.net_d), ["10-patchcord.conflist"])
                self.write("sleep", '#!/bin/sh\nexec /bin/sleep "$1"\n', 0o755)
                os.remove(late)
                self.assertIn("nothing is left", communicate(removal)[0])
            finally:
                removal.kill()

    def read_until(self, process, text):
        for line in process.stdout:
            if text in line:
                return
        self.fail(f"it ended without: {text}")

    def test_it_makes_rounds_until_it_is_told_to_end_and_is_ready_after_the_first(self):
        self.run_script("install")
        self.run_script("ready", status=1)
        self.put_record("attachments", "pod-1")
        self.write("tool", TOOL.replace("case", "case $1 in reconcile) exit 1; esac\ncase", 1), 0o755)  # that something is amiss does not end it
        called = os.path.join(self.directory, "called")
        with self.start("run", INTERVAL="0.05") as running:
            try:
                self.assertTrue(until(lambda: os.path.exists(called) and len(open_text(called).split()) > 6))
                running.send_signal(signal.SIGTERM)
                self.assertTrue(until(lambda: running.poll() is not None))
                self.assertEqual(running.returncode, 0)
            finally:
                running.kill()
        self.assertEqual(open_text(called).split()[:6], ["reconcile", "gc", "metrics"] * 2)
        self.assertEqual(open_text(os.path.join(self.work, "metrics.prom")), "patchcord_attachments 1\n")
        self.run_script("ready")
        os.remove(self.conflist)
        self.run_script("ready", status=1)
        self.run_script("ready", TASK="remove")

    def test_any_other_word_is_the_tools_on_the_node(self):
        self.assertIn("shop/web-0", self.run_script("list", "-o", "wide"))
        self.assertEqual(open_text(os.path.join(self.directory, "called")), "list -o wide\n")


if __name__ == "__main__":
    unittest.main()
