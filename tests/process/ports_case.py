"""Networks of both modes with published ports, and a neighbour who asks for them."""

import json

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, bridge_config, routed_config
from traffic import TrafficCase, ports

EVERYWHERE = ports("8080:80", "8053:53/udp")
PLACES = ("tcp/4/80", "tcp/6/80", "udp/4/53", "udp/6/53")
UPLINK = ("192.0.2.1", "2001:db8:2::1")


def bridge(node, **keys):
    return bridge_config(node, subnets=DUAL_BRIDGE, isDefaultGateway=True, **keys)


def routed(node, **keys):
    return routed_config(node, subnets=DUAL_ROUTED, **keys)


def plain(result):
    """Without the empty DNS that old versions of the reference print."""
    return {key: value for key, value in result.items() if key != "dns" or value}


class PortsCase(TrafficCase):
    def rules(self):
        return self.node.on_host("nft", "list", "ruleset")

    def listed(self):
        return json.loads(self.node.on_host("nft", "-j", "list", "ruleset"))["nftables"]

    def elements(self):
        """How many elements our sets and maps have."""
        return sum(len(entry.get(kind, {}).get("elem", [])) for entry in self.listed() for kind in ("set", "map"))
