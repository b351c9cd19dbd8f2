"""Whole processes, measured from outside: what one run costs, and what many cost together."""

import collections
import contextlib
import ctypes
import json
import os
import re
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HOME = os.open("/proc/self/ns/net", os.O_RDONLY)

Cost = collections.namedtuple("Cost", "wall cpu peak faults")  # seconds, seconds, kilobytes, number


def enter(fd=HOME):
    """setns(2), which Python 3.11 does not have. The processes that are measured are started from here, so here is their host."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(node):
    """What is started meanwhile has the node's host for its own."""
    with open(node.path_of(node.host), "rb") as namespace:
        enter(namespace.fileno())
    try:
        yield
    finally:
        enter()


def compile_c(name, directory, *options):
    program = os.path.join(directory, name)
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-static", *options, "-o", program, os.path.join(HERE, f"{name}.c")], check=True)
    return program


class Failed(Exception):
    """A process that is measured did not succeed; what it wrote to stdout is the message."""


class Launcher:
    """Starts programs from something small, so that their peak memory is their own."""

    def __init__(self, directory, realtime):
        self.program = compile_c("launch", directory)
        self.directory = directory
        self.realtime = {"LAUNCH_REALTIME": "1"} if realtime else {}
        self.output = os.path.join(directory, "stdout")

    def run(self, command, environment=None, text=""):
        source = os.path.join(self.directory, "stdin")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([self.program, source, self.output, *command], env={**(environment or {}), **self.realtime},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        fields = done.stdout.split()
        if done.returncode != 0 or fields[0] != "0":
            raise Failed(f"{command}: {done.stdout} {done.stderr} {self.read_output()}")
        return Cost(wall=int(fields[1]) / 1e9, cpu=(int(fields[2]) + int(fields[3])) / 1e6, peak=int(fields[4]), faults=int(fields[5]))

    def read_output(self):
        with open(self.output, encoding="utf-8") as file:
            return file.read()

    def count_calls(self, command, environment=None, text=""):
        """System calls of the program and of those that it starts."""
        log = os.path.join(self.directory, "calls")
        with open(self.output, "w", encoding="utf-8") as output:
            subprocess.run(["strace", "-f", "-c", "-o", log, *command], env={"PATH": os.environ["PATH"], **(environment or {})}, input=text,
                           stdout=output, stderr=subprocess.PIPE, text=True, check=True)
        with open(log, encoding="utf-8") as file:
            total = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)(\s+\d+)?\s+total$", file.read(), re.MULTILINE)
        return int(total.group(1))


class Storm:
    """Many programs at once."""

    def __init__(self, directory, realtime):
        self.program = compile_c("storm", directory)
        self.directory = directory
        self.environment = {**os.environ, "LAUNCH_REALTIME": "1"} if realtime else None

    def run(self, commands):
        """Starts all of (command, environment, text) and returns the seconds until the last one is done."""
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            for number, (command, environment, text) in enumerate(commands):
                strings = {"arguments": command, "environment": [f"{key}={value}" for key, value in environment.items()]}
                for name, values in strings.items():
                    with open(os.path.join(directory, f"{number}.{name}"), "w", encoding="utf-8") as file:
                        file.write("".join(value + "\0" for value in values))
                with open(os.path.join(directory, f"{number}.input"), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([self.program, directory, str(len(commands))], env=self.environment, stdout=subprocess.PIPE, text=True,
                                  check=True)
        failed, nanoseconds = done.stdout.split()
        if failed != "0":
            raise Failed(f"{failed} of {len(commands)} at once failed")
        return int(nanoseconds) / 1e9


class Samples:
    """The costs of one thing, run after run."""

    def __init__(self):
        self.costs = []
        self.calls = None

    def add(self, *costs):
        """Of several processes in a row, the times add up."""
        self.costs.append(Cost(wall=sum(cost.wall for cost in costs), cpu=sum(cost.cpu for cost in costs),
                               peak=max(cost.peak for cost in costs), faults=sum(cost.faults for cost in costs)))

    def wall(self, percent=50):
        ordered = sorted(cost.wall for cost in self.costs)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if percent != 50 else statistics.median(ordered)

    def median(self, field):
        return statistics.median(getattr(cost, field) for cost in self.costs)


def plugin_calls(node, config, command, container_id, netns, previous=None, ifname="eth0", plugins=None):
    """(environment, text) of one call of a plugin, as a runtime makes it."""
    environment = node.environment(command, container_id, netns, ifname)
    environment["CNI_PATH"] = plugins or environment["CNI_PATH"]
    document = {**config, "prevResult": previous} if previous is not None else config
    return environment, json.dumps(document)
