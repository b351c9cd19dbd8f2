#!/usr/bin/python3
"""Draws docs/images: nodes of 3, 40 and 300 pods, as `patchcord graph` shows them, in namespaces that are gone afterwards."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "process"))

from fake_node import PLUGIN, Node, bridge_config, routed_config  # noqa: E402

IMAGES = os.path.join(ROOT, "docs", "images")
APPS = ("web", "cart", "checkout", "search", "mail", "queue", "db", "cache")
# Pods of a bridge, of a routed network, of a second bridge, and which of them are in trouble.
NODES = {3: ((2, 1, 0), ()), 40: ((24, 10, 6), (7,)), 300: ((240, 40, 20), (7, 101, 222))}
PORTS = {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}


def pod_name(number):
    """As a Deployment's ReplicaSet has them."""
    return f"{APPS[number % len(APPS)]}-{(number * 2654435761) % 2**32:08x}-{(number * 40503) % 65536:04x}"


def uplink(node):
    for command in ("link add uplink0 type bridge", "link set uplink0 addrgenmode none up", "addr add 192.0.2.10/24 dev uplink0",
                    "route add default via 192.0.2.1"):
        node.on_host("ip", *command.split())


def fill(node, counts, troubled):
    networks = (bridge_config(node, name="pods", subnets=("10.88.0.0/23",), isDefaultGateway=True),
                routed_config(node, name="edge", subnets=("10.89.0.0/24",)),
                bridge_config(node, name="data", bridge="data0", subnets=("10.90.0.0/24",), isGateway=True))
    number = 0
    for network, count in zip(networks, counts):
        for _ in range(count):
            container = node.container(f"p{number}")
            node.add(network | (PORTS if number == 0 else {}), container,
                     args=f"IgnoreUnknown=1;K8S_POD_NAMESPACE={network['name']};K8S_POD_NAME={pod_name(number)}")
            if number in troubled:
                node.run_in(container, "ip", "addr", "flush", "dev", "eth0")
            number += 1


def draw(node, *words):
    return subprocess.run(["nsenter", f"--net=/var/run/netns/{node.host}", PLUGIN, "graph", *words], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PATCHCORD_STATE_DIR": node.state, "NETCONFPATH": os.path.join(node.directory, "none")}).stdout


def main():
    os.makedirs(IMAGES, exist_ok=True)
    for pods, (counts, troubled) in NODES.items():
        with Node() as node:
            uplink(node)
            fill(node, counts, troubled)
            with open(os.path.join(IMAGES, f"node-{pods}.svg"), "w", encoding="utf-8") as file:
                file.write(draw(node, "--format", "svg").replace(f"{node.name}-", ""))


if __name__ == "__main__":
    main()
