"""Type bandwidth, chained behind bridge: keys, what the kernel is told, CHECK, and what DEL leaves."""

import os
import re
import unittest

from bandwidth_chain import BOTH, NAME, Chain
from fake_node import REFERENCE_DIR, Node, PluginError, bridge_config, routed_config
from patience import communicate
from test_reconcile import RESTORED, RIGHT


class KeysTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain(self)

    def refuse(self, code, word, **keys):
        before = self.chain.node.snapshot(self.chain.container)
        with self.assertRaises(PluginError) as caught:
            self.chain.add(**keys)
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        self.assertIn(word, caught.exception.msg)
        self.assertEqual(self.chain.node.snapshot(self.chain.container), before)

    def test_both_directions(self):
        before = self.chain.node.snapshot(self.chain.container)
        result = self.chain.add(**BOTH)
        ifb = result["interfaces"][-1]
        self.assertEqual(self.chain.ifbs(), [ifb["name"]])
        self.assertRegex(ifb["name"], "^bwp[0-9a-f]{12}$")
        (link,) = self.chain.node.ip_json(self.chain.node.host, "link", "show", "dev", ifb["name"])
        self.assertEqual((link["address"], link["mtu"]), (ifb["mac"], 1500))
        self.assertEqual(result["interfaces"][:-1], self.chain.previous["interfaces"])
        self.assertEqual(result["ips"], self.chain.previous["ips"])
        self.assertEqual(self.chain.bucket(self.chain.host_end)["rate"], 1_250_000)
        self.assertEqual(self.chain.bucket(ifb["name"])["rate"], 625_000)
        self.assertIn("ingress", self.chain.qdiscs(self.chain.host_end))
        self.assertIn(f"Egress Redirect to device {ifb['name']}", self.chain.filters(self.chain.host_end, "ffff:"))
        self.chain.check(result, **BOTH)
        self.chain.delete(**BOTH)
        self.assertEqual(self.chain.node.snapshot(self.chain.container), before)
        self.assertEqual(set(self.chain.qdiscs(self.chain.host_end)), {"noqueue"})

    def test_an_ifb_is_made_where_its_direction_is_limited_only(self):
        result = self.chain.add(ingressRate=8_000_000, ingressBurst=800_000)
        self.assertEqual((result, self.chain.ifbs()), (self.chain.previous, []))
        self.chain.delete()
        self.chain.add(egressRate=8_000_000, egressBurst=800_000)
        self.assertEqual(len(self.chain.ifbs()), 1)
        self.assertNotIn("tbf", self.chain.qdiscs(self.chain.host_end))

    def test_nothing_asked_is_nothing_done(self):
        for keys in ({}, {"ingressRate": 0, "ingressBurst": 0}, {"runtimeConfig": {}}, {"runtimeConfig": {"bandwidth": None}},
                     {"runtimeConfig": {"bandwidth": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0}}},
                     # What the configuration has counts, even if it is nothing.
                     {"ingressRate": 0, "runtimeConfig": {"bandwidth": BOTH}}):
            with self.subTest(keys):
                self.assertEqual(self.chain.add(**keys), self.chain.previous)
                self.chain.check(self.chain.previous, **keys)
                self.assertEqual((self.chain.ifbs(), self.chain.records()), ([], []))
                self.chain.delete(**keys)

    def test_runtimes_may_write_the_capability_in_any_case(self):
        for change in (str, lambda key: key[0].upper() + key[1:], str.lower):
            with self.subTest(change("ingressRate")):
                self.chain.add(runtimeConfig={"bandwidth": {change(key): value for key, value in BOTH.items()}})
                self.assertEqual(self.chain.bucket(self.chain.host_end)["rate"], 1_250_000)
                self.assertEqual(self.chain.bucket(self.chain.ifbs()[0])["rate"], 625_000)
                self.chain.delete()

    def test_what_the_configuration_has_counts_before_the_runtimes(self):
        self.chain.add(ingressRate=8_000, ingressBurst=80_000, runtimeConfig={"bandwidth": BOTH})
        self.assertEqual(self.chain.bucket(self.chain.host_end)["rate"], 1_000)
        self.assertEqual(self.chain.ifbs(), [])

    def test_refused_before_any_effect(self):
        for keys, word in (({"ingressRate": 1000}, "ingressBurst"), ({"ingressBurst": 1000}, "ingressRate"),
                           ({"egressRate": 1000}, "egressBurst"), ({"egressBurst": 1000}, "egressRate"),
                           ({"ingressRate": 7, "ingressBurst": 80}, "8 bit/s"), ({"ingressRate": -1, "ingressBurst": 8}, "ingressRate"),
                           ({"ingressRate": 1.5, "ingressBurst": 8}, "ingressRate"), ({"ingressRate": "1", "ingressBurst": 8}, "ingressRate"),
                           ({"ingressRate": 800, "ingressBurst": 8 * (2 ** 32 - 1)}, "4 GiB"),
                           ({**BOTH, "unshapedSubnets": ["10.0.0.0/33"]}, "unshapedSubnets"),
                           ({**BOTH, "unshapedSubnets": ["10.0.0.0/8"], "shapedSubnets": ["fd00::/8"]}, "shapedSubnets"),
                           ({**BOTH, "latency": 0}, "latency"), ({**BOTH, "latency": 10_001}, "latency"),
                           ({"runtimeConfig": {"bandwidth": {"ingressRate": 1000}}}, "runtimeConfig.bandwidth.ingressBurst")):
            with self.subTest(keys):
                self.refuse(7, word, **keys)

    def test_an_interface_without_an_end_on_the_host_is_refused(self):
        container = self.chain.node.container("alone")
        self.chain.node.run_in(container, "ip", "link", "add", "eth0", "type", "ifb")
        with self.assertRaises(PluginError) as caught:
            self.chain.node.add(self.chain.config(**BOTH), container, plugin=self.chain.node.plugin("bandwidth"))
        self.assertEqual(caught.exception.code, 103)
        self.assertEqual(self.chain.ifbs(), [])

    def test_prev_result_is_required(self):
        config = {**self.chain.config(**BOTH), "prevResult": None}
        for command in ("ADD", "CHECK"):
            with self.assertRaises(PluginError) as caught:
                self.chain.call(command, config)
            self.assertEqual(caught.exception.code, 7)

    def test_bursts_too_long_for_the_kernel_are_clamped_and_none_is_too_small_for_a_packet(self):
        result = self.chain.add(ingressRate=8_000, ingressBurst=2 ** 32 - 1, egressRate=800_000, egressBurst=8)
        self.assertGreater(self.chain.bucket(self.chain.host_end)["burst"], 270_000)
        self.assertIn(self.chain.bucket(result["interfaces"][-1]["name"])["burst"], range(1500, 1515))
        self.chain.check(result, ingressRate=8_000, ingressBurst=2 ** 32 - 1, egressRate=800_000, egressBurst=8)

    def test_rates_may_need_more_than_32_bits(self):
        keys = {"ingressRate": 80_000_000_000, "ingressBurst": 800_000_000}
        result = self.chain.add(**keys)
        self.assertEqual(self.chain.bucket(self.chain.host_end)["rate"], 10_000_000_000)
        self.chain.check(result, **keys)

    def test_latency_makes_the_queue(self):
        self.chain.add(**BOTH, latency=100)
        self.assertEqual(self.chain.node.on_host("tc", "qdisc", "show", "dev", self.chain.host_end).count("limit 125000b"),
                         1 if "bfifo" in self.chain.qdiscs(self.chain.host_end) else 0)

    def test_subnets_are_told_apart_in_both_directions(self):
        for key, shaped in (("unshapedSubnets", False), ("shapedSubnets", True)):
            keys = {**BOTH, key: ["10.99.0.0/16", "fd00:99::/48", "0.0.0.0/0"]}
            with self.subTest(key):
                result = self.chain.add(**keys)
                for link, side in ((self.chain.host_end, 12), (self.chain.ifbs()[0], 16)):
                    text = self.chain.filters(link, "1:")
                    self.assertIn(f"match 0a630000/ffff0000 at {side}", text)
                    self.assertIn(f"match fd000099/ffffffff at {8 if side == 12 else 24}", text)
                    self.assertEqual(len(re.findall("flowid 1:30" if shaped else "flowid 1: ", text)), 3, text)
                    self.assertIn("htb", self.chain.qdiscs(link))
                self.chain.check(result, **keys)
                self.chain.node.on_host("tc", "filter", "del", "dev", self.chain.host_end, "parent", "1:", "prio", "15")
                with self.assertRaises(PluginError) as caught:
                    self.chain.check(result, **keys)
                self.assertIn("subnets", caught.exception.msg)
                self.chain.delete()


class CheckTest(unittest.TestCase):
    def test_each_difference_is_named(self):
        for words, command in (
                ((": rate",), "tc qdisc change dev {host} root handle 1: tbf rate 1mbit burst 125000 limit 156250"),
                ((": buffer",), "tc qdisc change dev {host} root handle 1: tbf rate 10mbit burst 60000 limit 156250"),
                ((": limit",), "tc qdisc change dev {host} root handle 1: tbf rate 10mbit burst 125000 limit 20000"),
                (("no tbf",), "tc qdisc del dev {host} root"),
                (("not redirected",), "tc filter del dev {host} parent ffff:"),
                (("not redirected",), "tc qdisc del dev {host} ingress"),
                (("{ifb}", "no tbf"), "tc qdisc del dev {ifb} root"),
                (("{ifb}", "is down"), "ip link set {ifb} down"),
                (("{ifb}", "is missing"), "ip link del {ifb}")):
            with self.subTest(command):
                chain = Chain(self)
                result = chain.add(**BOTH)
                chain.check(result, **BOTH)
                names = {"host": chain.host_end, "ifb": chain.ifbs()[0]}
                chain.node.on_host(*command.format(**names).split())
                with self.assertRaises(PluginError) as caught:
                    chain.check(result, **BOTH)
                self.assertEqual(caught.exception.code, 105)
                for word in words:
                    self.assertIn(word.format(**names), caught.exception.msg)
                chain.delete()
                self.assertEqual(chain.ifbs(), [])


class RestoreTest(unittest.TestCase):
    def test_each_damage_is_mended(self):
        chain = Chain(self)
        result = chain.add(**BOTH)
        for command in ("tc qdisc del dev {host} root", "tc qdisc del dev {host} ingress", "tc filter del dev {host} parent ffff:",
                        "tc qdisc replace dev {host} root handle 1: tbf rate 1mbit burst 125000 limit 156250", "tc qdisc del dev {ifb} root",
                        "ip link set {ifb} down", "ip link del {ifb}"):
            with self.subTest(command):
                ifb = result["interfaces"][-1]["name"]
                chain.node.on_host(*command.format(host=chain.host_end, ifb=ifb).split())
                line = chain.node.reconcile_by_kind()["bandwidth"]
                self.assertEqual((line["outcome"], line["problems"]), (RESTORED, []))
                chain.check(result, **BOTH)
                self.assertEqual((chain.bucket(chain.host_end)["rate"], chain.bucket(ifb)["rate"]), (1_250_000, 625_000))
                self.assertIn(f"Egress Redirect to device {ifb}", chain.filters(chain.host_end, "ffff:"))
                self.assertEqual(chain.node.reconcile_by_kind()["bandwidth"]["outcome"], RIGHT)
        chain.delete()
        self.assertEqual(chain.ifbs(), [])


class EndTest(unittest.TestCase):
    def test_del_with_the_namespace_gone_leaves_no_ifb(self):
        chain = Chain(self)
        chain.add(**BOTH)
        chain.node.remove_container(chain.container)
        chain.call("DEL", {"cniVersion": "1.0.0", "name": NAME}, netns="")
        self.assertEqual((chain.ifbs(), chain.records()), ([], []))

    def test_without_a_record_the_names_lead_to_it(self):
        chain = Chain(self)
        chain.add(**BOTH)
        os.unlink(os.path.join(chain.node.state, "bandwidth", NAME, f"{chain.container}:eth0"))
        chain.call("DEL", {"cniVersion": "1.0.0", "name": NAME}, netns="")
        self.assertEqual(chain.ifbs(), [])

    def test_a_second_add_is_refused_and_harms_nothing(self):
        chain = Chain(self)
        result = chain.add(**BOTH)
        with self.assertRaises(PluginError) as caught:
            chain.add(**BOTH)
        self.assertEqual(caught.exception.code, 103)
        chain.check(result, **BOTH)

    def test_two_interfaces_of_one_container_have_an_ifb_each(self):
        chain = Chain(self)
        chain.add(**BOTH)
        node = chain.node
        previous = node.add(chain.bridge, chain.container, ifname="eth1", plugin=node.plugin("bridge"))
        node.add(chain.config(previous=previous, **BOTH), chain.container, ifname="eth1", plugin=node.plugin("bandwidth"))
        self.assertEqual(len(chain.ifbs()), 2)
        chain.delete()
        self.assertEqual(len(chain.ifbs()), 1)

    def test_gc_removes_what_is_not_listed(self):
        chain = Chain(self)
        chain.add(**BOTH)
        chain.node.remove_container(chain.container)
        config = {"cniVersion": "1.1.0", "name": NAME, "type": "bandwidth"}
        for valid, count in (([{"containerID": chain.container, "ifname": "eth0"}], 1), ([], 0)):
            chain.call("GC", {**config, "cni.dev/valid-attachments": valid}, netns="")
            self.assertEqual(len(chain.ifbs()), count)

    def test_a_bystanders_ifb_of_that_name_survives(self):
        chain = Chain(self)
        name = chain.add(**BOTH)["interfaces"][-1]["name"]
        chain.delete()
        chain.node.on_host("ip", "link", "add", name, "type", "ifb")
        chain.node.on_host("ip", "link", "set", name, "alias", "somebody's")
        chain.delete()
        self.assertEqual(chain.ifbs(), [name])

    def test_a_hundred_cycles_leave_the_links_as_before(self):
        chain = Chain(self)
        before = chain.node.snapshot(chain.container)
        for _ in range(100):
            chain.add(**BOTH)
            chain.delete(**BOTH)
        self.assertEqual(chain.node.snapshot(chain.container), before)

    def test_killed_adds_are_cleaned_up_by_names_and_by_the_next_add(self):
        chain = Chain(self)
        before = chain.node.snapshot(chain.container)
        for call in ("sendmsg", "openat", "rename"):
            for number in range(1, 100):
                prefix = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
                process = chain.node.start("ADD", chain.config(**BOTH), chain.container, chain.node.path_of(chain.container),
                                           plugin=chain.node.plugin("bandwidth"), prefix=prefix)
                communicate(process)
                killed = process.returncode != 0
                if killed and number % 2:
                    chain.check(chain.add(**BOTH), **BOTH)
                chain.call("DEL", {"cniVersion": "1.0.0", "name": NAME}, netns="")
                with self.subTest(call=call, number=number):
                    self.assertEqual(chain.node.snapshot(chain.container), before)
                    self.assertEqual(set(chain.qdiscs(chain.host_end)), {"noqueue"})
                if not killed:
                    break
            else:
                self.fail("no end of calls")


class ReferenceTest(unittest.TestCase):
    """Debian's bandwidth on the same interface: the same numbers in the kernel, and a swap before DEL."""

    REFERENCE = os.path.join(REFERENCE_DIR, "bandwidth")

    def numbers(self, plugin, keys):
        chain = Chain(self)
        result = chain.call("ADD", chain.config(**keys), plugin=plugin)
        seen = []
        for link in (chain.host_end, *chain.ifbs()):
            tbf = chain.qdiscs(link).get("tbf", {"options": {}})["options"]
            seen.append([tbf.get(key) for key in ("rate", "burst")])
        (chain.ifbs() and seen.append("mirred" in chain.filters(chain.host_end, "ffff:")))
        return len(result["interfaces"]), seen

    def test_the_numbers_are_the_references(self):
        for keys in (BOTH, {"ingressRate": 8_000_000, "ingressBurst": 160_000}, {"egressRate": 123_456_789, "egressBurst": 9_876_543},
                     {"ingressRate": 1_000_000_000, "ingressBurst": 80_000_000}, {"runtimeConfig": {"bandwidth": BOTH}}):
            with self.subTest(keys):
                self.assertEqual(self.numbers(None, keys), self.numbers(self.REFERENCE, keys))

    def test_its_check_accepts_ours(self):
        chain = Chain(self)
        result = chain.add(ingressRate=8_000_000, ingressBurst=160_000)
        chain.call("CHECK", chain.config(previous=result, ingressRate=8_000_000, ingressBurst=160_000), plugin=self.REFERENCE)

    def test_our_del_removes_its_ifb(self):
        chain = Chain(self)
        chain.call("ADD", chain.config(**BOTH), plugin=self.REFERENCE)
        self.assertEqual(len(chain.ifbs()), 1)
        chain.delete()
        self.assertEqual(chain.ifbs(), [])


class StepTest(unittest.TestCase):
    """The same as keys of type patchcord."""

    def test_both_modes_have_them(self):
        with Node() as node:
            for config in (bridge_config(node, **BOTH), routed_config(node, runtimeConfig={"bandwidth": BOTH})):
                with self.subTest(config["mode"]):
                    container = node.container("c" + config["name"])
                    result = node.add(config, container)
                    self.assertRegex(result["interfaces"][-1]["name"], "^bwp")
                    node.check(config, container, result)
                    node.on_host("ip", "link", "del", result["interfaces"][-1]["name"])
                    with self.assertRaises(PluginError) as caught:
                        node.check(config, container, result)
                    self.assertIn("ifb", caught.exception.msg)
                    node.delete(config, container)
                    node.add(config, container)
                    node.remove_container(container)
                    node.delete({"cniVersion": "1.0.0", "name": config["name"]}, container, netns="")
                    self.assertEqual(node.ip_json(node.host, "link", "show", "type", "ifb"), [])


if __name__ == "__main__":
    unittest.main()
