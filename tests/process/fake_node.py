"""A node to try the plugin on: a network namespace that plays the host, containers' namespaces, and directories of its own.

Nothing of the machine is touched; everything is gone when the node is closed, whatever became of the test.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import patience

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLUGIN = os.environ.get("PATCHCORD_BIN", os.path.join(ROOT, "build", "patchcord"))
# What the tests call where the plugin has no command for it.
DRIVER = os.path.join(os.path.dirname(PLUGIN), "tests", "operator_driver")
REFERENCE_DIR = "/usr/lib/cni"
NAMES = ("patchcord", "bridge", "ptp", "loopback", "host-local", "static", "portmap", "firewall", "tuning", "bandwidth")

# Put before the plugin's command line: as on a kernel that has no nftables.
WITHOUT_NETFILTER = (sys.executable, os.path.join(ROOT, "tests", "process", "without_netfilter.py"))

# What a program under test gets of our own environment; which mutant it is, too (tests/mutants).
PASSED_ON = {name: os.environ[name] for name in ("PATH", "PATCHCORD_MUTANT") if name in os.environ}

# Whether the plugin under test was built with sanitizers, whose run-time library makes system calls of its own.
SANITIZED = "sanitize" in PLUGIN
# The base of test classes that look at the plugin's own system calls, or at the file that is shipped; with sanitizers there are no such tests.
ShippedBinaryCase = object if SANITIZED else unittest.TestCase


class PluginError(Exception):
    """The plugin failed, with exactly one error document on stdout."""

    def __init__(self, document, stderr):
        super().__init__(f"{document} stderr: {stderr}")
        self.document = document
        self.code = document["code"]
        self.msg = document["msg"]


class Node:
    _count = 0

    def __init__(self):
        Node._count += 1
        self.name = f"pct{os.getpid()}x{Node._count}"
        self.directory = tempfile.mkdtemp(prefix="patchcord-test-")
        self.state = os.path.join(self.directory, "run")
        self.networks = os.path.join(self.directory, "networks")
        self.pools = os.path.join(self.directory, "pools")
        self.cluster = os.path.join(self.directory, "cluster.json")
        self.plugins = os.path.join(self.directory, "plugins")
        os.mkdir(self.plugins)
        for name in NAMES:
            os.symlink(PLUGIN, self.plugin(name))
        self.namespaces = []
        self.holders = []
        self.host = self._add_namespace("host")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.communicate()
        for namespace in reversed(self.namespaces):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _add_namespace(self, suffix):
        namespace = f"{self.name}-{suffix}"
        self.namespaces.append(namespace)
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        # Without its loopback a host answers ARP wrongly, for want of a local table.
        subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
        return namespace

    def container(self, name):
        """Makes a container's namespace; its name serves as the container id too."""
        return self._add_namespace(name)

    def remove_container(self, namespace, veths=None):
        """With `veths`, waits until so many are left on the host: the kernel takes a namespace down when it gets to it."""
        subprocess.run(["ip", "netns", "del", namespace], check=True)
        self.namespaces.remove(namespace)
        if veths is not None and not patience.until(lambda: len(self.veths()) == veths):
            raise AssertionError(f"{veths} were to be left of {self.veths()}")

    def hold(self, namespace):
        """Lets a process be there, so that the namespace lives on when its path is gone. It ends with the node."""
        process = subprocess.Popen(["nsenter", f"--net={self.path_of(namespace)}", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
        self.holders.append(process)
        process.stdout.readline()
        return process

    @staticmethod
    def path_of(namespace):
        return f"/var/run/netns/{namespace}"

    # -- commands inside namespaces

    @staticmethod
    def run_in(namespace, *command, **options):
        return patience.run(["nsenter", f"--net=/var/run/netns/{namespace}", *command], **{"check": True, **options})

    def on_host(self, *command, check=True):
        return self.run_in(self.host, *command, check=check).stdout

    def compare_ruleset(self, case, golden):
        """The host's rules are the text of that name, and loading the text makes the same rules again."""
        text = self.on_host("nft", "list", "ruleset")
        path = os.path.join(ROOT, "tests", "golden", golden + ".nft")
        if os.environ.get("UPDATE_GOLDEN"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            case.assertEqual(text, file.read())
        self.on_host("nft", "flush", "ruleset")
        self.on_host("nft", "-f", path)
        case.assertEqual(self.on_host("nft", "list", "ruleset"), text)

    def ip_json(self, namespace, *arguments):
        text = self.run_in(namespace, "ip", "-j", *arguments).stdout.strip()
        return json.loads(text) if text else []

    def reaches(self, namespace, address, count=1, tries=2):
        """More tries for links of the test's own, which the kernel takes its time to set up."""
        wait = 1
        for _ in range(tries):  # ping itself, however long it may wait, gives up when it hears that nobody has answered ARP
            if self.run_in(namespace, "ping", "-n", "-c", str(count), "-i", "0.2", "-W", str(wait), address, check=False).returncode == 0:
                return True
            wait = math.ceil(patience.answer_time())
        return False

    # -- the plugin

    def plugin(self, name):
        """The executable under another of its names."""
        return os.path.join(self.plugins, name)

    def environment(self, command, container_id, netns, ifname="eth0", args="", **extra):
        return {"CNI_COMMAND": command, "CNI_CONTAINERID": container_id, "CNI_NETNS": netns, "CNI_IFNAME": ifname,
                "CNI_ARGS": args, "CNI_PATH": REFERENCE_DIR, **PASSED_ON, "PATCHCORD_STATE_DIR": self.state,
                "PATCHCORD_POOLS_DIR": self.pools, "PATCHCORD_CLUSTER": self.cluster, **extra}

    def start(self, command, config, container_id, netns, ifname="eth0", args="", plugin=None, prefix=(), **extra):
        """Starts one operation in the host's namespace. `prefix` is put before the plugin's command line."""
        if SANITIZED and "strace" in prefix:
            extra = {"ASAN_OPTIONS": "detect_leaks=0", **extra}  # which needs ptrace for itself
        process = subprocess.Popen(
            ["nsenter", f"--net=/var/run/netns/{self.host}", *prefix, plugin or PLUGIN], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment(command, container_id, netns, ifname, args, **extra))
        text = config if isinstance(config, str) else json.dumps(config)
        try:
            process.stdin.write(text)
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdin = None
        return process

    @staticmethod
    def finish(process, tries=patience.TRIES):
        stdout, stderr = patience.communicate(process, tries=tries)
        if process.returncode == 0:
            return json.loads(stdout) if stdout.strip() else None
        try:
            document = json.loads(stdout)
        except ValueError:
            raise AssertionError(f"exit {process.returncode}, stdout {stdout!r}, stderr {stderr!r}") from None
        raise PluginError(document, stderr)

    def call(self, command, config, container_id, netns=None, tries=patience.TRIES, **options):
        """One operation; the namespace is that of the container id unless given. Returns the document, if there is one."""
        path = self.path_of(container_id) if netns is None else netns
        return self.finish(self.start(command, config, container_id, path, **options), tries)

    def add(self, config, container_id, **options):
        return self.call("ADD", config, container_id, **options)

    def delete(self, config, container_id, **options):
        return self.call("DEL", config, container_id, **options)

    def check(self, config, container_id, result, **options):
        return self.call("CHECK", {**config, "prevResult": result}, container_id, **options)

    # -- what is there

    def settle(self, *containers):
        """Waits for what the kernel does by itself after a change: addresses that are checked, bridges that find their carrier."""
        for _ in range(100):  # some never do
            text = "".join(self.run_in(namespace, "ip", "addr").stdout for namespace in (self.host, *containers))
            if "tentative" not in text and not re.search(r"<BROADCAST,MULTICAST,UP> |LOWER_UP>.* state DOWN|NO-CARRIER.* state UP", text):
                return
            time.sleep(0.04)

    def snapshot(self, *containers):
        """Everything that an operation may change, as text: links, addresses, routes, neighbours that are not just learnt, rules, files."""
        self.settle(*containers)
        parts = {}
        for namespace in (self.host, *containers):
            for arguments in (["-d", "addr"], ["route", "show", "table", "all"], ["-6", "route", "show", "table", "all"],
                              ["neigh", "show", "nud", "permanent"], ["neigh", "show", "proxy"],
                              ["-6", "neigh", "show", "nud", "permanent"], ["-6", "neigh", "show", "proxy"]):
                done = self.run_in(namespace, "ip", *arguments, check=False)
                parts[(namespace, *arguments)] = steady(done.stdout)
            parts[(namespace, "nft")] = self.run_in(namespace, "nft", "list", "ruleset").stdout
        parts["files"] = files_below(self.state) + files_below(self.networks)
        return parts

    def reconcile(self, *options, **how):
        """What became of each record, in the order in which they were gone through."""
        done = self.run_in(self.host, DRIVER, self.state, "reconcile", *options, **how)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def reconcile_by_kind(self):
        """Of one attachment: what became of its record and of those of its chain."""
        return {line["kind"]: line for line in self.reconcile()}

    def veths(self):
        return [link["ifname"] for link in self.ip_json(self.host, "link", "show", "type", "veth")]

    def reservations(self, network):
        directory = os.path.join(self.networks, network)
        if not os.path.isdir(directory):
            return []
        return sorted(name for name in os.listdir(directory) if name != "lock" and not name.startswith("last_reserved"))


def steady(text):
    """Without what changes by itself: the seconds that timers of a bridge or an address have left."""
    words = ("gc_timer", "hello_timer", "tcn_timer", "topology_change_timer", "forward_delay_timer", "message_age_timer",
             "hold_timer", "valid_lft")
    lines = []
    for line in text.splitlines():
        fields = line.split()
        kept = [field for index, field in enumerate(fields)
                if not (index > 0 and fields[index - 1] in words)]
        lines.append(" ".join(kept))
    return "\n".join(lines)


def files_below(directory):
    """Names, modes and contents; the index of reservations and locks are caches, which may come and go."""
    found = []
    for parent, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if not (parent == directory and name in ("ipam", "locks"))]
        for name in sorted(files):
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found.append((os.path.relpath(path, directory), os.stat(path).st_mode, file.read()))
    return sorted(found)


def bridge_config(node, name="br-net", bridge="pcbr0", subnets=("10.88.0.0/24",), **keys):
    return {"cniVersion": "1.0.0", "name": name, "type": "patchcord", "mode": "bridge", "bridge": bridge,
            "ipam": {"type": "host-local", "dataDir": node.networks, "ranges": [[{"subnet": s}] for s in subnets]}, **keys}


def routed_config(node, name="rt-net", subnets=("10.89.0.0/24",), **keys):
    return {"cniVersion": "1.0.0", "name": name, "type": "patchcord", "mode": "routed",
            "ipam": {"type": "host-local", "dataDir": node.networks, "ranges": [[{"subnet": s}] for s in subnets]}, **keys}


DUAL_BRIDGE = ("10.88.0.0/24", "fd00:88::/64")
DUAL_ROUTED = ("10.89.0.0/24", "fd00:89::/64")
