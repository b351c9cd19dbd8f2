"""An attachment is not alone: a container with several networks is one owner of a host port, and its interfaces answer one after the other."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import PluginError, bridge_config, routed_config
from ports_case import PortsCase
from traffic import PYTHON, ports

PUBLISHED = ports("8080:80", "8053:53/udp")
PLACES = ("tcp/4/80", "tcp/6/80", "udp/4/53", "udp/6/53")

# Where an interface's address is seen as the server's: each answer says which address of the container was asked.
WHERE = """
import json, select, socket
listeners = []
for family in (socket.AF_INET, socket.AF_INET6):
    for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_DGRAM, 53)):
        server = socket.socket(family, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        server.bind(("", port))
        if kind == socket.SOCK_STREAM:
            server.listen(64)
        listeners.append(server)
print("ready", flush=True)
while True:
    for server in select.select(listeners, [], [])[0]:
        if server.type == socket.SOCK_STREAM:
            connection, client = server.accept()
            connection.sendall(json.dumps([connection.getsockname()[0], client[0]]).encode())
            connection.close()
            continue
        _, notes, _, client = server.recvmsg(99, 99)
        level, kind, data = notes[0]
        v6 = level == socket.IPPROTO_IPV6
        asked = data[:16] if v6 else data[8:12]
        answer = json.dumps([socket.inet_ntop(server.family, asked), client[0]]).encode()
        server.sendmsg([answer], [(level, kind, asked + bytes(4) if v6 else bytes(4) + asked + bytes(4))], 0, client)
"""

# A client that never rests: it counts questions and those that nobody answered.
RESTLESS = """
import json, select, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
asked, lost, seen, again = 0, 0, [], True
print("ready", flush=True)
while again:
    again = not select.select([sys.stdin], [], [], 0)[0]
    asked += 1
    try:
        with socket.create_connection((address, port), 3) as client:
            client.settimeout(3)
            where = json.loads(client.recv(999))[0]
            if where not in seen: seen.append(where)
    except (OSError, ValueError):
        lost += 1
print(json.dumps([asked, lost, seen]))
"""


class OneOwnerCase(PortsCase):
    def setUp(self):
        super().setUp()
        self.a = self.node.container("a")

    def network(self, number, **keys):
        """`number` makes a network, a bridge and subnets."""
        subnets = (f"10.6{number}.0.0/24", f"fd00:6{number}::/64")
        return bridge_config(self.node, name=f"n{number}", bridge=f"b{number}", subnets=subnets, isDefaultGateway=True, **{**PUBLISHED, **keys})

    def add(self, config, interface, container=None, **options):
        return self.node.add(config, container or self.a, ifname=interface, **options)

    def delete(self, config, interface, container=None, **options):
        return self.node.delete(config, container or self.a, ifname=interface, **options)

    def check(self, config, interface, result):
        self.node.check(config, self.a, result, ifname=interface)

    def serve(self, container=None):
        return self.traffic.start(container or self.a, PYTHON, "-c", WHERE)

    def answering(self):
        """Which address of the container each question comes to: TCP and UDP, of both families, from the host itself."""
        self.node.settle(self.a)
        questions = [("tcp", "192.0.2.1", 8080), ("tcp", "2001:db8:2::1", 8080), ("udp", "192.0.2.1", 8053), ("udp", "2001:db8:2::1", 8053)]
        return [answer and answer[0] for answer in self.traffic.ask(self.node.host, *questions)]

    def assert_answers(self, number, place=2):
        self.assertEqual(self.answering(), [f"10.6{number}.0.{place}", f"fd00:6{number}::{place}"] * 2)

    def assert_conflict(self, call, holder):
        with self.assertRaises(PluginError) as caught:
            call()
        self.assertEqual(caught.exception.code, 103)
        self.assertIn(f"is that of {holder}", caught.exception.msg)


class PatchcordTest(OneOwnerCase):
    def test_the_first_answers_and_then_the_second_and_then_nobody(self):
        one, two = self.network(1), self.network(2)
        results = [self.add(one, "eth0"), self.add(two, "eth1")]
        self.serve()
        self.assert_answers(1)
        self.check(one, "eth0", results[0])
        self.check(two, "eth1", results[1])
        self.delete(one, "eth0")
        self.assert_answers(2)
        self.check(two, "eth1", results[1])
        self.delete(two, "eth1")
        self.assertEqual(self.elements(), 0)

    def test_the_second_may_go_before_the_first(self):
        one, two = self.network(1), self.network(2)
        result = self.add(one, "eth0")
        self.add(two, "eth1")
        self.serve()
        self.delete(two, "eth1")
        self.assert_answers(1)
        self.check(one, "eth0", result)
        self.delete(one, "eth0")
        self.assertEqual(self.elements(), 0)

    def test_several_answer_in_the_order_in_which_they_came(self):
        networks = {number: self.network(number) for number in (3, 1, 4, 2)}
        for number, config in networks.items():
            self.add(config, f"eth{number}")
        self.serve()
        self.delete(networks.pop(1), "eth1")  # in the middle
        for number, config in networks.items():
            self.assert_answers(number)
            self.delete(config, f"eth{number}")
        self.assertEqual(self.elements(), 0)

    def test_two_interfaces_of_one_network(self):
        config = self.network(1)
        self.add(config, "eth0")
        self.add(config, "eth1")
        self.serve()
        self.assert_answers(1, 2)
        self.delete(config, "eth0")
        self.assert_answers(1, 3)

    def test_behind_routed_ports_and_of_an_address_of_the_host(self):
        one = routed_config(self.node, name="n1", subnets=("10.61.0.0/24", "fd00:61::/64"), **ports("192.0.2.1|8080:80"))
        two = self.network(2, **ports("192.0.2.1|8080:80"))
        self.add(one, "eth0")
        self.add(two, "eth1")
        self.serve()
        self.assertEqual(self.answering()[0], "10.61.0.2")
        self.delete(one, "eth0")
        self.assertEqual(self.answering()[0], "10.62.0.2")

    def test_only_some_ports_are_the_same(self):
        one, two = self.network(1), self.network(2, **ports("8080:80", "9090:80"))
        self.add(one, "eth0")
        self.add(two, "eth1")
        self.serve()
        self.assertEqual(self.traffic.ask(self.node.host, ("tcp", "192.0.2.1", 9090))[0][0], "10.62.0.2")
        self.assert_answers(1)
        self.delete(one, "eth0")
        self.assertEqual(self.answering(), ["10.62.0.2", "fd00:62::2", None, None])

    def test_with_conditions(self):
        conditions = {"conditionsV4": ["-s", "192.0.2.0/24"]}
        one, two = self.network(1, **conditions), self.network(2, **conditions)
        self.add(one, "eth0")
        self.add(two, "eth1")
        self.serve()
        self.assertEqual(self.answering()[0], "10.61.0.2")
        self.delete(one, "eth0")
        self.assertEqual(self.answering()[0], "10.62.0.2")
        self.delete(two, "eth1")
        self.assertEqual(self.elements(), 0)

    def test_nobody_is_without_an_answer_while_it_passes_over(self):
        one, two = self.network(1), self.network(2)
        self.add(one, "eth0")
        self.add(two, "eth1")
        self.serve()
        client = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", PYTHON, "-c", RESTLESS, "192.0.2.1", "8080"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(client.stdout.readline(), "ready\n")
        # The one that is connected when the interface goes, goes with it.
        self.watch_the_map(lambda: self.delete(one, "eth0"))
        answer, _ = client.communicate("\n", timeout=60)
        asked, lost, seen = json.loads(answer)
        self.assertEqual(seen, ["10.61.0.2", "10.62.0.2"])
        self.assertLessEqual(lost, 1, asked)

    def watch_the_map(self, work):
        """Each change of the map is one that leaves somebody in it."""
        path = os.path.join(self.node.directory, "monitor")

        def heard():
            with open(path, encoding="utf-8") as file:
                return file.read()

        def is_heard(word):
            self.node.on_host("nft", f"add table ip {word}; delete table ip {word}")
            return word in heard()

        with open(path, "w", encoding="utf-8") as file:
            monitor = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", "stdbuf", "-oL", "nft", "monitor"], stdout=file)
        try:
            self.assertTrue(patience.until(lambda: is_heard("begin")))
            work()
            self.assertTrue(patience.until(lambda: is_heard("end")))
        finally:
            monitor.kill()
            monitor.communicate()
        of_port = [line for line in heard().splitlines() if "ports4 {" in line and "8080" in line or line.startswith("# new generation")]
        changes = "".join(line.split()[0] + " " for line in of_port)
        self.assertIn("delete create # ", changes, heard())  # in one generation
        self.assertEqual(changes.count("delete"), 1, heard())

    def test_another_containers_port_is_refused_and_named(self):
        one, two, three = self.network(1), self.network(2), self.network(3)
        self.add(one, "eth0")
        self.add(two, "eth1")
        b = self.node.container("b")
        self.assert_conflict(lambda: self.add(three, "eth0", b), f"n1/{self.a}/eth0")
        self.delete(one, "eth0")
        self.assert_conflict(lambda: self.add(three, "eth0", b), f"n2/{self.a}/eth1")
        self.delete(two, "eth1")
        self.add(three, "eth0", b)
        self.assert_conflict(lambda: self.add(one, "eth0"), f"n3/{b}/eth0")

    def test_datagrams_follow(self):
        one, two = self.network(1), self.network(2)
        ask = lambda: self.traffic.ask(self.node.host, ("udp", "192.0.2.1", 8053, 5555))[0][0]
        self.add(one, "eth0")
        self.serve()
        self.assertEqual(ask(), "10.61.0.2")
        self.add(two, "eth1")
        self.assertIn("src=10.61.0.2", self.node.on_host("cat", "/proc/net/nf_conntrack"))  # who waits cuts nothing off
        self.assertEqual(ask(), "10.61.0.2")
        self.delete(one, "eth0")
        self.assertEqual(ask(), "10.62.0.2")


class MishapTest(OneOwnerCase):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.network(1), self.network(2)

    def add_both(self):
        results = [self.add(self.one, "eth0"), self.add(self.two, "eth1")]
        self.serve()
        return results

    def forget_record(self, network, interface):
        os.unlink(os.path.join(self.node.state, "attachments", network, f"{self.a}:{interface}"))

    def test_the_record_of_either_is_lost(self):
        self.serve()
        orders = (((self.one, "eth0"), (self.two, "eth1")), ((self.two, "eth1"), (self.one, "eth0")))
        for place, (first, second) in enumerate(orders, 2):
            with self.subTest(first=first[1]):
                self.add(*first)
                self.add(*second)
                self.forget_record(first[0]["name"], first[1])
                self.delete(*first)
                self.assertEqual(self.answering()[0], f"10.6{second[0]['name'][1]}.0.{place}")
                self.forget_record(second[0]["name"], second[1])
                self.delete(*second)
                self.assertEqual(self.elements(), 0)

    def test_reconcile_puts_back_what_each_had(self):
        results = self.add_both()
        self.assertEqual({line["outcome"] for line in self.node.reconcile()}, {0})
        self.node.on_host("nft", "flush", "ruleset")
        self.node.reconcile()
        self.assert_answers(1)
        self.check(self.one, "eth0", results[0])
        self.check(self.two, "eth1", results[1])
        self.delete(self.one, "eth0")
        self.assert_answers(2)
        self.delete(self.two, "eth1")
        self.assertEqual(self.elements(), 0)

    def test_check_says_what_is_missing_of_each(self):
        results = self.add_both()
        self.node.on_host("nft", "flush", "map", "inet", "patchcord", "ports4_next")
        self.check(self.one, "eth0", results[0])
        with self.assertRaises(PluginError) as caught:
            self.check(self.two, "eth1", results[1])
        self.assertIn(f"host tcp port 8080: the element in nftables set inet patchcord ports4 is that of n1/{self.a}/eth0", caught.exception.msg)
        self.node.reconcile()
        self.check(self.two, "eth1", results[1])
        self.node.on_host("nft", "flush", "map", "inet", "patchcord", "ports4")
        with self.assertRaises(PluginError):
            self.check(self.two, "eth1", results[1])
        self.node.reconcile()
        self.check(self.one, "eth0", results[0])
        self.check(self.two, "eth1", results[1])
        self.delete(self.one, "eth0")
        self.delete(self.two, "eth1")
        self.assertEqual(self.elements(), 0)

    def test_gc_of_the_first_lets_the_second_answer(self):
        self.add_both()
        self.node.call("GC", {**self.one, "cniVersion": "1.1.0", "cni.dev/valid-attachments": []}, "", netns="")
        self.assert_answers(2)

    def test_killed_between(self):
        self.add(self.one, "eth0")
        before = self.elements()
        for when in ("renameat2:signal=KILL", "linkat:signal=KILL:when=4"):
            with self.subTest(when):
                process = self.node.start("ADD", self.two, self.a, self.node.path_of(self.a), ifname="eth1",
                                          prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={when}"))
                process.communicate(timeout=60)
                self.delete(self.two, "eth1")
                self.assertEqual(self.elements(), before)
        self.add(self.two, "eth1")
        self.serve()
        self.assert_answers(1)

    def test_a_failed_second_add_leaves_the_first(self):
        self.add(self.one, "eth0")
        self.serve()
        before = self.elements()
        failing = {**self.two, "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80}, {"hostPort": 9999, "containerPort": 1}]}}
        b = self.node.container("b")
        self.add(self.network(3, **ports("9999:1")), "eth0", b)
        self.assert_conflict(lambda: self.add(failing, "eth1"), f"n3/{b}/eth0")
        self.delete(self.network(3, **ports("9999:1")), "eth0", b)
        self.assertEqual(self.elements(), before)
        self.assert_answers(1)


class PortmapTest(OneOwnerCase):
    def chain(self, number, interface):
        """ADD of a list of bridge and portmap; returns what ends it."""
        network = {**self.network(number), "type": "bridge"}
        del network["runtimeConfig"], network["mode"]
        result = self.add(network, interface, plugin=self.node.plugin("bridge"))
        portmap = {"cniVersion": "1.0.0", "name": network["name"], "type": "portmap", **PUBLISHED, "prevResult": result}
        self.add(portmap, interface, plugin=self.node.plugin("portmap"))

        def call(command, config):
            return self.node.call(command, config, self.a, ifname=interface, plugin=self.node.plugin(config["type"]))

        call("CHECK", portmap)
        return lambda: (call("DEL", portmap), call("DEL", network)), lambda: call("CHECK", portmap)

    def test_behind_bridges(self):
        end_one, check_one = self.chain(1, "eth0")
        end_two, check_two = self.chain(2, "eth1")
        self.serve()
        self.assert_answers(1)
        check_one()
        end_one()
        self.assert_answers(2)
        check_two()
        end_two()
        self.assertEqual(self.elements(), 0)

    def test_one_of_each_kind(self):
        end_one, _ = self.chain(1, "eth0")
        two = self.network(2)
        self.add(two, "eth1")
        self.serve()
        self.assert_answers(1)
        end_one()
        self.assert_answers(2)
        end_one, check_one = self.chain(1, "eth0")
        self.assert_answers(2)
        self.delete(two, "eth1")
        self.assert_answers(1, 3)
        check_one()

    def test_the_record_is_lost(self):
        end_one, _ = self.chain(1, "eth0")
        end_two, _ = self.chain(2, "eth1")
        self.serve()
        os.unlink(os.path.join(self.node.state, "portmap", "n1", f"{self.a}:eth0"))
        os.unlink(os.path.join(self.node.state, "portmap", "n2", f"{self.a}:eth1"))
        end_one()
        self.assert_answers(2)
        end_two()
        self.assertEqual(self.elements(), 0)


if __name__ == "__main__":
    unittest.main()
