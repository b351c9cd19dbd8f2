"""Commands of the tool find an attachment by any of its names, and say so where none is called that, or several are."""

import json
import unittest

from operator_case import OperatorCase


class NamesTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()

    def containers(self):
        return sorted(each["container"] for each in json.loads(self.tool("list", "-o", "json").stdout)["attachments"])

    def names_of_web(self):
        """As they are now: who comes again has another address."""
        (web,) = json.loads(self.tool("inspect", "web", "-o", "json").stdout)["attachments"]
        four, six = (address.split("/", maxsplit=1)[0] for address in web["addresses"])
        return ("web", "web-0", "shop/web-0", self.web, f"/run/netns/{self.web}", f"/var/run/netns/{self.web}", f"/var/run/../run/netns/{self.web}",
                four, f"{four}/24", six, six.upper().replace("::", ":0:0::"), web["hostInterface"], "shopnet/web/eth0")

    def test_inspect_check_and_del_by_each_name_of_a_pod_that_a_runtime_made(self):
        for number in range(len(self.names_of_web())):
            name = self.names_of_web()[number]
            with self.subTest(name):
                self.assertEqual(self.tool("inspect", name).returncode, 0)
                done = self.tool("check", "shopnet", name)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "all is as ADD made it\n", ""))
                done = self.tool("del", "shopnet", name)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
                self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11"])
                self.attach(self.bridge, self.web, "web", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
                self.node.settle(self.web)

    def test_the_beginning_of_an_id_is_enough(self):
        self.assertEqual(self.tool("del", "shopnet", "db-7").returncode, 0)
        self.assertEqual(self.containers(), ["edge-0c11", "web"])

    def test_check_of_a_runtimes_pod_tells_what_is_amiss(self):
        self.node.run_in(self.web, "ip", "route", "del", "default")
        done = self.tool("check", "shopnet", "shop/web-0")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("route 0.0.0.0/0", done.stderr)

    def test_nobody_of_that_name_is_said(self):
        for words in (("del", "shopnet", "nobody"), ("check", "shopnet", "nobody"), ("del", "shopnet", "10.88.0.77"), ("del", "edgenet", "web")):
            done = self.tool(*words)
            self.assertEqual((done.returncode, done.stdout), (1, ""), words)
            self.assertIn(f"network {words[1]} has no attachment that is called {words[2]}", done.stderr)
        self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11", "web"])

    def test_an_id_that_nothing_is_known_of_is_told_to_the_plugins_and_said(self):
        done = self.tool("del", "shopnet", self.db, "--id", "never-was")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing of never-was was known in network shopnet", done.stderr)
        self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11", "web"])

    def test_several_of_a_name_are_listed_and_stay(self):
        other = self.node.container("other")
        self.attach(self.bridge, other, "web-too", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=test;K8S_POD_NAME=web-0")
        for command in ("del", "check"):
            done = self.tool(command, "shopnet", "web-0")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("2 attachments are called web-0", done.stderr)
            for line in ("shopnet  shop/web-0  eth0", "shopnet  test/web-0  eth0", "10.88.0.2", "10.88.0.4"):
                self.assertIn(line, done.stderr)
        self.assertEqual(self.tool("del", "shopnet", "test/web-0").returncode, 0)
        self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11", "web"])

    def test_who_is_called_exactly_so_keeps_out_who_only_begins_so(self):
        late = self.node.container("late")
        self.attach(self.bridge, late, "db-7f3a-late")
        self.assertEqual(self.tool("del", "shopnet", "db-7f3a").returncode, 0)
        self.assertEqual(self.containers(), ["db-7f3a-late", "edge-0c11", "web"])

    def test_add_finds_the_container_by_a_name_it_has(self):
        done = self.tool("add", "edgenet", "shop/web-0", "-i", "net1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        seen = json.loads(self.tool("inspect", "web", "-o", "json").stdout)["attachments"]
        self.assertEqual([(each["network"], each["interface"]) for each in seen], [("edgenet", "net1"), ("shopnet", "eth0")])
        self.assertEqual(self.tool("del", "edgenet", "shop/web-0").returncode, 0)
        self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11", "web"])

    def test_what_add_made_is_found_by_another_spelling(self):
        late = self.node.container("late")
        self.assertEqual(self.tool("add", "shopnet", late).returncode, 0)
        for command in ("check", "del"):
            done = self.tool(command, "shopnet", f"/run/netns/{late}")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.containers(), ["db-7f3a", "edge-0c11", "web"])

    def test_a_container_that_is_gone_is_found_by_its_former_namespace(self):
        self.node.remove_container(self.db, veths=2)
        done = self.tool("del", "shopnet", self.db)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.containers(), ["edge-0c11", "web"])


if __name__ == "__main__":
    unittest.main()
