#!/usr/bin/python3
"""The tail of DEL: bursts of DELs at once, both DELs of each pod, in each mode, beside the floor (floor.c), which does the same deletions at once.

  bursts.py [--pods 40] [--bursts 3] PROGRAM...

Prints medians and the longest, in milliseconds. The floor goes before and after the programs, so that a machine that was busy meanwhile shows.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "process"))
if os.path.isdir("/dev/shm"):
    tempfile.tempdir = "/dev/shm"
from fake_node import Node, bridge_config, routed_config  # noqa: E402

import measure  # noqa: E402


def start(program, environment, text):
    with tempfile.TemporaryFile() as source:
        source.write(text.encode())
        source.seek(0)
        return os.posix_spawn(program[0], program, environment, file_actions=[
            (os.POSIX_SPAWN_DUP2, source.fileno(), 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])


def run_all(jobs):
    """Each job is some programs, one after the other; all jobs at once. Returns the seconds of all first programs, of all second ones, ..."""
    spent = [[] for _ in jobs[0]]
    running = {start(*job[0]): (job, 0, time.monotonic()) for job in jobs}
    while running:
        process, status = os.wait()
        job, place, began = running.pop(process)
        spent[place].append(time.monotonic() - began)
        if status != 0:
            raise measure.Failed(f"{job[place]} ended with {status}")
        if place + 1 < len(job):
            running[start(*job[place + 1])] = (job, place + 1, time.monotonic())
    return spent


class Bursts:
    def __init__(self, arguments, node, directory):
        self.arguments = arguments
        self.node = node
        self.floor = measure.compile_c("floor", directory)
        self.pods = [node.container(f"pod{number}") for number in range(arguments.pods)]
        subprocess.run(["ip", "-n", node.host, "link", "add", "floor0", "up", "type", "bridge"], check=True)
        self.bridge = str(node.ip_json(node.host, "link", "show", "floor0")[0]["ifindex"])
        self.configs = {"bridge": bridge_config(node, isDefaultGateway=True), "routed": routed_config(node),
                        "bridge, masqueraded": bridge_config(node, isDefaultGateway=True, ipMasq=True),
                        "routed, masqueraded": routed_config(node, ipMasq=True)}

    def floor_once(self, rules):
        """The pairs on a bridge: there, the kernel waits for one grace period more. With rules, an element of a set of nftables for each."""
        subprocess.run(["nft", "add table inet floor; add set inet floor pods { type ipv4_addr; }"], check=True)
        jobs = []
        for number, pod in enumerate(self.pods):
            address = f"192.0.2.{number + 1}"
            subprocess.run([self.floor, "add-bridge", self.node.path_of(pod), self.bridge], check=True)
            subprocess.run(["ip", "link", "set", "vethfloor", "name", f"floor-{number}"], check=True)
            subprocess.run(["nft", f"add element inet floor pods {{ {address} }}"], check=True)
            jobs.append([([self.floor, "del", f"floor-{number}", *([address] if rules else [])], {}, "")])
        spent = run_all(jobs)
        subprocess.run(["nft", "delete table inet floor"], check=True)
        return spent

    def ours_once(self, program, mode):
        text = json.dumps(self.configs[mode])
        call = lambda command, pod: ([program], self.node.environment(command, pod, self.node.path_of(pod)), text)
        for pod in self.pods:
            run_all([[call("ADD", pod)]])
        return run_all([[call("DEL", pod)] * 2 for pod in self.pods])

    def show(self, name, once):
        bursts = [once() for _ in range(self.arguments.bursts)]
        for place, which in enumerate(("first DEL", "second DEL")[:len(bursts[0])]):
            spent = [1000 * seconds for burst in bursts for seconds in burst[place]]
            print(f"{name:40} {which:10}  median {statistics.median(spent):8.1f}  longest {max(spent):8.1f}", flush=True)

    def run(self):
        with measure.inside(self.node):
            for rules in (False, True):
                show_floor = lambda: self.show("floor" + ", with rules" * rules, lambda: self.floor_once(rules))
                show_floor()
                for mode in (mode for mode in self.configs if mode.endswith("masqueraded") == rules):
                    for program in self.arguments.programs:
                        self.show(f"{os.path.basename(program)}, {mode}", lambda: self.ours_once(os.path.abspath(program), mode))
                show_floor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=40)
    parser.add_argument("--bursts", type=int, default=3)
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    arguments = parser.parse_args()
    with Node() as node, tempfile.TemporaryDirectory() as directory:
        Bursts(arguments, node, directory).run()


if __name__ == "__main__":
    main()
