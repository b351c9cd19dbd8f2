#!/usr/bin/python3
"""Random ADD, CHECK, DEL and GC of hundreds of containers over several networks, 16 at a time, some of them killed, while links come and go and
what is ours is damaged. After every round it is reconciled, and everything is compared with a model that only knows what the plugin answered.

soak.py [SECONDS]. The last line is "N passed, N failed, 0 skipped", the figures are before it.
"""

import concurrent.futures
import json
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, PluginError, bridge_config, routed_config

CONTAINERS = 200
AT_A_TIME = 16
IN_A_ROUND = 160
KILLED = 0.12


class Soak:
    def __init__(self, node):
        self.node = node
        bridge = bridge_config(node, name="alpha", bridge="soak0", subnets=DUAL_BRIDGE, isDefaultGateway=True)
        self.networks = {
            "alpha": bridge,
            "beta": routed_config(node, name="beta", subnets=DUAL_ROUTED),
            "gamma": bridge_config(node, name="gamma", bridge="soak1", subnets=("10.91.0.0/24",)),
        }
        self.networks = {name: config | {"cniVersion": "1.1.0"} for name, config in self.networks.items()}
        self.containers = [node.container(f"s{number}") for number in range(CONTAINERS)]
        self.attached = {}  # (network, container) to the result of its ADD
        self.lock = threading.Lock()
        self.figures = dict.fromkeys(("ADD", "CHECK", "DEL", "GC", "killed", "damaged", "restored", "rounds"), 0)
        self.divergences = []

    @staticmethod
    def ifname(network):
        return f"eth-{network}"

    def start(self, command, key, config=None, netns=None):
        network, container = key
        netns = self.node.path_of(container) if netns is None else netns
        return self.node.start(command, config or self.networks[network], container, netns, ifname=self.ifname(network))

    def count(self, what):
        with self.lock:
            self.figures[what] += 1

    def diverge(self, text):
        with self.lock:
            self.divergences.append(text)
        print(f"divergence: {text}", flush=True)

    # -- one operation

    def run(self, command, key, **options):
        """The document, or None where it was killed. Throws what the plugin said."""
        process = self.start(command, key, **options)
        self.count(command)
        if random.random() >= KILLED:
            return self.node.finish(process) or {}
        time.sleep(random.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        stdout, _ = process.communicate()
        if process.returncode != -signal.SIGKILL:
            return json.loads(stdout) if stdout else {}  # it was quicker
        self.count("killed")
        return None

    def delete_surely(self, key):
        self.node.finish(self.start("DEL", key, config={"cniVersion": "1.1.0", "name": key[0]}, netns=""))
        self.count("DEL")
        self.attached.pop(key, None)

    def operate(self, key):
        """An error of an operation on its own is a divergence, too: nothing that happens here is a reason to fail."""
        try:
            if key not in self.attached:
                result = self.run("ADD", key)
                if result is None:
                    self.delete_surely(key)
                else:
                    self.attached[key] = result
            elif random.random() < 0.4:
                self.run("CHECK", key, config=self.networks[key[0]] | {"prevResult": self.attached[key]})
            else:
                options = {"netns": "", "config": {"cniVersion": "1.1.0", "name": key[0]}} if random.random() < 0.5 else {}
                if self.run("DEL", key, **options) is None:
                    self.delete_surely(key)
                self.attached.pop(key, None)
        except PluginError as error:
            self.diverge(f"{key}: {error}")

    def collect(self):
        """Every network's GC at once, with a few attachments off the list."""
        for network, config in self.networks.items():
            ours = [key for key in self.attached if key[0] == network]
            dropped = random.sample(ours, min(3, len(ours)))
            valid = [{"containerID": key[1], "ifname": self.ifname(network)} for key in ours if key not in dropped]
            try:
                self.node.call("GC", config | {"cni.dev/valid-attachments": valid}, "", netns="", ifname="")
            except PluginError as error:
                self.diverge(f"GC of {network}: {error}")
            self.count("GC")
            for key in dropped:
                del self.attached[key]

    # -- the others

    def churn(self, stop, safe):
        """Links of somebody else's come and go; of ours, those that no operation is at work on are damaged."""
        number = 0
        while not stop.is_set():
            number += 1
            self.node.on_host("ip", "link", "add", f"churn{number % 5}", "type", "veth", "peer", "name", f"peer{number % 5}", check=False)
            if number % 2:
                self.node.on_host("ip", "link", "del", f"churn{random.randrange(5)}", check=False)
            if safe and random.random() < 0.7:
                self.damage(random.choice(safe))

    def damage(self, key):
        network, container = key
        veth = next((i["name"] for i in self.attached[key]["interfaces"] if i["name"].startswith("veth")), None)
        damages = [lambda: self.node.run_in(container, "ip", "route", "flush", "dev", self.ifname(network), check=False),
                   lambda: self.node.on_host("ip", "link", "set", veth, "down", check=False)]
        damages.append((lambda: self.node.on_host("ip", "route", "flush", "dev", veth, check=False)) if network == "beta"
                       else (lambda: self.node.on_host("ip", "link", "set", veth, "nomaster", check=False)))
        random.choice(damages)()
        self.count("damaged")

    def reconcile(self):
        for line in self.node.reconcile(tries=300):
            if line["outcome"] > 1:
                self.diverge(f"reconcile: {line}")
            self.figures["restored"] += line["outcome"] == 1

    # -- the comparison

    def compare(self):
        for network in self.networks:
            keys = {key for key in self.attached if key[0] == network}
            self.same(f"records of {network}", {f"{key[1]}:{self.ifname(network)}" for key in keys}, self.records(network))
            wanted = {ip["address"].split("/")[0]: f"{key[1]}\r\n{self.ifname(network)}" for key in keys for ip in self.attached[key]["ips"]}
            self.same(f"reservations of {network}", set(wanted.items()), set(self.reserved(network).items()))
        aliases = {link.get("ifalias", "") for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth")}
        self.same("host ends", {f"patchcord {key[0]}/{key[1]}/{self.ifname(key[0])}" for key in self.attached},
                  {alias for alias in aliases if alias.startswith("patchcord ")})
        routes = {address.split("/")[0] for key, result in self.attached.items() if key[0] == "beta"
                  for address in (ip["address"] for ip in result["ips"]) if ":" not in address}
        self.same("host routes", routes, set(re.findall(r"^(10\.89\.\S+) dev veth", self.node.on_host("ip", "route"), re.M)))
        self.compare_containers()

    def compare_containers(self):
        for container in random.sample(self.containers, 20):
            wanted = {(self.ifname(key[0]), ip["address"]) for key, result in self.attached.items() if key[1] == container for ip in result["ips"]}
            seen = {(link["ifname"], f"{a['local']}/{a['prefixlen']}") for link in self.node.ip_json(container, "addr")
                    for a in link["addr_info"] if link["ifname"] != "lo" and a["scope"] == "global"}
            self.same(f"addresses in {container}", wanted, seen)
        for key in random.sample(sorted(self.attached), min(10, len(self.attached))):
            try:
                self.node.finish(self.start("CHECK", key, config=self.networks[key[0]] | {"prevResult": self.attached[key]}))
            except PluginError as error:
                self.diverge(f"CHECK after reconcile: {key}: {error}")

    def records(self, network):
        directory = os.path.join(self.node.state, "attachments", network)
        return set(os.listdir(directory)) if os.path.isdir(directory) else set()

    def reserved(self, network):
        held = {}
        for name in self.node.reservations(network):
            with open(os.path.join(self.node.networks, network, name), encoding="ascii", newline="") as file:
                held[name] = file.read()
        return held

    def same(self, what, wanted, seen):
        if wanted != seen:
            self.diverge(f"{what}: missing {sorted(wanted - seen)[:5]}, too many {sorted(seen - wanted)[:5]}")

    def round(self):
        every = [(network, container) for network in self.networks for container in self.containers]
        chosen = random.sample(every, IN_A_ROUND)
        # Whole containers: two networks have a default route for theirs, and what is flushed here, a new attachment of the other may take.
        at_work = {container for _, container in chosen}
        safe = sorted(key for key in self.attached if key[1] not in at_work)
        stop = threading.Event()
        churner = threading.Thread(target=self.churn, args=(stop, safe))
        churner.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
                list(pool.map(self.operate, chosen))
        finally:
            stop.set()
            churner.join()
        if random.random() < 0.3:
            self.collect()
        self.reconcile()
        self.compare()
        self.figures["rounds"] += 1

    def end(self):
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(self.delete_surely, list(self.attached)))
        self.compare()
        self.same("drafts and records", set(), {name for _, _, names in os.walk(os.path.join(self.node.state, "attachments")) for name in names})


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(os.environ.get("PATCHCORD_SOAK_SEED", time.time_ns()))
    random.seed(seed)
    with Node() as node:
        soak = Soak(node)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and len(soak.divergences) < 20:
            soak.round()
        soak.end()
    print(f"soak of {seconds:.0f} s, seed {seed}: " + ", ".join(f"{name} {value}" for name, value in soak.figures.items()) +
          f", divergences from the model {len(soak.divergences)}")
    print(f"{soak.figures['rounds']} passed, {len(soak.divergences)} failed, 0 skipped")
    return 1 if soak.divergences else 0


if __name__ == "__main__":
    sys.exit(main())
