"""podman with the CNI backend on a fake host."""

import json
import os

import image

# The network that podman has without being given one.
DEFAULT_NETWORK = "podman"

# Storage, run-time state and configured networks are at their default places,
# which are private to the fake host.
CONTAINERS_CONF = """
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    def __init__(self, host):
        self.host = host
        self._conf = host.path("containers.conf")
        with open(self._conf, "w", encoding="utf-8") as file:
            file.write(CONTAINERS_CONF)
        archive = host.path("image.tar")
        image.write_image(archive)
        self.podman("load", "--input", archive)

    def podman(self, *argv, **options):
        return self.host.run("podman", "--storage-driver", "vfs", *argv,
                             env={"CONTAINERS_CONF": self._conf}, **options)

    def tune(self, network, keys):
        """Gives the tuning member of a network that podman has written those keys."""
        path = os.path.join(self.host.path_of("/etc/cni/net.d"), f"{network}.conflist")
        with open(path, encoding="utf-8") as file:
            written = json.load(file)
        member, = (plugin for plugin in written["plugins"] if plugin["type"] == "tuning")
        member |= keys
        with open(path, "w", encoding="utf-8") as file:
            json.dump(written, file)

    def run(self, name, network, *command, options=()):
        """Starts a container on network, which may be container:NAME."""
        # podman's own limits are above what a builder's machine may grant.
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        self.podman("run", "--detach", "--pull", "never", "--name", name,
                    "--network", network, "--cgroup-parent", self.host.cgroup_parent,
                    *limits, *options, image.IMAGE_NAME, *command)
        return PodmanContainer(self, name)


class PodmanContainer:
    def __init__(self, podman, name):
        self.name = name
        self._podman = podman
        facts = self._inspect()
        self.id = facts["Id"]
        self.namespace_path = f"/proc/{facts['State']['Pid']}/ns/net"

    def attachment(self, network):
        """A dictionary with IPAddress, IPPrefixLen, MacAddress and more."""
        return self._inspect()["NetworkSettings"]["Networks"][network]

    def _inspect(self):
        facts, = json.loads(self._podman.podman("inspect", self.name).stdout)
        return facts

    def exec(self, *argv, **options):
        return self._podman.podman("exec", self.name, *argv, **options)

    def remove(self):
        self._podman.podman("rm", "--force", "--time", "0", self.name)
