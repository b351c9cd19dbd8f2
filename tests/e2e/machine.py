"""What the machine itself looks like before and after a test."""

import json
import os
import tempfile

from commands import netns_prefix, run_command


class MachineState:
    """What the machine itself looks like, to prove that a test left no mark.

    Only our own names are compared where others may work at the same time.
    """

    # Where runtimes and plugins would put things, were the host not private.
    WATCHED = ("/run", "/var/lib", "/opt", "/etc/cni/net.d", "/dev/shm", "/var/tmp")
    # The machine's own tools make these on their first use.
    TOLERATED = ("/run/netns", "/run/mount")
    # Of the other suites and the benchmarks, which may run at the same time.
    FOREIGN = ("/dev/shm/patchcord-", "/dev/shm/tmp")

    def __init__(self):
        self.files = set(self._files())
        self.links = set(self._links())
        self.rules = self._rules()

    def traces(self):
        """Everything that was not there when this object was made."""
        found = [f"network namespace {name}" for name in self._netns()]
        found += [f"link {name}" for name in self._links() if name not in self.links]
        found += [f"file {path}" for path in self._files() if path not in self.files]
        found += [f"mount {line}" for line in self._mounts()]
        found += [f"process {line}" for line in self._processes()]
        found += [f"directory {path}" for path in self._directories()]
        if self._rules() != self.rules:
            found.append("changed nftables rules")
        return found

    @staticmethod
    def _netns():
        names = (line.split()[0] for line in
                 run_command(["ip", "netns", "list"]).stdout.splitlines())
        return [name for name in names if name.startswith(netns_prefix())]

    @staticmethod
    def _links():
        return [link["ifname"] for link in
                json.loads(run_command(["ip", "-j", "link"]).stdout)]

    @classmethod
    def _files(cls):
        paths = [os.path.join(place, name) for place in cls.WATCHED
                 if os.path.isdir(place) for name in os.listdir(place)]
        return [path for path in paths
                if path not in cls.TOLERATED and not path.startswith(cls.FOREIGN)]

    @staticmethod
    def _mounts():
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            return [line.strip() for line in mounts if netns_prefix() in line]

    @staticmethod
    def _processes():
        lines = run_command(["ps", "-e", "-ww", "-o", "pid=,args="]).stdout.splitlines()
        return [line for line in lines if netns_prefix() in line]

    @staticmethod
    def _directories():
        tops = [tempfile.gettempdir(), "/sys/fs/cgroup"]
        tops += [entry.path for entry in os.scandir("/sys/fs/cgroup") if entry.is_dir()]
        return [os.path.join(top, name) for top in tops for name in os.listdir(top)
                if name.startswith(netns_prefix())]

    @staticmethod
    def _rules():
        return run_command(["nft", "list", "ruleset"]).stdout
