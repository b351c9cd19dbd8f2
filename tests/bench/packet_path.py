"""What traffic through a container's network comes to: ours and the reference's, with one host port and with a thousand."""

import contextlib
import os
import statistics

from contenders import Chain, bridge_of, common, reference
from fake_node import Node
from measure import compile_c, inside
from traffic import Traffic

# What the mode of traffic.c measures, and whether more of it is better.
MEASURES = {"stream": ("TCP, Mbit/s", True), "packets": ("UDP, datagrams/s", True), "latency": ("TCP round trip, µs", False),
            "connects": ("TCP connections/s", True)}
PORT = 7000
FIRST_HOST_PORT = 20000
# Two nodes of one and the same contender differ by so much (tests/bench/notes.md).
NOISE = 0.2


class Lane:
    """One contender on a node of its own: a pod that serves, with host ports, another one, and a neighbour outside."""

    def __init__(self, bench, program, name, mode, mappings):
        self.program = program
        self.node = Node()
        self.traffic = Traffic(self.node)
        self.host_port = FIRST_HOST_PORT + mappings - 1
        self.outside = self.traffic.neighbour("outside")
        with inside(self.node):
            chain = Chain(self.node, bench.launcher, name, self.plugins(bench, name, mode, mappings))
            self.client = self.node.container("client")
            chain.add(self.client, self.node.path_of(self.client))
            self.pod = self.node.container("server")
            for _, config in chain.plugins:
                config["runtimeConfig"] = {"portMappings": self.mappings(mappings)}
            chain.add(self.pod, self.node.path_of(self.pod))
            self.address = chain.result["ips"][0]["address"].split("/")[0]
        self.traffic.start(self.pod, program, "serve", str(PORT))

    def plugins(self, bench, name, mode, mappings):
        case = f"path{mappings}"
        config = (bridge_of(self.node, name, case) if mode == "bridge" else {**common(self.node, name, case), "type": "ptp"})
        if name == "patchcord":
            return [(bench.patchcord, {**config, "type": "patchcord", "mode": mode})]
        ports = {"cniVersion": "1.0.0", "name": config["name"], "type": "portmap", "capabilities": {"portMappings": True}}
        return [(reference(config["type"]), config), (reference("portmap"), ports)]

    def mappings(self, count):
        """The last one is used; the reference takes a minute and more for a thousand (a process a rule), so only that one has both protocols."""
        return [{"hostPort": FIRST_HOST_PORT + number, "containerPort": PORT, "protocol": protocol}
                for number in range(count) for protocol in (("tcp", "udp") if number == count - 1 else ("tcp",))]

    def measure(self, path, mode, seconds):
        source, address, port = {"pod to pod": (self.client, self.address, PORT),
                                 "outside to host port": (self.outside, "192.0.2.1", self.host_port)}[path]
        done = self.node.run_in(source, self.program, mode, address, str(port), str(seconds))
        return float(done.stdout)

    def close(self):
        self.traffic.close()
        self.node.close()


def compare(lanes, rounds, seconds):
    """{(path, measure): {contender: median}}, alternating."""
    seen = {}
    for number in range(rounds):
        for path in ("pod to pod", "outside to host port"):
            for mode in MEASURES:
                for name in lanes if number % 2 else reversed(lanes):
                    seen.setdefault((path, mode), {}).setdefault(name, []).append(lanes[name].measure(path, mode, seconds))
    return {key: {name: statistics.median(values) for name, values in by_name.items()} for key, by_name in seen.items()}


def packet_path(bench, _):
    program = compile_c("traffic", os.path.dirname(bench.floor), "-pthread")
    rounds, seconds, many = (2, 0.3, 100) if bench.quick else (7, 0.7, 1000)
    rows, worst = [], {}
    for mode in ("bridge", "routed"):
        for mappings in (1, many):
            with contextlib.ExitStack() as stack:
                lanes = {}
                for name in ("patchcord", "reference"):
                    lanes[name] = Lane(bench, program, name, mode, mappings)
                    stack.callback(lanes[name].close)
                for (path, measure), medians in compare(lanes, rounds, seconds).items():
                    title, more_is_better = MEASURES[measure]
                    ratio = medians["patchcord"] / medians["reference"]
                    good = ratio if more_is_better else 1 / ratio
                    rows.append((mode, path, mappings, title, f"{medians['patchcord']:,.0f}", f"{medians['reference']:,.0f}", f"{good:.2f}"))
                    crossed = mappings > 1 and measure == "connects" and path != "pod to pod"
                    worst[crossed] = min(worst.get(crossed, good), good)
    bench.tables.append(("The packet path", ["mode", "path", "host ports", "", "patchcord", "reference", "how many times better"], rows))
    bench.target("packet path: the worst of all, of the reference's (two nodes of the same differ by up to 20 %)", 1 - NOISE, worst[False], at_most=False)
    bench.target(f"packet path: connections to the last of {many:,} host ports, of the reference's", 1, worst[True], at_most=False)
