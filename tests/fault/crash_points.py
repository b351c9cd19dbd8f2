"""Every system call of every operation: killed there, and refused there. What is left must be nothing, or lead to nothing.

After each the host, the container and the state directory are compared with how they were before, to the byte: after a DEL with names
alone, and, the other way, after the same ADD again and its DEL. And every request of a transaction of nftables, refused by the kernel: after
that nothing must be left, without any DEL. The place where the search for an address goes on is no trace of anybody.
"""

import ctypes
import errno
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import fake_node
from fake_node import DRIVER, DUAL_BRIDGE, DUAL_ROUTED, PLUGIN, REFERENCE_DIR, Node, bridge_config, routed_config
from traffic import ports
from wire import Wire, difference, enter

TOOLS = os.path.join(os.path.dirname(PLUGIN), "tests")
INJECT = os.path.join(TOOLS, "inject")

# By the number of the call on x86-64, what it can be refused with; all others with any of ERRORS. Absent from both: calls that cannot fail.
ERRORS = (errno.EINTR, errno.ENOMEM, errno.ENOSPC, errno.EPERM, errno.EBUSY)
CANNOT_FAIL = {11, 13, 14, 15, 24, 34, 39, 60, 102, 104, 107, 108, 110, 158, 186, 228, 231}
MEMORY_ONLY = {9, 10, 12, 25, 218, 273, 302, 334}
# A descriptor is gone, whatever close() says; poll, read and the like do not give the errors of a disk.
SPECIAL = {3: (errno.EINTR, errno.EIO), 0: (errno.EINTR, errno.EIO), 7: (errno.EINTR, errno.ENOMEM), 45: (errno.EINTR, errno.ENOMEM, errno.ENOBUFS),
           47: (errno.EINTR, errno.ENOMEM, errno.ENOBUFS), 46: ERRORS + (errno.ENOBUFS,)}
NAMES_ONLY = ("cniVersion", "name")
ENOUGH = 5  # points of each operation, whatever the budget


def errors_of(call):
    if call in CANNOT_FAIL:
        return ()
    return (errno.ENOMEM,) if call in MEMORY_ONLY else SPECIAL.get(call, ERRORS)


class Leak(AssertionError):
    pass


class Place:
    """A node whose host namespace this process is in, with a container to work on and one that lives on beside it."""

    def __init__(self, configure, plugin=None, bridge=None, chain=None):
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
        self.bridge = bridge
        self.previous = {}
        if chain:
            self.enter_chain(chain)
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
        if container == self.resident:
            config = {key: value for key, value in config.items() if key != "runtimeConfig"}  # host ports are one container's
        if container in self.previous:
            config = {"prevResult": self.previous[container], **config}
        return subprocess.run([*prefix, self.program], input=json.dumps(config), env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def must(self, command, container=None, config=None):
        done = self.call(command, container, config)
        if done.returncode != 0:
            raise Leak(f"{command} failed: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def delete_by_names(self):
        config = {key: self.config[key] for key in NAMES_ONLY}
        done = subprocess.run([self.program], input=json.dumps(config), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=self.node.environment("DEL", self.container, ""), timeout=60)
        if done.returncode != 0:
            raise Leak(f"DEL by names failed: {done.stdout}{done.stderr}")

    def snapshot_at_rest(self):
        """When the kernel's link watch and its duplicate address detection have nothing more to say."""
        time.sleep(2)
        self.node.settle(self.resident, self.container)
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


class Operation:
    """One operation with what comes before it and what must be right after it was cut short."""

    def __init__(self, place):
        self.place = place

    command = ""

    def prepare(self):
        pass

    def run(self, prefix):
        return self.place.call(self.command, prefix=prefix)

    def clean_up(self, way):
        """Returns to the state before; `way` alternates."""
        self.place.delete_by_names()

    def end(self):
        pass


class Add(Operation):
    command = "ADD"

    def clean_up(self, way):
        if way == 1:
            done = self.place.call("ADD")
            if done.returncode != 0 and "already; delete that attachment first" not in done.stdout:
                raise Leak(f"the same ADD again failed: {done.stdout}{done.stderr}")
        self.place.delete_by_names()


class Delete(Operation):
    command = "DEL"

    def prepare(self):
        self.place.must("ADD")


class Check(Operation):
    command = "CHECK"

    config = None

    def prepare(self):
        if self.config:
            return  # CHECK changes nothing, so that one attachment serves for all
        self.config = self.place.config | {"prevResult": self.place.must("ADD")}
        self.unattached, self.place.before = self.place.before, self.place.snapshot_at_rest()

    def run(self, prefix):
        return self.place.call("CHECK", config=self.config, prefix=prefix)

    def clean_up(self, way):
        pass

    def end(self):
        self.place.delete_by_names()
        self.place.before = self.unattached


class Collect(Operation):
    command = "GC"

    def prepare(self):
        self.place.must("ADD")
        self.config = self.place.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": [
            {"containerID": self.place.resident, "ifname": "eth0"}]}

    def run(self, prefix):
        return self.place.call("GC", config=self.config, prefix=prefix)

    def clean_up(self, way):
        if way == 1:
            self.place.must("GC", config=self.config)
        else:
            self.place.delete_by_names()


class Reconcile(Operation):
    command = "reconcile"

    def prepare(self):
        self.place.must("ADD")
        self.damage()

    def damage(self):
        for veth in self.place.node.ip_json(self.place.node.host, "link", "show", "type", "veth"):
            if f"/{self.place.container}/" in veth.get("ifalias", ""):
                subprocess.run(["ip", "link", "set", veth["ifname"], "down", "nomaster"], check=True)
        self.place.node.run_in(self.place.container, "ip", "route", "flush", "dev", "eth0", check=False)

    def run(self, prefix):
        return subprocess.run([*prefix, DRIVER, self.place.node.state, "reconcile"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60)

    def clean_up(self, way):
        if way == 1:
            done = self.run(())
            outcomes = [json.loads(line)["outcome"] for line in done.stdout.splitlines()]
            if done.returncode != 0 or set(outcomes) - {0, 1}:
                raise Leak(f"reconciling again did not put everything right: {done.stdout}{done.stderr}")
        self.place.delete_by_names()


def everything(node):
    return bridge_config(node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)


def named(kind, config):
    def configure(node):
        made = config(node)
        made.pop("mode", None)
        return made | {"type": kind}
    return configure


PLACES = {
    "bridge mode": (everything, None),
    "routed mode": (lambda node: routed_config(node, subnets=DUAL_ROUTED), None),
    "type bridge": (named("bridge", everything), "bridge"),
    "type ptp": (named("ptp", lambda node: routed_config(node, subnets=DUAL_ROUTED)), "ptp"),
}
# The first on a node, whose bridge the ADD makes.
FIRST = {"first on bridge": (everything, None, "pcbr0")}
OPERATIONS = (Add, Delete, Check, Collect, Reconcile)

PORTS = ports("8080:80", "8053:53/udp")
RULES = {"ipMasq": True, "ipMasqExclude": ["192.0.2.0/24"], "isolation": "network", "antispoof": True, **PORTS}


def chained(kind, **keys):
    return lambda node, before: {"cniVersion": before["cniVersion"], "name": before["name"], "type": kind, **keys}


# Those that make rules.
WITH_RULES = {
    "rules, bridge": (lambda node: everything(node) | RULES, None),
    "rules, routed": (lambda node: routed_config(node, subnets=DUAL_ROUTED, **RULES), None),
    "type portmap": (everything, None, None, chained("portmap", **PORTS)),
    "type firewall": (everything, None, None, chained("firewall", ingressPolicy="isolated")),
}
# What the kernel answers to a request. With the last two it says, too, that somebody was faster: then the transaction is made anew.
REFUSALS = (errno.ENOMEM, errno.EPERM, errno.EBUSY, errno.ENOENT)
MAY_BE_OUTRUN = (errno.EBUSY, errno.ENOENT)
MOST_ATTEMPTS = 200


class Table:
    """Crash points, refusals, and what was left."""

    def __init__(self):
        self.rows = []
        self.leaks = []

    def add(self, row):
        self.rows.append(row)

    def __str__(self):
        lines = [f"{'':<17}{'operation':<12}{'calls':>7}{'killed':>9}{'refused':>9}{'leaked':>8}"]
        lines += [f"{place:<17}{operation:<12}{calls:>7}{killed:>9}{refused:>9}{leaked:>8}" for place, operation, calls, killed, refused, leaked in
                  self.rows]
        sums = [sum(row[column] for row in self.rows) for column in range(2, 6)]
        lines.append(f"{'all':<29}{sums[0]:>7}{sums[1]:>9}{sums[2]:>9}{sums[3]:>8}")
        return "\n".join(lines)


def calls_of(operation):
    listing = os.path.join(operation.place.node.directory, "calls")
    operation.prepare()
    operation.run((INJECT, "count", listing))
    operation.clean_up(0)
    with open(listing, encoding="ascii") as file:
        return [int(line) for line in file]


def plan(calls, budget):
    points = [(number, None, way) for number in range(1, len(calls) + 1) for way in (0, 1)]
    points += [(number, error, 0) for number, call in enumerate(calls, 1) for error in errors_of(call)]
    if budget:
        random.shuffle(points)
    return points


def go_through(name, place, kind, table, budget=None):
    """All points in turn, or, with a budget in seconds, as many as it allows, by chance."""
    operation = kind(place)
    calls = calls_of(operation)
    try:
        place.require(place.before, f"{name}: {kind.command} left something, uninjured")
    except Leak as leak:
        table.leaks.append(str(leak))
        start_again(place)
    counts, leaks = {"kill": 0, "fail": 0}, []
    deadline = time.monotonic() + budget if budget else None
    for number, error, way in plan(calls, budget):
        # A machine that stands still for a moment does not make a sample of nothing.
        if deadline and time.monotonic() > deadline and sum(counts.values()) > ENOUGH:
            break
        what = f"{name}: {kind.command}, call {number} (no. {calls[number - 1]}) " + (
            "killed" if error is None else f"refused with {errno.errorcode[error]}") + f", way {way}"
        prefix = (INJECT, "kill", str(number)) if error is None else (INJECT, "fail", str(number), str(error))
        try:
            operation.prepare()
            done = operation.run(prefix)
            counts["kill" if error is None else "fail"] += done.returncode != 125
            operation.clean_up(way)
            place.require(place.before, f"left, after it ended with {done.returncode} {done.stdout.strip()[:300]} {done.stderr.strip()[:300]}")
        except (Leak, subprocess.TimeoutExpired) as leak:
            leaks.append(f"{what}: {leak}")
            start_again(place)
    operation.end()
    table.add((name, kind.command, len(calls), counts["kill"], counts["fail"], len(leaks)))
    table.leaks += leaks
    return leaks


class Requests:
    """ADD, with one request of its transactions refused: it fails whole and leaves nothing, or, where another attempt is due, succeeds."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self.leaks, self.made = [], 0

    def add(self, number, error, times):
        self.place.forget_rules()
        return self.place.call("ADD", prefix=(INJECT, "refuse", str(number), str(error), str(times)))

    def count(self):
        """How many requests a first ADD makes."""
        self.place.forget_rules()
        self.place.before = self.place.snapshot()
        reached, unreached = 0, 1024
        while unreached - reached > 1:
            number = (reached + unreached) // 2
            if self.add(number, errno.ENOMEM, 1).returncode != 125:
                reached = number
            else:
                unreached = number
                self.place.delete_by_names()
        return reached

    def refuse(self, number, error, times):
        what = f"{self.name}: ADD, request {number} refused {times} times with {errno.errorcode[error]}"
        try:
            done = self.add(number, error, times)
            self.made += done.returncode != 125
            if error in MAY_BE_OUTRUN and times == 1:
                if done.returncode != 0:
                    raise Leak(f"was not tried again: {done.stdout}{done.stderr}")
                self.place.delete_by_names()
                self.place.forget_rules()
            elif done.returncode != 1 or os.strerror(error) not in done.stdout:
                raise Leak(f"ended with {done.returncode} {done.stdout}{done.stderr}")
            self.place.require(self.place.before, "left")
        except (Leak, subprocess.TimeoutExpired) as leak:
            self.leaks.append(f"{what}: {leak}")
            self.place.delete_by_names()
            self.place.forget_rules()
            self.place.before = self.place.snapshot()

    def plan(self, count, budget):
        points = [(number, error, 1) for number in range(1, count + 1) for error in REFUSALS]
        if not budget:
            return points + [(number, error, MOST_ATTEMPTS) for number in range(1, count + 1, 10) for error in MAY_BE_OUTRUN]
        random.shuffle(points)
        return [(random.randint(1, count), random.choice(MAY_BE_OUTRUN), MOST_ATTEMPTS)] + points


def refuse_requests(name, place, table, budget=None):
    """All in turn, or, with a budget in seconds, as many as it allows, by chance."""
    requests = Requests(name, place)
    count = requests.count()
    deadline = time.monotonic() + budget if budget else None
    for number, error, times in requests.plan(count, budget):
        if deadline and time.monotonic() > deadline:
            break
        requests.refuse(number, error, times)
    table.add((name, "requests", count, 0, requests.made, len(requests.leaks)))
    table.leaks += requests.leaks
    return requests.leaks


def start_again(place):
    """After a leak the rest is compared with what is there now."""
    place.call("DEL")
    place.before = place.snapshot()


def main():
    budget = float(os.environ["PATCHCORD_FAULT_SECONDS"]) if "PATCHCORD_FAULT_SECONDS" in os.environ else None
    places = PLACES | FIRST | WITH_RULES
    wanted = [name for name in sys.argv[1:] if name in places] or list(places)
    kinds = [kind for kind in OPERATIONS if kind.command in sys.argv[1:]] or OPERATIONS
    table = Table()
    for name in wanted:
        place = Place(*places[name])
        try:
            for kind in kinds if name not in FIRST else (Add,):
                if kind is Reconcile and place.previous:
                    continue  # what it damages is the interface, which is another plugin's there
                for leak in go_through(name, place, kind, table, budget):
                    print(leak, flush=True)
                print(table.rows[-1], flush=True)
            if name in WITH_RULES:
                for leak in refuse_requests(name, place, table, budget):
                    print(leak, flush=True)
                print(table.rows[-1], flush=True)
        finally:
            place.close()
    print(table)
    return 1 if table.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
