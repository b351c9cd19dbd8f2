"""Each type and mode as a place: its configuration, what it is chained to, and what is done there."""

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, bridge_config, routed_config
from operations import Add, Check, Collect, Delete, SetUp
from place import NAMES_ONLY, PORTS, TUNED_SYSCTLS

RULES = {"ipMasq": True, "ipMasqExclude": ["192.0.2.0/24"], "isolation": "network", "antispoof": True}
TUNED = {"sysctl": TUNED_SYSCTLS | {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 77}
MAC = "c2:11:22:33:44:55"
RATES = {"ingressRate": 80_000_000, "ingressBurst": 8_000_000, "egressRate": 40_000_000, "egressBurst": 8_000_000}
SUBNETS = {"unshapedSubnets": ["192.0.2.0/24", "2001:db8:2::/64"]}


def with_gateway(node):
    return bridge_config(node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)


def dual_routed(node):
    return routed_config(node, subnets=DUAL_ROUTED)


def switched_on(config, node, **keys):
    """Two addresses of each family, and all that the type has."""
    made = config(node, subnets=("10.88.0.0/24", "10.87.0.0/24", "fd00:88::/64", "fd00:87::/64"), **keys, **RULES, **RATES, **TUNED)
    made["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}, {"dst": "198.51.100.0/24", "mtu": 1300}, {"dst": "2001:db8:3::/64"}]
    return made | {"runtimeConfig": PORTS["runtimeConfig"] | {"mac": MAC}}


def named(kind, config):
    def configure(node):
        made = config(node)
        made.pop("mode", None)
        return made | {"type": kind}
    return configure


def chained(kind, **keys):
    return lambda node, before: {"cniVersion": before["cniVersion"], "name": before["name"], "type": kind, **keys}


def addresses(kind, **keys):
    """A type that gives addresses and makes no interface."""
    def configure(node):
        made = with_gateway(node)
        return {"cniVersion": made["cniVersion"], "name": made["name"], "type": "bridge", "ipam": {**made["ipam"], "type": kind, **keys}}
    return {"configure": configure, "plugin": kind, "only": (Add, Delete, Check, Collect), "names": (*NAMES_ONLY, "ipam")}


PLACES = {
    "bridge mode": {"configure": with_gateway},
    "routed mode": {"configure": dual_routed},
    "type bridge": {"configure": named("bridge", with_gateway), "plugin": "bridge"},
    "type ptp": {"configure": named("ptp", dual_routed), "plugin": "ptp"},
    # Whose bridge the ADD makes.
    "first on bridge": {"configure": with_gateway, "bridge": "pcbr0", "only": (Add,)},
    "type loopback": {"configure": lambda node: {"cniVersion": "1.0.0", "name": "lo", "type": "loopback"}, "plugin": "loopback",
                      "only": (SetUp, Delete, Check, Collect)},
    "type host-local": addresses("host-local"),
    "type static": addresses("static", addresses=[{"address": "10.1.0.5/24"}, {"address": "fd00:1::5/64"}]),
    "type tuning": {"configure": with_gateway, "chain": chained("tuning", **TUNED, runtimeConfig={"mac": MAC}), "tuned": True},
    "type bandwidth": {"configure": with_gateway, "chain": chained("bandwidth", **RATES, **SUBNETS)},
}
# Those that make rules.
WITH_RULES = {
    "bridge, all on": {"configure": lambda node: switched_on(bridge_config, node, isDefaultGateway=True, hairpinMode=True, portIsolation=True),
                       "tuned": True},
    "routed, all on": {"configure": lambda node: switched_on(routed_config, node), "tuned": True},
    "type portmap": {"configure": with_gateway, "chain": chained("portmap", **PORTS)},
    # Where iptables' own chain would drop what is forwarded.
    "type firewall": {"configure": with_gateway, "chain": chained("firewall", ingressPolicy="isolated"), "filtered": True},
}
