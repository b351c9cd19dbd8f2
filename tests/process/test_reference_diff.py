"""Our names against the reference plugins of those names: same configuration, same result, same kernel, same files, same traffic.

Each case runs twice, each time in fresh namespaces: once with the reference's binaries, once with ours. Everything is compared, but for
what chance chooses (names of host ends, MACs, indices) and what INTENDED lists, which docs/compatibility.md explains. Rules are compared
by what they do, because ours are others on purpose: who reaches whom, and with which address.
"""

import concurrent.futures
import itertools
import json
import os
import re
import unittest
from typing import NamedTuple

from fake_node import NAMES, PLUGIN, REFERENCE_DIR, Node, files_below
from patience import communicate
from traffic import Traffic, ports

# Flags and members that differ on purpose, or say nothing of what was set up.
INTENDED = {
    # IPv6 addresses are usable when ADD returns: "nodad" is how ("tentative" is what the reference leaves for a second or two), and
    # ptp gives the addresses without the subnet route that the reference makes and then removes.
    "address flags": ("nodad", "tentative", "noprefixroute"),
    # Values of the link that both leave to the kernel, or that count.
    "address members": ("valid_life_time", "preferred_life_time", "label"),
    "route members": ("flags", "metrics"),
    # What Debian's reference does not speak yet is asked of it in the version before, which has the same form.
    "versions": {"1.1.0": "1.0.0"},
    # Behind the reference's bucket there is the kernel's own queue, behind ours one that bounds how long packets wait.
    "queues": ("bfifo", "fq_codel"),
    # And it cuts large packets into those of the wire ("minburst"), which the reference's bucket lets pass only if they fit in its burst.
    "bucket members": ("lat", "limit", "minburst"),
    # Of a connection by way of a host port the container sees the host only where answers would not pass the host otherwise. The reference
    # goes by the container's subnet, to which others belong that ptp has attached.
    "sources of host ports": (("ptp", "second"),),
}


def install(directory):
    """A plugin directory with our binary under the reference's names; the IPAM plugins that it calls are the reference's."""
    for name in NAMES:
        os.symlink(PLUGIN, os.path.join(directory, name))
    return directory


class Names:
    """Gives what chance chooses a name by the order in which it is seen."""

    def __init__(self):
        self.seen = {}

    def host_end(self, text):
        return re.sub(r"\b(veth|bwp)[0-9a-f]{8,12}", lambda match: self.seen.setdefault(match.group(), f"{match[1]}#{len(self.seen)}"), text)


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


def plain_queues(node, namespace, names):
    """Queues and filters of each link, with their numbers."""
    queues = []
    for link in node.ip_json(namespace, "link"):
        name = link["ifname"]
        listed = json.loads(node.run_in(namespace, "tc", "-j", "qdisc", "show", "dev", name).stdout)
        shown = [{key: qdisc.get(key) for key in ("kind", "parent", "options")} for qdisc in listed if qdisc["kind"] not in INTENDED["queues"]]
        for qdisc in shown:
            qdisc["options"] = {key: value for key, value in (qdisc["options"] or {}).items() if key not in INTENDED["bucket members"]}
        filters = node.run_in(namespace, "tc", "filter", "show", "dev", name, "parent", "ffff:", check=False).stdout
        # The reference's filter has the same action twice.
        redirects = {names.host_end(text) for text in re.findall(r"Egress Redirect to device (\w+)", filters)}
        queues.append((names.host_end(name), shown, sorted(redirects)))
    return sorted(queues, key=str)


class Case(NamedTuple):
    """What a runtime is configured with, and what is asked of the containers then."""
    config: dict
    args: str = ""
    members: tuple = ()  # behind the first, which is the reference's in both runs then
    traffic: bool = False
    prepare: tuple = ()  # commands on the host before
    sysctls: tuple = ()  # of the container
    whole: bool = False  # the first is ours, too


class Run:
    """What one side's plugins make of a case: ADD for two containers, what there is, and what is left after DEL."""

    def __init__(self, plugins, case, node, traffic):
        self.plugins, self.case, self.node, self.traffic = plugins, case, node, traffic
        self.names, self.seen = Names(), {}
        self.version = case.config["cniVersion"]

    def configs(self, number):
        """The second container publishes other ports: those that another has are refused by us, and have no effect in the reference."""
        first = self.case.config
        if "ipam" in first:
            first = {**first, "ipam": {**first["ipam"], "dataDir": self.node.networks}}
        members = json.loads(json.dumps(self.case.members))
        for config in members:
            if config["type"] == "tuning":
                config["dataDir"] = os.path.join(self.node.directory, "tuning")
            for mapping in (config.get("runtimeConfig") or {}).get("portMappings") or []:
                for key in {"hostPort", "HostPort"} & set(mapping) if number == 2 else ():
                    mapping[key] += 1000
        spoken = INTENDED["versions"].get(self.version, self.version)
        return [{**config, "name": first["name"], "cniVersion": spoken if self.is_reference(index) else self.version}
                for index, config in enumerate((first, *members))]

    def is_reference(self, index):
        return self.plugins == REFERENCE_DIR or (index == 0 and self.case.members and not self.case.whole)

    def plugin(self, index, config):
        return os.path.join(REFERENCE_DIR if self.is_reference(index) else self.plugins, config["type"])

    def call(self, command, index, config, number, previous):
        """Exit status and document. Both sides see the same ids, so that reservations can be compared."""
        prev = {"prevResult": json.loads(previous) | {"cniVersion": config["cniVersion"]}} if previous else {}
        process = self.node.start(command, {**prev, **config}, f"id{number}", self.node.path_of(f"{self.node.name}-c{number}"),
                                  args=self.case.args, plugin=self.plugin(index, config))
        stdout, _ = communicate(process)
        return process.returncode, stdout

    def add(self, number):
        """The last result, or nothing where one fails."""
        namespace, previous = self.node.container(f"c{number}"), None
        if self.case.traffic:
            # Else the reference's addresses take two seconds to be usable.
            self.node.run_in(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        for index, config in enumerate(self.configs(number)):
            status, stdout = self.call("ADD", index, config, number, previous)
            self.seen[number, config["type"], "status"] = status
            if status != 0:
                return None
            previous = stdout
            self.seen[number, config["type"], "result"] = plain_result(stdout, self.names) | {"cniVersion": self.version}
        self.seen[number, "addresses"] = plain_addresses(self.node, namespace, self.names)
        self.seen[number, "routes"] = plain_routes(self.node, namespace, self.names)
        self.seen[number, "queues"] = plain_queues(self.node, namespace, self.names)
        for key in self.case.sysctls:
            self.seen[number, key] = self.node.run_in(namespace, "sysctl", "-n", key).stdout
        return previous

    def look_at_host(self, when, names):
        self.seen[when, "addresses"] = plain_addresses(self.node, self.node.host, names)
        self.seen[when, "routes"] = plain_routes(self.node, self.node.host, names)
        self.seen[when, "queues"] = plain_queues(self.node, self.node.host, names)
        self.seen[when, "files"] = plain_files(self.node)

    def ask(self, results):
        """Who reaches whom: outside, each other, the published port from everywhere; with the address that the server saw."""
        own = [[ip.split("/")[0] for ip in addresses_of(result)] for result in results]
        first, second = (f"{self.node.name}-c{number}" for number in (1, 2))
        outside = f"{self.node.name}-outside"
        uplinks, far = ("192.0.2.1", "2001:db8:2::1"), ("192.0.2.2", "2001:db8:2::2")
        self.node.settle(first, second)
        self.traffic.serve(first, "tcp/4/80", "tcp/6/80", "udp/4/53", name="first")
        self.traffic.serve(outside, "tcp/4/80", "tcp/6/80", name="outside")
        published = [("tcp", address, 8080) for address in uplinks] + [("udp", uplinks[0], 8053)]
        everybody = (
            ("first", first, [("tcp", address, 80) for address in far] + published),
            ("second", second, [("tcp", address, 80) for address in (*far, *own[0])] + published),
            ("host", self.node.host, published + [("tcp", "127.0.0.1", 8080)] + [("tcp", address, 80) for address in own[0]]),
            ("outside", outside, published))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = pool.map(lambda each: self.traffic.ask(each[1], *each[2]), everybody)
        for (name, _, questions), answered in zip(everybody, answers):
            for question, answer in zip(questions, answered):
                if question in published and (self.case.config["type"], name) in INTENDED["sources of host ports"]:
                    answer = answer and answer[0]
                self.seen["asks", name, question] = answer

    def observe(self):
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0", *(
            ["net.ipv6.conf.default.accept_dad=0"] if self.case.traffic else []))
        if self.case.traffic:
            self.traffic.neighbour("outside")
            self.node.on_host("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
        for command in self.case.prepare:
            self.node.on_host(*command.split())
        results = []
        for number in (1, 2):
            results.append(self.add(number))
            if not results[-1]:
                return {"fails": [key for key in self.seen if key[-1] == "status"]}
        self.look_at_host("host", self.names)
        self.seen["forwarding"] = forwarding(self.node)
        if self.case.traffic:
            self.ask(results)
        self.delete(results)
        return self.seen

    def delete(self, results):
        for number, result in zip((1, 2), results):
            namespace = f"{self.node.name}-c{number}"
            for index, config in reversed(list(enumerate(self.configs(number)))):
                if index == 0:
                    self.seen[number, "without members"] = plain_addresses(self.node, namespace, self.names)
                status, _ = self.call("DEL", index, config, number, result if self.case.members else None)
                self.seen[number, config["type"], "DEL"] = status
        self.look_at_host("left", Names())
        addresses = [ip.split("/")[0] for result in results for ip in addresses_of(result)]
        rules = self.node.on_host("nft", "list", "ruleset")
        self.seen["left", "rules"] = [line for line in rules.splitlines() if any(address in line.split() for address in addresses)]


def addresses_of(text):
    result = json.loads(text)
    return [ip["address"] for ip in result.get("ips", [])] + [result[key]["ip"] for key in ("ip4", "ip6") if key in result]


def observe(plugins, case):
    with Node() as node:
        traffic = Traffic(node)
        try:
            return Run(plugins, case, node, traffic).observe()
        finally:
            traffic.close()


VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
FAMILIES = {"v4": [[{"subnet": "10.77.0.0/24"}]], "v6": [[{"subnet": "fd00:77::/64"}]],
            "dual": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]]}
DEFAULT4, DEFAULT6 = {"dst": "0.0.0.0/0"}, {"dst": "::/0"}


def case(kind, version="1.0.0", ranges=None, routes=None, arguments="", **keys):
    config = {"cniVersion": version, "name": "diff", "type": kind, **({"bridge": "pcdiff0"} if kind == "bridge" else {}), **keys}
    if ranges is not None:
        config["ipam"] = {"type": "host-local", "ranges": ranges, **({"routes": routes} if routes else {})}
    return Case(config, arguments)


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




def masquerading(kind, family, **keys):
    routes = {"v4": [DEFAULT4], "v6": [DEFAULT6], "dual": [DEFAULT4, DEFAULT6]}[family]
    way = {"isDefaultGateway": True} if kind == "bridge" else {"routes": routes}
    return case(kind, ranges=FAMILIES[family], **way, **keys)._replace(traffic=True)


def masquerades():
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_masquerade_{family}", masquerading(kind, family, ipMasq=True)
    for kind in ("bridge", "ptp"):
        yield f"{kind}_no_masquerade", masquerading(kind, "dual", ipMasq=False)
        # Which the installed reference passes over: it has one backend.
        yield f"{kind}_masquerade_backend", masquerading(kind, "dual", ipMasq=True, ipMasqBackend="nftables")
        yield f"{kind}_masquerade_null_backend", masquerading(kind, "v4", ipMasq=True, ipMasqBackend=None)
        yield f"{kind}_masquerade_0_4_0", masquerading(kind, "v4", ipMasq=True, version="0.4.0")
    yield "bridge_masquerade_of_layer_2", case("bridge", ipMasq=True)


def chain(*members, version="1.0.0", family="v4", kind="bridge", traffic=False, prepare=(), sysctls=(), whole=False, **keys):
    """Members behind a bridge as podman has it, or ptp."""
    first = masquerading(kind, family, version=version, **({"hairpinMode": True} if kind == "bridge" else {}), **keys)
    return first._replace(members=members, traffic=traffic, prepare=prepare, sysctls=sysctls, whole=whole)


PUBLISHED = ports("8080:80", "8053:53/udp")


def portmaps():
    """Without masqAll and backends, which the installed reference does not know yet."""
    def portmap(**keys):
        return {"type": "portmap", **PUBLISHED, **keys}
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain(portmap(), version=version, traffic=version in ("0.3.1", "1.1.0"))
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_{family}", chain(portmap(), kind=kind, family=family, traffic=True)
    yield "without_snat", chain(portmap(snat=False), traffic=True)
    yield "mark_bit", chain(portmap(markMasqBit=7), traffic=True)
    yield "of_one_address", chain({"type": "portmap", **ports("192.0.2.1|8080:80", "192.0.2.1|8053:53/udp")}, traffic=True)
    yield "of_every_address", chain({"type": "portmap", **ports("0.0.0.0|8080:80", "::|8053:53/udp")}, family="dual", traffic=True)
    yield "capitalised", chain({"type": "portmap", "runtimeConfig": {"portMappings": [
        {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]}}, traffic=True)
    yield "many", chain({"type": "portmap", **ports(*(f"{8080 + each}:{80 + each}" for each in range(20)))}, traffic=True)
    yield "masqueraded", chain(portmap(), traffic=True, ipMasq=True)
    for name, member in {"none": {}, "null": {"runtimeConfig": {"portMappings": None}}, "empty": {"runtimeConfig": {"portMappings": []}}}.items():
        yield f"ports_{name}", chain({"type": "portmap", **member})
    for name, entry in {"host_port_0": {"hostPort": 0, "containerPort": 80}, "no_host_port": {"containerPort": 80},
                        "container_port_0": {"hostPort": 80, "containerPort": 0}, "port_text": {"hostPort": "80", "containerPort": 80}}.items():
        yield f"refused_{name}", chain({"type": "portmap", "runtimeConfig": {"portMappings": [{"protocol": "tcp", **entry}]}})
    yield "refused_mark_bit", chain(portmap(markMasqBit=32))
    yield "refused_without_previous", chain(portmap(prevResult=None))


def firewalls():
    """Without ingressPolicy isolated, which the installed reference does not know yet."""
    drop = ("iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP")
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "firewall"}, version=version)
    for kind, family in itertools.product(("bridge", "ptp"), FAMILIES):
        yield f"{kind}_{family}_under_a_policy_of_drop", chain(
            {"type": "firewall"}, kind=kind, family=family, traffic=True, prepare=drop, ipMasq=True)
    yield "same_bridge", chain({"type": "firewall", "ingressPolicy": "same-bridge"}, traffic=True)
    for name, keys in {"open": {"ingressPolicy": "open"}, "backend_iptables": {"backend": "iptables"}, "backend_unknown": {"backend": "x"},
                       "backend_empty": {"backend": ""}, "admin": {"iptablesAdminChainName": "OWN-RULES"}, "zone": {"firewalldZone": "x"}}.items():
        yield name, chain({"type": "firewall", **keys}, traffic=True, prepare=drop)
    yield "refused_policy", chain({"type": "firewall", "ingressPolicy": "other"})
    yield "refused_without_previous", chain({"type": "firewall", "prevResult": None})


def tunings():
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "tuning", "mtu": 1400}, version=version)
    keys = {"mtu": {"mtu": 1400}, "mac": {"mac": "c2:11:22:33:44:66"}, "promisc": {"promisc": True}, "allmulti": {"allmulti": True},
            "no_allmulti": {"allmulti": False}, "queue": {"txQLen": 77}, "no_queue": {"txQLen": 0}, "nothing": {},
            "zeroes": {"mtu": 0, "mac": "", "promisc": False}, "nulls": {"mtu": None, "mac": None, "promisc": None, "sysctl": None},
            "runtime_mac": {"mac": "c2:11:22:33:44:66", "runtimeConfig": {"mac": "c2:11:22:33:44:77"}},
            "args_mac": {"mac": "c2:11:22:33:44:66", "runtimeConfig": {"mac": "c2:11:22:33:44:77"}, "args": {"cni": {"mac": "c2:11:22:33:44:88"}}},
            "args": {"mtu": 1300, "args": {"cni": {"mtu": 1400, "promisc": True, "allmulti": True, "txQLen": 55}}},
            "all": {"mtu": 1400, "mac": "c2:11:22:33:44:66", "promisc": True, "allmulti": True, "txQLen": 77}}
    for name, value in keys.items():
        yield name, chain({"type": "tuning", **value}, family="dual" if name == "all" else "v4")
    settings = {"net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_ignore": "2", "net/ipv4/conf/eth0/arp_announce": "1"}
    read = ("net.core.somaxconn", "net.ipv4.conf.eth0.arp_ignore", "net.ipv4.conf.eth0.arp_announce")
    yield "sysctls", chain({"type": "tuning", "sysctl": settings}, sysctls=read)
    yield "sysctls_of_args", chain({"type": "tuning", "sysctl": settings, "args": {"cni": {"sysctl": {"net.core.somaxconn": "600"}}}}, sysctls=read)
    yield "behind_ptp", chain({"type": "tuning", "mtu": 1400, "txQLen": 77}, kind="ptp")
    for name, value in {"kernel": {"sysctl": {"kernel.shmmax": "1"}}, "climbing": {"sysctl": {"net/../kernel/shmmax": "1"}},
                        "unknown": {"sysctl": {"net.ipv4.nosuch": "1"}}, "number": {"sysctl": {"net.core.somaxconn": 1}},
                        "mac": {"mac": "c2:11"}, "mtu": {"mtu": "1400"}, "small_mtu": {"mtu": 10}, "without_previous": {"prevResult": None}}.items():
        yield f"refused_{name}", chain({"type": "tuning", **value})


def bandwidths():
    both = {"ingressRate": 10_000_000, "ingressBurst": 1_000_000, "egressRate": 5_000_000, "egressBurst": 800_000}
    for version in VERSIONS:
        yield f"version_{version}".replace(".", "_"), chain({"type": "bandwidth", **both}, version=version)
    keys = {"ingress": {"ingressRate": 8_000_000, "ingressBurst": 160_000}, "egress": {"egressRate": 123_456_789, "egressBurst": 9_876_543},
            "runtime": {"runtimeConfig": {"bandwidth": both}},
            "runtime_capitalised": {"runtimeConfig": {"bandwidth": {key[0].upper() + key[1:]: value for key, value in both.items()}}},
            "static_first": {"ingressRate": 8_000_000, "ingressBurst": 160_000, "runtimeConfig": {"bandwidth": both}},
            "zeroes": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0}, "nothing": {},
            "one_zero": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 8_000_000, "egressBurst": 160_000},
            "gigabit": {"ingressRate": 1_000_000_000, "ingressBurst": 80_000_000}}
    for name, value in keys.items():
        yield name, chain({"type": "bandwidth", **value})
    for kind, family in (("bridge", "dual"), ("ptp", "v4")):
        yield f"{kind}_{family}", chain({"type": "bandwidth", **both}, kind=kind, family=family)
    yield "mtu", chain({"type": "bandwidth", **both}, mtu=1400)
    for name, value in {"rate_alone": {"ingressRate": 1000}, "burst_alone": {"egressBurst": 1000}, "negative": {"ingressRate": -1, "ingressBurst": 8},
                        "fraction": {"ingressRate": 1.5, "ingressBurst": 8}, "text": {"ingressRate": "1", "ingressBurst": 8},
                        "burst_of_4_gib": {"ingressRate": 800, "ingressBurst": 8 * 2 ** 32}, "without_previous": {**both, "prevResult": None}}.items():
        yield f"refused_{name}", chain({"type": "bandwidth", **value})


def whole_chains():
    """As runtimes have them, every member ours."""
    podman = ({"type": "portmap", **PUBLISHED}, {"type": "firewall", "backend": ""}, {"type": "tuning"})
    containerd = ({"type": "portmap", **PUBLISHED}, {"type": "bandwidth", "runtimeConfig": {"bandwidth": {
        "IngressRate": 10_000_000, "IngressBurst": 1_000_000, "EgressRate": 0, "EgressBurst": 0}}}, {"type": "tuning", "mtu": 1400})
    for version in ("0.4.0", "1.0.0", "1.1.0"):
        yield f"podman_{version}".replace(".", "_"), chain(*podman, version=version, traffic=True, whole=True, ipMasq=True)
    yield "containerd", chain(*containerd, traffic=True, whole=True, ipMasq=True, family="dual")
    yield "containerd_ptp", chain(*containerd, traffic=True, whole=True, ipMasq=True, kind="ptp")


def interface_cases():
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


class DiffCase(unittest.TestCase):
    maxDiff = None

    def compare(self, wanted):
        with Node() as place:
            ours = observe(install(place.directory), wanted)
        theirs = observe(REFERENCE_DIR, wanted)
        differing = {key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
        self.assertEqual({key: ours.get(key) for key in differing}, {key: theirs.get(key) for key in differing})


class InterfaceDiffTest(DiffCase):
    pass


class MasqueradeDiffTest(DiffCase):
    pass


class PortmapDiffTest(DiffCase):
    pass


class FirewallDiffTest(DiffCase):
    pass


class TuningDiffTest(DiffCase):
    pass


class BandwidthDiffTest(DiffCase):
    pass


class WholeChainDiffTest(DiffCase):
    pass


def add_tests(test_class, cases):
    for name, wanted in cases:
        setattr(test_class, f"test_{name}", lambda self, wanted=wanted: self.compare(wanted))
    return len(cases)


COUNT = sum(add_tests(test_class, list(cases)) for test_class, cases in (
    (InterfaceDiffTest, interface_cases()), (MasqueradeDiffTest, masquerades()), (PortmapDiffTest, portmaps()), (FirewallDiffTest, firewalls()),
    (TuningDiffTest, tunings()), (BandwidthDiffTest, bandwidths()), (WholeChainDiffTest, whole_chains())))
assert COUNT >= 80, COUNT


if __name__ == "__main__":
    unittest.main()
