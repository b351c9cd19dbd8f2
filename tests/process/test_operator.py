"""The operator's tool on a known node: what each command says, to the letter."""

import json
import os
import re
import subprocess
import time
import unittest

import jsonschema
from fake_node import PLUGIN, ROOT
from operator_case import OperatorCase

SCHEMAS = os.path.join(ROOT, "tests", "golden", "operator", "schemas")


class GoldenTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_known_node()

    def assert_schema(self, name, text):
        with open(os.path.join(SCHEMAS, name), encoding="utf-8") as stream:
            jsonschema.validate(json.loads(text), json.load(stream))

    def assert_fits(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_list(self):
        done = self.tool("list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_fits(done.stdout)
        self.assert_golden("list.txt", done.stdout)
        self.assert_golden("list-wide.txt", self.tool("list", "-o", "wide").stdout)
        document = self.tool("list", "--output=json").stdout
        self.assert_schema("list.json", document)
        attachments = json.loads(document)["attachments"]
        self.assertEqual([each["state"] for each in attachments], ["up", "broken", "up", "up", "other"])
        self.assertEqual([each["network"] for each in attachments], ["edgenet", "edgenet", "shopnet", "shopnet", "refnet"])
        self.assertEqual(attachments[-1]["container"], "other-51d0")

    def test_inspect_by_each_of_its_names(self):
        by_address = self.tool("inspect", "10.88.0.2")
        self.assertEqual((by_address.returncode, by_address.stderr), (0, ""))
        self.assert_fits(by_address.stdout)
        self.assert_golden("inspect-pod.txt", by_address.stdout)
        host_end = json.loads(self.tool("inspect", "web-0", "-o", "json").stdout)["attachments"][0]["hostInterface"]
        for word in ("web", host_end, "shop/web-0", "fd00:88::2"):
            self.assertEqual(self.steady(self.tool("inspect", word).stdout), self.steady(by_address.stdout), word)

    def test_inspect_of_what_is_broken_tells_what_by_words_and_status(self):
        done = self.tool("inspect", "lame")
        self.assertEqual(done.returncode, 1)
        self.assertIn("✗ routes", done.stdout)
        self.assert_golden("inspect-broken.txt", done.stdout)
        document = self.tool("inspect", "lame", "-o", "json").stdout
        self.assert_schema("inspect.json", document)
        parts = {part["step"]: part["findings"] for part in json.loads(document)["attachments"][0]["parts"]}
        self.assertEqual(len([step for step, findings in parts.items() if findings]), 1)

    def test_inspect_has_the_times_of_the_add(self):
        timings = json.loads(self.tool("inspect", "edge-0c11", "-o", "json").stdout)["attachments"][0]["timings"]
        self.assertIn("lease", [each["step"] for each in timings])
        self.assertGreater(sum(each["microseconds"] for each in timings), 0)

    def test_inspect_of_nobody(self):
        done = self.tool("inspect", "10.1.2.3")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nothing on this node is called 10.1.2.3", done.stderr)

    def test_graph(self):
        for form in ("text", "dot", "mermaid", "svg"):
            done = self.tool("graph", "--format", form)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assert_golden(f"graph.{form}", done.stdout)
            for word in ("shop/web-0", "db-7f3a", "edge-0c11", "lame-99e2", "other-51d0", "pcbr0", "refbr", "10.88.0.1/24", "10.89.0.2/32"):
                self.assertIn(word, done.stdout, form)

    def test_doctor(self):
        done = self.tool("doctor")
        self.assertEqual(done.returncode, 1)
        self.assert_fits(done.stdout)
        self.assert_golden("doctor.txt", done.stdout)
        self.assert_schema("doctor.json", self.tool("doctor", "-o", "json").stdout)

    def test_reconcile_mends_what_is_broken(self):
        self.assert_golden("reconcile-dry-run.txt", self.tool("reconcile", "--dry-run").stdout)
        done = self.tool("reconcile")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_golden("reconcile.txt", done.stdout)
        self.assertEqual(self.tool("inspect", "lame").returncode, 0)

    def test_gc_takes_the_dead_and_nobody_else(self):
        veths = self.node.veths()
        self.node.remove_container(self.db)
        deadline = time.monotonic() + 10
        while self.node.veths() == veths and time.monotonic() < deadline:  # the kernel takes a namespace down when it gets to it
            time.sleep(0.02)
        dry = self.tool("gc", "--dry-run")
        self.assertEqual(dry.returncode, 0)
        self.assert_golden("gc-dry-run.txt", dry.stdout)
        self.assertIn("10.88.0.3", self.node.reservations("shopnet"))
        self.assertEqual(self.tool("gc").returncode, 0)
        self.assertNotIn("10.88.0.3", self.node.reservations("shopnet"))
        self.assertEqual(len(json.loads(self.tool("list", "-o", "json").stdout)["attachments"]), 4)
        self.assertEqual(self.tool("gc").stdout, "nothing to remove\n")

    def test_metrics(self):
        path = os.path.join(self.node.directory, "node.prom")
        self.assertEqual(self.tool("metrics", "--file", path).returncode, 0)
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        self.assertEqual(text, self.tool("metrics").stdout)
        self.assert_golden("metrics.txt", text)

    def test_watch_tells_who_comes_and_goes_and_who_talks(self):
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, "watch", "-i", "1", "-c", "60"],
                                   env={"PATCHCORD_STATE_DIR": self.node.state}, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "5 attachments; + came, - went\n")
        late = self.node.container("late")
        self.node.add(self.bridge, late)
        self.assertRegex(next_line(process, "+ "), rf"^\+ veth\w+  shopnet/{late}/eth0\n$")
        self.node.delete(self.bridge, late)
        self.assertRegex(next_line(process, "- "), rf"^- veth\w+  shopnet/{late}/eth0\n$")
        self.assertTrue(self.node.reaches(self.db, "10.88.0.1", count=3))
        self.assertRegex(next_line(process, "  "), r"in [\d.]+[kMGT]?bit/s  out [\d.]+[kMGT]?bit/s")


def next_line(process, beginning):
    for line in process.stdout:
        if line.startswith(beginning):
            return line
    raise AssertionError(f"no line begins with {beginning!r}")


class RuntimeTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()
        self.demo = self.node.container("demo")

    def test_add_check_del_as_cnitool_has_them(self):
        done = self.tool("add", "shopnet", self.demo)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["ips"][0]["address"], "10.88.0.4/24")
        self.assertEqual(self.tool("check", "shopnet", self.demo).stdout, "all is as ADD made it\n")
        self.node.run_in(self.demo, "ip", "route", "del", "default")
        failed = self.tool("check", "shopnet", self.demo)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("route 0.0.0.0/0", failed.stderr)
        self.assertEqual(self.tool("del", "shopnet", self.demo).returncode, 0)
        self.assertEqual(self.node.reservations("shopnet"), ["10.88.0.2", "10.88.0.3", "fd00:88::2", "fd00:88::3"])
        self.assertEqual(os.listdir(os.path.join(self.node.state, "results")), [])

    def test_a_plugin_that_fails_undoes_those_before_it(self):
        self.write("30-bad.conflist", json.dumps({"cniVersion": "1.0.0", "name": "bad", "plugins": [
            {key: value for key, value in self.bridge.items() if key not in ("cniVersion", "name")}, {"type": "patchcord", "mode": "nonsense"}]}))
        before = self.node.snapshot(self.demo)
        done = self.tool("add", "bad", self.demo)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("plugin patchcord: mode: is ", done.stderr)
        after = self.node.snapshot(self.demo)
        self.assertEqual([part for part in before if before[part] != after[part] and part != "files"], [])
        self.assertEqual(os.path.isdir(os.path.join(self.node.state, "attachments", "bad")), False)

    def test_without_any_binary_our_own_types_serve(self):
        done = self.tool("add", "shopnet", self.demo, CNI_PATH="/nowhere")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.tool("del", "shopnet", self.demo, CNI_PATH="/nowhere").returncode, 0)

    def test_status(self):
        self.configure("40-new.conflist", self.bridge | {"name": "new", "cniVersion": "1.1.0"})
        self.assertEqual(self.tool("status", "new").stdout, "an ADD would find what it needs\n")
        refused = self.tool("status", "shopnet")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("STATUS came with 1.1.0", refused.stderr)

    def test_validate(self):
        done = self.tool("validate")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.steady(done.stdout), "✓ /node/net.d/10-shopnet.conflist: network shopnet\n"
                                                   "✓ /node/net.d/20-edgenet.conflist: network edgenet\n")
        self.configure("50-bad.conflist", self.routed | {"name": "bad", "hairpinMode": True})
        self.write("60-broken.conf", "{")
        done = self.tool("validate")
        self.assertEqual(done.returncode, 1)
        self.assertIn("✗ /node/net.d/50-bad.conflist: hairpinMode: true: has no meaning in mode routed", self.steady(done.stdout))
        self.assertIn("✗ /node/net.d/60-broken.conf: the network configuration", self.steady(done.stdout))


class CommandLineTest(OperatorCase):
    def commands(self):
        return re.findall(r"^  ([a-z]+) ", self.tool("help").stdout, re.MULTILINE)

    def test_every_command_has_help_with_an_example_that_fits(self):
        names = self.commands()
        self.assertGreater(len(names), 15)
        for name in names:
            for words in ((name, "--help"), ("help", name)):
                done = self.tool(*words)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(f"usage: patchcord {name}", done.stdout)
                self.assertIn("Examples:\n  ", done.stdout)
                for line in done.stdout.splitlines():
                    self.assertLessEqual(len(line), 100, line)

    def test_what_cannot_be_understood_is_status_2(self):
        for words in (["nonsense"], ["list", "--nonsense"], ["list", "-o", "yaml"], ["list", "-o"], ["inspect"], ["inspect", "a", "b"],
                      ["completion", "tcsh"], ["list", "--help=x"], ["watch", "-i", "x"]):
            done = self.tool(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertTrue(done.stderr.startswith("patchcord: "), words)

    def test_with_a_cni_command_it_is_the_plugin_whatever_the_words(self):
        done = self.tool("list", CNI_COMMAND="VERSION")
        self.assertIn("supportedVersions", json.loads(done.stdout))

    def test_colours_are_for_terminals_only(self):
        self.make_healthy_node()
        self.assertNotIn("\033", self.tool("list").stdout)
        script = subprocess.run(["script", "-qec", f"nsenter --net=/var/run/netns/{self.node.host} {PLUGIN} list", "/dev/null"],
                                env={"PATCHCORD_STATE_DIR": self.node.state, "PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("\033[32mup\033[0m", script.stdout)

    def test_the_manual_page_has_every_command_and_option(self):
        with open(os.path.join(ROOT, "docs", "patchcord.8"), encoding="utf-8") as stream:
            page = stream.read().replace("\\-", "-")
        for name in self.commands():
            self.assertIn(f".SS {name}", page)
            for option in re.findall(r"--[a-z-]+", self.tool(name, "--help").stdout.split("Examples:")[0]):
                self.assertIn(option, page, name)


if __name__ == "__main__":
    unittest.main()
