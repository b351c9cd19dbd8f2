"""A node to cut operations short on, and everything that must be there, or not, afterwards."""

import ctypes
import json
import os
import subprocess
import time

import fake_node
import patience
from fake_node import PLUGIN, Node
from operations import OPERATIONS, Leak
from traffic import ports
from wire import Wire, difference, enter

NAMES_ONLY = ("cniVersion", "name")


class Settings:
    """What TUNED names in the container, with the values that were there before."""

    def __init__(self, node, container, has_interface):
        self.node, self.container = node, container
        self.sysctls = {key: self.run("sysctl", "-n", key).strip() for key in TUNED_SYSCTLS}
        self.link = node.ip_json(container, "link", "show", "eth0")[0] if has_interface else None

    def run(self, *command):
        return self.node.run_in(self.container, *command).stdout

    def put_back(self):
        self.run("sysctl", "-qw", *(f"{key}={value}" for key, value in self.sysctls.items()))
        if self.link:
            self.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_filter=0")
            self.run("ip", "link", "set", "eth0", "address", self.link["address"], "mtu", str(self.link["mtu"]), "txqueuelen",
                     str(self.link["txqlen"]), "promisc", "off", "allmulticast", "off")


class Place:
    """A node whose host namespace this process is in, with a container to work on and one that lives on beside it."""

    tries = patience.TRIES  # that an operation is waited for

    def __init__(self, configure, plugin=None, bridge=None, chain=None, only=None, names=NAMES_ONLY, tuned=False, filtered=False):
        self.home = os.path.join("/proc", str(os.getpid()), "ns", "net")
        self.machine = open("/proc/self/ns/net", "rb")
        self.node = Node()
        self.config = configure(self.node)
        self.program = self.node.plugin(plugin) if plugin else PLUGIN
        enter(self.node.path_of(self.node.host))
        self.resident, self.container = self.node.container("resident"), self.node.container("c")
        self.wires = [Wire(self.node.path_of(name), self.node.path_of(self.node.host))
                      for name in (self.node.host, self.container)]
        self.nft = "nft" if os.path.exists("/usr/sbin/nft") else None
        self.bridge, self.kinds, self.names = bridge, only or OPERATIONS, names
        self.previous = {}
        if chain:
            self.enter_chain(chain)
        if filtered:
            self.forget_rules()
        self.settings = Settings(self.node, self.container, bool(chain)) if tuned else None
        if not bridge:
            self.must("ADD", self.resident)
        self.must("ADD")
        self.must("DEL")
        self.forget_bridge()
        self.node.settle(self.container)
        self.before = self.snapshot_at_rest()

    def enter_chain(self, configure):
        """From here on it is the plugin of a chain that is called, on interfaces that are there."""
        self.previous = {container: self.must("ADD", container) for container in (self.resident, self.container)}
        self.config = configure(self.node, self.config)
        self.program = self.node.plugin(self.config["type"])

    def forget_rules(self):
        """As on a node that has just started. Of a second transaction the first one's chains stay, so with those of others they are there before."""
        if self.config["type"] != "firewall":
            subprocess.run(["nft", "flush", "ruleset"], check=True)
            return
        subprocess.run(["nft", "add table ip filter; delete table ip filter; add table ip filter;"
                               "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"], check=True)

    def has_rules(self):
        return self.config["type"] in ("portmap", "firewall") or "antispoof" in self.config

    def close(self):
        for wire in self.wires:
            wire.close()
        ctypes.CDLL(None).setns(self.machine.fileno(), 0)
        self.machine.close()
        self.node.close()

    def call(self, command, container=None, config=None, prefix=(), **extra):
        container = container or self.container
        environment = self.node.environment(command, container, self.node.path_of(container), **extra)
        if command == "GC":
            environment["CNI_CONTAINERID"] = environment["CNI_NETNS"] = environment["CNI_IFNAME"] = ""
        config = config or self.config
        if container == self.resident and "runtimeConfig" in config:
            config = config | OTHER_PORTS
        if container in self.previous:
            config = {"prevResult": self.previous[container], **config}
        return patience.run([*prefix, self.program], input=json.dumps(config), env=environment, tries=self.tries)

    def must(self, command, container=None, config=None):
        done = self.call(command, container, config)
        if done.returncode != 0:
            raise Leak(f"{command} failed: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def delete_by_names(self):
        config = {key: self.config[key] for key in self.names}
        done = patience.run([self.program], input=json.dumps(config), env=self.node.environment("DEL", self.container, ""))
        if done.returncode != 0:
            raise Leak(f"DEL by names failed: {done.stdout}{done.stderr}")

    def snapshot_at_rest(self):
        """When the kernel's duplicate address detection and its link watch, which it lets run once a second, have nothing more to say."""
        self.node.settle(self.resident, self.container)
        time.sleep(1.2)
        return self.snapshot()

    def snapshot(self):
        view = {f"{number} {key}": value for number, wire in enumerate(self.wires) for key, value in wire.snapshot().items()}
        view["files"] = [file for path in (self.node.state, self.node.networks) for file in fake_node.files_below(path)
                         if "last_reserved" not in file[0] and not os.path.basename(file[0]).startswith(".patchcord-new-")]
        if self.nft:
            view["rules"] = subprocess.run([self.nft, "list", "ruleset"], stdout=subprocess.PIPE, check=False).stdout.splitlines()
        return view

    def forget_bridge(self):
        """Where each operation is the first on its bridge: one that is up, and forwarding, are kept for others. One that is down is a trace."""
        if not self.bridge:
            return
        link = [link for link in self.node.ip_json(self.node.host, "link") if link["ifname"] == self.bridge]
        if link and "UP" in link[0]["flags"]:
            subprocess.run(["ip", "link", "del", self.bridge], check=True)
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            subprocess.run(["sysctl", "-qw", f"{key}=0"], check=True)

    def require(self, wanted, what):
        self.forget_bridge()
        seen = self.snapshot()
        if seen == wanted:
            return
        time.sleep(0.3)  # what the kernel does by itself
        seen = self.snapshot()
        if seen != wanted:
            raise Leak(f"{what}:\n{difference(wanted, seen)}")


PORTS, OTHER_PORTS = ports("8080:80", "8053:53/udp"), ports("9090:90")
TUNED_SYSCTLS = {"net.core.somaxconn": "1234", "net.ipv4.ip_local_port_range": "20000 50000", "net.ipv4.conf.all.arp_ignore": "1"}
