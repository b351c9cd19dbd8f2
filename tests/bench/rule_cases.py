"""What ADD and DEL with nftables rules cost, by what else is in the ruleset: ports and elements of other containers, foreign rules."""

import subprocess

from cases import COMMANDS, ours, time_alone
from contenders import bridge_of, common

LIMIT = 1.3
RULES = {"ipMasq": True, "isolation": "network", "antispoof": True}


def compare(bench, case, config, stages):
    """`stages`: (title, what to do before). The first is what the others are measured by."""
    chain = ours(bench, case, config)
    netns = bench.node.path_of(bench.node.container("measured"))
    first = None
    for title, prepare in stages:
        prepare()
        samples = time_alone(bench, chain, bench.runs, netns)
        for command in COMMANDS:
            bench.results[case, f"patchcord, {title}", command] = samples[command]
            if first:
                bench.target(f"{case}: {command} with {title}, of that without", LIMIT, samples[command].wall() / first[command].wall())
        first = first or samples


def ports_of(*mappings):
    return {"runtimeConfig": {"portMappings": [{"hostPort": host, "containerPort": container, "protocol": "tcp"} for host, container in mappings]}}


def host_ports(bench, case):
    config = {**common(bench.node, "patchcord", case), "type": "patchcord", "mode": "routed"}

    def publish(first, count):
        def add():
            name = f"others{first}"
            ours(bench, case, {**config, **ports_of(*((first + number, 80) for number in range(count)))}).add(
                name, bench.node.path_of(bench.node.container(name)), run=bench.launcher.run)
        return add

    stages = [("no other port", lambda: None), ("10 ports", publish(20000, 10)), ("1,000 ports", publish(20010, 990))]
    if not bench.quick:
        stages.append(("10,000 ports", publish(21000, 9000)))
    compare(bench, case, {**config, **ports_of((8080, 80))}, stages)


def load(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


def sets_of(table):
    """(name, type) of those that have a name."""
    sets, name = [], None
    for line in subprocess.run(["nft", "list", "table", *table.split()], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        words = line.split()
        if words[:1] == ["set"]:
            name = words[1]
        elif name and words[:1] in (["type"], ["typeof"]):
            sets.append((name, " ".join(words[1:])))
            name = None
    return sets


def element(kind, number):
    address = f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    values = {"ifname": f'"v{number}"', "ipv4_addr": address, "ipv6_addr": f"fd00:99::{number:x}", "devgroup": str(number + 1),
              "iifname": f'"v{number}"', "@th,64,128": f"0xfd{number:030x}",
              "ether_addr": f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"}
    return " . ".join(values[word] for word in kind.split(" . ")) + f' comment "net/{number}/eth0"'


def fill(count):
    """The elements that this many containers would have."""
    for table in ("inet patchcord", "bridge patchcord"):
        for name, kind in sets_of(table):
            for start in range(0, count, 1000):
                load(f"add element {table} {name} {{ {', '.join(element(kind, start + number) for number in range(1000))} }}\n")


def load_foreign(count):
    rules = "\n".join(f"add rule ip other c ip saddr 172.16.{n >> 8 & 255}.{n & 255} tcp dport {n % 60000 + 1} counter" for n in range(count))
    load("add table ip other\nadd chain ip other c\n" + rules + "\n")


def rules(bench, case):
    node = bench.node
    config = {**bridge_of(node, "patchcord", case, dual=True, **RULES), "type": "patchcord", "mode": "bridge"}
    containers, foreign = (1000, 10_000) if bench.quick else (10_000, 100_000)

    def stand_by():
        ours(bench, case, config).add("standing", node.path_of(node.container("standing")), run=bench.launcher.run)

    compare(bench, case, config, [("rules", stand_by), (f"{foreign:,} foreign rules", lambda: load_foreign(foreign)),
                                  (f"elements of {containers:,} containers, too", lambda: fill(containers))])
