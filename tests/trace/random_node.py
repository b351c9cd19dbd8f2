"""A node made by a random generator: networks of all modes, containers, a LAN, and what stands in the way on nodes."""

import socket

from fake_node import Node

PORT, OTHER_PORT, UDP_PORT, HOST_PORT = 80, 81, 53, 8080


class RandomNode(Node):
    def __init__(self, random, servers):
        super().__init__()
        self.random, self.servers = random, servers
        self.notes = []  # what was done to it, for who looks into a difference
        self.addresses = {}  # of each container, by name
        self.ports = []

    def chance(self, probability):
        return self.random.random() < probability

    def note(self, text):
        self.notes.append(text)

    def do(self, namespace, *command):
        self.note(f"{namespace.split('-')[-1]}: {' '.join(command)}")
        return self.run_in(namespace, *command, check=False)

    # -- what is there

    def build(self):
        self.lan = self._add_namespace("lan")
        self.cable("up0", "lan0", 0)
        if self.chance(0.3):
            self.cable("up1", "lan1", 1)
        self.on_host("ip", "route", "add", "default", "via", "192.0.2.2")
        self.on_host("ip", "route", "add", "default", "via", "2001:db8:0:0::2")
        self.networks_made = [self.network(number) for number in range(self.random.randint(2, 3))]
        for number in range(self.random.randint(3, 5)):
            self.attach(number)
        if self.chance(0.8):
            self.run_in(self.lan, "ip", "route", "add", "10.0.0.0/8", "via", "192.0.2.1")
            self.run_in(self.lan, "ip", "route", "add", "fd00::/16", "via", "2001:db8:0:0::1")
        self.listen()
        self.settle(*self.addresses)

    def cable(self, near, far, number):
        self.on_host("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.lan)
        v4, v6 = ("192.0.2", "198.51.100")[number], f"2001:db8:0:{number}:"
        for namespace, link, end in ((self.host, near, 1), (self.lan, far, 2)):
            self.run_in(namespace, "ip", "addr", "add", f"{v4}.{end}/24", "dev", link)
            self.run_in(namespace, "ip", "addr", "add", f"{v6}:{end}/64", "dev", link, "nodad")
            self.run_in(namespace, "ip", "link", "set", link, "up")

    def network(self, number):
        pick = self.random.choice
        mode = pick(("bridge", "bridge", "routed", "ptp"))
        v4, v6 = f"10.{80 + number}.0.0/24", f"fd00:{80 + number}::/64"
        if self.chance(0.1):
            v4 = "192.0.2.128/25"  # within the LAN's
        subnets = pick(((v4,), (v4,), (v4, v6), (v6,)))
        config = {"cniVersion": "1.0.0", "name": f"net{number}", "type": "patchcord",
                  "ipam": {"type": "host-local", "dataDir": self.networks, "ranges": [[{"subnet": subnet}] for subnet in subnets]}}
        if mode == "ptp":
            config |= {"type": "ptp", "ipMasq": self.chance(0.5)}
            config["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}] if ":" not in subnets[0] else [{"dst": "::/0"}]
            if len(subnets) == 2:
                config["ipam"]["routes"] = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
            return config
        config |= {"mode": mode, "ipMasq": self.chance(0.5), "antispoof": self.chance(0.4)}
        if self.chance(0.4):
            config["isolation"] = pick(("network", "pod"))
        if mode == "bridge":
            config |= {"bridge": f"br{number}", "isDefaultGateway": True, "hairpinMode": self.chance(0.5)}
        self.note(f"network {config}")
        return config

    def attach(self, number):
        name = self.container(f"c{number}")
        config = dict(self.random.choice(self.networks_made))
        plugin = self.plugin(config["type"])
        if config["type"] == "patchcord" and self.chance(0.4):
            port = HOST_PORT + number
            config["runtimeConfig"] = {"portMappings": [{"hostPort": port, "containerPort": PORT, "protocol": "tcp"},
                                                        {"hostPort": port, "containerPort": UDP_PORT, "protocol": "udp"}]}
            self.ports.append(port)
        result = self.add(config, name, plugin=plugin)
        self.addresses[name] = [entry["address"].split("/")[0] for entry in result["ips"]]
        if self.chance(0.15):
            second = self.random.choice([each for each in self.networks_made if each["name"] != config["name"]])
            second = {**second, "isDefaultGateway": False} if "bridge" in second else second
            second = {**second, "isGateway": True} if "bridge" in second else second
            result = self.add(second, name, ifname="net1", plugin=self.plugin(second["type"]))
            self.addresses[name] += [entry["address"].split("/")[0] for entry in result["ips"]]

    def listen(self):
        for name in [*self.addresses, self.lan, self.host]:
            path = self.path_of(name)
            if self.chance(0.8):
                self.servers.listen(path, socket.SOCK_STREAM, PORT)
                self.servers.listen(path, socket.SOCK_DGRAM, UDP_PORT)

    # -- what is wrong with it

    def spoil(self):
        faults = [self.foreign_policy, self.foreign_policy, self.foreign_rules, self.iptables_policy, self.legacy_policy, self.strict_path,
                  self.no_forwarding, self.no_default_route, self.wrong_route, self.forbidding_route, self.link_down, self.address_lost,
                  self.other_mac, self.deaf, self.wrong_neighbour, self.bridge_calls, self.lan_sees_other_way]
        for fault in self.random.sample(faults, self.random.choice((0, 1, 1, 2, 2, 3))):
            fault()
        self.settle(*self.addresses)
        for name in self.namespaces:
            self.steady_kernel(name)

    def any_container(self):
        return self.random.choice(list(self.addresses))

    def foreign_chain(self, policy):
        family, hook = self.random.choice((("inet", "forward"), ("inet", "forward"), ("ip", "forward"), ("ip6", "forward"), ("inet", "input"),
                                           ("inet", "output"), ("ip", "prerouting"), ("inet", "postrouting")))
        priority = self.random.choice((-350, -5, 0, 10))
        self.do(self.host, "nft", f"add table {family} other; add chain {family} other theirs "
                                  f"{{ type filter hook {hook} priority {priority}; policy {policy}; }}")
        return family

    def foreign_policy(self):
        self.foreign_chain("drop")

    def foreign_rules(self):
        family = self.foreign_chain(self.random.choice(("drop", "accept")))
        word, verdict = self.random.choice(("tcp dport 80", "udp dport 53", "ct state new", "ct state established,related", "meta l4proto icmp")), \
            self.random.choice(("accept", "drop", "reject"))
        self.do(self.host, "nft", f"add rule {family} other theirs {word} {verdict}")

    def iptables_policy(self):
        self.do(self.host, "iptables", "-P", "FORWARD", "DROP")

    def legacy_policy(self):
        self.do(self.host, self.random.choice(("iptables-legacy", "ip6tables-legacy")), "-P", self.random.choice(("FORWARD", "INPUT")), "DROP")

    def strict_path(self):
        self.do(self.host, "sysctl", "-qw", f"net.ipv4.conf.all.rp_filter={self.random.choice((1, 2))}")
        self.do(self.any_container(), "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")

    def lan_sees_other_way(self):
        """What the LAN sends to pods takes the other cable, where there is one."""
        self.do(self.lan, "ip", "route", "replace", "10.0.0.0/8", "via", "198.51.100.1")

    def no_forwarding(self):
        self.do(self.host, "sysctl", "-qw", self.random.choice(("net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")))

    def no_default_route(self):
        self.do(self.any_container(), "ip", self.random.choice(("-4", "-6")), "route", "del", "default")

    def wrong_route(self):
        """To some pods by a next hop that is none, or through the wrong interface."""
        where = self.random.choice((self.host, self.any_container()))
        links = [each["ifname"] for each in self.ip_json(where, "link") if each["ifname"] != "lo"]
        self.do(where, "ip", "route", "add", f"10.{self.random.choice((80, 81, 82))}.0.0/26", "dev", self.random.choice(links))

    def forbidding_route(self):
        where = self.random.choice((self.host, self.any_container()))
        kind = self.random.choice(("unreachable", "prohibit", "blackhole"))
        net = self.random.choice((80, 81, 82))
        self.do(where, "ip", "route", "add", kind, f"10.{net}.0.0/27")
        self.do(where, "ip", "route", "add", kind, f"fd00:{net}::/120")

    def link_down(self):
        where = self.random.choice((self.host, self.any_container()))
        links = [each["ifname"] for each in self.ip_json(where, "link") if each["ifname"] != "lo" and not each["ifname"].startswith("up")]
        self.do(where, "ip", "link", "set", self.random.choice(links), "down")

    def address_lost(self):
        """The container has another one of the same subnet, or none."""
        name = self.any_container()
        self.do(name, "ip", "-4", "addr", "flush", "dev", "eth0")
        if self.chance(0.5):
            self.do(name, "ip", "addr", "add", f"10.{self.random.choice((80, 81, 82))}.0.77/24", "dev", "eth0")

    def other_mac(self):
        self.do(self.any_container(), "ip", "link", "set", "eth0", "address", "02:11:22:33:44:55")

    def deaf(self):
        self.do(self.random.choice((self.host, self.any_container())), "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")

    def wrong_neighbour(self):
        name = self.any_container()
        routes = self.ip_json(name, "route", "show", "default")
        if routes and "gateway" in routes[0]:
            self.do(name, "ip", "neigh", "replace", routes[0]["gateway"], "lladdr", "02:00:00:00:00:99", "dev", routes[0]["dev"], "nud", "permanent")

    def bridge_calls(self):
        self.do(self.host, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")

    def steady_kernel(self, name):
        """No limits of ICMP errors, and nobody gives up asking for a neighbour while others still wait for the answer."""
        self.run_in(name, "sh", "-c",
                    "for f in /proc/sys/net/ipv?/neigh/*/mcast_solicit; do echo 200 >$f; done; "
                    "for f in ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do echo 0 >/proc/sys/net/$f; done; "
                    "for f in icmp_msgs_per_sec icmp_msgs_burst; do [ -w /proc/sys/net/ipv4/$f ] && "
                    "echo 1000000 >/proc/sys/net/ipv4/$f; done; true")

    # -- who speaks to whom

    def pair(self):
        """From whom, to whom as the command line has it, and the namespace that the packet leaves from."""
        pick = self.random.choice
        everybody = list(self.addresses)
        name = pick([*everybody, *everybody, self.host, self.lan])
        word = {self.host: "host", self.lan: "outside"}.get(name, name)
        kind = pick(("pod", "pod", "pod", "host", "outside", "port"))
        if kind == "pod":
            to = pick(self.addresses[pick(everybody)])
        elif kind == "port" and self.ports and word != "outside":
            return name, word, pick(("host", "192.0.2.1")) + f":{pick(self.ports)}", pick(([], ["--protocol", "udp"]))
        elif kind == "port" and self.ports:
            return name, word, f"192.0.2.1:{pick(self.ports)}", pick(([], ["--protocol", "udp"]))
        else:
            to = "outside" if kind == "outside" and word != "outside" else "host"
        tcp, closed, udp = ["--port", str(PORT)], ["--port", str(OTHER_PORT)], ["--port", str(UDP_PORT), "--protocol", "udp"]
        how = pick(([], [], tcp, tcp, closed, udp))
        return name, word, to, how
