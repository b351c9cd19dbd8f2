#!/usr/bin/python3
"""What ADD and DEL with nftables rules cost, by what else is in the ruleset: nothing, elements of many containers, foreign rules.

Everything happens in namespaces of its own. Not a test: it measures, and prints milliseconds, the lower quartile (the machine's other work makes no operation faster), and multiples of the first line.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PLUGIN, REFERENCE_DIR, Node, bridge_config  # noqa: E402  pylint: disable=wrong-import-position

KEYS = {"isDefaultGateway": True, "ipMasq": True, "isolation": "network", "antispoof": True}


def load(node, text):
    subprocess.run(["nsenter", f"--net=/var/run/netns/{node.host}", "nft", "-f", "-"], input=text, text=True, check=True)


def sets_of(node, table):
    sets, name = [], None
    for line in node.on_host("nft", "list", "table", *table.split()).splitlines():
        words = line.split()
        if words[:1] == ["set"]:
            name = words[1]
        elif name and words[:1] in (["type"], ["typeof"]):
            sets.append((name, " ".join(words[1:])))
            name = None
    return sets


def element(kind, number):
    address = f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    values = {"ifname": f'"v{number}"', "ipv4_addr": address, "ipv6_addr": f"fd00:99::{number:x}", "devgroup": str(number + 1),
              "iifname": f'"v{number}"', "@th,64,128": f"0xfd{number:030x}",
              "ether_addr": f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"}
    return " . ".join(values[word] for word in kind.split(" . ")) + f' comment "net/{number}/eth0"'


def fill(node, count):
    """The elements that this many containers would have."""
    for table in ("inet patchcord", "bridge patchcord"):
        for name, kind in sets_of(node, table):
            for start in range(0, count, 1000):
                elements = ", ".join(element(kind, number) for number in range(start, start + 1000))
                load(node, f"add element {table} {name} {{ {elements} }}\n")


def foreign(node, count):
    rules = "\n".join(f"add rule ip other c ip saddr 172.16.{n >> 8 & 255}.{n & 255} tcp dport {n % 60000 + 1} counter" for n in range(count))
    load(node, "add table ip other\nadd chain ip other c\n" + rules + "\n")


def measure(node, config, plugin, rounds):
    """The lower quartiles of ADD and DEL in milliseconds."""
    adds, deletes = [], []
    for _ in range(rounds):
        container = node.container(f"m{time.monotonic_ns()}")
        for command, times in (("ADD", adds), ("DEL", deletes)):
            began = time.perf_counter()
            node.finish(node.start(command, config, container, node.path_of(container), plugin=plugin))
            times.append((time.perf_counter() - began) * 1000)
        node.remove_container(container)
    return statistics.quantiles(adds, n=4)[0], statistics.quantiles(deletes, n=4)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--foreign", type=int, default=100_000)
    arguments = parser.parse_args()
    first = None

    def report(title, figures):
        nonlocal first
        first = first or figures
        print(f"{title:42} ADD {figures[0]:7.2f} ms ({figures[0] / first[0]:5.2f}x)   DEL {figures[1]:7.2f} ms ({figures[1] / first[1]:5.2f}x)",
              flush=True)

    for count in (0, 1_000, 10_000):
        with Node() as node:
            config = bridge_config(node, subnets=("10.88.0.0/16", "fd00:88::/64"), **KEYS)
            node.add(config, node.container("first"))
            fill(node, count)
            measure(node, config, PLUGIN, 3)
            report(f"rules, elements of {count} containers", measure(node, config, PLUGIN, arguments.rounds))
            if count == 0:
                foreign(node, arguments.foreign)
                report(f"rules, {arguments.foreign} foreign rules", measure(node, config, PLUGIN, arguments.rounds))
                plain = {key: value for key, value in config.items() if key not in KEYS or key == "isDefaultGateway"}
                report("no rules", measure(node, {**plain, "name": "plain", "bridge": "plain0"}, PLUGIN, arguments.rounds))
    reference = os.path.join(REFERENCE_DIR, "bridge")
    if os.path.exists(reference):
        for title, plugin in (("bridge with ipMasq, ours", None), ("bridge with ipMasq, the reference's", reference)):
            with Node() as node:
                config = bridge_config(node, isDefaultGateway=True, ipMasq=True)
                config = {**config, "type": "bridge"}
                report(title, measure(node, config, plugin or node.plugin("bridge"), arguments.rounds))


if __name__ == "__main__":
    main()
