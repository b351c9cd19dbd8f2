"""Addresses from pools: blocks that the node has, oldest first, in both modes and families, shared by networks, and one more when all are full."""

import json
import os
import unittest

from fake_node import PluginError
from pools_case import PoolsCase
import patience


class AddressesOfBlocksTest(PoolsCase):
    def test_routed_every_address_of_the_oldest_block_is_given_before_the_next(self):
        self.give("10.50.7.0/30", "10.50.0.0/30")
        config = self.routed()
        given = self.add_many(config, 5)
        self.assertEqual(sorted(given[:4]), [f"10.50.7.{last}" for last in range(4)])
        self.assertTrue(given[4].startswith("10.50.0."))
        self.node.delete(config, self.node.namespaces[2])
        self.assertEqual(self.add_many(config, 1, "d"), [given[1]])

    def test_both_families_each_from_its_pool_and_everything_is_gone_with_the_container(self):
        self.give("10.50.7.0/26")
        self.give("fd50::40/122", pool="pods6")
        for make in (self.routed, self.bridged):
            with self.subTest(make.__name__):
                a, b = self.node.container("a" + make.__name__), self.node.container("b" + make.__name__)
                config = make("pods", "pods6")
                results = {container: self.node.add(config, container) for container in (a, b)}
                self.assertEqual([ip.split(".")[0] for ip in self.addresses(results[a])][0], "10")
                self.assertTrue(self.addresses(results[a])[1].startswith("fd50::"))
                for address in self.addresses(results[b]):
                    self.assertTrue(self.node.reaches(a, address), address)
                for container in (a, b):
                    self.node.check(config, container, results[container])
                    self.node.delete(config, container)
                self.assertEqual((self.reservations(), self.reservations("pods6")), ([], []))

    def test_on_a_bridge_a_block_is_a_subnet_with_a_gateway_and_the_only_one(self):
        self.give("10.50.7.0/29", "10.50.0.0/29")
        config = self.bridged()
        given = self.add_many(config, 5)
        self.assertEqual(sorted(given), [f"10.50.7.{last}" for last in range(2, 7)])
        gateways = [a["local"] for a in self.node.ip_json(self.node.host, "-4", "addr", "show", "dev", "pcbr0")[0]["addr_info"]]
        self.assertEqual(gateways, ["10.50.7.1"])
        self.assert_fails(102, ["all 5 of block 10.50.7.0/29", "a bridge has one block"], "ADD", config, self.node.container("x"))

    def test_draining_and_lost_blocks_give_nothing(self):
        self.give("10.50.7.0/30 drain", "10.50.1.0/30 lost", "10.50.0.0/30 # the one that is left")
        given = self.add_many(self.routed(), 4)
        self.assertEqual({address.rsplit(".", 1)[0] for address in given}, {"10.50.0"})
        self.assert_fails(102, ["10.50.0.0/30"], "ADD", self.routed(ipam={"onFull": "fail"}), self.node.container("x"))

    def test_ranges_beside_pools(self):
        self.give("fd50::40/122", pool="pods6")
        config = self.routed("pods6", ipam={"dataDir": self.node.networks, "ranges": [[{"subnet": "10.89.0.0/24"}]]})
        container = self.node.container("c1")
        result = self.node.add(config, container)
        self.assertEqual(self.addresses(result), ["10.89.0.2", "fd50::42"])
        self.assertEqual((self.node.reservations("rt-net"), self.reservations("pods6")), (["10.89.0.2"], ["fd50::42"]))
        self.node.check(config, container, result)
        self.node.delete(config, container)
        self.assertEqual((self.node.reservations("rt-net"), self.reservations("pods6")), ([], []))

    def test_the_allocator_alone_gives_addresses_of_pools_to_other_plugins(self):
        self.give("10.50.7.0/26")
        config = {"cniVersion": "1.1.0", "name": "other", "type": "macvlan", "ipam": {"type": "host-local", "pools": ["pods"]}}
        call = {"plugin": self.node.plugin("host-local"), "netns": "/none"}
        result = self.node.call("ADD", config, "c1", **call)
        self.assertEqual([(ip["address"], ip["gateway"]) for ip in result["ips"]], [("10.50.7.2/26", "10.50.7.1")])
        self.node.call("CHECK", {**config, "prevResult": result}, "c1", **call)
        self.node.call("DEL", config, "c1", **call)
        self.assertEqual(self.reservations(), [])
        self.assert_fails(105, ["10.50.7.2", "is missing"], "CHECK", {**config, "prevResult": result}, "c1", **call)

    def test_a_particular_address(self):
        self.give("10.50.7.0/29", "10.50.0.0/29")
        config = self.routed(capabilities={"ips": True}, runtimeConfig={"ips": ["10.50.0.5"]})
        a, b = self.node.container("a"), self.node.container("b")
        self.assertEqual(self.addresses(self.node.add(config, a)), ["10.50.0.5"])
        self.assert_fails(103, ["10.50.0.5", "taken"], "ADD", config, b)
        config["runtimeConfig"]["ips"] = ["10.50.9.9"]
        self.assert_fails(103, ["10.50.9.9", "none of the blocks"], "ADD", config, b)
        config["runtimeConfig"]["ips"] = ["10.50.7.1", "10.50.0.1"]
        self.assert_fails(103, ["one pool"], "ADD", config, b)
        self.assertEqual(self.reservations(), ["10.50.0.5"])

    def test_the_unreachable_route_of_a_block_is_in_nobodys_way(self):
        self.give("10.50.7.0/26")
        self.node.on_host("ip", "route", "add", "unreachable", "10.50.7.0/26", "proto", "81", "metric", "4096")
        for make in (self.routed, self.bridged):
            with self.subTest(make.__name__):
                container, other, config = self.node.container("c" + make.__name__), self.node.container("d" + make.__name__), make()
                result = self.node.add(config, container)
                self.node.add(config, other)
                self.assertTrue(self.node.reaches(other, self.addresses(result)[0]))
                self.node.delete(config, other)
                self.node.check(config, container, result)
                self.assertEqual([line["restored"] for line in self.node.reconcile()], [[]])
                self.node.delete(config, container)
        done = self.node.run_in(self.node.host, "ping", "-c1", "-W1", "10.50.7.9", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.block_routes(), ["10.50.7.0/26"])

    def test_what_is_wrong_is_said_and_nothing_made(self):
        self.give("10.50.7.0/26")
        self.write(os.path.join(self.directory("torn"), "blocks"), "10.50.7.0/26\nten\n")
        container = self.node.container("c1")
        before = self.node.snapshot(container)
        for code, words, config in ((7, ["ipam.pools", "a/b"], self.routed("a/b")),
                                    (7, ["ipam.pools", "twice"], self.routed("pods", "pods")),
                                    (7, ["ipam.onFull"], self.routed(ipam={"onFull": "wait"})),
                                    (7, ["ipam.dataDir"], self.routed(ipam={"dataDir": "/x"})),
                                    (7, ["ipam.onFull"], self.routed(ipam={"pools": [], "onFull": "fail", "subnet": "10.1.0.0/24"})),
                                    (7, ["no range", "no pool"], self.routed(ipam={"pools": []})),
                                    (101, ["torn/blocks:2", "ten"], self.routed("torn")),
                                    (102, ["pool none has no block", "by hand"], self.routed("none")),
                                    (102, ["pool none has no block"], self.routed("pods", "none", ipam={"onFull": "fail"}))):
            with self.subTest(words):
                self.assert_fails(code, words, "ADD", config, container)
                self.assertEqual(self.node.snapshot(container), before)
        self.assertEqual(self.reservations(), [])
        self.assertNotIn("none", os.listdir(self.node.pools))


class SharedPoolTest(PoolsCase):
    def test_two_networks_on_one_pool_get_no_address_twice_and_collect_their_own(self):
        self.give("10.50.7.0/28")
        one, two = self.routed(name="one"), self.routed(name="two")
        given = self.add_many(one, 3, "a") + self.add_many(two, 3, "b")
        self.assertEqual(len(set(given)), 6)
        containers = self.node.namespaces[1:]
        self.node.call("GC", {**one, "cni.dev/valid-attachments": [{"containerID": containers[0], "ifname": "eth0"}]}, "", netns="")
        self.assertEqual(self.reservations(), sorted([given[0], *given[3:]]))
        self.node.call("GC", {**two, "cni.dev/valid-attachments": []}, "", netns="")
        self.assertEqual(self.reservations(), [given[0]])

    def test_the_same_when_no_record_is_left(self):
        """As after a loss of /run: the reservations alone say whose they are."""
        self.give("10.50.7.0/28")
        call = {"plugin": self.node.plugin("host-local"), "netns": "/none"}
        config = {"cniVersion": "1.1.0", "type": "x", "ipam": {"type": "host-local", "pools": ["pods"]}}
        for name, container in (("one", "a"), ("one", "b"), ("two", "c")):
            self.node.call("ADD", {**config, "name": name}, container, **call)
        valid = [{"containerID": "a", "ifname": "eth0"}]
        self.node.call("GC", {**config, "name": "one", "cni.dev/valid-attachments": valid}, "", **call)
        self.assertEqual(self.reservations(), ["10.50.7.2", "10.50.7.4"])

    def test_on_one_bridge_too(self):
        self.give("10.50.7.0/28")
        given = self.add_many(self.bridged(name="one"), 3, "a") + self.add_many(self.bridged(name="two"), 3, "b")
        self.assertEqual(len(set(given)), 6)

    def test_a_network_with_ranges_on_the_same_bridge_passes_over_what_the_pool_gave(self):
        self.give("10.50.7.0/28")
        given = self.add_many(self.bridged(name="one"), 2, "a")
        ranges = {**self.bridged(name="two"), "ipam": {"type": "host-local", "dataDir": self.node.networks, "subnet": "10.50.7.0/28"}}
        given += self.add_many(ranges, 2, "b") + self.add_many(self.bridged(name="one"), 2, "c")
        self.assertEqual(len(set(given)), 6)

    def test_a_del_without_a_record_and_one_after_the_network_was_renamed(self):
        self.give("10.50.7.0/28")
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.routed(), a)
        self.node.add(self.routed(), b)
        self.node.delete(self.routed(name="renamed"), b)
        self.assertEqual(self.reservations(), ["10.50.7.2"])
        self.node.run_in(self.node.host, "rm", "-r", self.node.state)
        self.node.delete(self.routed(), a)
        self.assertEqual(self.reservations(), [])

    def test_what_the_dead_of_another_network_hold_is_given_again(self):
        self.give("10.50.7.0/30")
        self.add_many(self.routed(name="one"), 4)
        for container in self.node.namespaces[1:]:
            self.node.remove_container(container)
        patience.until(lambda: not self.node.veths())
        self.assertEqual(len(self.add_many(self.routed(name="two", ipam={"onFull": "fail"}), 4, "d")), 4)


class OneMoreBlockTest(PoolsCase):
    def test_a_full_node_gets_another_block_which_is_announced_before_the_pod_is_there(self):
        how = self.source("10.50.9.0/30", "10.50.9.4/30")
        self.change_source(pool={"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 30})
        given = self.add_many(self.routed(), 8, **how)
        self.assertEqual(sorted(given), [f"10.50.9.{last}" for last in range(8)])
        self.assertEqual(self.blocks(), ["10.50.9.0/30", "10.50.9.4/30"])
        self.assertEqual(self.block_routes(), ["10.50.9.0/30", "10.50.9.4/30"])
        asked = [words for words, _ in self.source_state()["asked"]]
        self.assertEqual(asked, [["claim", "pods"]] * 2, "it is asked when the blocks are full and not before")
        with open(os.path.join(self.directory(), "pool.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 30})

    def test_a_source_that_fails_hangs_or_has_nothing_leaves_nothing(self):
        how = self.source()
        self.give("10.50.9.0/30", cidrs=["10.50.0.0/16"], block=30)
        self.add_many(self.routed(), 4, **how)
        container = self.node.container("x")
        before, files = self.node.snapshot(container), (self.blocks(), self.reservations())
        for code, words, state in ((11, ["no endpoint answers", "look at etcd", "10.50.9.0/30"], {"fails": 1}),
                                   (102, ["every block of pool pods is given"], {"fails": 0}),
                                   (11, ["did not end within", "ms and was killed"], {"sleep": True})):
            with self.subTest(words):
                self.change_source(**state)
                self.assert_fails(code, words, "ADD", self.routed(), container, **how)
                self.assertEqual(self.node.snapshot(container), before)
                self.assertEqual((self.blocks(), self.reservations(), self.block_routes()), (*files, []))
        self.assert_fails(11, ["patchcord-cluster"], "ADD", self.routed(), container, PATCHCORD_BLOCKS="/none")
        self.assert_fails(102, ["block claim pods"], "ADD", self.routed(ipam={"onFull": "fail"}), container, **how)

    def test_what_the_source_gives_wrongly_is_not_taken(self):
        how = self.source("10.60.0.0/29")
        container = self.node.container("x")
        self.assert_fails(11, ["10.60.0.0/29", "no block of pool pods"], "ADD", self.routed(), container, **how)
        self.assertEqual((self.blocks(), self.block_routes()), ([], []))

    def test_what_was_this_nodes_already_is_taken_first(self):
        how = self.source("10.50.9.8/29", own=["10.50.9.0/29"])
        self.assertEqual(self.add_many(self.routed(), 1, **how), ["10.50.9.2"])
        self.assertEqual((self.blocks(), self.source_state()["free"]), (["10.50.9.0/29"], ["10.50.9.8/29"]))

    def test_adds_at_once_claim_no_more_than_they_need(self):
        how = self.source(*[f"10.50.{number}.0/29" for number in range(20)])
        containers = [self.node.container(f"c{number}") for number in range(24)]
        calls = [self.node.start("ADD", self.routed(), container, self.node.path_of(container), **how) for container in containers]
        given = [self.addresses(self.node.finish(call))[0] for call in calls]
        self.assertEqual(len(set(given)), 24)
        self.assertEqual(len(self.blocks()), 3)

    def test_a_bridge_gets_its_first_block_and_no_second(self):
        how = self.source("10.50.9.0/29", "10.50.9.8/29")
        given = self.add_many(self.bridged(), 5, **how)
        self.assertEqual(sorted(given), [f"10.50.9.{last}" for last in range(2, 7)])
        self.assert_fails(102, ["a bridge has one block"], "ADD", self.bridged(), self.node.container("x"), **how)
        self.assertEqual(self.blocks(), ["10.50.9.0/29"])

    def test_a_pool_that_is_this_nodes_alone_needs_nobody_else(self):
        self.give(cidrs=["10.50.0.0/29"], block=30, local=True)
        given = self.add_many(self.routed(), 8)
        self.assertEqual(sorted(given), [f"10.50.0.{last}" for last in range(8)])
        self.assertEqual(self.blocks(), ["10.50.0.0/30", "10.50.0.4/30"])
        self.assert_fails(102, ["pool pods has no other block", "pool grow"], "ADD", self.routed(), self.node.container("x"))


class MasqueradeTest(PoolsCase):
    def except_of(self, keys):
        container = self.node.container("c" + str(len(self.node.namespaces)))
        self.node.add(self.routed(ipMasq=True, **keys), container)
        with open(self.record_of(container), encoding="utf-8") as file:
            return next(line["masquerade"]["except"] for line in map(json.loads, file) if "masquerade" in line)

    def record_of(self, container):
        for parent, _, names in os.walk(os.path.join(self.node.state, "attachments")):
            for name in names:
                if container in name:
                    return os.path.join(parent, name)
        raise AssertionError(container)

    def test_a_pools_own_cidrs_are_left_alone(self):
        self.give("10.50.7.0/28", cidrs=["10.50.0.0/16", "10.77.0.0/24"], block=28)
        self.assertEqual(self.except_of({}), ["10.50.0.0/16", "10.77.0.0/24", "224.0.0.0/4"])
        self.assertIn("10.9.0.0/16", self.except_of({"ipMasqExclude": ["10.9.0.0/16"]}))
        text = self.node.on_host("nft", "list", "ruleset")
        self.assertIn("10.50.0.0/16", text)

    def test_without_a_pool_json_it_is_the_blocks(self):
        self.give("10.50.7.0/28", "10.50.9.0/28")
        self.assertEqual(self.except_of({}), ["10.50.7.0/28", "10.50.9.0/28", "224.0.0.0/4"])


class StatusTest(PoolsCase):
    def status(self, config, **options):
        process = self.node.start("STATUS", config, "", "", **options)
        stdout, stderr = patience.communicate(process)
        return process.returncode, stdout + stderr

    def test_room_none_and_no_block(self):
        self.give("10.50.7.0/30")
        self.assertEqual(self.status(self.routed()), (0, ""))
        self.add_many(self.routed(), 4)
        code, text = self.status(self.routed())
        self.assertEqual(code, 0)
        self.assertIn("all 4 of block 10.50.7.0/30 are reserved; the next ADD asks for another block", text)
        self.give()
        code, text = self.status(self.routed(ipam={"onFull": "fail"}))
        self.assertEqual((code, "has no block on this node" in text), (1, True), text)
        self.assertEqual(json.loads(text)["code"], 50)


if __name__ == "__main__":
    unittest.main()
