#!/usr/bin/env python3
"""What ADD and DEL of a container with one host port cost where the node has none, 10, 1,000 and 10,000 others. Needs root.

usage: PATCHCORD_BIN=build/patchcord tests/bench/host_ports.py [rounds]
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))
from fake_node import Node, routed_config  # noqa: E402
from traffic import ports  # noqa: E402


def measure(node, config, rounds):
    container = node.container("measured")
    seconds = {"ADD": [], "DEL": []}
    for _ in range(rounds):
        for command, list_ in seconds.items():
            started = time.monotonic()
            node.call(command, config, container)
            list_.append(time.monotonic() - started)
    node.remove_container(container)
    return {command: statistics.median(list_) * 1000 for command, list_ in seconds.items()}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    for others in (0, 10, 1000, 10000):
        with Node() as node:
            config = routed_config(node)
            if others:
                node.add({**config, **ports(*(f"{port}:80" for port in range(20000, 20000 + others)))}, node.container("others"))
            times = measure(node, {**config, **ports("8080:80")}, rounds)
            print(f"{others:6} other ports: ADD {times['ADD']:6.2f} ms, DEL {times['DEL']:6.2f} ms (medians of {rounds}, with nsenter)")


if __name__ == "__main__":
    main()
