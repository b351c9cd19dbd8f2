#!/usr/bin/python3
"""Measures patchcord, the reference plugins and the floor, alternating in one run, in throwaway namespaces.

Figures are for reading, not for passing: they are never part of a test. Records and reservations lie in memory (/dev/shm), as records do in
production, so that no disk is measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "process"))
if os.path.isdir("/dev/shm"):
    tempfile.tempdir = "/dev/shm"
from fake_node import Node  # noqa: E402

import cases  # noqa: E402
import measure  # noqa: E402
import packet_path  # noqa: E402
import report  # noqa: E402
import rule_cases  # noqa: E402

# Those last that leave the kernel thousands of namespaces to take down.
CASES = {"start-up": cases.start_up, "bridge": cases.bridge, "dual-stack": cases.dual_stack, "routed": cases.routed,
         "masquerade": cases.masquerade, "podman": cases.podman, "at-once": cases.at_once, "many-reservations": cases.many_reservations,
         "stale": cases.stale, "host-ports": rule_cases.host_ports, "rules": rule_cases.rules, "packet-path": packet_path.packet_path,
         "many-ports": cases.many_ports, "many-routed": cases.many_routed}


class Bench:
    """What the cases share."""

    def __init__(self, node, arguments, directory, plugins):
        self.node = node
        self.plugins = plugins
        self.patchcord = install(arguments.patchcord, self.drop_in("patchcord"))
        self.other_build = arguments.other_build and install(arguments.other_build, self.drop_in("other-build"))
        self.runs = arguments.runs
        self.quick = arguments.quick
        self.launcher = measure.Launcher(directory, arguments.realtime)
        self.storm = measure.Storm(directory, arguments.realtime)
        self.floor = measure.compile_c("floor", directory)
        for name in ("bridge", "ptp", "host-local", "portmap", "firewall", "tuning", "bandwidth"):
            os.symlink(self.patchcord, self.drop_in(name))
        self.results = {}  # (case, contender, command): Samples
        self.targets = []  # (case, target, measured, met)
        self.failures = []  # (case, what was said)
        self.tables = []   # markdown of the cases that have figures of their own

    def drop_in(self, name):
        return os.path.join(self.plugins, name)

    def median(self, case, contender, command):
        return self.results[case, contender, command].wall()

    def target(self, case, limit, measured, at_most=True):
        met = measured <= limit if at_most else measured >= limit
        self.targets.append((case, f"{'at most' if at_most else 'at least'} {limit:.3g}", f"{measured:.3g}", "yes" if met else "**no**"))


def install(program, place):
    """As a node has it, and the reference: a file that was written in one go lies in larger pieces of memory than one that a linker has put
    together, and its pages cost less to map, by a twentieth of an ADD."""
    subprocess.run(["install", "-m", "0755", program, place], check=True)
    return place


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patchcord", default=os.path.join(ROOT, "build", "patchcord"))
    parser.add_argument("--other-build", help="another patchcord, to compare the start-up with")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--realtime", action="store_true", help="give what is measured a real-time priority, on a machine that does other work")
    parser.add_argument("--quick", action="store_true", help="small numbers where cases are about large ones")
    parser.add_argument("--case", action="append", choices=sorted(CASES), help="only this one (may be given again)")
    parser.add_argument("--output", help="where benchmarks.md and benchmarks.svg go; without it they are only shown")
    return parser.parse_args()


def run(arguments):
    # The plugins lie on the disk, as the reference does.
    with tempfile.TemporaryDirectory(prefix="patchcord-bench-") as directory, \
         tempfile.TemporaryDirectory(prefix="patchcord-bench-", dir="/var/tmp") as plugins:
        bench = None
        for name, case in CASES.items():
            if arguments.case and name not in arguments.case:
                continue
            with Node() as node, measure.inside(node):
                try:
                    if bench is None:
                        bench = Bench(node, arguments, directory, plugins)
                    bench.node = node
                    print(f"{name} ...", flush=True)
                    case(bench, name)
                except measure.Failed as failure:
                    # What is left of the report is worth having.
                    bench.failures.append((name, str(failure)))
                    bench.results = {key: samples for key, samples in bench.results.items() if key[0] != name}
    return bench


def main():
    arguments = parse_arguments()
    bench = run(arguments)
    text, drawing = report.document(bench, arguments)
    print(text)
    if arguments.output is None:
        return
    for name, content in (("benchmarks.md", text), ("benchmarks.svg", drawing)):
        with open(os.path.join(arguments.output, name), "w", encoding="utf-8") as file:
            file.write(content)


if __name__ == "__main__":
    main()
