"""Containers behind type firewall, with a neighbour, and who reaches whom."""

import json

from traffic import TrafficCase

PLACES = ("tcp/4/80", "tcp/6/80", "udp/4/53")
CONSTANT = ["-N CNI-ADMIN", "-N CNI-PATCHCORD",
            '-A FORWARD -m comment --comment "patchcord: containers" -j CNI-PATCHCORD',
            '-A CNI-PATCHCORD -m comment --comment "patchcord: rules of the admin" -j CNI-ADMIN',
            '-A CNI-PATCHCORD -m mark --mark 0x1000/0x1000 -m comment --comment "patchcord: containers" -j ACCEPT']


class FirewallCase(TrafficCase):
    def setUp(self):
        super().setUp()
        for prefix, uplink in (("10.86.0.0/16", "192.0.2.1"), ("fd00:86::/32", "2001:db8:2::1")):
            self.node.run_in(self.outside, "ip", "route", "add", prefix, "via", uplink)
        self.traffic.serve(self.outside, *PLACES)

    def bridge(self, number=1, **keys):
        return {"cniVersion": "1.0.0", "name": f"net{number}", "type": "bridge", "bridge": f"pcbr{number}", "isDefaultGateway": True,
                "ipam": {"type": "host-local", "dataDir": self.node.networks,
                         "ranges": [[{"subnet": f"10.86.{number}.0/24"}], [{"subnet": f"fd00:86:{number}::/64"}]]}, **keys}

    @staticmethod
    def firewall(number=1, **keys):
        return {"cniVersion": "1.0.0", "name": f"net{number}", "type": "firewall", **keys}

    def call(self, command, config, container, **options):
        return self.node.call(command, config, container, plugin=self.node.plugin(config["type"]), **options)

    def attach(self, name, number=1, bridge=None, **keys):
        """A container behind bridge and firewall, and what the bridge had said."""
        container = self.node.container(name)
        result = self.call("ADD", self.bridge(number, **(bridge or {})), container)
        after = self.call("ADD", {**self.firewall(number, **keys), "prevResult": result}, container)
        self.assertEqual(after, result)
        self.server = self.traffic.serve(container, *PLACES)
        self.node.settle(container)
        return container, result

    def drop_forwarding(self):
        for tool in ("iptables", "ip6tables"):
            self.node.on_host(tool, "-P", "FORWARD", "DROP")

    def reached(self, namespace, address4, address6=None):
        """Which of the places answer."""
        questions = [("tcp", address4, 80), ("udp", address4, 53)] + ([("tcp", address6, 80)] if address6 else [])
        return [answer is not None for answer in self.traffic.ask(namespace, *questions)]

    def reaches_outside(self, container):
        return self.reached(container, "192.0.2.2", "2001:db8:2::2")

    def ruleset(self):
        return self.node.on_host("nft", "list", "ruleset")

    def elements(self):
        listed = json.loads(self.node.on_host("nft", "-j", "list", "ruleset"))["nftables"]
        return sum(len(entry.get("set", {}).get("elem", [])) for entry in listed)

    def shown(self, tool="iptables"):
        return self.node.on_host(tool, "-S").splitlines()


def addresses(result):
    return [ip["address"].split("/")[0] for ip in result["ips"]]
