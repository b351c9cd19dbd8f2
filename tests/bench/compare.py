#!/usr/bin/python3
"""Compares whole processes: our plugin and Debian's reference bridge with host-local, alternating in one run.

Prints medians of wall time and of peak memory for ADD and DEL, and their ratios. Figures are for reading, not for passing: they are never
part of a test.
"""

import argparse
import ctypes
import json
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "process"))
from fake_node import REFERENCE_DIR, Node  # noqa: E402


def timed(command, environment, text):
    """One process: seconds of wall time."""
    read_end, write_end = os.pipe()
    os.write(write_end, text.encode())
    os.close(write_end)
    sink = os.open(os.devnull, os.O_WRONLY)
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, environment,
                         file_actions=[(os.POSIX_SPAWN_DUP2, read_end, 0), (os.POSIX_SPAWN_DUP2, sink, 1)])
    _, status = os.waitpid(pid, 0)
    elapsed = time.perf_counter() - started
    os.close(read_end)
    os.close(sink)
    if status != 0:
        raise RuntimeError(f"{command} ended with status {status}")
    return elapsed


def peak_memory(command, environment, text):
    """One process: kilobytes of peak memory. Started by something small, because a process counts what its parent had when it was made."""
    done = subprocess.run(["busybox", "time", "-v", *command], input=text, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=environment, check=True)
    return int(re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr).group(1))


class Contender:
    def __init__(self, name, binary, config):
        self.name, self.binary, self.text = name, binary, json.dumps(config)
        self.seconds = {"ADD": [], "DEL": []}
        self.memory = {"ADD": [], "DEL": []}

    def run(self, node, container, number, keep):
        for command in ("ADD", "DEL"):
            environment = node.environment(command, f"{self.name}{number}", node.path_of(container))
            seconds = timed([self.binary], environment, self.text)
            if keep:
                self.seconds[command].append(seconds)

    def weigh(self, node, container):
        for command in ("ADD", "DEL"):
            environment = node.environment(command, f"{self.name}-weighed", node.path_of(container))
            self.memory[command].append(peak_memory([self.binary], environment, self.text))

    def median(self, command):
        return statistics.median(self.seconds[command]) * 1000

    def peak(self, command):
        return statistics.median(self.memory[command])


def contenders(node, patchcord):
    ipam = {"type": "host-local", "dataDir": node.networks, "ranges": [[{"subnet": "10.88.0.0/16"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}
    common = {"cniVersion": "1.0.0", "isGateway": True, "ipam": ipam}
    return (Contender("patchcord", patchcord, {**common, "name": "ours", "type": "patchcord", "mode": "bridge", "bridge": "ours0"}),
            Contender("reference", os.path.join(REFERENCE_DIR, "bridge"),
                      {**common, "name": "theirs", "type": "bridge", "bridge": "theirs0",
                       "ipam": {**ipam, "ranges": [[{"subnet": "10.89.0.0/16"}]]}}))


def measure(node, pair, runs):
    container = node.container("bench")
    for number in range(runs + 3):
        # Who goes first changes from round to round, so that neither always finds the caches of the other.
        for contender in pair if number % 2 else reversed(pair):
            contender.run(node, container, number, keep=number >= 3)
    for _ in range(5):
        for contender in pair:
            contender.weigh(node, container)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patchcord", default=os.path.join(ROOT, "build", "patchcord"))
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    with Node() as node:
        # The processes are started from here, so here is the host.
        with open(node.path_of(node.host), "rb") as namespace:
            enter(namespace.fileno())
        pair = contenders(node, os.path.abspath(arguments.patchcord))
        measure(node, pair, arguments.runs)
        leave()
    ours, theirs = pair
    print(f"{arguments.runs} runs each, alternating; medians")
    print(f"{'':10} {'patchcord':>14} {'reference':>14} {'ratio':>8}")
    for command in ("ADD", "DEL"):
        print(f"{command:10} {ours.median(command):11.2f} ms {theirs.median(command):11.2f} ms "
              f"{theirs.median(command) / ours.median(command):7.1f}x")
    for command in ("ADD", "DEL"):
        print(f"{command} memory {ours.peak(command):11.0f} kB {theirs.peak(command):11.0f} kB "
              f"{theirs.peak(command) / ours.peak(command):7.1f}x")


HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


def enter(fd):
    """setns(2), which Python 3.11 does not have."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def leave():
    enter(HOME)


if __name__ == "__main__":
    main()
