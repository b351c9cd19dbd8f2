"""The names bridge and ptp against the reference plugins of those names: same configuration, same result, same kernel, same files.

Each case runs twice, each time in fresh namespaces: once with the reference's binary, once with ours. Everything is compared, but for
what chance chooses (names of host ends, MACs, indices) and what INTENDED lists, which docs/compatibility.md explains.
"""

import itertools
import json
import os
import re
import unittest

from fake_node import PLUGIN, REFERENCE_DIR, Node, files_below

# Flags and members that differ on purpose, or say nothing of what was set up.
INTENDED = {
    # IPv6 addresses are usable when ADD returns: "nodad" is how ("tentative" is what the reference leaves for a second or two), and
    # ptp gives the addresses without the subnet route that the reference makes and then removes.
    "address flags": ("nodad", "tentative", "noprefixroute"),
    # Values of the link that both leave to the kernel, or that count.
    "address members": ("valid_life_time", "preferred_life_time", "label"),
    "route members": ("flags", "metrics"),
}


def install(directory):
    """A plugin directory with our binary under the reference's names, beside the reference's IPAM plugins."""
    for name in ("bridge", "ptp"):
        os.symlink(PLUGIN, os.path.join(directory, name))
    return directory


class Names:
    """Gives what chance chooses a name by the order in which it is seen."""

    def __init__(self):
        self.seen = {}

    def host_end(self, text):
        return re.sub(r"veth[0-9a-f]{8,11}", lambda match: self.seen.setdefault(match.group(), f"veth#{len(self.seen)}"), text)


def plain_result(text, names):
    result = json.loads(names.host_end(text))
    for interface in result.get("interfaces", []):
        interface["mac"] = "MAC" if re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", interface.get("mac", "")) else interface.get("mac")
        if "sandbox" in interface:
            interface["sandbox"] = "NETNS"
    # The reference's library of this age prints an empty one in every version.
    if not result.get("dns"):
        result.pop("dns", None)
    return result


def plain_addresses(node, namespace, names):
    links = {}
    for link in node.ip_json(namespace, "addr"):
        addresses = []
        for address in link.get("addr_info", []):
            if address["scope"] == "link":
                continue
            for member in INTENDED["address flags"] + INTENDED["address members"]:
                address.pop(member, None)
            addresses.append(address)
        links[names.host_end(link["ifname"])] = {
            "addresses": sorted(addresses, key=str), "mtu": link["mtu"], "up": "UP" in link["flags"],
            "promiscuous": "PROMISC" in link["flags"], "master": names.host_end(link.get("master", ""))}
    return links


def plain_routes(node, namespace, names):
    routes = []
    for family in ("-4", "-6"):
        for route in node.ip_json(namespace, family, "route", "show", "table", "all"):
            # The kernel's own: of link-local addresses and multicast, and of the addresses, once they are no longer tentative.
            if re.match("fe80|ff00", route["dst"]) or route.get("table") == "local" or route.get("type") == "multicast":
                continue
            for member in INTENDED["route members"]:
                route.pop(member, None)
            routes.append(names.host_end(json.dumps(route, sort_keys=True)))
    return sorted(routes)


def plain_files(node):
    """Without modes: the reference's reservations were 0644 before they were 0600."""
    return [(name, content) for name, _, content in files_below(node.networks)]


def forwarding(node):
    return node.on_host("sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


def observe(plugin_directory, case):
    """What one plugin makes of a case: ADD for two containers, what there is, and what is left after DEL."""
    config, args = case
    with Node() as node:
        node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        config = {**config, "ipam": {**config["ipam"], "dataDir": node.networks}} if "ipam" in config else config
        plugin = os.path.join(plugin_directory, config["type"])
        seen, names = {}, Names()
        # Both see the same ids, so that reservations can be compared.
        for number in (1, 2):
            namespace, container = node.container(f"c{number}"), f"id{number}"
            process = node.start("ADD", config, container, node.path_of(namespace), args=args, plugin=plugin)
            stdout, _ = process.communicate(timeout=60)
            seen[container, "status"] = process.returncode
            if process.returncode != 0:
                return {"fails": True}
            seen[container, "result"] = plain_result(stdout, names)
            seen[container, "addresses"] = plain_addresses(node, namespace, names)
            seen[container, "routes"] = plain_routes(node, namespace, names)
        seen["host", "addresses"] = plain_addresses(node, node.host, names)
        seen["host", "routes"] = plain_routes(node, node.host, names)
        seen["host", "forwarding"] = forwarding(node)
        seen["files"] = plain_files(node)
        for number in (1, 2):
            node.delete(config, f"id{number}", netns=node.path_of(f"{node.name}-c{number}"), plugin=plugin, args=args)
        seen["left", "addresses"] = plain_addresses(node, node.host, Names())
        seen["left", "routes"] = plain_routes(node, node.host, Names())
        seen["left", "files"] = plain_files(node)
        return seen


VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")  # what Debian's reference speaks
FAMILIES = {"v4": [[{"subnet": "10.77.0.0/24"}]], "v6": [[{"subnet": "fd00:77::/64"}]],
            "dual": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]}
DEFAULT4, DEFAULT6 = {"dst": "0.0.0.0/0"}, {"dst": "::/0"}


def case(kind, version="1.0.0", ranges=None, routes=None, arguments="", **keys):
    config = {"cniVersion": version, "name": "diff", "type": kind, **({"bridge": "pcdiff0"} if kind == "bridge" else {}), **keys}
    if ranges is not None:
        config["ipam"] = {"type": "host-local", "ranges": ranges, **({"routes": routes} if routes else {})}
    return config, arguments


def versions_and_families():
    for kind, version, family in itertools.product(("bridge", "ptp"), VERSIONS, FAMILIES):
        keys = {"isDefaultGateway": True} if kind == "bridge" else {}
        routes = [DEFAULT4] if family == "v4" else None
        yield f"{kind}_{version}_{family}".replace(".", "_"), case(kind, version, FAMILIES[family], routes if kind == "ptp" else None, **keys)


BRIDGE_KEYS = {
    "isGateway": {"isGateway": True}, "no_gateway": {}, "mtu": {"mtu": 1400, "isGateway": True}, "mtu_negative": {"mtu": -1},
    "hairpin": {"hairpinMode": True}, "promisc": {"promiscMode": True}, "default_gateway": {"isDefaultGateway": True},
    "force": {"isGateway": True, "forceAddress": True}, "null_keys": {"mtu": None, "isGateway": None, "hairpinMode": None},
    "empty_args": {"args": {"cni": {}}}, "dns": {"dns": {"nameservers": ["192.0.2.53"], "search": ["a.example"]}},
    "unknown_key": {"somethingElse": {"a": 1}}, "vlan_0": {"vlan": 0},
}
ROUTES = {
    "default4": [DEFAULT4], "with_gw": [{"dst": "198.51.100.0/24", "gw": "10.77.0.9"}],
    "two": [{"dst": "198.51.100.0/24"}, {"dst": "203.0.113.0/24", "gw": "10.77.0.1"}],
}
RANGES = {
    "two_sets_of_v4": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "10.78.0.0/24"}]],
    "gateway": [[{"subnet": "10.77.0.0/24", "gateway": "10.77.0.254"}]],
    "start_and_end": [[{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.20", "rangeEnd": "10.77.0.30"}]],
    "alternatives": [[{"subnet": "10.77.0.0/30"}, {"subnet": "10.78.0.0/24"}]],
    "small": [[{"subnet": "10.77.0.0/29"}]],
}
REFUSED = {
    "hairpin_and_promisc": case("bridge", ranges=FAMILIES["v4"], hairpinMode=True, promiscMode=True),
    "vlan_too_great": case("bridge", ranges=FAMILIES["v4"], vlan=4095),
    "vlan_negative": case("bridge", ranges=FAMILIES["v4"], vlan=-1),
    "mtu_text": case("bridge", ranges=FAMILIES["v4"], mtu="1500"),
    "unknown_argument": case("bridge", ranges=FAMILIES["v4"], arguments="FOO=bar"),
    "argument_ip_alone": case("bridge", ranges=FAMILIES["v4"], arguments="IP=10.77.0.9"),
    "layer_2_in_0_2_0": case("bridge", "0.2.0"),
    "ptp_without_ipam": case("ptp"),
    "no_ranges": case("ptp", ranges=[]),
}


def all_cases():
    yield from versions_and_families()
    for name, keys in BRIDGE_KEYS.items():
        yield f"bridge_key_{name}", case("bridge", ranges=FAMILIES["v4"], **keys)
    for name, routes in ROUTES.items():
        for kind in ("bridge", "ptp"):
            yield f"{kind}_routes_{name}", case(kind, ranges=FAMILIES["v4"], routes=routes)
    for name, ranges in RANGES.items():
        for kind in ("bridge", "ptp"):
            yield f"{kind}_ranges_{name}", case(kind, ranges=ranges)
    for version in ("0.3.1", "1.0.0"):
        yield f"bridge_layer_2_{version}".replace(".", "_"), case("bridge", version)
    yield "bridge_arguments", case("bridge", ranges=FAMILIES["v4"], arguments="IgnoreUnknown=1;FOO=bar")
    yield "ptp_mtu", case("ptp", ranges=FAMILIES["dual"], mtu=1400)
    yield "ptp_dns", case("ptp", ranges=FAMILIES["v4"], dns={"nameservers": ["192.0.2.53"]})
    for name, refused in REFUSED.items():
        yield f"refused_{name}", refused


class ReferenceDiffTest(unittest.TestCase):
    maxDiff = None

    def compare(self, wanted):
        with Node() as place:
            ours = observe(install(place.directory), wanted)
        self.assertEqual(ours, observe(REFERENCE_DIR, wanted))


def add_test(name, wanted):
    setattr(ReferenceDiffTest, f"test_{name}", lambda self: self.compare(wanted))


CASES = list(all_cases())
assert len(CASES) >= 60, len(CASES)
for each in CASES:
    add_test(*each)


if __name__ == "__main__":
    unittest.main()
