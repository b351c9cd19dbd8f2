"""The node of the hostile pods: networks of every kind, victims on each, things of foreign owners, and what of all that must never change."""

import concurrent.futures
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import PLUGIN, REFERENCE_DIR, Node, PluginError, files_below
from namespace_look import Glance, look_into

RATES = {"ingressRate": 800_000_000, "ingressBurst": 8_000_000, "egressRate": 800_000_000, "egressBurst": 8_000_000}
SLOW = {"ingressRate": 1_000_000, "ingressBurst": 1_000_000, "egressRate": 1_000_000, "egressBurst": 1_000_000}
VERSION = "1.0.0"


class Network:
    """What its members (a plugin chain's configurations) are run as: "ours", "reference", or "either"."""

    def __init__(self, name, made_by, guarded, members):
        self.name, self.made_by, self.guarded, self.members = name, made_by, guarded, members


class Attachment:
    def __init__(self, network, container, namespace, port, slow=False):
        self.network, self.container, self.namespace, self.port, self.slow = network, container, namespace, port, slow
        self.result = None

    def members(self):
        """With what the runtime and chance add for this container."""
        for config in self.network.members:
            config = dict(config)
            if config["type"] in ("patchcord", "portmap"):
                config["runtimeConfig"] = {"portMappings": [{"hostPort": self.port, "containerPort": 80, "protocol": "tcp"}]}
            if config["type"] in ("patchcord", "bandwidth") and "ingressRate" in config:
                config |= SLOW if self.slow else RATES
            yield config

    def addresses(self):
        return [ip["address"].split("/")[0] for ip in (self.result or {}).get("ips", [])]

    def mac(self):
        return next(each["mac"] for each in self.result["interfaces"] if each.get("sandbox"))

    def true_neighbours(self):
        """The MACs of its addresses, and of its gateway's where that is a bridge."""
        yield from ((address, self.mac()) for address in self.addresses())
        if "bridge" in self.network.members[0]:
            yield from ((ip["gateway"], self.result["interfaces"][0]["mac"]) for ip in self.result["ips"] if "gateway" in ip)

    def host_ends(self):
        return [each["name"] for each in (self.result or {}).get("interfaces", []) if not each.get("sandbox") and each["name"].startswith("veth")]


def subnets(number, free, families):
    """Three addresses for victims, and so few others that pools are exhausted."""
    return [[{"subnet": f"10.{number}.0.0/24", "rangeStart": f"10.{number}.0.2", "rangeEnd": f"10.{number}.0.{4 + free}"}],
            [{"subnet": f"fd00:{number}::/64"}]][:families]


class HostileNode(Node):
    def __init__(self, families=2):
        """With IPv4 alone, nothing sets IPv6 forwarding, without which the node believes routers more easily."""
        super().__init__()
        self.families = families
        self.lost = {}  # namespaces that lost their name, by an open descriptor
        self.victims = []
        self.glances, self.seen_inside = {}, {}
        self.networks_by_name = {network.name: network for network in self.describe_networks()}

    def close(self):
        for glance in self.glances.values():
            glance.close()
        super().close()
        for descriptor in self.lost.values():
            os.close(descriptor)
        self.lost.clear()

    # -- what is there from the start

    def describe_networks(self):
        def ipam(number, free=2, **more):
            return {"ipam": {"type": "host-local", "dataDir": self.networks, "ranges": subnets(number, free, self.families), **more}}

        def chain(name, first, **firewall):
            tuning = {"type": "tuning", "mtu": 1400, "dataDir": os.path.join(self.directory, "tuning")}
            later = [{"type": "portmap"}, {"type": "firewall", **firewall}, {"type": "bandwidth", **RATES}, tuning]
            return [{"cniVersion": VERSION, "name": name, **config} for config in (first, *later)]

        everything = {"ipMasq": True, "isolation": "network", "antispoof": True, **RATES}
        routes = {"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}][:self.families]}
        alone = {"cniVersion": VERSION, "type": "patchcord"}
        gateway = {"type": "bridge", "isDefaultGateway": True, "ipMasq": True}
        return [
            Network("alpha", "ours", True, [alone | {"name": "alpha", "mode": "bridge", "bridge": "hb0", "isDefaultGateway": True} | everything |
                                            ipam(61, free=3)]),
            Network("beta", "ours", True, [alone | {"name": "beta", "mode": "routed"} | everything | ipam(62)]),
            Network("gamma", "either", False, chain("gamma", gateway | {"bridge": "hb1", "macspoofchk": True} | ipam(63),
                                                    ingressPolicy="same-bridge")),
            Network("delta", "either", False, chain("delta", {"type": "ptp", "ipMasq": True} | ipam(64, **routes))),
            Network("epsilon", "reference", False, chain("epsilon", gateway | {"bridge": "hb2"} | ipam(65), ingressPolicy="same-bridge")),
            Network("eta", "ours", False, [alone | {"name": "eta", "mode": "bridge", "bridge": "hb3", "isDefaultGateway": True} | ipam(67)]),
            Network("zeta", "reference", False, chain("zeta", {"type": "ptp", "ipMasq": True} | ipam(66, **routes))),
        ]

    def prepare(self, bad_luck):
        """With bad luck some victims' namespaces have lost their name while they live, and one's host end has another name."""
        self.make_foreign()
        for number, network in enumerate(self.networks_by_name.values()):
            for place, name in enumerate(("one", "two", "lost")):
                self.add_victim(network, f"{network.name}-{name}", 20000 + 10 * number + place)
        self.write_lists()
        if bad_luck:
            self.lose_names()

    def lose_names(self):
        for victim in self.victims[2::3]:
            self.lose_name(victim)
        renamed = next(victim for victim in self.victims if victim.namespace in self.lost and victim.network.name == "gamma")
        self.on_host("ip", "link", "set", renamed.host_ends()[0], "down")
        self.on_host("ip", "link", "set", renamed.host_ends()[0], "name", "renamed0", "up")

    def make_foreign(self):
        """What another engine and the administrator have on the node."""
        docker = self.container("docker")
        lines = f"""
            link add docker0 type bridge
            addr add 172.17.0.1/16 dev docker0
            link set docker0 up
            link add veth1a2b3c type veth peer name eth0 netns {docker}
            link set veth1a2b3c master docker0 up
            link add veth7d8e9f type veth peer name eth1 netns {docker}
            link set veth7d8e9f up alias backups
            link add up0 type veth peer name up1
            link set up0 up
            link set up1 up
            addr add 192.0.2.1/24 dev up0
            route add default via 192.0.2.2
            route add 198.51.100.0/24 dev veth7d8e9f
            neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev up0 nud permanent
            rule add from 198.51.100.0/24 table 77
            route add default via 192.0.2.3 table 77
            link add bwp000000000000 type ifb
            link add name hb0 address 02:00:00:00:0b:00 type bridge
            link add name hb1 address 02:00:00:00:0b:01 type bridge
            link add name hb2 address 02:00:00:00:0b:02 type bridge
            link add name hb3 address 02:00:00:00:0b:03 type bridge"""
        self.run_in(self.host, "ip", "-batch", "-", stdin=lines)
        self.run_in(docker, "ip", "-batch", "-", stdin="addr add 172.17.0.2/16 dev eth0\nlink set eth0 up\nlink set eth1 up")
        self.on_host("tc", "qdisc", "add", "dev", "veth1a2b3c", "root", "tbf", "rate", "800mbit", "burst", "1mb", "latency", "50ms")
        self.run_in(self.host, "nft", "-f", "-", stdin="""
            table inet other {
              set held { type ipv4_addr; elements = { 172.17.0.2 comment "alpha/alpha-one/eth0" }; }
              chain out { type nat hook postrouting priority 100; ip saddr @held masquerade; }
            }""")
        reserved = os.path.join(self.networks, "alpha")
        os.makedirs(reserved)
        with open(os.path.join(reserved, "10.61.0.7"), "w", encoding="ascii") as file:
            file.write("somebody-elses\r\neth0")
        # The administrator's bridges, as networkd leaves them.
        self.on_host("sysctl", "-qw", *(f"net.ipv6.conf.{link}.accept_ra=1" for link in ("hb0", "hb1", "hb2", "hb3")), "net.ipv6.conf.default.accept_dad=0")

    @staticmethod
    def run_in(namespace, *command, stdin=None, check=True):
        path = namespace if namespace.startswith("/") else f"/var/run/netns/{namespace}"
        return patience.run(["nsenter", f"--net={path}", *command], input=stdin, check=check, errors="replace")

    def container(self, name):
        namespace = super().container(name)
        # Else the reference waits for duplicate address detection.
        self.run_in(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        return namespace

    def add_victim(self, network, name, port):
        victim = Attachment(network, name, self.container(name), port)
        made_by = "reference" if network.made_by == "reference" or name == "gamma-two" else "ours"
        if made_by == "reference":  # which leaves a container to believe any router
            self.run_in(victim.namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_ra=0")
        self.add_chain(victim, made_by)
        self.victims.append(victim)

    def lose_name(self, victim):
        """As `ip netns del` does while a process lives in it; an open descriptor stands for that process."""
        path = self.path_of(victim.namespace)
        self.lost[victim.namespace] = os.open(path, os.O_RDONLY)
        self.remove_container(victim.namespace)

    def way_into(self, namespace):
        return f"/proc/{os.getpid()}/fd/{self.lost[namespace]}" if namespace in self.lost else self.path_of(namespace)

    def write_lists(self):
        self.net_d = os.path.join(self.directory, "net.d")
        os.makedirs(self.net_d, exist_ok=True)
        for network in self.networks_by_name.values():
            plugins = [{key: value for key, value in config.items() if key not in ("cniVersion", "name")} for config in network.members]
            with open(os.path.join(self.net_d, f"{network.name}.conflist"), "w", encoding="utf-8") as file:
                json.dump({"cniVersion": VERSION, "name": network.name, "plugins": plugins}, file)

    # -- what a runtime does

    def binary(self, config, made_by):
        is_the_references = made_by == "reference" and config["type"] != "patchcord"
        return os.path.join(REFERENCE_DIR, config["type"]) if is_the_references else self.plugin(config["type"])

    def add_chain(self, attachment, made_by, **options):
        """A runtime takes back what it began."""
        result = None
        try:
            for config in attachment.members():
                config |= {"prevResult": result} if result else {}
                options |= {"netns": self.path_of(attachment.namespace), "plugin": self.binary(config, made_by)}
                result = self.add(config, attachment.container, **options)
            attachment.result = result
        except PluginError:
            self.delete_chain(attachment, "ours", self.path_of(attachment.namespace))
            raise

    def delete_chain(self, attachment, made_by, netns, with_result=True):
        """What went wrong; every member is called."""
        errors = []
        for config in reversed(list(attachment.members())):
            config |= {"prevResult": attachment.result} if attachment.result and with_result else {}
            try:
                self.delete(config, attachment.container, netns=netns, plugin=self.binary(config, made_by))
            except PluginError as error:
                errors.append(error)
        return errors

    def check_chain(self, attachment):
        for config in attachment.members():
            self.check(config, attachment.container, attachment.result, netns=self.path_of(attachment.namespace), plugin=self.plugin(config["type"]))

    def collect(self, network, valid):
        entries = [{"containerID": name, "ifname": "eth0"} for name in ["somebody-elses", *(each.container for each in valid)]]
        for config in reversed(network.members):
            config = config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": entries}
            self.call("GC", config, "", netns="", ifname="", plugin=self.plugin(config["type"]))

    def tool(self, *words):
        variables = {"PATH": os.environ["PATH"], "PATCHCORD_STATE_DIR": self.state, "COLUMNS": "200", "NETCONFPATH": self.net_d,
                     "CNI_PATH": self.plugins}
        return patience.run(["nsenter", f"--net={self.path_of(self.host)}", PLUGIN, *words], env=variables, errors="replace")

    # -- what is there

    def glance_into(self, where, namespace):
        if where not in self.glances:
            self.glances[where] = Glance(self.way_into(namespace))
        return self.glances[where]

    def quiet_places(self):
        """Where no operation has any business: who is there, and the namespace."""
        return {**{victim.container: victim.namespace for victim in self.victims}, "docker": f"{self.name}-docker"}

    def look(self, thoroughly=True):
        """Every object of the host and of the victims that must stay as it is, by a name that says what it is. Unless thoroughly, of the
        victims only where links, addresses, routes or neighbours are not those of the last time."""
        seen = look_into(self, self.host, "host")
        for where, namespace in self.quiet_places().items():
            if self.glance_into(where, namespace).has_changed() or thoroughly:
                self.seen_inside[where] = look_into(self, self.way_into(namespace), where)
            seen |= self.seen_inside[where]
        for directory in (self.state, self.networks, os.path.join(self.directory, "tuning")):
            for name, mode, text in files_below(directory):
                if not re.search(r"last_reserved|/lock$|\.boot$", name):
                    seen[("file", os.path.join(directory, name))] = (mode, text)
        return seen

    def find_liars(self):
        """Whom the host, or a victim on a bridge, takes for somebody whom it knows better."""
        true = {address: mac for victim in self.victims for address, mac in victim.true_neighbours()}
        liars = []
        for where, namespace in (("host", self.host), *self.quiet_places().items()):
            of_here = {} if where.split("-")[0] in ("beta", "delta", "zeta") else true  # where the next hop answers for everybody
            liars += [f"{where} takes {mac} for {address}" for address, mac in self.glance_into(where, namespace).neighbours()
                      if of_here.get(address, mac) != mac]
        return liars + self.find_strayed()

    def find_strayed(self):
        """Victims whose frames a bridge sends to somebody else's port."""
        ports = {victim.mac(): victim.host_ends()[0] for victim in self.victims if victim.namespace not in self.lost}
        entries = json.loads(self.on_host("bridge", "-j", "fdb", "show"))
        return [f"{entry['master']} has {entry['mac']} behind {entry['ifname']}" for entry in entries
                if "master" in entry and entry["ifname"] != ports.get(entry["mac"], entry["ifname"])]

    def ways(self):
        """(From where, to which address) of pings that pass now."""
        every = []
        for network in self.networks_by_name.values():
            members = [victim for victim in self.victims if victim.network is network]
            for victim in members:
                others = [address for other in members if other is not victim for address in other.addresses()]
                gateways = [ip["gateway"] for ip in victim.result["ips"] if "gateway" in ip and mode_of(network) != "routed"]
                every += [(victim.namespace, address) for address in others + gateways]
                every += [(self.host, address) for address in victim.addresses()]
        every.append((f"{self.name}-docker", "172.17.0.1"))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return [way for way, passes in zip(every, pool.map(lambda way: self.pings(*way, tries=2), every)) if passes]

    def pings(self, namespace, address, tries=4):
        command = ("ping", "-n", "-q", "-c", "1", "-W", "1", address)
        return any(self.run_in(self.way_into(namespace), *command, check=False).returncode == 0 for _ in range(tries))


def mode_of(network):
    return network.members[0].get("mode", "")
