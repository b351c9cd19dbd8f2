"""An attachment is not alone: a container with several networks is one owner of a host port, and its interfaces answer one after the other."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import routed_config
from one_owner_case import RESTLESS, OneOwnerCase
from traffic import PYTHON, ports


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
        answer, _ = patience.communicate(client, "\n")
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


if __name__ == "__main__":
    unittest.main()
