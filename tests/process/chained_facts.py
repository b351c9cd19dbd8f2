"""The same for a plugin that is behind another one."""

import json
import os

from facts import ABSENT, V4, Try
from fake_node import REFERENCE_DIR
from traffic import ports

OTHER_MAC = "c2:11:22:33:44:66"


class ChainTry(Try):
    """One ADD behind a bridge's, and what can be seen of it."""

    def configure(self, keys):
        ipam = {"type": "host-local", "dataDir": self.node.networks, "ranges": keys.pop("ranges", V4)}
        self.bridge = {"cniVersion": "1.0.0", "name": "facts", "type": "bridge", "bridge": "pcfact0", "isDefaultGateway": True, "ipam": ipam,
                       **keys.pop("bridge+", {})}
        self.previous = self.attach(self.container)
        base = {"cniVersion": "1.0.0", "name": "facts", "type": self.kind, "prevResult": self.previous}
        if self.kind == "tuning":
            base["dataDir"] = os.path.join(self.node.directory, "tuning")
        self.config = {name: value for name, value in (base | keys).items() if value is not ABSENT}

    def attach(self, container, **options):
        return self.node.call("ADD", self.bridge, container, plugin=self.node.plugin("bridge"), **options)

    def again(self, keys=None, **options):
        """A second container with these keys changed; its name, and what comes out."""
        other = self.node.container(f"o{len(self.node.namespaces)}")
        config = {**self.config, "prevResult": self.attach(other), **(keys or {})}
        return other, self.node.call("ADD", config, other, plugin=self.node.plugin(self.kind), **options)

    def repeat(self, keys):
        """The same container with these keys instead."""
        self.call("DEL")
        self.result = self.add({**self.config, **keys})
        return True

    def by_reference(self, command="ADD", **keys):
        return self.node.call(command, {**self.config, **keys}, self.container, plugin=os.path.join(REFERENCE_DIR, self.kind))

    def unchanged(self):
        return self.result == self.previous

    def has(self, *texts):
        return all(text in self.rules() for text in texts)

    def lacks(self, *texts):
        return not any(text in self.rules() for text in texts)

    def forget(self):
        """DEL by a runtime that does not say again what it had asked for."""
        return self.call("DEL", {key: self.config[key] for key in ("cniVersion", "name", "type")}, netns="")

    def gc(self, *valid):
        config = {"cniVersion": "1.1.0", "name": "facts", "type": self.kind, "cni.dev/valid-attachments": list(valid)}
        return self.call("GC", config, netns="", ifname="")

    def own(self):
        return self.previous["ips"][0]["address"].split("/")[0]

    def listed(self, tool="iptables", *table):
        return self.host(tool, *table, "-S")

    def end(self):
        return self.previous["interfaces"][1]["name"]

    def queue(self, name):
        """The root's kind, and its numbers."""
        listed = json.loads(self.host("tc", "-j", "qdisc", "show", "dev", name))
        (root,) = [qdisc for qdisc in listed if qdisc.get("root")]
        return root["kind"], root.get("options", {})

    def rate(self, name):
        return self.queue(name)[1].get("rate")

    def ifbs(self):
        return [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "ifb")]


PREVIOUS_MISSING = {"prevResult": None}


def mapping(**entry):
    return {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", **entry}]}}


WEB = ports("8080:80")


def use_iptables(attempt):
    for tool in ("iptables", "ip6tables"):
        attempt.host(tool, "-P", "FORWARD", "DROP")


def isolation_chain(attempt):
    chains = [line.split()[1] for line in attempt.rules().splitlines() if line.strip().startswith("chain ")]
    return [chain for chain in chains if "isolat" in chain][0]


def sysctls(**keys):
    return {"sysctl": {key.replace("__", "."): value for key, value in keys.items()}}
