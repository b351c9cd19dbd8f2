"""Blocks by etcd: many that claim at once, claims that are killed anywhere, and what is given back."""

import concurrent.futures
import json
import unittest

from etcd_case import EtcdCase, key_of
from etcd_cluster import patience

CONTENDERS, CLAIMS = 16, 8


class ClaimTest(EtcdCase):
    def test_a_node_claims_keeps_and_gives_back(self):
        self.add_pool()
        node = self.etcd.node("n1")
        first = node.claim()
        self.assertFalse(first["adopted"])
        self.assertEqual(first["pool"], {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 26})
        second = node.claim([first["block"]])
        self.assertEqual(node.own(), [first["block"], second["block"]])
        self.assert_consistent({"n1": node.own()})
        node.get("release", "pods", first["block"])
        node.get("release", "pods", first["block"])  # which is released already
        self.assertEqual(node.own(), [second["block"]])
        node.get("release", "pods", second["block"])
        self.assertEqual(self.etcd.keys("node/") | self.etcd.keys("block/") | self.etcd.keys("machine/"), {})

    def test_what_the_file_does_not_have_is_adopted_the_oldest_first(self):
        self.add_pool()
        node = self.etcd.node("n1")
        first = node.claim()["block"]
        second = node.claim([first])["block"]
        self.assertEqual(node.claim([])["block"], first)
        again = node.claim([first])
        self.assertEqual((again["block"], again["adopted"]), (second, True))
        self.assertEqual(node.own(), [first, second])

    def test_blocks_of_ipv6(self):
        self.add_pool(name="pods6", cidrs=["fd50::/48"], block=122)
        node = self.etcd.node("n1")
        claimed = node.claim(pool="pods6")["block"]
        self.assertRegex(claimed, r"^fd50::[0-9a-f:]+/122$")
        self.assertEqual(node.own("pods6"), [claimed])
        self.assertEqual(self.etcd.node("n2").get("all", "pods6")["blocks"][0]["block"], claimed)
        node.get("release", "pods6", claimed)
        self.assertEqual(node.own("pods6"), [])

    def test_pools_of_one_node_do_not_mix(self):
        self.add_pool()
        self.add_pool(name="pool", cidrs=["10.60.0.0/24"])
        node = self.etcd.node("n1")
        a, b = node.claim()["block"], node.claim(pool="pool")["block"]
        self.assertEqual((node.own(), node.own("pool")), ([a], [b]))
        self.assertEqual(sorted(pool["name"] for pool in node.get("pools")["pools"]), ["pods", "pool"])
        node.get("release", "pods", a)
        self.assertEqual(node.own("pool"), [b])
        self.assertEqual(list(self.etcd.keys("machine/").values()), ["n1"])  # which has a block still

    def test_a_pool_of_several_cidrs_is_given_to_the_last_block(self):
        self.add_pool(cidrs=["10.60.0.0/25", "10.50.0.0/25"])
        have = []
        node = self.etcd.node("n1")
        for _ in range(4):
            have.append(node.claim(have)["block"])
        self.assertEqual(sorted(have), ["10.50.0.0/26", "10.50.0.64/26", "10.60.0.0/26", "10.60.0.64/26"])
        status, document = node.ask("claim", "pods", blocks=have)
        self.assertEqual(status, 3)
        self.assertIn("every block of pool pods is given: 4", document["error"])


class ContentionTest(EtcdCase):
    def contend(self, names):
        """Each claims so many, one after the other, beside the others. What each has, by node."""
        def claim_all(name):
            node, have = self.etcd.node(name), []
            for _ in range(CLAIMS):
                # On a busy machine no answer may come in time; what was done nevertheless is found by the next try.
                have.append(patience.until(lambda: node.ask("claim", "pods", blocks=have)[1].get("block")))
            return name, have
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            return dict(pool.map(claim_all, names))

    def test_sixteen_nodes_claim_at_once_from_an_empty_pool(self):
        self.add_pool()
        by_node = self.contend([f"n{number}" for number in range(CONTENDERS)])
        self.assertEqual(sum(map(len, by_node.values())), CONTENDERS * CLAIMS)
        self.assert_consistent(by_node)

    def test_sixteen_nodes_claim_at_once_from_a_pool_that_is_nearly_full(self):
        self.add_pool(cidrs=["10.50.0.0/15"])
        taken = fill(self.etcd, 0.9)
        by_node = self.contend([f"n{number}" for number in range(CONTENDERS)])
        given = [block for blocks in by_node.values() for block in blocks]
        self.assertEqual(len(given), len(set(given)))
        self.assertFalse(set(given) & taken)
        listed = self.etcd.node("operator").get("all", "pods")["blocks"]
        self.assertEqual({each["block"] for each in listed}, set(given) | taken)

    def test_the_last_blocks_are_given_once_each(self):
        self.add_pool(cidrs=["10.50.0.0/24"], block=28)  # 16 blocks for 16 contenders, of which each wants 8
        def claim_some(name):
            node, have = self.etcd.node(name), []
            for _ in range(CLAIMS):
                status, document = node.ask("claim", "pods", blocks=have)
                if status == 3:
                    return name, have
                self.assertEqual(status, 0, document)
                have.append(document["block"])
            return name, have
        with concurrent.futures.ThreadPoolExecutor(CONTENDERS) as pool:
            by_node = dict(pool.map(claim_some, [f"n{number}" for number in range(CONTENDERS)]))
        self.assertEqual(sum(map(len, by_node.values())), 16)
        self.assert_consistent(by_node)


def fill(etcd, part):
    """Blocks of nodes that are not there, in the form in which they are written. What is taken."""
    blocks = [f"10.{second}.{third}.{fourth}/26" for second in (50, 51) for third in range(256) for fourth in (0, 64, 128, 192)]
    taken = blocks[:int(len(blocks) * part)]
    value = json.dumps({"node": "other", "machine": "0" * 32, "since": 1764000000})
    keys = {}
    for block in taken:
        keys |= {f"block/pods/{key_of(block)}": value, f"node/other/pods/{key_of(block)}": value}
    etcd.put(keys)
    return set(taken)


class KilledClaimTest(EtcdCase):
    # What it can be killed at: each of its calls that the outside could notice.
    CALLS = "connect,sendto,recvfrom,read,write,writev,poll,close,exit_group"

    def test_a_claim_killed_at_any_call_and_repeated_has_one_block_more(self):
        self.add_pool()
        node, have, killed = self.etcd.node("n1"), [], 0
        for number in range(1, 400):
            prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={self.CALLS}", "-e", f"inject={self.CALLS}:signal=KILL:when={number}")
            status, _ = node.ask("claim", "pods", prefix=prefix, blocks=have)
            if status == 0:
                break
            killed += 1
            have.append(node.claim(have)["block"])
            self.assertEqual(sorted(node.own()), sorted(have))
            if len(have) > 4:
                node.get("release", "pods", have.pop(0))
        self.assertGreater(killed, 10)
        self.assert_consistent({"n1": node.own()})

    def test_a_release_killed_at_any_call_and_repeated_is_done(self):
        self.add_pool()
        node = self.etcd.node("n1")
        for number in range(1, 400):
            block = node.claim([])["block"]
            prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,recvfrom,write",
                      "-e", f"inject=sendto,recvfrom,write:signal=KILL:when={number}")
            status, _ = node.ask("release", "pods", block, prefix=prefix)
            node.get("release", "pods", block)
            self.assertEqual(self.etcd.keys("node/") | self.etcd.keys("block/"), {})
            if status == 0:
                break
        self.assertGreaterEqual(number, 3)


class ManyNodesTest(EtcdCase):
    NODES = 200

    def test_two_hundred_nodes_that_boot_at_once_have_a_block_each(self):
        self.add_pool()
        def claim(name):
            return name, patience.until(lambda: self.etcd.node(name).ask("claim", "pods", blocks=[])[1].get("block"))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            by_node = {name: [block] for name, block in pool.map(claim, [f"n{number}" for number in range(self.NODES)])}
        self.assert_consistent(by_node)


if __name__ == "__main__":
    unittest.main()
