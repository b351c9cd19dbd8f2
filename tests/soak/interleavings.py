#!/usr/bin/python3
"""An ADD and the late DEL of the same container id, begun at random moments: no address is freed that a live one holds, and none is given twice.

interleavings.py [COUNT]. The last line is "N passed, N failed, 0 skipped".
"""

import concurrent.futures
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import DUAL_ROUTED, Node, PluginError, bridge_config, routed_config

LANES = 8
# What an operation may say that finds another one at work on the same attachment, or the attachment still there.
EXCUSED = ("another operation is at work on", "is attached to network")


class Lane:
    """One container id that is attached and detached again and again, in two namespaces by turns."""

    def __init__(self, node, number, config, outcomes):
        self.node, self.config, self.outcomes = node, config, outcomes
        self.id = f"lane{number}"
        self.namespaces = [node.path_of(node.container(f"{self.id}{letter}")) for letter in "ab"]

    def start(self, command, netns, config=None):
        return self.node.start(command, config or self.config, self.id, netns)

    def names(self):
        return {"cniVersion": "1.0.0", "name": self.config["name"]}

    def once(self):
        self.node.finish(self.start("ADD", self.namespaces[0]))
        # As a runtime does it whose first DEL was slow: the next sandbox of that id begins meanwhile.
        pause = random.uniform(-0.02, 0.02)
        late_has_names_only = random.random() < 0.5
        late = lambda: self.start("DEL", "" if late_has_names_only else self.namespaces[0], self.names() if late_has_names_only else None)
        add = lambda: self.start("ADD", self.namespaces[1])
        first, second = (late, add) if pause > 0 else (add, late)
        one = first()
        time.sleep(abs(pause))
        other = second()
        deleted, added = (one, other) if pause > 0 else (other, one)
        result = self.finish_excused(added)
        self.finish_excused(deleted)
        self.require_whole(result)
        self.node.finish(self.start("DEL", "", self.names()))
        self.require_nothing()

    def finish_excused(self, process):
        try:
            return self.node.finish(process)
        except PluginError as error:
            if not any(text in error.msg for text in EXCUSED):
                raise
            return None

    def held(self):
        directory = os.path.join(self.node.networks, self.config["name"])
        found = []
        for name in self.node.reservations(self.config["name"]):
            try:
                with open(os.path.join(directory, name), encoding="ascii", newline="") as file:
                    if file.read() == f"{self.id}\r\neth0":
                        found.append(name)
            except FileNotFoundError:
                pass  # another lane's, released meanwhile
        return sorted(found)

    def recorded(self):
        directory = os.path.join(self.node.state, "attachments", self.config["name"])
        return [name for name in (f"{self.id}:eth0", f".{self.id}:eth0") if os.path.exists(os.path.join(directory, name))]

    def require_whole(self, result):
        """Attached with everything, or not at all."""
        live = [n for n in self.namespaces if subprocess.run(["nsenter", f"--net={n}", "ip", "link", "show", "eth0"], stdout=subprocess.DEVNULL,
                                                              stderr=subprocess.DEVNULL, check=False).returncode == 0]
        if not live:
            self.outcomes["detached"] += 1
            return self.require_nothing()
        self.outcomes["attached"] += 1
        if len(live) > 1:
            raise AssertionError(f"{self.id} is attached twice: {live}")
        text = subprocess.run(["nsenter", f"--net={live[0]}", "ip", "-o", "addr", "show", "dev", "eth0", "scope", "global"], stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        addresses = sorted(line.split()[3].split("/")[0] for line in text.splitlines())
        if addresses != self.held() or self.recorded() != [f"{self.id}:eth0"]:
            raise AssertionError(f"{self.id} has {addresses}, holds {self.held()}, recorded {self.recorded()}")
        if result and live == [self.namespaces[1]]:
            given = sorted(ip["address"].split("/")[0] for ip in result["ips"])
            if given != addresses:
                raise AssertionError(f"{self.id} was given {given} and has {addresses}")
        return None

    def require_nothing(self):
        if self.held() or self.recorded():
            raise AssertionError(f"{self.id} is not attached, holds {self.held()}, recorded {self.recorded()}")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(os.environ.get("PATCHCORD_SOAK_SEED", time.time_ns()))
    random.seed(seed)
    problems, outcomes = [], {"attached": 0, "detached": 0}
    with Node() as node:
        configs = (bridge_config(node, isGateway=True), routed_config(node, subnets=DUAL_ROUTED))
        lanes = [Lane(node, number, configs[number % 2], outcomes) for number in range(LANES)]

        def run(lane):
            for _ in range(count // LANES):
                try:
                    lane.once()
                except (AssertionError, PluginError) as problem:
                    problems.append(f"{lane.id}: {problem}")
                    print(problems[-1], flush=True)
                    node.finish(lane.start("DEL", "", lane.names()))

        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            list(pool.map(run, lanes))
    print(f"{count} interleavings, seed {seed}: {outcomes['attached']} ended attached, {outcomes['detached']} not, {len(problems)} wrong")
    print(f"{count - len(problems)} passed, {len(problems)} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
