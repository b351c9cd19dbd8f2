"""Each configuration of the corpus with our binary in the place of the reference's names, and beside it with the reference's own plugins: ADD of two
containers, with the same results, who reaches whom, CHECK, STATUS, and DEL, which leaves nothing. Then ours look at and remove what the reference
made, too.
"""

import copy
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import corpus
from fake_node import NAMES, REFERENCE_DIR, ROOT, Node, files_below
from reference_run import INTENDED, Names, plain_result, plain_routes
from traffic import Traffic

NODE = ("192.0.2.1", "2001:db8:2::1")
FAR = ("192.0.2.2", "2001:db8:2::2")
DEVIATIONS = os.path.join(ROOT, "docs", "compatibility.md")
CHECKED, ASKED_FOR_STATUS = ("0.4.0", "1.0.0", "1.1.0"), ("1.1.0",)


def addresses_of(result):
    """Without those of the loopback interface, by family as in NODE."""
    found = [ip["address"] for ip in result.get("ips", [])] + [result[key]["ip"] for key in ("ip4", "ip6") if key in result]
    return sorted({text.split("/")[0] for text in found if not text.startswith(("127.", "::1/"))}, key=lambda text: ":" in text)


def without_loopback(result):
    """A first member's result, which the reference drops: ours keeps it and puts its own behind it."""
    interfaces = result.get("interfaces", [])
    if len(interfaces) < 2 or interfaces[0]["name"] != "lo":
        return result
    ips = [{**ip, "interface": ip["interface"] - 1} for ip in result["ips"] if ip["interface"] > 0]
    return {**result, "interfaces": interfaces[1:], "ips": ips}


class Side:
    """A node that has our plugins or the reference's, and a network of two containers on it, of which the first has what the runtime asks for."""

    def __init__(self, case, row, is_ours):
        self.row, self.is_ours = row, is_ours
        self.node = Node()
        case.addCleanup(self.node.close)
        self.traffic = Traffic(self.node)
        case.addCleanup(self.traffic.close)
        self.version = row.version if is_ours else INTENDED["versions"].get(row.version, row.version)
        self.node.on_host("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        if row.holds:
            self.outside = self.traffic.neighbour("outside")
            self.node.on_host("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
        self.links = self.host_links()
        self.containers = [self.container(name) for name in self.places()]
        self.results = []

    def places(self):
        """Where addresses are given there is one container."""
        is_single = any(member.get("ipam", {}).get("type") == "static" or "args" in member for member in self.row.plugins)
        return ("a",) if is_single else ("a", "b")

    def container(self, name):
        namespace = self.node.container(name)
        self.node.run_in(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        return namespace

    def host_links(self):
        return {link["ifname"] for link in self.node.ip_json(self.node.host, "link") if link.get("master") or link["ifname"] != "lo"}

    def members(self, container):
        """As libcni hands them over: of what the runtime says each gets what it has the capability for."""
        for member in copy.deepcopy(self.row.plugins):
            wanted = {key: value for key, value in self.row.runtime.items() if member.get("capabilities", {}).get(key)}
            if container != self.containers[0]:
                wanted = {key: value for key, value in wanted.items() if key == "bandwidth"}
            if member.get("ipam", {}).get("type") == "host-local":
                member["ipam"]["dataDir"] = self.node.networks
            if member["type"] == "tuning":
                member["dataDir"] = os.path.join(self.node.directory, "tuning")
            member |= {"cniVersion": self.version, "name": member.get("name", "corpus")}
            yield member | ({"runtimeConfig": wanted} if wanted else {})

    def call(self, command, member, container, **options):
        where = self.node.plugins if self.is_ours and member["type"] in NAMES else REFERENCE_DIR
        return self.node.call(command, member, container, args=self.row.args, plugin=os.path.join(where, member["type"]), **options)

    def add(self):
        for container in self.containers:
            previous = {}
            for member in self.members(container):
                previous = {"prevResult": self.call("ADD", member | previous, container)}
            self.results.append(previous["prevResult"])

    def seen(self):
        """Of the first container, in the same words for both sides."""
        names = Names()
        result = plain_result(json.dumps(self.results[0]), names)
        return {"result": without_loopback(result) | {"cniVersion": self.row.version},
                "routes": plain_routes(self.node, self.containers[0], names)}

    def published(self):
        return [(mapping["protocol"], mapping["hostPort"]) for mapping in self.row.runtime.get("portMappings", [])]

    def questions(self):
        """What might hold, who asks, and what: in each family that the container has."""
        own, first = addresses_of(self.results[0]), self.containers[0]
        for address in own:
            family = ":" in address
            yield "host", self.node.host, ("tcp", address, 80), None
            if len(self.containers) > 1:
                yield "peer", self.containers[1], ("tcp", address, 80), None
            yield "out", first, ("tcp", FAR[family], 80), NODE[family]
            for protocol, port in self.published():
                yield "ports", self.outside, (protocol, NODE[family], port), None

    def holds(self):
        """The names of what holds, and of what does in part; an answer for the wrong reason, unmasqueraded, is told, too."""
        asked = list(self.questions())
        if not asked or not self.row.holds:
            return set()
        self.node.settle(*self.containers)
        places = ("tcp/4/80", "tcp/6/80", "udp/4/53", "udp/6/53")
        self.traffic.serve(self.containers[0], *places, name="first")
        self.traffic.serve(self.outside, *places, name="outside")
        answers = {}
        for who in {each[1] for each in asked}:
            of_his = [each for each in asked if each[1] == who]
            for (name, _, _, source), answer in zip(of_his, self.traffic.ask(who, *(each[2] for each in of_his), wait=0.3)):
                is_right = answer is not None and answer[0] == ("outside" if name == "out" else "first") and source in (None, answer[1])
                answers.setdefault(name, set()).add(is_right)
        return {name if all(right) else f"{name} in part" for name, right in answers.items() if any(right)}

    def check(self):
        for container, result in zip(self.containers, self.results):
            for member in self.members(container) if self.version in CHECKED else ():
                self.call("CHECK", member | {"prevResult": result}, container)
        for member in self.members(self.containers[0]) if self.version in ASKED_FOR_STATUS else ():
            self.call("STATUS", member, self.containers[0])

    def delete(self):
        for container, result in zip(self.containers, self.results):
            for member in reversed(list(self.members(container))):
                self.call("DEL", member | {"prevResult": result}, container)

    def left(self):
        """What is there that was not before, but for the bridge, which stays."""
        bridges = {member.get("bridge") for member in self.row.plugins}
        addresses = {address for result in self.results for address in addresses_of(result)}
        rules = self.node.on_host("nft", "list", "ruleset").splitlines()
        files = [name for place in (self.node.networks, self.node.state) for name, _, _ in files_below(place)]
        inside = [link["ifname"] for each in self.containers for link in self.node.ip_json(each, "link") if link["ifname"] != "lo"]
        return {"links": self.host_links() - self.links - bridges, "rules": [line for line in rules if addresses & set(line.split())],
                "files": [name for name in files if "last_reserved" not in name and not name.endswith("lock")], "inside": inside}


class CorpusCase(unittest.TestCase):
    maxDiff = None

    def try_row(self, row):
        ours, theirs = sides = Side(self, row, True), Side(self, row, False)
        for side in sides:
            side.add()
        self.compare(row, ours, theirs)
        for side in sides:
            self.assertEqual(side.holds(), set(row.holds.split()), "ours" if side.is_ours else "the reference's")
        for key, value in row.sysctls.items():
            self.assertEqual(ours.node.run_in(ours.containers[0], "sysctl", "-n", key).stdout.strip(), value)
        self.assertEqual(ours.results[0].get("dns") or {}, row.dns)
        theirs.is_ours = True  # from now on
        for side in sides:
            side.check()
            side.delete()
            self.assertEqual(side.left(), {"links": set(), "rules": [], "files": [], "inside": []}, "ours" if side is ours else "the reference's")

    def compare(self, row, ours, theirs):
        if not row.differs:
            self.assertEqual(ours.seen(), theirs.seen())
            return
        with open(DEVIATIONS, encoding="utf-8") as file:
            self.assertIn(f"| {row.differs} |", file.read())
        self.assertNotEqual(ours.seen(), theirs.seen())


class KubernetesTest(CorpusCase):
    rows = corpus.KUBERNETES


class CloudsTest(CorpusCase):
    rows = corpus.CLOUDS


class RuntimesTest(CorpusCase):
    rows = corpus.RUNTIMES


class ExamplesTest(CorpusCase):
    rows = corpus.EXAMPLES


def add_tests(kind):
    """A test for each row, named after where it circulates."""
    for row in kind.rows:
        name = "test_" + "_".join("".join(letter if letter.isalnum() else " " for letter in row.source).split())
        assert not hasattr(kind, name), name
        setattr(kind, name, lambda self, row=row: self.try_row(row))
    return len(kind.rows)


COUNT = sum(add_tests(kind) for kind in (KubernetesTest, CloudsTest, RuntimesTest, ExamplesTest))
assert COUNT >= 40, COUNT


if __name__ == "__main__":
    unittest.main()
