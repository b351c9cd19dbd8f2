"""The operator's commands for pools and blocks: by hand, of a source, at the boot and every minute."""

import json
import os
import unittest

from doctor_pools import give
from operator_case import OperatorCase
from pools_case import PoolsCase
import patience


class ToolCase(PoolsCase):
    def tool(self, *words, status=0, **environment):
        """What is said on stdout, or for a failure on stderr."""
        variables = {**self.node.environment("", "", ""), **environment}
        done = patience.run(["nsenter", f"--net={self.node.path_of(self.node.host)}", self.node.plugin("patchcord"), *words],
                            env={name: value for name, value in variables.items() if not name.startswith("CNI_")})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def listed(self, what="block", *words, **environment):
        return json.loads(self.tool(what, "list", *words, "-o", "json", **environment))[what + "s"]

    def definition(self, pool="pods"):
        with open(os.path.join(self.directory(pool), "pool.json"), encoding="utf-8") as file:
            return json.load(file)


class ByHandTest(ToolCase):
    def test_a_pool_is_made_given_blocks_of_and_grown(self):
        self.tool("pool", "add", "pods", "10.50.0.0/24", "--block", "26")
        self.assertEqual(self.definition(), {"name": "pods", "cidrs": ["10.50.0.0/24"], "block": 26})
        self.tool("pool", "add", "pods", "10.50.0.0/24", "--block", "26")  # the same again does no harm
        self.assertIn("another pool pods", self.tool("pool", "add", "pods", "10.60.0.0/24", status=1))
        self.tool("block", "claim", "pods", "10.50.0.64/26")
        self.tool("block", "adopt", "pods", "10.50.0.0/26", "10.50.0.192/26")
        self.assertEqual(self.blocks(), ["10.50.0.64/26", "10.50.0.0/26", "10.50.0.192/26"])
        self.assertEqual(self.block_routes(), ["10.50.0.0/26", "10.50.0.192/26", "10.50.0.64/26"])
        self.tool("pool", "grow", "pods", "10.51.0.0/24", "--max-blocks", "3")
        self.assertEqual(self.definition(), {"name": "pods", "cidrs": ["10.50.0.0/24", "10.51.0.0/24"], "block": 26, "maxBlocks": 3})

    def test_of_ipv6_too(self):
        self.tool("pool", "add", "pods6", "fd50::/48")
        self.assertEqual(self.definition("pods6")["block"], 122)
        self.tool("block", "claim", "pods6", "fd50::40/122")
        self.assertEqual(self.block_routes("-6"), ["fd50::40/122"])

    def test_what_is_wrong_is_refused_and_nothing_written(self):
        self.tool("pool", "add", "pods", "10.50.0.0/24")
        self.tool("block", "claim", "pods", "10.50.0.0/26")
        before = (self.blocks(), self.definition(), self.block_routes(), os.listdir(self.node.pools))
        for status, word, words in ((2, "host bits", ("block", "claim", "pods", "10.50.0.1/26")),
                                    (1, "no block of pool pods", ("block", "claim", "pods", "10.60.0.0/26")),
                                    (1, "no block of pool pods", ("block", "claim", "pods", "10.50.0.64/27")),
                                    (1, "has 10.50.0.0/26 already", ("block", "claim", "pods", "10.50.0.0/26")),
                                    (1, "given by hand", ("block", "claim", "pods")),
                                    (1, "no pool none", ("block", "claim", "none")),
                                    (1, "no pool none", ("block", "release", "none", "10.50.0.0/26")),
                                    (1, "has no block 10.50.0.64/26", ("block", "release", "pods", "10.50.0.64/26")),
                                    (2, "none of: list claim", ("block", "take", "pods")),
                                    (2, "usage", ("block", "release", "pods")),
                                    (2, "--fenced", ("block", "forget", "n4")) if os.path.exists(self.node.cluster) else
                                    (2, "no source", ("block", "forget", "n4", "--fenced")),
                                    (2, "cannot be the name", ("pool", "add", "../x", "10.9.0.0/24")),
                                    (1, "overlap", ("pool", "grow", "pods", "10.50.0.128/25")),
                                    (1, "different families", ("pool", "grow", "pods", "fd50::/64")),
                                    (1, "do not fit", ("pool", "add", "small", "10.9.0.0/27")),
                                    (2, "is no number", ("pool", "add", "x", "10.9.0.0/24", "--block", "26x")),
                                    (1, "no pool none", ("pool", "drain", "none"))):
            with self.subTest(words):
                self.assertIn(word, self.tool(*words, status=status))
                self.assertEqual((self.blocks(), self.definition(), self.block_routes(), os.listdir(self.node.pools)), before)

    def test_a_block_with_containers_drains_and_goes_with_the_last_one(self):
        self.tool("pool", "add", "pods", "10.50.0.0/24", "--block", "30")
        self.tool("block", "adopt", "pods", "10.50.0.0/30", "10.50.0.4/30")
        config = self.routed()
        given = self.add_many(config, 1)
        self.assertIn("drains", self.tool("block", "release", "pods", "10.50.0.0/30"))
        self.assertEqual(self.blocks(), ["10.50.0.0/30 drain", "10.50.0.4/30"])
        self.assertEqual(self.add_many(config, 1, "d")[0].rsplit(".", 1)[1] in "4567", True)
        self.assertEqual([(block["block"], block["used"], block["announced"], block["use"]) for block in self.listed()],
                         [("10.50.0.0/30", 1, True, "drain"), ("10.50.0.4/30", 1, True, "")])
        self.tool("block", "keep")
        self.assertEqual(len(self.blocks()), 2)
        self.node.delete(config, self.node.namespaces[1])
        self.assertIn("released 10.50.0.0/30", self.tool("block", "keep"))
        self.assertEqual((self.blocks(), self.block_routes()), (["10.50.0.4/30"], ["10.50.0.4/30"]))
        self.assertNotIn(given[0], self.reservations())

    def test_a_pool_drains_and_does_not(self):
        self.tool("pool", "add", "pods", "10.50.0.0/24", "--block", "30", "--local")
        self.add_many(self.routed(), 1)
        self.tool("pool", "drain", "pods")
        self.assertEqual(self.blocks(), ["10.50.0.0/30 drain"])
        self.assert_fails(102, ["being drained"], "ADD", self.routed(), self.node.container("x"))
        self.tool("pool", "drain", "pods", "--undo")
        self.assertEqual(len(self.add_many(self.routed(), 3, "d")), 3)

    def test_of_a_local_pool_a_block_is_claimed_ahead_and_the_empty_one_given_back(self):
        self.tool("pool", "add", "pods", "10.50.0.0/24", "--block", "29", "--local")
        config = self.routed()
        self.add_many(config, 7)
        self.assertIn("claimed 10.50.0.8/29", self.tool("block", "keep"))
        self.assertEqual(self.tool("block", "keep"), "", "one free address of eight is less than a quarter, those of the new block are not")
        for container in self.node.namespaces[1:4]:
            self.node.delete(config, container)
        self.assertIn("released 10.50.0.8/29", self.tool("block", "keep"))
        for container in self.node.namespaces[4:8]:
            self.node.delete(config, container)
        self.assertEqual(self.tool("block", "keep"), "")
        self.assertEqual(self.blocks(), ["10.50.0.0/29"], "one stays")

    def test_boot_announces_what_the_files_say_and_nothing_else(self):
        self.give("10.50.0.0/26", "10.50.1.0/26 drain", "10.50.2.0/26 lost")
        self.give("fd50::40/122", pool="pods6")
        for route in (("10.50.9.0/26", "81", "4096"), ("10.50.2.0/26", "81", "4096"), ("10.51.0.0/26", "static", "4096")):
            self.node.on_host("ip", "route", "add", "unreachable", route[0], "proto", route[1], "metric", route[2])
        self.tool("block", "boot")
        self.assertEqual(self.block_routes(), ["10.50.0.0/26", "10.50.1.0/26"])
        self.assertEqual(self.block_routes("-6"), ["fd50::40/122"])
        self.assertIn("10.51.0.0/26", self.node.on_host("ip", "route"))
        self.assertEqual(self.tool("block", "boot"), "")

    def test_a_file_that_cannot_be_read_takes_no_route_away(self):
        self.give("10.50.0.0/26")
        self.tool("block", "boot")
        self.write(os.path.join(self.directory(), "blocks"), "?")
        self.assertIn("blocks:1", self.tool("block", "keep", status=1))
        self.assertEqual(self.block_routes(), ["10.50.0.0/26"])

    def test_lists_for_people_and_programs(self):
        self.assertEqual((self.listed(), self.listed("pool")), ([], []))
        self.tool("pool", "add", "pods", "10.50.0.0/16", "--local")
        self.add_many(self.routed(), 3)
        self.assertRegex(self.tool("pool", "list"), r"POOL +CIDRS +BLOCK +HERE +USED +FREE\n?.*\npods +10\.50\.0\.0/16 +/26 +1 +3 +61")
        self.assertRegex(self.tool("block", "list"), r"pods +10\.50\.0\.0/26 +3/64 +yes")
        pool = self.listed("pool")[0]
        self.assertEqual((pool["name"], pool["blocks"], pool["addresses"], pool["used"]), ("pods", 1, 64, 3))


class OfASourceTest(ToolCase):
    def setUp(self):
        super().setUp()
        self.how = self.source("10.50.9.0/29", "10.50.9.8/29", "10.50.9.16/29")

    def test_claim_release_and_adopt(self):
        self.assertIn("claimed 10.50.9.0/29", self.tool("block", "claim", "pods", **self.how))
        self.assertEqual(self.block_routes(), ["10.50.9.0/29"])
        self.change_source(own=["10.50.9.0/29", "10.50.9.64/29"])
        self.assertIn("adopted 10.50.9.64/29", self.tool("block", "adopt", "pods", **self.how))
        self.assertEqual(self.block_routes(), ["10.50.9.0/29", "10.50.9.64/29"])
        self.tool("block", "release", "pods", "10.50.9.0/29", **self.how)
        self.assertEqual((self.blocks(), self.block_routes(), self.source_state()["own"]), (["10.50.9.64/29"],) * 1 + (["10.50.9.64/29"],) * 2)
        self.assertIn("the source chooses", self.tool("block", "claim", "pods", "10.50.9.8/29", status=2, **self.how))

    def test_pools_are_the_sources(self):
        self.tool("pool", "add", "pods", "10.50.0.0/16", "--block", "29", "--max-blocks", "4", **self.how)
        self.assertEqual(self.source_state()["pool"], {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 29, "maxBlocks": 4})
        self.tool("pool", "grow", "pods", "10.51.0.0/16", **self.how)
        self.assertEqual(self.source_state()["pool"]["cidrs"], ["10.50.0.0/16", "10.51.0.0/16"])
        self.assertFalse(os.path.exists(self.directory()))
        self.assertEqual([pool["name"] for pool in self.listed("pool", "--all", **self.how)], ["pods"])
        self.tool("block", "claim", "pods", **self.how)
        self.assertEqual(self.listed("block", "--all", **self.how),
                         [{"pool": "pods", "block": "10.50.9.0/29", "node": "n1", "since": 1764000000}])

    def test_forget_wants_to_hear_that_the_node_is_off(self):
        self.tool("block", "claim", "pods", **self.how)
        self.assertIn("--fenced", self.tool("block", "forget", "n1", status=2, **self.how))
        self.assertIn("took 10.50.9.0/29 of pool pods from n1", self.tool("block", "forget", "n1", "--fenced", **self.how))

    def test_at_the_boot_what_the_node_lost_is_not_announced(self):
        self.tool("block", "claim", "pods", **self.how)
        self.tool("block", "claim", "pods", **self.how)
        self.node.on_host("ip", "route", "flush", "proto", "81")
        self.change_source(own=["10.50.9.8/29"])
        self.assertIn("lost 10.50.9.0/29", self.tool("block", "boot", **self.how))
        self.assertEqual((self.blocks(), self.block_routes()), (["10.50.9.8/29"],) * 2)

    def test_at_the_boot_without_the_source_what_the_files_say_is_announced(self):
        self.tool("block", "claim", "pods", **self.how)
        self.node.on_host("ip", "route", "flush", "proto", "81")
        self.change_source(fails=1)
        self.assertIn("announced 10.50.9.0/29", self.tool("block", "boot", **self.how))
        self.assertEqual(self.block_routes(), ["10.50.9.0/29"])

    def test_a_lost_block_with_containers_stays_in_the_file_until_they_are_gone(self):
        config = self.routed()
        self.add_many(config, 1, **self.how)
        self.change_source(own=[])
        self.assertIn("lost 10.50.9.0/29", self.tool("block", "keep", **self.how))
        self.assertEqual((self.blocks()[0], self.block_routes()), ("10.50.9.0/29 lost", ["10.50.9.8/29"]))
        self.assertEqual(self.add_many(config, 1, "d", **self.how), ["10.50.9.10"])
        self.node.delete(config, self.node.namespaces[1])
        self.tool("block", "keep", **self.how)
        self.assertEqual(self.blocks(), ["10.50.9.8/29"])

    def test_keep_claims_ahead_and_gives_back_and_fails_where_nothing_is_left(self):
        config = self.routed()
        self.add_many(config, 7, **self.how)
        self.assertIn("claimed 10.50.9.8/29", self.tool("block", "keep", **self.how))
        self.change_source(free=[])
        self.add_many(config, 8, "d", **self.how)
        self.assertEqual(self.tool("block", "keep", **self.how), "", "one address is free yet")
        self.add_many(config, 1, "e", **self.how)
        self.assertIn("every block of pool pods is given", self.tool("block", "keep", status=1, **self.how))


class ShownTest(OperatorCase):
    def test_lists_metrics_and_what_an_attachment_has_of_a_pool(self):
        self.tool("pool", "add", "pods", "10.50.0.0/16", "--local")
        self.tool("block", "boot")
        config = {"cniVersion": "1.1.0", "name": "podnet", "type": "patchcord", "mode": "routed", "ipam": {"type": "host-local", "pools": ["pods"]}}
        self.configure("10-podnet.conflist", config)
        self.node.add(config, self.node.container("web"))
        self.assert_golden("pool.json", self.tool("pool", "list", "-o", "json").stdout)
        self.assert_golden("block.json", self.tool("block", "list", "-o", "json").stdout)
        self.assertIn("pool        pods, block 10.50.0.0/26\n", self.tool("inspect", "10.50.0.2").stdout)
        self.assertRegex(self.tool("list").stdout, r"podnet .*10\.50\.0\.2 .*routed .*up")
        text = self.tool("metrics").stdout
        for line in ('patchcord_blocks{pool="pods"} 1', 'patchcord_block_addresses{pool="pods"} 64', 'patchcord_block_addresses_used{pool="pods"} 1'):
            self.assertIn(line + "\n", text)
        give(self, "10.50.7.0/28")
        self.node.on_host("ip", "route", "flush", "proto", "81")
        self.assert_golden("fabric.json", self.tool("fabric", "check", "-o", "json").stdout)

    def test_who_has_an_address_of_a_pool_by_another_plugin_is_named(self):
        """Such as macvlan or the reference bridge with our allocator: a reservation and no record."""
        config = {"cniVersion": "1.1.0", "name": "othernet", "type": "bridge", "ipam": {"type": "host-local", "pools": ["pods"]}}
        self.configure("10-othernet.conflist", config)
        self.tool("pool", "add", "pods", "10.50.0.0/16", "--local")
        namespace = self.node.container("web")
        result = self.node.call("ADD", config, "web", netns=self.node.path_of(namespace), plugin=self.node.plugin("host-local"))
        self.node.on_host("ip", "link", "add", "other0", "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self.node.run_in(namespace, "ip", "addr", "add", result["ips"][0]["address"], "dev", "eth0")
        self.node.run_in(namespace, "ip", "link", "set", "eth0", "up")
        self.node.on_host("ip", "link", "set", "other0", "up")
        self.assertRegex(self.tool("list").stdout, r"othernet +web +eth0 +10\.50\.0\.2")


if __name__ == "__main__":
    unittest.main()
