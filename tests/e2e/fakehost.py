"""A throwaway host for one test: its own network, mounts and processes.

The network namespace is made by `ip netns`, as the machine's administrator
would see it. Inside it lives an anchor process that owns a private mount and
PID namespace; every command of the test runs in those three namespaces.

 * Directories that runtimes and plugins hard-code (/run, /var/lib, /opt, /etc,
   /dev/shm, /var/tmp) are private ones, so a test cannot read or change the
   machine's own.
 * The anchor is PID 1 of its PID namespace: when it ends, the kernel kills
   every daemon, shim and monitor that is still there, and with the last process
   the mounts go. Cleaning up does not depend on anything behaving well.
"""

import atexit
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile

from commands import PATH, CommandFailed, netns_prefix, run_command

# An address that is the node's own and belongs to no container network. The
# host has no default route, which routed mode must not need.
NODE_ADDRESS = "192.0.2.1"

# Another machine behind an uplink of the node, and the node's address there.
# That machine knows no way to the containers' networks.
OUTSIDE_ADDRESS = "198.51.100.2"
UPLINK_ADDRESS = "198.51.100.1"
OUTSIDE_ADDRESS6 = "2001:db8:51::2"
UPLINK_ADDRESS6 = "2001:db8:51::1"
UPLINK = "uplink"

# $1 is the directory that holds the private directories. The order matters:
# the process id is read while /proc still shows the machine's numbering, the
# machine's named namespaces go before /run covers them (else we would keep them
# alive and list them as ours), util-linux's mount waits until then because it
# makes /run/mount, and the cgroup mounts are carried over because a new sysfs
# (wanted so that /sys/class/net shows the fake host's links) covers them.
ANCHOR_SCRIPT = """
set -e
read -r anchor_pid rest < /proc/self/stat
busybox mount -t proc proc /proc
busybox umount -l /run/netns
busybox mount -o bind "$1/run" /run
mount --bind "$1/opt" /opt
mount --bind "$1/var-lib" /var/lib
mount --bind "$1/etc" /etc
mount --bind "$1/var-tmp" /var/tmp
mount -t tmpfs tmpfs /dev/shm
if [ -n "$2" ]; then mount --bind "$2" /opt/cni/bin; fi
if [ -n "$3" ]; then mount --bind "$1/empty" "$3"; fi
mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroup" /sys/fs/cgroup
umount -R "$1/cgroup"
echo "$anchor_pid"
exec >/dev/null
# With SIGCHLD ignored the kernel itself reaps the orphans that PID 1 inherits.
# cat ends when the test closes the pipe, or dies.
exec env --ignore-signal=CHLD cat
"""

_serial = itertools.count(1)


class FakeHost:
    """The fake host as a context manager.

    plugin_dir: a directory of the machine to be seen as /opt/cni/bin, or else
    fill_plugin_dir: called with a directory, puts there what /opt/cni/bin holds.
    hidden_dir: a directory of the machine that is to look empty.
    """

    def __init__(self, plugin_dir=None, fill_plugin_dir=None, hidden_dir=None):
        self.netns = f"{netns_prefix()}{next(_serial)}"
        # Containers' cgroups are put below one of our own, because the cgroup
        # hierarchy is the machine's and its parents are never removed.
        self.cgroup_parent = f"/{self.netns}"
        self.dir = None
        self._plugin_dir = plugin_dir
        self._fill_plugin_dir = fill_plugin_dir
        self._hidden_dir = hidden_dir
        # What the test itself has made, by name and by path.
        self.own_links = []
        self.own_namespaces = []
        self._anchor = None
        self._anchor_pid = None
        self._started = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.dir = tempfile.mkdtemp(prefix=self.netns + ".")
            undo.callback(shutil.rmtree, self.dir)
            undo.callback(self._remove_cgroups)
            run_command(["ip", "netns", "add", self.netns])
            undo.callback(run_command, ["ip", "netns", "del", self.netns])
            self._make_private_directories()
            undo.callback(self._stop_anchor)
            self._start_anchor()
            self._configure_network()
            self._cleanup = undo.pop_all()
        # unittest skips all cleaning up when it is interrupted.
        atexit.register(self.close)
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        atexit.unregister(self.close)
        self._cleanup.close()

    # -- running commands ---------------------------------------------------

    def run(self, *argv, env=None, **options):
        """Runs a command on the fake host; raises CommandFailed if it fails."""
        return run_command(
            self._inside(argv), env=self._environment(env), **options
        )

    def output(self, *argv, **options):
        return self.run(*argv, **options).stdout

    def json(self, *argv, **options):
        # iproute2 prints nothing at all where there is nothing to list.
        return json.loads(self.output(*argv, **options) or "[]")

    def spawn(self, *argv, log, env=None):
        """Starts a command and returns its Popen; it dies with the host at the
        latest. log is the path of a file for its output."""
        with open(log, "ab") as out:
            started = subprocess.Popen(
                self._inside(argv),
                env=self._environment(env),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )
        self._started.append(started)
        return started

    def add_namespace(self, name):
        """Makes a network namespace; returns its path on the host."""
        self.run("ip", "netns", "add", name)
        self.own_namespaces.append(f"/run/netns/{name}")
        return self.own_namespaces[-1]

    def inside(self, namespace):
        """A function that runs a command in the namespace, as run does."""
        return lambda *argv, **options: self.run(
            "nsenter", f"--net={namespace}", *argv, **options)

    def add_outside(self):
        """Makes the other machine; returns the path of its namespace."""
        namespace = self.add_namespace("outside")
        self.run("ip", "link", "add", UPLINK, "type", "veth",
                 "peer", "name", "eth0", "netns", "outside")
        self.own_links.append(UPLINK)
        self._configure_link(self.run, UPLINK, UPLINK_ADDRESS, UPLINK_ADDRESS6)
        outside = self.inside(namespace)
        outside("ip", "link", "set", "lo", "up")
        self._configure_link(outside, "eth0", OUTSIDE_ADDRESS, OUTSIDE_ADDRESS6)
        return namespace

    @staticmethod
    def _configure_link(run, link, ipv4, ipv6):
        run("ip", "address", "add", f"{ipv4}/24", "dev", link)
        run("ip", "address", "add", f"{ipv6}/64", "dev", link, "nodad")
        run("ip", "link", "set", link, "up")

    def _inside(self, argv):
        enter = ["nsenter", f"--target={self._anchor_pid}", "--net", "--mount", "--pid"]
        return [*enter, "--", *map(str, argv)]

    def _environment(self, extra):
        return {"PATH": PATH, "HOME": self.path("home"), "LC_ALL": "C", **(extra or {})}

    # -- looking at it ------------------------------------------------------

    def path(self, *names):
        """A path below the test's own directory, the same inside and outside."""
        return os.path.join(self.dir, *names)

    def path_of(self, inner):
        """Where /run/..., /var/lib/..., /etc/... or /opt/... lies on the machine."""
        for seen, kept in (("/run", "run"), ("/var/lib", "var-lib"),
                           ("/etc", "etc"), ("/opt", "opt")):
            if inner == seen or inner.startswith(seen + "/"):
                return self.path(kept) + inner[len(seen):]
        raise ValueError(f"{inner} is not private to the fake host")

    def processes(self):
        """The command names of all processes but the anchor and this question."""
        lines = self.output("ps", "-e", "-o", "pid=,comm=").splitlines()
        names = (line.split(None, 1) for line in lines)
        return sorted(name for pid, name in names if pid != "1" and name != "ps")

    def describe(self):
        """All network state in one text, for messages of failed assertions."""
        questions = (["ip", "-br", "link"], ["ip", "-br", "addr"],
                     ["ip", "route", "show", "table", "all"],
                     ["ip", "neigh"], ["tc", "qdisc"],
                     ["nft", "list", "ruleset"])
        answers = (self.run(*argv, check=False).stdout for argv in questions)
        return "\n".join(
            f"$ {' '.join(argv)}\n{text}" for argv, text in zip(questions, answers)
        )

    # -- building and removing ----------------------------------------------

    def _make_private_directories(self):
        for name in ("run/lock", "run/netns", "opt/cni/bin", "var-lib/cni",
                     "var-tmp", "home", "empty", "cgroup"):
            os.makedirs(self.path(name))
        if self._fill_plugin_dir:
            self._fill_plugin_dir(self.path("opt", "cni", "bin"))
        # A copy, not an overlay: it works where the machine's own root is one.
        run_command(["cp", "-a", "/etc", self.path("etc")])
        net_d = self.path("etc", "cni", "net.d")
        shutil.rmtree(net_d, ignore_errors=True)
        os.makedirs(net_d)

    def _start_anchor(self):
        self._anchor = subprocess.Popen(
            ["nsenter", f"--net=/var/run/netns/{self.netns}",
             "unshare", "--mount", "--pid", "--fork", "--kill-child",
             "sh", "-c", ANCHOR_SCRIPT, "anchor",
             self.dir, self._plugin_dir or "", self._hidden_dir or ""],
            env={"PATH": PATH}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self._anchor_pid = self._anchor.stdout.readline().strip()
        if not self._anchor_pid:
            raise CommandFailed(["anchor"], self._anchor.wait(), "",
                                self._anchor.stderr.read())

    def _stop_anchor(self):
        if self._anchor is None:
            return
        with self._anchor:  # closes the pipes, so the anchor ends; then waits
            pass
        for command in self._started:  # dead by now: the anchor took them along
            command.wait()

    def _configure_network(self):
        # A host without lo has no local route table and answers ARP wrongly.
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", "lo")

    def _remove_cgroups(self):
        root = "/sys/fs/cgroup"
        roots = [root] + [entry.path for entry in os.scandir(root) if entry.is_dir()]
        for top in (hierarchy + self.cgroup_parent for hierarchy in roots):
            for directory, _, _ in os.walk(top, topdown=False):
                os.rmdir(directory)
