"""DEL where the kernel refuses a rule, or somebody else changes the rules meanwhile."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from delete_case import INJECT, InjectedCase, mappings, published
from fake_node import PLUGIN, PluginError, bridge_config


class FailedRuleTest(InjectedCase):
    """While a rule leads to an address, nobody else is given it."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, isDefaultGateway=True, ipMasq=True)
        self.a = self.node.container("a")

    def refused(self, request=1, error=1, times=1000):
        return (INJECT, "refuse", str(request), str(error), str(times))

    def test_del_keeps_the_address(self):
        for config in (self.config | published(mappings(8000, 8001)), self.config):
            for recorded in (True, False):
                with self.subTest(config=config, recorded=recorded):
                    self.node.add(config, self.a)
                    if not recorded:
                        os.unlink(self.record(self.a))
                    with self.assertRaises(PluginError) as caught:
                        self.node.delete(self.config, self.a, netns="", prefix=self.refused())
                    self.assertIn("Operation not permitted", caught.exception.msg)
                    self.assertEqual(len(self.node.reservations("br-net")), 1)
                    self.assertEqual(self.node.veths(), [])
                    self.node.delete(self.config, self.a, netns="")
                    self.require_gone(self.a)

    def test_an_add_that_cannot_take_its_rules_back_keeps_it(self):
        """The result could not be handed over; nor could the rules be removed again. DEL does it later."""
        config = self.config | published(mappings(8000, 8001))
        with open("/dev/full", "w", encoding="utf-8") as full:
            process = patience.run(
                ["nsenter", f"--net=/var/run/netns/{self.node.host}", *self.refused(request=self.requests_of_add(config) + 1), PLUGIN],
                input=json.dumps(config), stdout=full, env=self.node.environment("ADD", self.a, self.node.path_of(self.a)))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("cannot undo: nftables elements", process.stderr)
        self.assertGreater(self.elements_of(self.a), 0)
        self.assertEqual(len(self.node.reservations("br-net")), 1)
        self.node.delete(self.config, self.a)
        self.require_gone(self.a)

    def requests_of_add(self, config):
        """How many requests an ADD has in its transactions: the first that is not reached."""
        b = self.node.container("b")
        self.node.add(config, b)  # what stays after it is there in the beginning of each of the others
        self.node.delete(config, b)
        for number in range(1, 400):
            process = self.node.start("ADD", config, b, self.node.path_of(b), prefix=self.refused(request=number, times=1))
            patience.communicate(process)
            self.node.delete(config, b)
            if process.returncode == 125:
                return number - 1
        raise AssertionError("no end of requests")

    def test_a_failure_of_the_chained_type_is_said(self):
        result = self.node.add(self.config, self.a)
        chained = {"cniVersion": "1.0.0", "name": "br-net", "type": "portmap", "prevResult": result} | published(mappings(7000, 7002))
        self.node.add(chained, self.a, plugin=self.node.plugin("portmap"))
        with self.assertRaises(PluginError):
            self.node.delete(chained, self.a, plugin=self.node.plugin("portmap"), prefix=self.refused())
        self.node.delete(chained, self.a, plugin=self.node.plugin("portmap"))
        self.node.delete(self.config, self.a)
        self.require_gone(self.a)


class GenerationTest(InjectedCase):
    """Between a look at the rules and their change, somebody else has been faster."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node) | published(mappings(8000, 8000))
        self.flag = os.path.join(self.node.directory, "held")

    def start_held(self, transaction, command, container, netns):
        """Stands before that transaction, and has looked at everything, until let_go()."""
        process = self.node.start(command, self.config, container, netns, prefix=(INJECT, "hold", str(transaction), self.flag))
        patience.until(lambda: os.path.exists(self.flag) or process.poll() is not None)
        self.assertTrue(os.path.exists(self.flag))
        return process

    def let_go(self, process):
        os.unlink(self.flag)
        return self.node.finish(process)

    def leave_behind(self, name):
        container = self.node.container(name)
        self.node.add(self.config, container)
        self.node.remove_container(container)
        patience.until(lambda: not self.node.veths())

    def test_a_port_that_two_take_over_from_the_dead_at_once_is_one_ones(self):
        self.leave_behind("dead")
        b, c = self.node.container("b"), self.node.container("c")
        # The first is refused, because the element is there.
        slow = self.start_held(2, "ADD", c, self.node.path_of(c))
        self.node.add(self.config, b)
        with self.assertRaises(PluginError) as caught:
            self.let_go(slow)
        self.assertEqual(caught.exception.code, 103, caught.exception.msg)
        self.assertEqual((self.elements_of(b) > 0, self.elements_of(c)), (True, 0))

    def test_del_leaves_alone_what_has_become_somebody_elses(self):
        a = self.node.container("a")
        self.node.add(self.config, a)
        slow = self.start_held(1, "DEL", a, "")
        self.node.on_host("nft", "delete element inet patchcord ports4 { tcp . 8000 }; "
                          'add element inet patchcord ports4 { tcp . 8000 comment "somebody" : 10.88.0.99 . 80 }')
        self.let_go(slow)
        self.assertIn('comment "somebody"', self.node.on_host("nft", "list", "map", "inet", "patchcord", "ports4"))
        self.assertEqual(self.elements_of(a), 0)


if __name__ == "__main__":
    unittest.main()
