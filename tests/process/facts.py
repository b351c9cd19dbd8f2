"""Rows of what a plugin is to do with a key: how each is tried, in a node of its own."""

import os
import re
import unittest

from fake_node import ROOT, Node, PluginError

RANGE4, RANGE6 = [{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]
V4, DUAL = [RANGE4], [RANGE4, RANGE6]
DEFAULT = {"dst": "0.0.0.0/0"}


class Fails:
    """The expectation of an error: its code, and words of its message."""

    def __init__(self, code, *words):
        self.code, self.words = code, words


class Try:
    """One ADD and what can be seen of it."""

    def __init__(self, node, kind):
        self.node, self.kind = node, kind
        self.container = node.container("c")
        self.result = None
        self.config = {}

    def configure(self, keys):
        ipam = {"type": "host-local", "dataDir": self.node.networks, "ranges": V4}
        base = {"cniVersion": "1.0.0", "name": "facts", "type": self.kind}
        if self.kind in ("bridge", "ptp"):
            base |= {"ipam": ipam}
        if self.kind == "bridge":
            base |= {"bridge": "pcfact0"}
        if self.kind == "host-local":
            base |= {"ipam": ipam}
        if self.kind == "static":
            base |= {"ipam": {"type": "static", "addresses": [{"address": "10.77.0.9/24", "gateway": "10.77.0.1"}]}}
        if "ipam+" in keys:
            base["ipam"] = base["ipam"] | keys.pop("ipam+")
        self.config = {name: value for name, value in (base | keys).items() if value is not ABSENT}

    def call(self, command, config=None, **options):
        return self.node.call(command, config or self.config, self.container, plugin=self.node.plugin(self.kind), **options)

    def add(self, config=None, **options):
        return self.call("ADD", config, **options)

    def again(self, keys=None, **options):
        """A second container with these keys changed."""
        other = self.node.container(f"o{len(self.node.namespaces)}")
        return self.node.call("ADD", {**self.config, **(keys or {})}, other, plugin=self.node.plugin(self.kind), **options)

    def check(self, **options):
        self.call("CHECK", {**self.config, "prevResult": self.result}, **options)
        return True

    def rules(self):
        return self.host("nft", "list", "ruleset")

    def reaches(self, address):
        return self.node.reaches(self.container, address)

    def fails(self, code, action):
        try:
            action()
        except PluginError as error:
            return error.code == code
        return False

    def link(self, name="eth0", host=False):
        (link,) = self.node.ip_json(self.node.host if host else self.container, "-d", "addr", "show", "dev", name)
        return link

    def host_end(self):
        return self.link([each["name"] for each in self.result["interfaces"] if each["name"].startswith("veth")][0], host=True)

    def addresses(self, name="eth0", host=False):
        return [f"{each['local']}/{each['prefixlen']}" for each in self.link(name, host).get("addr_info", []) if each["scope"] != "link"]

    def routes(self, *arguments):
        return self.node.ip_json(self.container, *arguments, "route")

    def defaults(self):
        return [route.get("gateway") for route in self.routes() if route["dst"] == "default"]

    def sysctl(self, key, host=False):
        return self.node.run_in(self.node.host if host else self.container, "sysctl", "-n", key).stdout.strip()

    def host(self, *command):
        return self.node.on_host(*command)

    def run(self, *command):
        return self.node.run_in(self.container, *command).stdout

    def held(self):
        return self.node.reservations("facts")

    def given(self):
        return [ip["address"] for ip in self.result["ips"]]


ABSENT = object()


def masquerades(attempt, address, subnets):
    """The set that the address is an element of, and the rule that spares these."""
    family = "ip6" if ":" in address else "ip"
    held = re.search(rf"set (\S+) {{[^}}]*elements = {{[^}}]*(?<=[ \t]){re.escape(address)} ", attempt.rules())
    multicast = "ff00::/8" if family == "ip6" else "224.0.0.0/4"
    return held and f"{family} saddr @{held[1]} {family} daddr != {{ {subnets}, {multicast} }} masquerade" in attempt.rules()


def static(*addresses, **keys):
    return {"ipam": {"type": "static", "addresses": [dict(zip(("address", "gateway"), each)) for each in addresses], **keys}}


def ranges(*sets, **keys):
    return {"ipam+": {"ranges": [list(each) if isinstance(each, (list, tuple)) else [each] for each in sets], **keys}}


def write(attempt, name, text, key):
    path = os.path.join(attempt.node.directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    attempt.config["ipam"][key] = path


def reservation(attempt, name):
    return os.path.join(attempt.node.networks, "facts", name)


def read(attempt, name):
    with open(reservation(attempt, name), encoding="ascii", newline="") as file:
        return file.read()


def rewrite(attempt, name, text):
    with open(reservation(attempt, name), "w", encoding="ascii", newline="") as file:
        file.write(text)


class RowsCase(unittest.TestCase):
    """Tries each of a table of rows, in a node of its own."""
    attempt = Try

    def try_row(self, kind, expectation, keys, before, options):
        with Node() as node:
            attempt = self.attempt(node, kind)
            attempt.configure(dict(keys))
            if before:
                before(attempt)
            if isinstance(expectation, Fails):
                with self.assertRaises(PluginError) as caught:
                    attempt.add(CNI_PATH="", **options)
                self.assertEqual(caught.exception.code, expectation.code, caught.exception.msg)
                for word in expectation.words:
                    self.assertIn(word, caught.exception.msg + caught.exception.document.get("details", ""))
                return
            attempt.result = attempt.add(CNI_PATH="", **options)
            self.assertTrue(expectation(attempt), attempt.result)

    def assert_documented(self, rows):
        with open(os.path.join(ROOT, "docs", "compatibility.md"), encoding="utf-8") as file:
            text = " ".join(file.read().split())
        for _, title, _, _, deviates, _, _ in rows:
            with self.subTest(title):
                self.assertTrue(not deviates or deviates in text, f"docs/compatibility.md does not have {deviates!r}")

    @classmethod
    def add_rows(cls, rows):
        for number, (kind, title, expectation, keys, _, before, options) in enumerate(rows):
            name = "".join(character if character.isalnum() else "_" for character in title)
            setattr(cls, f"test_{kind}_{number:03}_{name}".replace("-", "_"),
                    lambda self, each=(kind, expectation, keys, before, options): self.try_row(*each))
