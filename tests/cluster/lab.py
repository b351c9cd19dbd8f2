"""Four nodes and a router, each a namespace: n1, n2 and n3 on one LAN with the router, n4 behind it. Routing daemons are Debian's, with
configurations of `patchcord fabric config`; nothing of the machine is touched."""

import json
import os
import shutil
import signal
import subprocess
import time

from etcd_cluster import BLOCKS, PLUGIN, patience  # which makes tests/process known, too
from fake_node import Node

POOLS = {"pods": {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 26}, "pods6": {"name": "pods6", "cidrs": ["fd50::/48"], "block": 122}}
FRR = "/usr/lib/frr"


class Machine(Node):
    """A node of the fabric, or its router: a Node with a place of its own for pools and daemons."""

    def __init__(self, name):
        super().__init__()
        self.title = name
        self.machine = os.path.join(self.directory, "machine-id")
        os.makedirs(self.pools, exist_ok=True)
        with open(self.machine, "w", encoding="utf-8") as file:
            file.write(name.encode().hex().ljust(32, "0") + "\n")
        self.frr = os.path.join(self.directory, "frr")
        self.daemons = {}
        self.describe()

    def close(self):
        for name in list(self.daemons):
            self.end(name, signal.SIGKILL)
        super().close()

    def describe(self, fabric=None, **settings):
        """Writes its cluster.json. The daemons' sockets are where nobody else's are."""
        sockets = {"birdSocket": f"{self.directory}/bird.ctl", "frrSockets": self.frr}
        with open(self.cluster, "w", encoding="utf-8") as file:
            json.dump({"node": self.title, "cluster": "lab", **settings, "fabric": {**sockets, **(fabric or {})}}, file)

    def define(self, *names):
        """Writes the pool.json of these pools, and has no others."""
        shutil.rmtree(self.pools)
        for name in names:
            os.makedirs(f"{self.pools}/{name}", exist_ok=True)
            with open(f"{self.pools}/{name}/pool.json", "w", encoding="utf-8") as file:
                json.dump(POOLS[name], file)

    @property
    def surroundings(self):
        return {"PATCHCORD_POOLS_DIR": self.pools, "PATCHCORD_CLUSTER": self.cluster, "PATCHCORD_MACHINE_ID": self.machine,
                "PATCHCORD_BLOCKS": BLOCKS}

    def environment(self, *arguments, **extra):
        return {**super().environment(*arguments, **extra), **self.surroundings}

    def tool(self, *words, **options):
        environment = {"PATH": os.environ["PATH"], "PATCHCORD_STATE_DIR": self.state, "CNI_PATH": self.plugins, **self.surroundings}
        return patience.run(["nsenter", f"--net={self.path_of(self.host)}", PLUGIN, *words], env=environment, **options)

    # -- daemons

    def run_daemon(self, name, *words):
        with open(f"{self.directory}/{name}.log", "ab") as log:
            self.daemons[name] = subprocess.Popen(["nsenter", f"--net={self.path_of(self.host)}", *words], stdout=log, stderr=log,
                                                  stdin=subprocess.DEVNULL)

    def end(self, name, how=signal.SIGTERM):
        daemon = self.daemons.pop(name)
        daemon.send_signal(how)
        daemon.wait()

    def configure(self, daemon, *options):
        """Has `fabric config` write it; returns the file's name."""
        text = self.tool("fabric", "config", daemon, *options, check=True).stdout
        path = f"{self.directory}/{daemon}.conf"
        with open(path, "w", encoding="utf-8") as file:
            # No syslog here.
            file.write(text.replace("log syslog all;", f'log "{self.directory}/bird.log" all;'))
        return path

    def start_bird(self, *options):
        self.run_daemon("bird", "bird", "-f", "-R", "-c", f"{self.directory}/bird.conf", "-s", f"{self.directory}/bird.ctl",
                        "-P", f"{self.directory}/bird.pid", *options)

    def birdc(self, *words):
        return patience.run(["birdc", "-s", f"{self.directory}/bird.ctl", *words]).stdout

    def start_frr(self):
        os.chmod(self.directory, 0o711)  # it works as a user of its own
        os.makedirs(self.frr, exist_ok=True)
        shutil.chown(self.frr, "frr", "frr")
        common = ["-u", "frr", "-g", "frr", "--vty_socket", self.frr, "-z", f"{self.frr}/zserv", "--log", f"file:{self.frr}/log", "-A", "127.0.0.1"]
        for name, port in (("zebra", "2601"), ("bgpd", "2605")):
            self.run_daemon(name, f"{FRR}/{name}", *common, "-i", f"{self.frr}/{name}.pid", "-P", port)
            if not patience.until(lambda: os.path.exists(f"{self.frr}/{name}.vty"), tries=10):
                raise AssertionError(f"{name} did not come up")
        # As the package's own scripts do: each daemon is given its part of the one file.
        done = self.vtysh("-f", f"{self.directory}/frr.conf")
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def vtysh(self, *words):
        return self.run_in(self.host, "vtysh", "--vty_socket", self.frr, *words, check=False)

    def end_frr(self, how=signal.SIGTERM):
        for name in ("bgpd", "zebra"):
            self.end(name, how)

    # -- routes

    def announce(self, *blocks):
        for block in blocks:
            self.on_host("ip", "route", "replace", "unreachable", block, "proto", "81", "metric", "4096")

    def routes_of(self, protocol, family="-4"):
        """By destination."""
        return {route["dst"]: route for route in self.ip_json(self.host, family, "-N", "-d", "route", "show", "proto", str(protocol))}


class Lab:
    """`uplink` is up0 on each node; the router has a0 (a bridge) and b0."""

    ADDRESSES = {"n1": ("192.0.2.1/24", "2001:db8::1/64"), "n2": ("192.0.2.2/24", "2001:db8::2/64"), "n3": ("192.0.2.3/24", "2001:db8::3/64"),
                 "n4": ("198.51.100.4/24", "2001:db8:1::4/64")}
    ROUTER = {"a0": ("192.0.2.254/24", "2001:db8::254/64"), "b0": ("198.51.100.254/24", "2001:db8:1::254/64")}

    def __init__(self):
        self.machines = []
        try:
            self._wire()
        except BaseException:
            self.close()
            raise

    def close(self):
        for machine in self.machines:
            machine.close()

    def _machine(self, name):
        self.machines.append(Machine(name))
        self.machines[-1].on_host("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
                                  "net.ipv4.fib_multipath_hash_policy=1")
        return self.machines[-1]

    def _wire(self):
        self.router = self._machine("r1")
        self.router.on_host("ip", "link", "add", "a0", "type", "bridge")
        self.nodes = {name: self._machine(name) for name in self.ADDRESSES}
        for name, node in self.nodes.items():
            port = "b0" if name == "n4" else f"p{name}"
            self.router.on_host("ip", "link", "add", port, "type", "veth", "peer", "name", "up0", "netns", node.host)
            if port != "b0":
                self.router.on_host("ip", "link", "set", port, "master", "a0", "up")
            self._address(node, "up0", self.ADDRESSES[name])
        for name, addresses in self.ROUTER.items():
            self._address(self.router, name, addresses)
        for name, node in self.nodes.items():
            for address in self.ROUTER["b0" if name == "n4" else "a0"]:
                # The way there may be looked for while the router's end comes up.
                patience.until(lambda: node.run_in(node.host, "ip", "route", "replace", "default", "via", address.split("/")[0],
                                                   check=False).returncode == 0)
        self.router.settle()

    @staticmethod
    def _address(machine, link, addresses):
        machine.on_host("ip", "link", "set", link, "up")
        for address in addresses:
            machine.on_host("ip", "address", "add", address, "dev", link, *(["nodad"] if ":" in address else []))

    def with_pools(self, *names, fabric=None):
        """Each machine knows these pools, and how to speak with the router."""
        reflectors = [address.split("/")[0] for addresses in self.ROUTER.values() for address in addresses]
        for name, node in self.nodes.items():
            link = "b0" if name == "n4" else "a0"
            node.define(*names)
            node.describe({"reflectors": [each.split("/")[0] for each in self.ROUTER[link]], **(fabric or {})})
        self.router.describe({"uplinks": ["a0", "b0"], "pools": [POOLS[name] for name in names], **(fabric or {})})
        return reflectors

    def show(self):
        """What each knows, for who wonders why a pod is not reached."""
        return "\n".join(f"{machine.title}: " + "".join(machine.on_host("ip", family, "route") for family in ("-4", "-6")) +
                         (machine.vtysh("-c", "show bgp summary").stdout if "bgpd" in machine.daemons else "") for machine in self.machines)

    def pings(self, source, pod, address, count=1):
        return source.run_in(pod, "ping", "-n", "-c", str(count), "-W", "1", address, check=False).returncode == 0


def longest_silence(source, pod, address, meanwhile, interval=0.005):
    """Seconds between two answers of a ping that goes on while `meanwhile()` happens."""
    process = subprocess.Popen(["nsenter", f"--net={source.path_of(pod)}", "ping", "-n", "-D", "-i", str(interval), address], stdout=subprocess.PIPE,
                               text=True)
    try:
        meanwhile()
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate()
    times = [float(line[1:line.index("]")]) for line in stdout.splitlines() if "bytes from" in line]
    return max((b - a for a, b in zip(times, times[1:])), default=float("inf"))
