#!/usr/bin/python3
"""Random sequences of what pods with NET_ADMIN do in network namespaces of their own, between random ADD, CHECK, DEL, GC, reconcile and the
operator's commands. After each step nothing of the node, of another container, or of a foreign owner may have changed, and pings still pass.

hostile_pod.py [SECONDS]. Each world (a node, its victims and some hundred steps) has a seed; HOSTILE_SEED=N begins with that one and does
the same steps again. The last line is "N passed, N failed, N skipped" of steps, with the figures and "N violations" before it.
"""

import concurrent.futures
import json
import os
import random
import re
import sys
import time
import unicodedata

from hostile_node import Attachment, HostileNode, PluginError, patience
from hostile_tricks import Pod, Target

PODS = 4
STEPS_IN_A_WORLD = 200
MOST_SPOILT_WORLDS = 20
MOST_TOLD = 8
# Categories of what is not to reach a terminal: controls, and what turns or hides text.
UNPRINTABLE = ("Cc", "Cf", "Zl", "Zp")


class Attacker:
    def __init__(self, node, network, made_by, number):
        self.name = f"evil{number}"
        self.node, self.network, self.made_by = node, network, made_by
        self.namespace, self.inner = node.container(self.name), node.container(f"{self.name}-in")
        self.attachment = Attachment(network, self.name, self.namespace, 30000 + number, slow=True)
        self.attached = False
        others = [victim for victim in node.victims if victim.network is network]
        near = [address for victim in others for address, _ in victim.true_neighbours()] + ["169.254.1.1", "fe80::1"]
        self.pod = Pod(node, self.namespace, self.inner, network.guarded, sorted(set(near)))


class World:
    """One node, and what is done to it."""

    def __init__(self, node, chance, seed, figures):
        self.node, self.chance, self.seed, self.figures = node, chance, seed, figures
        self.trace, self.violations = [], []
        self.attackers, self.latest, self.number = [], None, 0

    def prepare(self):
        self.node.prepare(bad_luck=self.chance.random() < 0.5)
        self.node.settle(*(victim.namespace for victim in self.node.victims if victim.namespace not in self.node.lost))
        self.ways = self.node.ways()
        self.before = self.node.look()
        self.rows = self.list_victims()
        self.targets = self.find_targets()
        self.attackers = [self.make_attacker() for _ in range(PODS)]
        if len(self.ways) < 20:
            raise AssertionError(f"only {len(self.ways)} pings pass on a fresh node: {self.ways}")

    def make_attacker(self):
        self.number += 1
        network = self.chance.choice(list(self.node.networks_by_name.values()))
        made_by = self.chance.choice(("ours", "reference")) if network.made_by == "either" else network.made_by
        return Attacker(self.node, network, made_by, self.number)

    def find_targets(self):
        links = {link["ifname"]: link for link in self.node.ip_json(self.node.host, "link")}
        targets = []
        for victim in self.node.victims:
            inside = next(link for link in self.node.ip_json(self.node.way_into(victim.namespace), "link") if link["ifname"] == "eth0")
            outside = links["renamed0"] if victim.host_ends()[0] not in links else links[victim.host_ends()[0]]
            targets.append(Target(outside["ifname"], outside["ifindex"], "eth0", inside["ifindex"], inside["address"], victim.addresses(),
                                  f"{victim.network.name}/{victim.container}/eth0", outside["address"]))
        for name, inner in (("veth1a2b3c", "eth0"), ("veth7d8e9f", "eth1")):
            inside = next(link for link in self.node.ip_json(f"{self.node.name}-docker", "link") if link["ifname"] == inner)
            targets.append(Target(name, links[name]["ifindex"], inner, inside["ifindex"], inside["address"], ["172.17.0.2"],
                                  host_mac=links[name]["address"]))
        targets += [Target(name, links[name]["ifindex"], mac=links[name]["address"]) for name in ("docker0", "hb0", "up0", "lo", "bwp000000000000")]
        return targets

    # -- a step

    def step(self):
        attacker = self.latest = self.choose()
        if not attacker.attached and self.chance.random() < 0.25:
            what = self.restart(attacker)
            self.figures["restart"] += 1
        elif self.chance.random() < 0.5:
            what = f"{attacker.name} of {attacker.network.name}: {attacker.pod.trick(self.chance, self.targets)}"
            self.figures["tricks"] += 1
        else:
            operation = self.chance.choice((*[self.add] * 3, self.check, *[self.remove] * 3, self.collect, self.tell, self.tell, self.reconcile,
                                            self.reconcile, self.clear, self.abandon))
            is_raced = operation != self.abandon and self.chance.random() < 0.3
            what = self.meanwhile(attacker, operation) if is_raced else operation(attacker)
            self.figures[operation.__name__] += 1
        self.trace.append(what)
        self.compare(thoroughly=len(self.trace) % 20 == 0)

    def meanwhile(self, attacker, operation):
        """While the pod is at its tricks. Which ones is chance's by the seed, too, but not what meets what."""
        chance = random.Random(self.chance.random())
        with concurrent.futures.ThreadPoolExecutor(1) as at_once:
            tricks = at_once.submit(lambda: [attacker.pod.trick(chance, self.targets) for _ in range(4)])
            what = operation(attacker)
            return f"{what}, and meanwhile {'; '.join(tricks.result())}"

    def choose(self):
        """Often the one that has done something just now, and mostly one that has a network."""
        if self.latest in self.attackers and self.chance.random() < 0.5:
            return self.latest
        connected = [attacker for attacker in self.attackers if attacker.attached]
        return self.chance.choice(connected if connected and self.chance.random() < 0.7 else self.attackers)

    def attempt(self, name, work):
        """Errors are answers; anything but an error document is a violation."""
        try:
            outcome = work()
            return outcome if isinstance(outcome, list) else []
        except PluginError as error:
            return [error]
        except (AssertionError, OSError) as error:
            self.violate(f"{name}: {error}")
            return [error]

    def add(self, attacker):
        if attacker.attached and self.chance.random() < 0.7:
            return self.check(attacker)
        attachment, options = attacker.attachment, {}
        greedy = self.chance.random()
        victim = self.chance.choice([victim for victim in self.node.victims if victim.network is attacker.network])
        attachment.port = victim.port if greedy < 0.1 else 30000 + int(attacker.name[4:])
        if 0.1 <= greedy < 0.2:
            options = {"args": f"IgnoreUnknown=1;IP={victim.addresses()[0]}"}
        known = attachment.result
        errors = self.attempt("ADD", lambda: self.node.add_chain(attachment, attacker.made_by, **options))
        if not errors:
            attacker.attached = True
            if set(attachment.addresses()) & self.addresses_of_victims():
                self.violate(f"ADD gave {attachment.addresses()}, which others have")
            if greedy < 0.1 and attacker.made_by == "ours":
                self.violate(f"ADD gave the host port {victim.port} of {victim.container}")
        else:  # and the runtime has called DEL
            attacker.attached, attachment.result = False, known
        return f"ADD {attacker.name} to {attacker.network.name} by {attacker.made_by}, port {attachment.port} {options}: {said(errors)}"

    def addresses_of_victims(self):
        return {address for victim in self.node.victims for address in victim.addresses()}

    def check(self, attacker):
        if not attacker.attached:
            return "CHECK of nobody"
        return f"CHECK {attacker.name}: {said(self.attempt('CHECK', lambda: self.node.check_chain(attacker.attachment)))}"

    def remove(self, attacker):
        netns = self.node.path_of(attacker.namespace) if self.chance.random() < 0.8 else ""
        with_result = self.chance.random() < 0.7
        errors = self.attempt("DEL", lambda: self.node.delete_chain(attacker.attachment, "ours", netns, with_result))
        attacker.attached = attacker.attached and bool(errors)
        return f"DEL {attacker.name} of {attacker.network.name} in {netns!r}, {'with' if with_result else 'without'} prevResult: {said(errors)}"

    def abandon(self, attacker):
        """The namespace goes, and no DEL comes."""
        for namespace in (attacker.namespace, attacker.inner):
            self.node.remove_container(namespace)
        self.attackers.remove(attacker)
        self.attackers.append(self.make_attacker())
        return f"{attacker.name} is gone, {self.attackers[-1].name} comes"

    def restart(self, attacker):
        """A new pod in the place of one that has no network."""
        errors = self.attempt("DEL", lambda: self.node.delete_chain(attacker.attachment, "ours", self.node.path_of(attacker.namespace)))
        gone = self.abandon(attacker)
        return f"DEL {attacker.name}: {said(errors)}; {gone}; {self.add(self.attackers[-1])}"

    def collect(self, attacker):
        valid = [victim for victim in self.node.victims if victim.network is attacker.network]
        others = [each for each in self.attackers if each.network is attacker.network and each.attached]
        kept = [each for each in others if self.chance.random() < 0.7]
        errors = self.attempt("GC", lambda: self.node.collect(attacker.network, valid + [each.attachment for each in kept]))
        for each in set(others) - set(kept):
            each.attached = False
        return f"GC of {attacker.network.name} but {[each.name for each in kept]}: {said(errors)}"

    # -- the operator's commands

    def tool(self, *words):
        done = self.node.tool(*words)
        text = done.stdout + done.stderr
        if done.returncode not in (0, 1) or any(unicodedata.category(each) in UNPRINTABLE for each in text if each != "\n"):
            self.violate(f"{words}: exit {done.returncode}, {text[:2000]!r}")
        return done.stdout

    def tell(self, attacker):
        words = self.chance.choice(("list", "list -o json", "list -o wide", f"inspect {attacker.name}", f"inspect {attacker.name} -o json", "graph",
                                    "graph --format svg", "graph --format dot", "graph --format mermaid", "doctor", "doctor -o json", "metrics",
                                    "gc --dry-run -o json")).split()
        text = self.tool(*words)
        if words[0] == "gc":
            self.expect_no_victim(text, "gc --dry-run")
        rows = self.list_victims()
        if rows != self.rows:
            self.violate("list tells of others: " + "; ".join(f"{old} became {new}" for old, new in zip(self.rows, rows) if old != new)[:2000])
        return "patchcord " + " ".join(words)

    def list_victims(self):
        names = {victim.container for victim in self.node.victims}
        text = self.tool("list", "-o", "json")
        rows = [row for row in json.loads(text)["attachments"] if row.get("containerId", row.get("containerID")) in names]
        lasting = [{key: value for key, value in row.items() if key not in ("age", "seconds", "since")} for row in rows]
        return sorted(json.dumps(row, sort_keys=True) for row in lasting)

    def expect_no_victim(self, text, by):
        for victim in self.node.victims:
            if victim.container in text:
                self.violate(f"{by} names {victim.container}: {text}")

    def reconcile(self, _attacker):
        self.tool("reconcile")
        return "patchcord reconcile"

    def clear(self, _attacker):
        self.expect_no_victim(self.tool("gc"), "gc")
        return "patchcord gc"

    # -- the comparison

    def violate(self, text):
        self.violations.append(text)
        if len(self.violations) <= MOST_TOLD:
            print(f"violation, seed {self.seed}, step {len(self.trace)}: {text[:600]}", flush=True)

    def compare(self, thoroughly=False):
        seen = self.node.look(thoroughly=thoroughly)
        for key, value in self.before.items():
            if seen.get(key) != value:
                self.violate(f"{key} was {value!r} and is {seen.get(key)!r}")
        for key in seen.keys() - self.before.keys():
            if not self.is_an_attackers(key, seen[key]):
                self.violate(f"{key} has come: {seen[key]!r}")
        for liar in self.node.find_liars():
            self.violate(liar)
        way = self.chance.choice(self.ways)
        if not self.node.pings(*way):
            self.violate(f"the ping from {way[0]} to {way[1]} does not pass any more")

    def is_an_attackers(self, key, value):
        """Of what has come: whether it is of such a pod, and reaches nothing else."""
        where, kind, *names = key if key[0] != "file" else ("host", *key)
        text = json.dumps([names, str(value)])
        if where != "host" or kind == "rule":
            return where == "host" and "evil" not in self.victims_in(text) and not self.victims_in(text) and len(names) > 2
        if kind == "link":
            return re.search(r'"ifalias": "patchcord \w+/evil\d+/eth0"', value) or ('"ifalias": null' in value and re.match("veth|bwp", names[0]))
        if kind == "file":
            return "evil" in text
        if kind == "route":
            return not self.is_known_link(names[4]) and names[3] != "default" and names[3] not in self.addresses_of_victims()
        if kind in ("address", "neighbour", "qdisc"):
            return not self.is_known_link(names[0])
        if kind == "setting":
            return not self.is_known_link(names[0].split("/")[2])
        return not self.victims_in(text)

    def is_known_link(self, name):
        return ("host", "link", name) in self.before or not name

    def victims_in(self, text):
        words = [re.escape(word) for word in self.addresses_of_victims()] + [victim.container for victim in self.node.victims]
        return re.findall(r"(?<![\w.:])(?:" + "|".join(words) + r")(?![\w.:])", text)

    # -- the end

    def end(self):
        """When all attackers have gone, everything of theirs has."""
        for attacker in self.attackers:
            path = self.node.path_of(attacker.namespace)
            self.attempt("DEL", lambda attacker=attacker, path=path: self.node.delete_chain(attacker.attachment, "ours", path))
            for namespace in (attacker.namespace, attacker.inner):
                self.node.remove_container(namespace)
            errors = self.attempt("DEL", lambda attacker=attacker: self.node.delete_chain(attacker.attachment, "ours", ""))
            if errors:
                self.violate(f"DEL of {attacker.name}, which is gone: {said(errors)}")
        for network in self.node.networks_by_name.values():
            errors = self.attempt("GC", lambda network=network: self.node.collect(network, [v for v in self.node.victims if v.network is network]))
            if errors:
                self.violate(f"the last GC of {network.name}: {said(errors)}")
        self.trace.append("the end")
        patience.until(lambda: not self.find_left(), tries=20)  # the kernel takes its time to clear a namespace
        for key in self.find_left():
            self.violate(f"{key} is left when all attackers have gone")
        self.compare(thoroughly=True)

    def find_left(self):
        return sorted((key for key in self.node.look().keys() - self.before.keys() if not is_the_references(key)), key=str)


def is_the_references(key):
    """Its rules stay where its own DEL leaves them, too, as its queues' device and tuning's file do."""
    return (key[1] in ("rule", "element", "chain", "set", "map", "table") and "patchcord" not in key[2:4]) or re.search("bwp|/tuning/", str(key))


def said(errors):
    return "; ".join(f"{error.code} {error.msg}" if isinstance(error, PluginError) else str(error) for error in errors) or "0"


def run_world(seed, figures, deadline):
    chance = random.Random(seed)
    with HostileNode(families=1 if chance.random() < 0.3 else 2) as node:
        world = World(node, chance, seed, figures)
        world.prepare()
        figures["worlds"] += 1
        while time.monotonic() < deadline and len(world.trace) < STEPS_IN_A_WORLD and not world.violations:
            world.step()
        if not world.violations:
            world.end()
        if world.violations:
            print(f"the steps of seed {seed}:", *world.trace[-25:], sep="\n  ", flush=True)
        return len(world.trace), len(world.violations)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(os.environ.get("HOSTILE_SEED", time.time_ns() % 10**9))
    print(f"hostile pods for {seconds:.0f} s; HOSTILE_SEED={seed} does it again", flush=True)
    names = ("worlds", "tricks", "add", "check", "remove", "collect", "tell", "reconcile", "clear", "abandon", "restart")
    figures = dict.fromkeys(names, 0)
    steps = violations = spoilt = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and spoilt < MOST_SPOILT_WORLDS:
        done, bad = run_world(seed, figures, deadline)
        steps, violations, spoilt, seed = steps + done, violations + bad, spoilt + bool(bad), seed + 1
    print(", ".join(f"{name} {number}" for name, number in figures.items()) + f", {violations} violations")
    print(f"{steps - spoilt} passed, {spoilt} failed, 0 skipped")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
