"""patchcord trace on a known node: the way of a packet hop by hop, and the verdict where something stands in its way."""

import contextlib
import json
import os
import subprocess
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, bridge_config, routed_config
from operator_case import OperatorCase, schema_of


class TraceCase(OperatorCase):
    """Two pods on a bridge, one of them with a host port, one with a link of its own, and a neighbour on the LAN who knows the pods' ways."""

    def setUp(self):
        super().setUp()
        node = self.node
        self.bridge = bridge_config(node, name="shopnet", subnets=DUAL_BRIDGE, isDefaultGateway=True)
        self.routed = routed_config(node, name="edgenet", subnets=DUAL_ROUTED)
        self.web, self.db, self.edge = (node.container(name) for name in ("web", "db", "edge"))
        ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
        self.attach(self.bridge | {"runtimeConfig": ports}, self.web, "web", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        self.attach(self.bridge, self.db, "db-7f3a")
        self.attach(self.routed, self.edge, "edge-0c11")
        self.make_lan()

    def make_lan(self):
        node = self.node
        self.lan = node.container("lan")
        node.on_host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0", "netns", self.lan)
        for namespace, link, address, v6 in ((node.host, "up0", "192.0.2.1/24", "2001:db8::1/64"),
                                             (self.lan, "lan0", "192.0.2.2/24", "2001:db8::2/64")):
            node.run_in(namespace, "ip", "addr", "add", address, "dev", link)
            node.run_in(namespace, "ip", "addr", "add", v6, "dev", link, "nodad")
            node.run_in(namespace, "ip", "link", "set", link, "up")
        node.on_host("ip", "route", "add", "default", "via", "192.0.2.2")
        node.on_host("ip", "route", "add", "default", "via", "2001:db8::2")
        node.run_in(self.lan, "ip", "route", "add", "default", "via", "192.0.2.1")
        node.run_in(self.lan, "ip", "route", "add", "default", "via", "2001:db8::1")
        node.settle(self.web, self.db, self.edge, self.lan)

    def end_of(self, container_id):
        (host_end,) = [name for alias, name in self.host_ends().items() if container_id in alias]
        return host_end

    def trace(self, *words):
        """The document that it prints, which is of its schema; its exit status is 0 for `passes` and for nothing else."""
        done = self.tool("trace", *words, "-o", "json")
        self.assertEqual(done.stderr, "")
        document = json.loads(done.stdout)
        schema_of("trace").validate(document)
        self.assertEqual(done.returncode, 0 if document["verdict"] == "passes" else 1)
        return document

    def assert_verdict(self, verdict, by, *words):
        document = self.trace(*words)
        self.assertEqual(document["verdict"], verdict, json.dumps(document, indent=1))
        self.assertIn(by, document.get("by", ""))
        return document


class WayTest(TraceCase):
    def test_a_healthy_node_lets_all_of_it_pass(self):
        for words in (("web", "db-7f3a"), ("web", "edge-0c11"), ("shop/web-0", "fd00:89::2"), ("edge-0c11", "fd00:88::2"),
                      ("host", "edge-0c11"), ("host", "web"), ("web", "host"), ("web", "outside"), ("edge-0c11", "2001:db8::2"),
                      ("outside", "web"), ("192.0.2.2", "edge-0c11")):
            with self.subTest(words):
                self.assert_verdict("passes", "", *words)

    def test_a_port_is_refused_where_nobody_listens_and_passes_where_somebody_does(self):
        document = self.assert_verdict("refused", "nobody listens on tcp port 80", "outside", "host:8080")
        self.assertEqual(document["packet"]["destinationPort"], 8080)
        self.assertIn("shop/web-0", [hop["place"] for hop in document["hops"]])
        with self.listener(self.web, 80):
            self.assert_verdict("passes", "", "outside", "host:8080")
            self.assert_verdict("passes", "", "db-7f3a", "host:8080")
            self.assert_verdict("passes", "", "host", "127.0.0.1:8080")
            self.assert_verdict("refused", "nobody listens on udp port 80", "db-7f3a", "web", "--port", "80", "--protocol", "udp")

    @contextlib.contextmanager
    def listener(self, namespace, port):
        program = (f"import socket, time; s = socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True); "
                   "print(flush=True); time.sleep(600)")
        process = subprocess.Popen(["nsenter", f"--net={self.node.path_of(namespace)}", "/usr/bin/python3", "-c", program], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            yield
        finally:
            process.kill()
            process.communicate()

    def test_to_the_letter(self):
        for name, words in (("same-bridge", ("web", "db-7f3a")), ("routed", ("web", "fd00:89::2")), ("host-port", ("outside", "host:8080"))):
            text = self.tool("trace", *words).stdout
            self.assert_fits(text)
            self.assert_golden(f"trace-{name}.txt", text)
        self.assert_golden("trace-host-port.json", self.tool("trace", "outside", "host:8080", "-o", "json").stdout)

    def test_words_that_are_nobodys(self):
        for words, message in ((("nobody", "web"), "nothing on this node is called nobody"),
                               (("web", "db-7f3a", "--protocol", "tcp"), "needs a port"),
                               (("web", "host:0"), '"0" is no port'), (("web", "db-7f3a", "--port", "65536"), "is no port")):
            done = self.tool("trace", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(message, done.stderr)


class FaultTest(TraceCase):
    """Each fault alone, and what it is called."""

    def on(self, namespace, *command):
        self.node.run_in(namespace, *command)

    def test_forwarding_off(self):
        self.on(self.node.host, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        self.assert_verdict("dropped", "host: forwarding of IPv4 is off", "web", "edge-0c11")
        self.on(self.node.host, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
        self.assert_verdict("dropped", "host: forwarding of IPv6 is off", "web", "fd00:89::2")

    def test_no_route_in_the_container_and_none_back(self):
        self.on(self.web, "ip", "route", "del", "default")
        self.assert_verdict("refused", "shop/web-0: no route to 192.0.2.2", "web", "outside")
        document = self.assert_verdict("dropped", "no route to 10.89.0.2, on the way back", "edge-0c11", "web")
        self.assertEqual([hop["way"] for hop in document["hops"] if hop["mark"] == "stop"], ["back"])

    def test_a_policy_of_others(self):
        self.on(self.node.host, "nft", "add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }")
        self.assert_verdict("dropped", "the policy of inet filter forward is to drop", "web", "edge-0c11")
        self.on(self.node.host, "nft", "add rule inet filter forward ip saddr 10.88.0.0/16 accept")
        self.assert_verdict("unknown", "inet filter forward", "web", "edge-0c11")

    def test_a_policy_of_iptables_of_old(self):
        self.on(self.node.host, "iptables-legacy", "-P", "FORWARD", "DROP")
        self.assert_verdict("dropped", "the policy of iptables-legacy filter FORWARD is to drop", "web", "edge-0c11")

    def test_the_reverse_path(self):
        """The answer comes in by another cable than the one that the question left by."""
        host = self.node.host
        self.on(host, "ip", "link", "add", "up1", "type", "veth", "peer", "name", "lan1", "netns", self.lan)
        for namespace, link, address in ((host, "up1", "198.51.100.1/24"), (self.lan, "lan1", "198.51.100.2/24")):
            self.on(namespace, "ip", "addr", "add", address, "dev", link)
            self.on(namespace, "ip", "link", "set", link, "up")
        self.on(self.lan, "ip", "route", "add", "10.88.0.0/24", "via", "198.51.100.1")
        self.on(self.lan, "sysctl", "-qw", "net.ipv4.conf.lan1.arp_announce=2")  # else its very question is dropped for its source
        self.node.settle(self.lan)
        self.on(host, "sysctl", "-qw", "net.ipv4.conf.up1.rp_filter=1")
        self.assert_verdict("dropped", "host: reverse path filter (rp_filter) of up1, on the way back", "web", "192.0.2.2")
        self.on(host, "sysctl", "-qw", "net.ipv4.conf.up1.rp_filter=2")
        self.assert_verdict("passes", "", "web", "192.0.2.2")

    def test_a_link_that_is_down(self):
        host_end = self.end_of("edge-0c11")
        self.on(self.node.host, "ip", "link", "set", host_end, "down")
        document = self.trace("web", "edge-0c11")
        self.assertNotEqual(document["verdict"], "passes")

    def test_nobody_answers(self):
        self.on(self.db, "ip", "addr", "flush", "dev", "eth0")
        self.assert_verdict("dropped", "nobody on eth0 answers for 10.88.0.3", "web", "10.88.0.3")


class ProbeTest(TraceCase):
    """A real packet, which the kernel tells of."""

    def test_rules_of_others_are_named_and_nothing_is_left(self):
        self.node.on_host("nft", "add table inet fw; add chain inet fw through { type filter hook forward priority 0; }; "
                                 "add rule inet fw through ip daddr 10.89.0.2 icmp type echo-request drop; "
                                 "add rule inet fw through tcp dport 81 reject with tcp reset")
        before = self.node.on_host("nft", "list", "ruleset")
        document = self.assert_verdict("dropped", "host: inet fw through, rule with handle", "web", "edge-0c11", "--probe")
        (drop,) = [hop for hop in document["probe"] if hop["asked"] == "chain inet fw through" and hop["mark"] == "stop"]
        self.assertIn(drop["answer"].split()[3], self.node.on_host("nft", "-a", "list", "chain", "inet", "fw", "through"))
        self.assert_verdict("refused", "host: inet fw through, rule with handle", "edge-0c11", "web", "--port", "81", "--probe")
        self.assert_verdict("passes", "", "edge-0c11", "web", "--probe")
        self.assert_verdict("refused", "nobody listens on udp port 53", "edge-0c11", "web", "--port", "53", "--protocol", "udp", "--probe")
        self.assertEqual(self.node.on_host("nft", "list", "ruleset"), before)

    def test_a_table_that_a_killed_probe_left_goes_with_the_next_one_and_with_doctor(self):
        """As on a kernel that does not remove it with the process."""
        before = self.node.on_host("nft", "list", "ruleset")
        for words in (("trace", "web", "edge-0c11", "--probe"), ("doctor",)):
            self.node.on_host("nft", "add table inet patchcord-trace; add table bridge patchcord-trace")
            self.tool(*words)
            self.assertEqual(self.node.on_host("nft", "list", "ruleset"), before, words)

    def test_what_no_rule_drops_is_told_by_counters_and_the_walk(self):
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0")
        self.assert_verdict("dropped", "host: forwarding of IPv4 is off", "web", "edge-0c11", "--probe")

    def test_a_datagram_that_arrives_passes_also_unanswered(self):
        program = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 53)); print(flush=True); time.sleep(600)"
        process = subprocess.Popen(["nsenter", f"--net={self.node.path_of(self.edge)}", "/usr/bin/python3", "-c", program], stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        process.stdout.readline()
        document = self.assert_verdict("passes", "", "web", "edge-0c11:53", "--protocol", "udp", "--probe")
        self.assertIn("did not answer", document["probe"][-1]["answer"])


class ExecTest(TraceCase):
    def test_a_command_runs_in_the_containers_network_with_its_status(self):
        done = self.tool("exec", "shop/web-0", "--", "ip", "-o", "addr", "show", "dev", "eth0")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("10.88.0.2/24", done.stdout)
        self.assertEqual(self.tool("exec", "db-7f3a", "--", "sh", "-c", "exit 7").returncode, 7)
        self.assertIn("nothing on this node is called nobody", self.tool("exec", "nobody", "--", "true").stderr)
        self.assertIn("no-such-program", self.tool("exec", "web", "--", "no-such-program").stderr)

    def test_tcpdump_runs_at_the_host_end_or_is_printed(self):
        host_end = self.end_of("edge-0c11")
        command = f"tcpdump -n -i {host_end} -c 1 icmp"
        self.prefix = ("env", "PATH=/nowhere")
        done = self.tool("capture", "edge-0c11", "-i", "eth0", "--", "-c", "1", "icmp")
        self.assertEqual((done.returncode, done.stdout), (1, command + "\n"))
        tools = os.path.join(self.node.directory, "tools")
        os.mkdir(tools)
        with open(os.path.join(tools, "tcpdump"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho tcpdump \"$@\"\n")
        os.chmod(file.name, 0o755)
        self.prefix = ("env", f"PATH={tools}:{os.environ['PATH']}")
        done = self.tool("capture", "edge-0c11", "--", "-c", "1", "icmp")
        self.assertEqual((done.returncode, done.stdout), (0, command + "\n"))
        self.assertIn("nothing on this node is called", self.tool("capture", "edge-0c11", "-i", "eth7").stderr)


if __name__ == "__main__":
    unittest.main()
