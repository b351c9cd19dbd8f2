"""One owner of a host port, when records are lost, an ADD is killed or fails, and behind the type portmap."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import PluginError
from one_owner_case import PUBLISHED, OneOwnerCase
from traffic import ports


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
                patience.communicate(process)
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
