"""Shows a cluster in throwaway namespaces: pods of nodes behind two subnets reach each other by BIRD, with blocks that an etcd gives; one node
dies and comes back. Nothing of the machine is touched, and all of it is gone in the end."""

import json
import signal
import sys

from etcd_cluster import EtcdCluster, patience
from lab import Lab

POOL = {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 26}


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def add_pod(node):
    container = node.container("pod")
    config = {"cniVersion": "1.1.0", "name": "pods", "type": "patchcord", "mode": "routed", "ipam": {"type": "host-local", "pools": ["pods"]}}
    return container, node.add(config, container)["ips"][0]["address"].split("/")[0]


def show_pings(lab, pods):
    for source, (container, _) in pods.items():
        for target, (_, address) in pods.items():
            reached = patience.until(lambda: lab.pings(lab.nodes[source], container, address), tries=10)
            print(f"  pod of {source} -> pod of {target} ({address}): {'answers' if reached else 'NO ANSWER'}", flush=True)
            if not reached:
                sys.exit(lab.show())


def main():
    lab = Lab()
    etcd = None
    try:
        say("Nodes n1, n2 and n3 are on one LAN, n4 is behind the router, which is the reflector. etcd runs beside it.")
        etcd = EtcdCluster(namespace=lab.router.host, address="192.0.2.254")
        lab.with_pools("pods")
        for name, node in lab.nodes.items():
            with open(node.cluster, encoding="utf-8") as file:
                content = json.load(file)
            node.describe(content["fabric"], source="etcd", endpoints=etcd.endpoints)
        lab.nodes["n1"].tool("pool", "add", "pods", *POOL["cidrs"], check=True)
        lab.router.configure("bird", "--reflector")
        lab.router.start_bird()
        for node in lab.nodes.values():
            node.configure("bird")
            node.start_bird()
        say("A pod on each. The first ADD of a node asks etcd for a block.")
        pods = {name: add_pod(node) for name, node in lab.nodes.items()}
        print(lab.nodes["n1"].tool("block", "list", "--all").stdout)
        show_pings(lab, pods)
        say("What n1 knows: blocks of the others, and no pod of theirs.")
        print(lab.nodes["n1"].on_host("ip", "route"))
        say("n4 loses its routing daemon and its routes, as in a reboot; it comes back by what its files say.")
        node = lab.nodes["n4"]
        node.end("bird", signal.SIGKILL)
        node.on_host("ip", "route", "flush", "proto", "81")
        print(node.tool("block", "boot").stdout)
        node.start_bird()
        show_pings(lab, pods)
        say("patchcord fabric check on n4:")
        patience.until(lambda: node.tool("fabric", "check").returncode == 0, tries=20)
        print(node.tool("fabric", "check").stdout)
    finally:
        if etcd:
            etcd.close()
        lab.close()


if __name__ == "__main__":
    main()
