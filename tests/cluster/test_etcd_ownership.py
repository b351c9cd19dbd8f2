"""Whose a block is: clones, nodes of one name, nodes that are forgotten and come back; and what an operator may do with pools."""

import unittest

from etcd_case import POOL, EtcdCase


class MachineTest(EtcdCase):
    def test_another_machine_of_the_same_name_is_refused(self):
        self.add_pool()
        block = self.etcd.node("n1", machine="first").claim()["block"]
        other = self.etcd.node("n1", machine="second")
        for words in (("claim", "pods"), ("own", "pods"), ("release", "pods", block)):
            status, document = other.ask(*words)
            self.assertEqual(status, 1)
            self.assertIn(f"block {block} of pool pods belongs to another machine that is called n1", document["error"])
            self.assertIn("patchcord block forget n1 --fenced", document["details"])
        self.assertEqual(self.etcd.node("n1", machine="first").own(), [block])

    def test_a_copy_of_a_machine_under_another_name_is_refused(self):
        self.add_pool()
        block = self.etcd.node("n1", machine="same").claim()["block"]
        status, document = self.etcd.node("n2", machine="same").ask("claim", "pods")
        self.assertEqual(status, 1)
        self.assertIn("is node n1 already, and this one is called n2", document["error"])
        self.assertEqual(self.etcd.node("n1", machine="same").own(), [block])

    def test_of_two_machines_of_one_name_that_begin_at_once_one_is_refused(self):
        self.add_pool()
        for number in range(8):
            machines = [self.etcd.node(f"twin{number}", machine=f"{which}{number}") for which in "ab"]
            processes = [machine.start("claim", "pods") for machine in machines]
            for process in processes:
                process.communicate("{}")
            self.assertEqual(sorted(process.returncode for process in processes), [0, 1])
            self.assertEqual(len(self.etcd.keys(f"node/twin{number}/")), 1)

    def test_machine_ids_do_not_leave_the_machine(self):
        self.add_pool()
        node = self.etcd.node("n1")
        node.claim()
        with open(node.machine, encoding="utf-8") as file:
            secret = file.read().strip()
        self.assertNotIn(secret, str(self.etcd.keys("node/")) + str(self.etcd.keys("block/")) + str(self.etcd.keys("machine/")))


class ForgottenTest(EtcdCase):
    def test_a_forgotten_nodes_blocks_are_free_and_it_has_none_when_it_is_back(self):
        self.add_pool(cidrs=["10.50.0.0/25"])
        gone = self.etcd.node("gone")
        first = gone.claim()["block"]
        second = gone.claim([first])["block"]
        other = self.etcd.node("n2")
        self.assertEqual(other.ask("claim", "pods")[0], 3)
        forgotten = other.get("forget", "gone")["blocks"]
        self.assertEqual({each["block"] for each in forgotten}, {first, second})
        self.assertEqual(self.etcd.keys("machine/"), {})
        taken = other.claim()["block"]
        self.assertIn(taken, (first, second))
        self.assertEqual(gone.own(), [])  # the file's blocks are lost, then
        self.assertEqual(gone.get("release", "pods", taken), {})  # which is another's
        self.assertEqual(other.own(), [taken])
        self.assertEqual(gone.claim([first, second])["block"], ({first, second} - {taken}).pop())
        self.assert_consistent({"n2": other.own(), "gone": gone.own()})

    def test_a_node_does_not_forget_itself(self):
        self.add_pool()
        node = self.etcd.node("n1")
        node.claim()
        status, document = node.ask("forget", "n1")
        self.assertEqual((status, document["error"]), (1, "n1 is this node, which is not gone"))
        # Another machine of its name may, whose machine's successor it is.
        successor = self.etcd.node("n1", machine="new")
        self.assertEqual(len(successor.get("forget", "n1")["blocks"]), 1)
        successor.claim()

    def test_names_that_begin_alike_are_kept_apart(self):
        self.add_pool()
        one, ten = self.etcd.node("n1"), self.etcd.node("n10")
        one.claim()
        kept = ten.claim()["block"]
        self.etcd.node("operator").get("forget", "n1")
        self.assertEqual((one.own(), ten.own()), ([], [kept]))


class PoolTest(EtcdCase):
    def refused(self, verb, pool, words):
        status, document = self.etcd.node("operator").ask(verb, **pool)
        self.assertEqual(status, 1, document)
        self.assertIn(words, document["error"])

    def test_a_pool_grows_and_keeps_its_blocks_size(self):
        operator = self.add_pool(cidrs=["10.50.0.0/26"])
        node = self.etcd.node("n1")
        first = node.claim()["block"]
        self.assertEqual(node.ask("claim", "pods", blocks=[first])[0], 3)
        operator.get("pool-set", **{**POOL, "cidrs": ["10.50.0.0/26", "10.60.0.0/24"]})
        self.assertIn(node.claim([first])["block"].rsplit(".", 1)[0], "10.60.0")
        self.refused("pool-set", {**POOL, "cidrs": ["10.50.0.0/26", "10.60.0.0/24"], "block": 27}, "has blocks of /26")
        self.refused("pool-set", {**POOL, "cidrs": ["10.60.0.0/24"]}, "would lose 10.50.0.0/26")

    def test_a_pool_is_added_once_and_overlaps_no_other(self):
        operator = self.add_pool()
        operator.get("pool-add", **POOL)
        self.refused("pool-add", {**POOL, "block": 27}, "there is a pool pods already")
        self.refused("pool-add", {**POOL, "name": "more", "cidrs": ["10.50.128.0/17"]}, "overlaps 10.50.0.0/16 of pool pods")
        operator.get("pool-add", name="more", cidrs=["10.60.0.0/16"], block=26)
        self.refused("pool-set", {**POOL, "cidrs": ["10.50.0.0/16", "10.60.0.0/24"]}, "overlaps 10.60.0.0/16 of pool more")

    def test_a_draining_pool_gives_no_block(self):
        operator = self.add_pool()
        node = self.etcd.node("n1")
        first = node.claim()["block"]
        operator.get("pool-set", **POOL, draining=True)
        status, document = node.ask("claim", "pods", blocks=[first])
        self.assertEqual(status, 3)
        self.assertIn("pool pods is drained", document["error"])
        self.assertEqual(node.own(), [first])

    def test_a_node_has_as_many_blocks_as_it_may(self):
        self.add_pool(maxBlocks=2)
        node = self.etcd.node("n1")
        have = [node.claim()["block"]]
        have.append(node.claim(have)["block"])
        status, document = node.ask("claim", "pods", blocks=have)
        self.assertEqual(status, 3)
        self.assertIn("has as many blocks of pool pods as it may: 2", document["error"])

    def test_no_such_pool(self):
        status, document = self.etcd.node("n1").ask("claim", "pods")
        self.assertEqual(status, 3)
        self.assertIn('knows no pool "pods"', document["error"])


if __name__ == "__main__":
    unittest.main()
