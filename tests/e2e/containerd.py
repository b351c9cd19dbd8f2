"""A private containerd on a fake host, and containers started with ctr."""

import image
from commands import wait_until
from conflists import NETWORK_NAMES
from traces import cached_result

# Its root and state are the defaults, which are private to the fake host. That
# also holds for the shims' sockets, whose place cannot be configured.
# Without CRI, containerd itself calls no plugin: ctr does.
CONFIG = """
version = 2
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
"""

CONFIG_WITH_CRI = f"""
version = 2
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt"]
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image.IMAGE_NAME}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"""
CNI = """
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "/etc/cni/net.d"
"""
# The namespace, in containerd's sense, of what CRI makes.
CRI_NAMESPACE = "k8s.io"


class Containerd:
    """Starts the daemon on the host; it ends with the host."""

    def __init__(self, host, cri=False, plugins=None):
        self.host = host
        self._namespace = CRI_NAMESPACE if cri else "default"
        log = host.path("containerd.log")
        config = host.path("containerd.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG_WITH_CRI if cri else CONFIG)
            if plugins:
                file.write(CNI.format(plugins=plugins))
        host.spawn("containerd", "--config", config, log=log)
        wait_until(lambda: self.ctr("version", check=False).returncode == 0,
                   lambda: f"containerd to answer; its log:\n{read(log)}")
        archive = host.path("image.tar")
        image.write_image(archive)
        self.ctr("image", "import", "--snapshotter", "native", archive)

    def ctr(self, *argv, **options):
        return self.host.run("ctr", "--namespace", self._namespace, *argv, **options)

    def run(self, name, mode, *command):
        """Starts a container on the network of that mode; waits until it runs."""
        return CtrContainer(self, name, mode, command)


class CtrContainer:
    """One `ctr run` in the foreground.

    Not `ctr run --detach`: up to containerd 1.6 nothing would ever run DEL for
    it. In the foreground ctr does so when the task has ended, with an empty
    CNI_NETNS; then --rm removes the container.
    """

    def __init__(self, containerd, name, mode, command):
        self.name = name
        # ctr makes the id that plugins see of containerd's namespace and the name.
        self.cni_id = f"default-{name}"
        self._containerd = containerd
        host = containerd.host
        pid_file = host.path(f"{name}.pid")
        self._log = host.path(f"{name}.log")
        self._ctr_run = host.spawn(
            "ctr", "run", "--rm", "--null-io", "--cni", "--snapshotter", "native",
            "--cgroup", f"{host.cgroup_parent}/{name}", "--pid-file", pid_file,
            image.IMAGE_NAME, name, *command, log=self._log)
        wait_until(self._is_running, lambda: f"{name} to run: {read(self._log)}")
        self.result = cached_result(host, NETWORK_NAMES[mode], self.cni_id)
        self.namespace_path = f"/proc/{read(pid_file)}/ns/net"

    def exec(self, *argv, **options):
        return self._containerd.ctr(
            "task", "exec", "--exec-id", "probe", self.name, *argv, **options)

    def remove(self):
        self._containerd.ctr("task", "kill", "--signal", "SIGKILL", self.name)
        wait_until(lambda: self._ctr_run.poll() is not None, lambda: "ctr to end", tries=30)

    def messages(self):
        """What ctr printed, such as errors of DEL, which it does not act on."""
        return read(self._log)

    def _is_running(self):
        if self._ctr_run.poll() is not None:
            raise AssertionError(f"ctr run {self.name} ended:\n{read(self._log)}")
        rows = self._containerd.ctr("task", "list").stdout.splitlines()
        return any(row.split()[0] == self.name and row.split()[2] == "RUNNING"
                   for row in rows)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
