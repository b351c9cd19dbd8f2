"""Every system call of every operation: killed there, and refused there. What is left must be nothing, or lead to nothing.

After each the host, the container and the state directory are compared with how they were before, to the byte: after a DEL with names
alone, and, the other way, after the same ADD again and its DEL. And every request of a transaction of nftables, refused by the kernel: after
that nothing must be left, without any DEL. The place where the search for an address goes on is no trace of anybody.

One thing is let pass, and counted ("unset"): the settings of the container that sysctl, promisc and the like name (see Settings), where the
call by which they were to be read before, or put back, was itself refused. They are then put back by hand, and the rest must be as before.

    crash_points.py [PLACE|OPERATION|requests]...    those alone

PATCHCORD_FAULT_POINTS is how many of each operation of each place are gone through, by chance; PATCHCORD_FAULT_PART=1/4 is every fourth
point, from the first one.
"""

import ctypes
import errno
import json
import os
import random
import subprocess
import sys
import time
import typing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import fake_node
import patience
from fake_node import DUAL_BRIDGE, DUAL_ROUTED, PLUGIN, REFERENCE_DIR, Node, bridge_config, routed_config
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
# What the same ADD again may say: its predecessor was killed when all was done.
THERE = ("already; delete that attachment first", "already holds")
READ = 0  # the number of the call


def errors_of(call):
    if call in CANNOT_FAIL:
        return ()
    return (errno.ENOMEM,) if call in MEMORY_ONLY else SPECIAL.get(call, ERRORS)


class Leak(AssertionError):
    pass


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


class Operation:
    """One operation with what comes before it and what must be right after it was cut short."""

    def __init__(self, place):
        self.place = place

    command = ""
    puts_settings_back = False

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
            if done.returncode != 0 and not any(text in done.stdout for text in THERE):
                raise Leak(f"the same ADD again failed: {done.stdout}{done.stderr}")
        self.place.delete_by_names()


class SetUp(Add):
    """ADD of type loopback, which sets lo up for good."""

    def prepare(self):
        self.place.node.run_in(self.place.container, "ip", "link", "set", "lo", "down")

    def clean_up(self, way):
        self.place.must("ADD")
        super().clean_up(way)


class Delete(Operation):
    command = "DEL"
    puts_settings_back = True

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
    puts_settings_back = True

    def __init__(self, place):
        super().__init__(place)
        self.config = place.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": [{"containerID": place.resident, "ifname": "eth0"}]}

    def prepare(self):
        self.place.must("ADD")

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
        """Of each kind of thing that the attachment has; what an earlier plugin of a chain made is its own."""
        place, node = self.place, self.place.node
        host_end = self.host_end()
        if not place.previous:
            subprocess.run(["ip", "link", "set", host_end, "down", "nomaster"], check=True)
            node.run_in(place.container, "ip", "route", "flush", "dev", "eth0", check=False)
        if "ingressRate" in place.config:
            subprocess.run(["tc", "qdisc", "del", "dev", host_end, "root"], check=True)
        if place.settings:
            place.settings.put_back()
        if place.has_rules():
            subprocess.run(["nft", "delete table inet patchcord; add table bridge patchcord; delete table bridge patchcord"], check=True)

    def host_end(self):
        for veth in self.place.node.ip_json(self.place.node.host, "link", "show", "type", "veth"):
            if f"/{self.place.container}/" in veth.get("ifalias", ""):
                return veth["ifname"]
        raise AssertionError("no host end")

    def run(self, prefix):
        return patience.run([*prefix, PLUGIN, "reconcile", "-o", "json"], env={"PATCHCORD_STATE_DIR": self.place.node.state})

    def clean_up(self, way):
        """The rules of the container that lives on beside it were lost, too, and come back whichever of the two is first."""
        if way == 1:
            self.again()
        self.place.delete_by_names()
        if way == 0 and self.place.has_rules():
            self.again()

    def again(self):
        done = self.run(())
        if done.returncode != 0 or {each["outcome"] for each in json.loads(done.stdout)["attachments"]} - {"right", "restored"}:
            raise Leak(f"reconciling again did not put everything right: {done.stdout}{done.stderr}")


OPERATIONS = (Add, Delete, Check, Collect, Reconcile)
PORTS, OTHER_PORTS = ports("8080:80", "8053:53/udp"), ports("9090:90")
RULES = {"ipMasq": True, "ipMasqExclude": ["192.0.2.0/24"], "isolation": "network", "antispoof": True}
TUNED_SYSCTLS = {"net.core.somaxconn": "1234", "net.ipv4.ip_local_port_range": "20000 50000", "net.ipv4.conf.all.arp_ignore": "1"}
TUNED = {"sysctl": TUNED_SYSCTLS | {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 77}
MAC = "c2:11:22:33:44:55"
RATES = {"ingressRate": 80_000_000, "ingressBurst": 8_000_000, "egressRate": 40_000_000, "egressBurst": 8_000_000}
SUBNETS = {"unshapedSubnets": ["192.0.2.0/24", "2001:db8:2::/64"]}


def with_gateway(node):
    return bridge_config(node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)


def dual_routed(node):
    return routed_config(node, subnets=DUAL_ROUTED)


def switched_on(config, node, **keys):
    """Two addresses of each family, and all that the type has."""
    made = config(node, subnets=("10.88.0.0/24", "10.87.0.0/24", "fd00:88::/64", "fd00:87::/64"), **keys, **RULES, **RATES, **TUNED)
    made["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}, {"dst": "198.51.100.0/24", "mtu": 1300}, {"dst": "2001:db8:3::/64"}]
    return made | {"runtimeConfig": PORTS["runtimeConfig"] | {"mac": MAC}}


def named(kind, config):
    def configure(node):
        made = config(node)
        made.pop("mode", None)
        return made | {"type": kind}
    return configure


def chained(kind, **keys):
    return lambda node, before: {"cniVersion": before["cniVersion"], "name": before["name"], "type": kind, **keys}


def addresses(kind, **keys):
    """A type that gives addresses and makes no interface."""
    def configure(node):
        made = with_gateway(node)
        return {"cniVersion": made["cniVersion"], "name": made["name"], "type": "bridge", "ipam": {**made["ipam"], "type": kind, **keys}}
    return {"configure": configure, "plugin": kind, "only": (Add, Delete, Check, Collect), "names": (*NAMES_ONLY, "ipam")}


PLACES = {
    "bridge mode": {"configure": with_gateway},
    "routed mode": {"configure": dual_routed},
    "type bridge": {"configure": named("bridge", with_gateway), "plugin": "bridge"},
    "type ptp": {"configure": named("ptp", dual_routed), "plugin": "ptp"},
    # Whose bridge the ADD makes.
    "first on bridge": {"configure": with_gateway, "bridge": "pcbr0", "only": (Add,)},
    "type loopback": {"configure": lambda node: {"cniVersion": "1.0.0", "name": "lo", "type": "loopback"}, "plugin": "loopback",
                      "only": (SetUp, Delete, Check, Collect)},
    "type host-local": addresses("host-local"),
    "type static": addresses("static", addresses=[{"address": "10.1.0.5/24"}, {"address": "fd00:1::5/64"}]),
    "type tuning": {"configure": with_gateway, "chain": chained("tuning", **TUNED, runtimeConfig={"mac": MAC}), "tuned": True},
    "type bandwidth": {"configure": with_gateway, "chain": chained("bandwidth", **RATES, **SUBNETS)},
}
# Those that make rules.
WITH_RULES = {
    "bridge, all on": {"configure": lambda node: switched_on(bridge_config, node, isDefaultGateway=True, hairpinMode=True, portIsolation=True),
                       "tuned": True},
    "routed, all on": {"configure": lambda node: switched_on(routed_config, node), "tuned": True},
    "type portmap": {"configure": with_gateway, "chain": chained("portmap", **PORTS)},
    # Where iptables' own chain would drop what is forwarded.
    "type firewall": {"configure": with_gateway, "chain": chained("firewall", ingressPolicy="isolated"), "filtered": True},
}
# What the kernel answers to a request. With the last two it says, too, that somebody was faster: then the transaction is made anew.
REFUSALS = (errno.ENOMEM, errno.EPERM, errno.EBUSY, errno.ENOENT)
MAY_BE_OUTRUN = (errno.EBUSY, errno.ENOENT)
# How often a transaction is made on a ruleset that nobody changes meanwhile.
MOST_ATTEMPTS = 2


class Row(typing.NamedTuple):
    """How many calls an operation makes, at how many it was killed, how many were refused, after how many of those settings stayed, and
    what was left."""

    place: str
    operation: str
    calls: int
    killed: int
    refused: int
    unset: int
    leaked: int


class Table:
    def __init__(self):
        self.rows = []
        self.leaks = []

    def add(self, row, leaks):
        self.rows.append(row)
        self.leaks += leaks

    def __str__(self):
        sums = Row("all", "", *(sum(row[column] for row in self.rows) for column in range(2, len(Row._fields))))
        rows = [Row._make(("", *Row._fields[1:])), *self.rows, sums]
        return "\n".join("{:<17}{:<12}{:>7}{:>9}{:>9}{:>8}{:>8}".format(*row) for row in rows)


def calls_of(operation):
    listing = os.path.join(operation.place.node.directory, "calls")
    operation.prepare()
    operation.run((INJECT, "count", listing))
    operation.clean_up(0)
    with open(listing, encoding="ascii") as file:
        return [int(line) for line in file]


def plan(calls, limit):
    points = [(number, None, way) for number in range(1, len(calls) + 1) for way in (0, 1)]
    points += [(number, error, 0) for number, call in enumerate(calls, 1) for error in errors_of(call)]
    part, parts = map(int, os.environ.get("PATCHCORD_FAULT_PART", "1/1").split("/"))
    points = points[part - 1::parts]
    return random.sample(points, limit) if limit and limit < len(points) else points


def may_stay_unset(operation, call, error, done):
    """Settings whose own reading, or putting back, may have been what was refused. EIO is what the kernel says where there is no value.
    An operation that failed for it says that it did, and what comes after it has to put them back."""
    if operation.place.settings is None or error is None or done.returncode != 0:
        return False
    return operation.puts_settings_back or (operation.command == "ADD" and call == READ and error == errno.EIO)


class Passage:
    """All points of one operation in one place."""

    def __init__(self, name, place, kind, table):
        self.name, self.place, self.table = name, place, table
        self.operation = kind(place)
        self.calls = calls_of(self.operation)
        self.counts, self.unset, self.leaks = {"kill": 0, "fail": 0}, 0, []
        try:
            place.require(place.before, f"{name}: {kind.command} left something, uninjured")
        except Leak as leak:
            table.leaks.append(str(leak))
            start_again(place)

    def require(self, done, call, error):
        what = f"left, after it ended with {done.returncode} {done.stdout.strip()[:300]} {done.stderr.strip()[:300]}"
        try:
            self.place.require(self.place.before, what)
        except Leak:
            if not may_stay_unset(self.operation, call, error, done):
                raise
            self.place.settings.put_back()
            self.place.require(self.place.before, what)
            self.unset += 1

    def injure(self, number, error, way):
        call = self.calls[number - 1]
        prefix = (INJECT, "kill", str(number)) if error is None else (INJECT, "fail", str(number), str(error))
        try:
            self.operation.prepare()
            done = self.operation.run(prefix)
            self.counts["kill" if error is None else "fail"] += done.returncode != 125
            self.operation.clean_up(way)
            self.require(done, call, error)
        except AssertionError as leak:  # or it did not end
            how = "killed" if error is None else f"refused with {errno.errorcode[error]}"
            self.leaks.append(f"{self.name}: {self.operation.command}, call {number} (no. {call}) {how}, way {way}: {leak}")
            start_again(self.place)

    def end(self):
        self.operation.end()
        self.table.add(Row(self.name, self.operation.command, len(self.calls), self.counts["kill"], self.counts["fail"], self.unset,
                           len(self.leaks)), self.leaks)


def go_through(name, place, kind, table, limit=None):
    """All points in turn, or so many of them by chance."""
    passage = Passage(name, place, kind, table)
    for number, error, way in plan(passage.calls, limit):
        passage.injure(number, error, way)
    passage.end()


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
        except AssertionError as leak:  # or it did not end
            self.leaks.append(f"{what}: {leak}")
            self.place.delete_by_names()
            self.place.forget_rules()
            self.place.before = self.place.snapshot()

    def plan(self, count, limit):
        points = [(number, error, 1) for number in range(1, count + 1) for error in REFUSALS]
        if not limit:
            return points + [(number, error, MOST_ATTEMPTS) for number in range(1, count + 1, 10) for error in MAY_BE_OUTRUN]
        return [(random.randint(1, count), random.choice(MAY_BE_OUTRUN), MOST_ATTEMPTS), *random.sample(points, min(limit, len(points)))]


def refuse_requests(name, place, table, limit=None):
    """All in turn, or so many of them by chance."""
    requests = Requests(name, place)
    count = requests.count()
    for number, error, times in requests.plan(count, limit):
        requests.refuse(number, error, times)
    table.add(Row(name, "requests", count, 0, requests.made, 0, len(requests.leaks)), requests.leaks)


def start_again(place):
    """After a leak the rest is compared with what is there now."""
    place.call("DEL")
    place.before = place.snapshot()


def kinds_of(place):
    return place.get("only", OPERATIONS)


def visit(name, place, table, limit=None, commands=None, tell=lambda: None):
    """All of one place's operations, and its requests of nftables."""
    place = Place(**place)
    try:
        for kind in place.kinds:
            if not commands or kind.command in commands:
                go_through(name, place, kind, table, limit)
                tell()
        if name in WITH_RULES and (not commands or "requests" in commands):
            refuse_requests(name, place, table, limit)
            tell()
    finally:
        place.close()


def main():
    limit = int(os.environ.get("PATCHCORD_FAULT_POINTS", 0)) or None
    places = PLACES | WITH_RULES
    wanted = [name for name in sys.argv[1:] if name in places] or list(places)
    commands = [word for word in sys.argv[1:] if word not in places]
    table, told = Table(), 0

    def tell():
        nonlocal told
        print(*table.leaks[told:], "\t".join(map(str, table.rows[-1])), sep="\n", flush=True)
        told = len(table.leaks)

    for name in wanted:
        visit(name, places[name], table, limit, commands, tell)
    print(table)
    return 1 if table.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
