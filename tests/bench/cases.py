"""The cases, each with its targets: ratios of medians in one run."""

import json
import os
import subprocess
import time

from contenders import PODMAN_PORTS, SUBNETS, Chain, Floor, bridge_of, common, reference
from measure import Samples

COMMANDS = ("ADD", "DEL")
WARM_UP = 3


def alternate(bench, case, contenders, runs=None):
    """Who goes first changes from round to round, so that neither always finds the caches of the other."""
    pod = bench.node.container("pod")
    netns = bench.node.path_of(pod)
    runs = runs or bench.runs
    for contender in contenders:
        for command in COMMANDS:
            bench.results[case, contender.name, command] = Samples()
    for number in range(runs + WARM_UP):
        for contender in contenders if number % 2 else reversed(contenders):
            costs = {"ADD": contender.add(f"{contender.name}{number}", netns)}
            costs["DEL"] = contender.delete(f"{contender.name}{number}", netns)
            for command in COMMANDS:
                if number >= WARM_UP:
                    bench.results[case, contender.name, command].add(*costs[command])
    for contender in contenders:
        for command, call in (("ADD", contender.add), ("DEL", contender.delete)):
            counted = call(f"{contender.name}-counted", netns, run=bench.launcher.count_calls)
            bench.results[case, contender.name, command].calls = sum(counted)
    bench.node.remove_container(pod)


def against(bench, case, command, other, limit):
    """The target is a fraction of the other's time."""
    ratio = bench.median(case, "patchcord", command) / bench.median(case, other, command)
    bench.target(f"{case}: {command}, of the {other}'s", limit, ratio)


def ours(bench, case, config):
    return Chain(bench.node, bench.launcher, "patchcord", [(bench.patchcord, config)])


def bridge_contenders(bench, case, dual=False, **keys):
    node = bench.node
    return (ours(bench, case, {**bridge_of(node, "patchcord", case, dual, **keys), "type": "patchcord", "mode": "bridge"}),
            Chain(node, bench.launcher, "reference", [(reference("bridge"), bridge_of(node, "reference", case, dual, **keys))]))


def bridge(bench, case):
    alternate(bench, case, (Floor(bench.launcher, bench.floor, "bridge"), *bridge_contenders(bench, case)))
    against(bench, case, "ADD", "floor", 1.5)
    against(bench, case, "ADD", "reference", 1 / 6)
    against(bench, case, "DEL", "floor", 1.15)
    peak = max(bench.results[case, "patchcord", command].median("peak") for command in COMMANDS)
    bench.target("peak memory, MiB", 2.5, peak / 1024)
    bench.target("binary, MB", 2.5, os.path.getsize(bench.patchcord) / 1e6)


def dual_stack(bench, case):
    alternate(bench, case, (Floor(bench.launcher, bench.floor, "dual"), *bridge_contenders(bench, case, dual=True)),
              runs=min(bench.runs, 20))
    if ("bridge", "patchcord", "ADD") in bench.results:
        bench.target("dual stack: ADD, of single stack's", 1.3,
                     bench.median(case, "patchcord", "ADD") / bench.median("bridge", "patchcord", "ADD"))
    against(bench, case, "DEL", "floor", 1.15)


def start_up(bench, case):
    """VERSION, which does nothing but start, read and answer: of another build of ours, too, if one was given."""
    programs = {"patchcord": bench.patchcord, "reference": reference("bridge")}
    if bench.other_build:
        programs["other build"] = bench.other_build
    for name in programs:
        bench.results[case, name, "VERSION"] = Samples()
    for number in range(4 * bench.runs + WARM_UP):
        for name in programs if number % 2 else reversed(programs):
            cost = bench.launcher.run([programs[name]], {"CNI_COMMAND": "VERSION"}, '{"cniVersion": "1.0.0"}')
            if number >= WARM_UP:
                bench.results[case, name, "VERSION"].add(cost)
    if bench.other_build:
        bench.target("start-up, of the other build's", 1, bench.median(case, "patchcord", "VERSION") / bench.median(case, "other build", "VERSION"))


def stand_by(bench, chains):
    """Another pod on each network, as on a node in use: an ADD of a network's first also makes the network."""
    for chain in chains:
        chain.add(f"standing-{chain.name}", bench.node.path_of(bench.node.container(f"standing-{chain.name}")))


def masquerade(bench, case):
    """Also of the only pod of a network, which takes the network's chain away with it each time."""
    first = "masquerade, only pod"
    chains = bridge_contenders(bench, case, ipMasq=True)
    alternate(bench, first, chains)
    stand_by(bench, chains)
    alternate(bench, case, chains)
    for name in (case, first):
        against(bench, name, "ADD", "reference", 1 / 12)
        against(bench, name, "DEL", "reference", 1 / 3)


def routed(bench, case):
    node = bench.node
    alternate(bench, case,
              (Floor(bench.launcher, bench.floor, "routed"),
               ours(bench, case, {**common(node, "patchcord", case), "type": "patchcord", "mode": "routed"}),
               Chain(node, bench.launcher, "reference", [(reference("ptp"), {**common(node, "reference", case), "type": "ptp"})])))
    against(bench, case, "ADD", "floor", 1.5)
    against(bench, case, "ADD", "reference", 1 / 6)
    against(bench, case, "DEL", "floor", 1.15)
    if ("bridge", "patchcord", "ADD") in bench.results:
        bench.target("routed: ADD, of bridge's", 1, bench.median(case, "patchcord", "ADD") / bench.median("bridge", "patchcord", "ADD"))


def attach_many(bench, config, count):
    node = bench.node
    chain = ours(bench, "many", config)
    for number in range(count):
        chain.add(f"many{number}", node.path_of(node.container(f"many{number}")), run=bench.launcher.run)


def time_alone(bench, chain, runs, netns):
    samples = {command: Samples() for command in COMMANDS}
    for number in range(runs + WARM_UP):
        added = chain.add(f"alone{number}", netns)
        deleted = chain.delete(f"alone{number}", netns)
        if number >= WARM_UP:
            samples["ADD"].add(*added)
            samples["DEL"].add(*deleted)
    return samples


def grow(bench, case, config, count, limit, title):
    """An ADD on a node with nothing, and one on the same node with `count` more."""
    chain = ours(bench, case, config)
    netns = bench.node.path_of(bench.node.container("grown"))
    before = time_alone(bench, chain, bench.runs, netns)
    attach_many(bench, config, count)
    time.sleep(5)  # the last ones' duplicate address detection, and what the kernel puts off
    after = time_alone(bench, chain, bench.runs, netns)
    bench.results[case, f"patchcord, {count} others", "ADD"] = after["ADD"]
    bench.results[case, "patchcord, alone", "ADD"] = before["ADD"]
    bench.target(title.format(count), limit, after["ADD"].wall() / before["ADD"].wall())


def many_ports(bench, case):
    config = {**bridge_of(bench.node, "patchcord", case), "type": "patchcord", "mode": "bridge"}
    grow(bench, case, config, 90 if bench.quick else 900, 1.3, "ADD with {} pods on the bridge, of the first's")


def many_routed(bench, case):
    config = {**common(bench.node, "patchcord", case), "type": "patchcord", "mode": "routed"}
    grow(bench, case, config, 400 if bench.quick else 4000, 1.3, "ADD with {} routed pods, of the first's")


def many_reservations(bench, case):
    node = bench.node
    count = 6000 if bench.quick else 60000
    config = {**common(node, "patchcord", case), "type": "patchcord", "mode": "routed"}
    chain = ours(bench, case, config)
    netns = node.path_of(node.container("pod"))
    before = time_alone(bench, chain, bench.runs, netns)
    unknown = [Samples(), Samples()]
    delete_unknown(bench, chain, unknown[0])
    directory = os.path.join(node.networks, config["name"])
    first, second, *_ = SUBNETS["patchcord"][0].split(".")
    for number in range(count):
        address = f"{first}.{second}.{16 + number // 256}.{number % 256}"
        with open(os.path.join(directory, address), "w", encoding="ascii") as file:
            file.write(f"other{number}\r\neth0")
    after = time_alone(bench, chain, bench.runs, netns)
    delete_unknown(bench, chain, unknown[1])
    for name, samples in (("patchcord, none", before), (f"patchcord, {count}", after)):
        bench.results[case, name, "ADD"] = samples["ADD"]
    bench.results[case, "patchcord, none, unknown id", "DEL"] = unknown[0]
    bench.results[case, f"patchcord, {count}, unknown id", "DEL"] = unknown[1]
    bench.target(f"ADD with {count} reservations, of the first's", 1.1, after["ADD"].wall() / before["ADD"].wall())
    bench.target(f"DEL of an unknown id with {count} reservations, of that with none", 1.1, unknown[1].wall() / unknown[0].wall())


def delete_unknown(bench, chain, samples):
    for number in range(bench.runs):
        samples.add(*chain.delete(f"unknown{number}", ""))


def at_once(bench, case):
    node, count = bench.node, 32
    paths = [node.path_of(node.container(f"pod{number}")) for number in range(count)]
    rates = {}
    for round_number in range(4):
        for chain in bridge_contenders(bench, case):
            for command in COMMANDS:
                calls = [chain.arguments(command, f"{chain.name}{number}", paths[number])[0] for number in range(count)]
                seconds = bench.storm.run(calls)
                if round_number > 0:
                    rates.setdefault((chain.name, command), []).append(count / seconds)
    best = {key: sorted(values)[len(values) // 2] for key, values in rates.items()}
    bench.tables.append((f"{count} at once, operations a second", ["", "patchcord", "reference", "ratio"],
                         [(command, f"{best['patchcord', command]:.0f}", f"{best['reference', command]:.0f}",
                           f"{best['patchcord', command] / best['reference', command]:.1f}") for command in COMMANDS]))
    for command, factor in (("ADD", 8), ("DEL", 2)):
        bench.target(f"{count} at once: {command}s a second, of the reference's", factor,
                     best["patchcord", command] / best["reference", command], at_most=False)


def stale(bench, case):
    """GC with an empty list of valid attachments, against a DEL for each."""
    node, count = bench.node, 50 if bench.quick else 500
    config = {**bridge_of(node, "patchcord", case), "type": "patchcord", "mode": "bridge", "cniVersion": "1.1.0"}
    chain = ours(bench, case, config)
    seconds = {}
    for way in ("DELs", "GC"):
        path = node.path_of(node.container(way))
        for number in range(count):
            chain.add(f"{way}{number}", path, ifname=f"e{number}", run=bench.launcher.run)
        if way == "DELs":
            seconds[way] = sum(chain.delete(f"{way}{number}", path, ifname=f"e{number}")[0].wall for number in range(count))
        else:
            environment = {**node.environment("GC", "", ""), "CNI_CONTAINERID": "", "CNI_IFNAME": ""}
            cost = bench.launcher.run([bench.patchcord], environment, json.dumps({**config, "cni.dev/valid-attachments": []}))
            seconds[way] = cost.wall
            left = subprocess.run(["ip", "-o", "link", "show", "type", "veth"], stdout=subprocess.PIPE, text=True, check=True).stdout
            assert not left.strip(), left
    bench.tables.append((f"{count} stale attachments", ["", "seconds"], [(way, f"{value:.2f}") for way, value in seconds.items()]))
    bench.target(f"GC of {count} stale attachments, of {count} DELs", 0.1, seconds["GC"] / seconds["DELs"])


# -- podman's chain

def podman_plugins(node, name, case, plugin):
    """bridge with masquerade, portmap, firewall, tuning: what `podman network create` writes."""
    base = {"cniVersion": "1.0.0", "name": f"{case}-{name}"}
    ports = {"runtimeConfig": {"portMappings": PODMAN_PORTS}}
    return [(plugin("bridge"), {**bridge_of(node, name, case, ipMasq=True), "hairpinMode": True}),
            (plugin("portmap"), {**base, "type": "portmap", "capabilities": {"portMappings": True}, **ports}),
            (plugin("firewall"), {**base, "type": "firewall"}),
            (plugin("tuning"), {**base, "type": "tuning"})]


def podman_one_config(node, case):
    return {**bridge_of(node, "patchcord", case, ipMasq=True), "type": "patchcord", "mode": "bridge", "hairpinMode": True,
            "runtimeConfig": {"portMappings": PODMAN_PORTS}}


def podman(bench, case):
    node = bench.node
    alternate(bench, case,
              (ours(bench, case, podman_one_config(node, case)),
               Chain(node, bench.launcher, "drop-ins", podman_plugins(node, "drop-ins", case, bench.drop_in)),
               Chain(node, bench.launcher, "reference", podman_plugins(node, "reference", case, reference))))
    against(bench, case, "ADD", "reference", 1 / 25)
    against(bench, case, "DEL", "reference", 1 / 6)
    for command, limit in (("ADD", 1 / 8), ("DEL", 1 / 4)):
        bench.target(f"{case}: {command} of four drop-ins, of the reference's", limit,
                     bench.median(case, "drop-ins", command) / bench.median(case, "reference", command))
