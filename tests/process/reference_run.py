"""One case, run with the reference's plugins and with ours, and what is seen of it, in words that are the same for both where the plugins do the same."""

import concurrent.futures
import json
import os
import re
from typing import NamedTuple

from fake_node import NAMES, PLUGIN, REFERENCE_DIR, Node, files_below
from patience import communicate
from traffic import Traffic

# Flags and members that differ on purpose, or say nothing of what was set up.
INTENDED = {
    # IPv6 addresses are usable when ADD returns: "nodad" is how ("tentative" is what the reference leaves for a second or two), and
    # ptp gives the addresses without the subnet route that the reference makes and then removes.
    "address flags": ("nodad", "tentative", "noprefixroute"),
    # Values of the link that both leave to the kernel, or that count.
    "address members": ("valid_life_time", "preferred_life_time", "label"),
    "route members": ("flags", "metrics"),
    # Ours say whose they are (docs/host-objects.md); the reference's have the protocol that ip(8) does not mention.
    "route protocols": ("82", "patchcord-pod"),
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
            if route.get("protocol") in INTENDED["route protocols"]:
                del route["protocol"]
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
