"""The tool's manners: networks, ipam and status on a known node, forms of output, other names of commands, slips of the pen, locales, no root."""

import json
import os
import subprocess
import unittest

import yaml

from fake_node import PASSED_ON, PLUGIN, bridge_config
from operator_case import OperatorCase, schema_of
from test_operator import command_names
import patience


class ManyTest(OperatorCase):
    """Commands that show many things."""

    def setUp(self):
        super().setUp()
        self.make_known_node()

    def assert_golden_json(self, command):
        done = self.tool(command, "-o", "json")
        schema_of(command).validate(json.loads(done.stdout))
        self.assert_golden(f"{command}.json", done.stdout)
        self.assertEqual(yaml.safe_load(self.tool(command, "-o", "yaml").stdout), json.loads(done.stdout))

    def test_networks(self):
        done = self.tool("networks")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_fits(done.stdout)
        self.assert_golden("networks.txt", self.tool("networks", "-o", "wide").stdout)
        self.assert_golden_json("networks")
        self.assertEqual(self.tool("networks", "-o", "name").stdout.split(), ["shopnet", "edgenet", "refnet"])

    def test_ipam(self):
        os.makedirs(os.path.join(self.node.networks, "shopnet"), exist_ok=True)
        with open(os.path.join(self.node.networks, "shopnet", "10.88.0.99"), "w", encoding="ascii") as file:
            file.write("nobody\r\neth0")
        done = self.tool("ipam")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_fits(done.stdout)
        self.assert_golden("ipam.txt", self.tool("ipam", "-o", "wide").stdout)
        self.assert_golden_json("ipam")
        (orphan,) = [each for each in json.loads(self.tool("ipam", "-o", "json").stdout)["addresses"] if each["orphan"]]
        self.assertEqual((orphan["address"], orphan["container"]), ("10.88.0.99", "nobody"))
        self.assertIn("shop/web-0", self.tool("ipam", "--ip", "10.88.0.2").stdout)
        self.assertEqual(len(self.tool("ipam", "-n", "edgenet", "--no-headers").stdout.splitlines()), 4)
        self.assertEqual(self.tool("ipam", "--ip", "10.88.0.77").returncode, 1)
        self.assertEqual(self.tool("ipam", "--ip", "nonsense").returncode, 2)

    def test_status_is_one_screen(self):
        done = self.tool("status")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertLessEqual(len(done.stdout.splitlines()), 24)
        for word in ("patchcord ", "3 up", "1 broken", "1 other", "shopnet", "edgenet", "tcp port 8080", "attachment-broken"):
            self.assertIn(word, done.stdout)
        self.assert_golden_json("status")

    def test_forms_of_list(self):
        self.assertEqual(yaml.safe_load(self.tool("list", "-o", "yaml").stdout), json.loads(self.tool("list", "-o", "json").stdout))
        self.assertEqual(self.tool("list", "-o", "name").stdout.split(), ["edge-0c11", "lame-99e2", "db-7f3a", "shop/web-0", "other-51d0"])
        self.assertEqual(self.tool("list", "-o", "name", "--network", "shopnet").stdout.split(), ["db-7f3a", "shop/web-0"])
        self.assertEqual(self.tool("list", "-o", "name", "--sort-by", "address", "-n", "shopnet").stdout.split(), ["shop/web-0", "db-7f3a"])
        self.assertEqual(self.tool("list", "-o", "name", "--sort-by", "state").stdout.split()[0], "lame-99e2")
        self.assertEqual(self.steady(self.tool("list", "--no-headers").stdout), self.steady(self.tool("list").stdout.split("\n", 1)[1]))
        self.assertEqual(self.steady(self.tool("ls").stdout), self.steady(self.tool("list").stdout))

    def test_every_name_that_is_listed_is_one_that_inspect_knows(self):
        for name in self.tool("list", "-o", "name").stdout.split():
            self.assertIn(name, self.tool("inspect", name).stdout)

    def test_list_goes_on_with_what_changes(self):
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, "list", "-w", "--no-headers", "-n", "shopnet"],
                                   env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "NETCONFPATH": self.net_d},
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual([process.stdout.readline().split()[1] for _ in range(2)], ["db-7f3a", "shop/web-0"])
        late = self.node.container("late")
        self.attach(self.bridge, late, "late-1")
        self.assertEqual(process.stdout.readline().split()[:2], ["shopnet", "late-1"])

    def test_rm_is_del(self):
        self.assertEqual(self.tool("rm", "shopnet", "shop/web-0").returncode, 0)
        self.assertEqual(self.tool("list", "-o", "name", "-n", "shopnet").stdout.split(), ["db-7f3a"])

    def test_where_the_locale_has_no_utf8_all_is_ascii(self):
        for words in (("list",), ("inspect", "lame"), ("doctor",), ("graph",), ("validate",), ("status",), ("list", "--nonsense…")):
            for variables in ({"LC_ALL": "C"}, {"LANG": "de_DE.ISO-8859-1"}, {"LC_ALL": "", "LC_CTYPE": "POSIX", "LANG": "C.UTF-8"}):
                done = self.tool(*words, **variables)
                self.assertTrue((done.stdout + done.stderr).isascii(), (words, variables, done.stdout))
        self.assertIn("✗", self.tool("inspect", "lame", LC_ALL="C.UTF-8").stdout)
        self.assertIn("x routes", self.tool("inspect", "lame", LC_ALL="C").stdout)
        self.assertEqual(self.tool("list", "-o", "json", LC_ALL="C").stdout, self.tool("list", "-o", "json").stdout)


class WordsTest(OperatorCase):
    def test_version_by_each_of_its_names(self):
        texts = {self.tool(word).stdout for word in ("version", "-V", "--version")}
        self.assertEqual(len(texts), 1)
        self.assertRegex(texts.pop(), r"^patchcord \S+ \(CNI ")

    def test_slips_are_guessed_and_not_taken(self):
        for words, meant in ((("lisst",), "list"), (("inspct", "x"), "inspect"), (("list", "--netwrok", "x"), "--network"),
                             (("valdiate",), "validate")):
            done = self.tool(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"is {meant} meant?", done.stderr)
        self.assertNotIn("meant", self.tool("xyzzy").stderr)

    def test_without_root_one_line_says_so(self):
        for name in command_names(self):
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", PLUGIN, name, "--help"], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
        for words in (("list",), ("inspect", "x"), ("doctor",), ("add", "a", "b"), ("gc",), ("status",), ("uninstall",)):
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", PLUGIN, *words], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr, f"patchcord: {words[0]} needs root's rights, to look into other namespaces: sudo patchcord {words[0]}\n")

    def test_the_overview_ends_with_an_example(self):
        for words in (("--help",), ("help",)):
            self.assertRegex(self.tool(*words).stdout, r"\nExample: patchcord .*\n$")


class TitlesTest(OperatorCase):
    """What people called a pod is what every command shows."""

    LONG = "f" * 64
    ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=a-rather-long-name-of-a-namespace;K8S_POD_NAME=checkout-frontend-5d8f7b9c6-x2x9p"

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, name="shopnet", subnets=("10.88.0.0/24",), isDefaultGateway=True)
        self.configure("10-shopnet.conflist", self.config)

    def test_at_80_columns_the_end_of_a_name_is_left(self):
        pod = self.node.container("pod")
        self.attach(self.config, pod, self.LONG, args=self.ARGS)
        done = self.tool("list")
        self.assert_fits(done.stdout)
        self.assertIn("-x2x9p", done.stdout)

    def test_gc_and_reconcile_tell_pods_by_their_names(self):
        pod = self.node.container("pod")
        self.attach(self.config, pod, self.LONG, args="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        self.node.run_in(pod, "ip", "addr", "flush", "dev", "eth0")
        self.assertIn("shopnet/shop/web-0/eth0", self.tool("reconcile").stdout)
        self.node.remove_container(pod, veths=0)
        for words in (("gc", "--dry-run"), ("reconcile",), ("gc",)):
            done = self.tool(*words)
            self.assertIn("shopnet/shop/web-0/eth0", done.stdout)
            self.assertNotIn(self.LONG, done.stdout)
        self.attach(self.config, self.node.container("next"), self.LONG, args="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")

    def test_their_json_has_the_pod(self):
        pod = self.node.container("pod")
        self.attach(self.config, pod, self.LONG, args="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        self.node.remove_container(pod, veths=0)
        for words in (("gc", "--dry-run"), ("reconcile", "--dry-run")):
            (attachment,) = json.loads(self.tool(*words, "-o", "json").stdout)["attachments"]
            self.assertEqual(attachment["pod"], {"namespace": "shop", "name": "web-0"})

    def test_watch_tells_pods_by_their_names(self):
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, "watch", "-i", "1", "-c", "60"],
                                   env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state}, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdout.readline()
        pod = self.node.container("pod")
        self.attach(self.config, pod, self.LONG, args="K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        self.assertRegex(process.stdout.readline(), r"^\+ veth\w+  shopnet/shop/web-0/eth0\n$")
        self.node.delete(self.config, self.LONG, netns=self.node.path_of(pod))
        for line in process.stdout:
            if line.startswith("- "):
                break
        self.assertRegex(line, r"^- veth\w+  shopnet/shop/web-0/eth0\n$")

    def test_a_container_of_ones_own_is_called_as_its_namespace(self):
        own = self.node.container("own")
        self.assertEqual(self.tool("add", "shopnet", own).returncode, 0)
        self.assertEqual(self.tool("list", "-o", "name").stdout, own + "\n")
        self.assertTrue(self.tool("inspect", own).stdout.startswith(own + "  eth0  up"))

    def test_a_pod_without_a_namespace_has_no_slash(self):
        pod = self.node.container("pod")
        self.attach(self.config, pod, self.LONG, args="K8S_POD_NAMESPACE=;K8S_POD_NAME=Master")
        self.assertEqual(self.tool("list", "-o", "name").stdout, "Master\n")


class WishesTest(OperatorCase):
    """add without JSON on the command line."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, name="lab", subnets=("10.88.0.0/24", "fd00:88::/64"), isDefaultGateway=True)
        self.demo = self.node.container("demo")

    def add(self, *words, **keys):
        self.configure("10-lab.conflist", self.config | keys)
        return self.tool("add", "lab", self.demo, *words)

    def test_ports_address_mac_and_lo(self):
        done = self.add("-p", "8080:80", "-p", "127.0.0.1:8053:53/udp", "--ip", "10.88.0.77", "--mac", "02:00:00:00:00:77", "--lo",
                        capabilities={"portMappings": True})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        (seen,) = json.loads(self.tool("list", "-o", "json").stdout)["attachments"]
        self.assertIn("10.88.0.77/24", seen["addresses"])
        self.assertEqual(seen["portMappings"], [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                                                {"hostPort": 8053, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"}])
        links = {link["ifname"]: link for link in self.node.ip_json(self.demo, "link", "show")}
        self.assertEqual(links["eth0"]["address"], "02:00:00:00:00:77")
        self.assertIn("UP", links["lo"]["flags"])
        self.assertEqual(self.tool("check", "lab", self.demo).returncode, 0)
        self.assertEqual(self.tool("del", "lab", self.demo).returncode, 0)

    def test_by_capabilities_where_they_are_declared(self):
        done = self.add("--ip", "10.88.0.77", "--ip", "fd00:88::77", "--mac", "02:00:00:00:00:77", capabilities={"ips": True, "mac": True})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual({ip["address"] for ip in json.loads(done.stdout)["ips"]}, {"10.88.0.77/24", "fd00:88::77/64"})

    def test_lo_stays_as_it_is_unless_asked_for(self):
        self.node.run_in(self.demo, "ip", "link", "set", "lo", "down")
        self.assertEqual(self.add().returncode, 0)
        (lo,) = self.node.ip_json(self.demo, "link", "show", "dev", "lo")
        self.assertNotIn("UP", lo["flags"])

    def test_what_nobody_would_do_is_refused_before_anything_is_done(self):
        before = self.node.snapshot(self.demo)
        done = self.add("-p", "8080:80")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no plugin of network lab publishes ports", done.stderr)
        for words in (("-p", "8080"), ("-p", "0:80"), ("-p", "x:80"), ("-p", "1:2/icmp"), ("--ip", "x"), ("--mac", "x"), ("-p", "70000:1")):
            self.assertEqual(self.add(*words).returncode, 2, words)
        self.assertEqual(self.node.snapshot(self.demo), before)


if __name__ == "__main__":
    unittest.main()
