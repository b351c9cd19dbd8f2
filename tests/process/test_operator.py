"""The operator's tool on a known node: what each command says, to the letter."""

import json
import os
import re
import subprocess
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, PASSED_ON, PLUGIN, ROOT, bridge_config, routed_config
from operator_case import GOLDEN, SCHEMAS, OperatorCase, schema_of


class GoldenTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_known_node()

    def assert_json(self, command, golden, text):
        """Of this form, and to the letter; returns the list that it has."""
        document = json.loads(text)
        schema_of(command).validate(document)
        self.assert_golden(golden, text)
        (values,) = document.values()
        return values

    def test_list(self):
        done = self.tool("list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_fits(done.stdout)
        self.assert_golden("list.txt", done.stdout)
        self.assert_golden("list-wide.txt", self.tool("list", "-o", "wide").stdout)
        attachments = self.assert_json("list", "list.json", self.tool("list", "--output=json").stdout)
        self.assertEqual([each["state"] for each in attachments], ["up", "broken", "up", "up", "other"])
        self.assertEqual([each["network"] for each in attachments], ["edgenet", "edgenet", "shopnet", "shopnet", "refnet"])
        self.assertEqual(attachments[-1]["container"], "other-51d0")

    def test_inspect_by_each_of_its_names(self):
        by_address = self.tool("inspect", "10.88.0.2")
        self.assertEqual((by_address.returncode, by_address.stderr), (0, ""))
        self.assert_fits(by_address.stdout)
        self.assert_golden("inspect-pod.txt", by_address.stdout)
        host_end = self.assert_json("inspect", "inspect-pod.json", self.tool("inspect", "web-0", "-o", "json").stdout)[0]["hostInterface"]
        for word in ("web", host_end, "shop/web-0", "fd00:88::2"):
            self.assertEqual(self.steady(self.tool("inspect", word).stdout), self.steady(by_address.stdout), word)

    def test_inspect_of_what_is_broken_tells_what_by_words_and_status(self):
        done = self.tool("inspect", "lame")
        self.assertEqual(done.returncode, 1)
        self.assertIn("✗ routes", done.stdout)
        self.assert_fits(done.stdout)
        self.assert_golden("inspect-broken.txt", done.stdout)
        (broken,) = self.assert_json("inspect", "inspect-broken.json", self.tool("inspect", "lame", "-o", "json").stdout)
        self.assertEqual([part["step"] for part in broken["parts"] if part["findings"]], ["routes"])
        self.assertEqual([each["object"] for each in broken["inContainer"] if each["verdict"] == "wrong"], ["route default via 169.254.1.1"])

    def test_inspect_of_what_another_plugin_made(self):
        done = self.tool("inspect", "other-51d0")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_golden("inspect-other.txt", done.stdout)
        self.assert_json("inspect", "inspect-other.json", self.tool("inspect", "other-51d0", "-o", "json").stdout)

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
        self.assert_json("doctor", "doctor.json", self.tool("doctor", "-o", "json").stdout)

    def test_reconcile_mends_what_is_broken(self):
        self.assert_golden("reconcile-dry-run.txt", self.tool("reconcile", "--dry-run").stdout)
        self.assert_json("reconcile", "reconcile-dry-run.json", self.tool("reconcile", "--dry-run", "-o", "json").stdout)
        done = self.tool("reconcile")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_golden("reconcile.txt", done.stdout)
        self.assertEqual(self.tool("inspect", "lame").returncode, 0)

    def test_gc_takes_the_dead_and_nobody_else(self):
        self.node.remove_container(self.db, veths=len(self.node.veths()) - 1)
        dry = self.tool("gc", "--dry-run")
        self.assertEqual(dry.returncode, 0)
        self.assert_golden("gc-dry-run.txt", dry.stdout)
        self.assert_json("gc", "gc-dry-run.json", self.tool("gc", "--dry-run", "-o", "json").stdout)
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
                                   env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state}, stdout=subprocess.PIPE, text=True)
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


class InspectTest(OperatorCase):
    """What an attachment with all features has, and each kind of it damaged."""

    def setUp(self):
        super().setUp()
        self.make_uplink()
        features = {"ipMasq": True, "isolation": "pod", "antispoof": True, "ingressRate": 8_000_000, "ingressBurst": 800_000,
                    "egressRate": 4_000_000, "egressBurst": 400_000, "sysctl": {"net.ipv4.conf.eth0.arp_ignore": "1"}, "txQLen": 500}
        ports = {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}
        bridge = bridge_config(self.node, name="richnet", subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True, **features)
        self.rich = self.node.container("rich")
        self.attach(bridge | ports, self.rich, "rich-77aa")
        self.lone = self.node.container("lone")
        self.attach(routed_config(self.node, name="lonenet", subnets=DUAL_ROUTED, **features), self.lone, "lone-88bb")
        self.node.settle(self.rich, self.lone)

    def inspect(self, word):
        document = json.loads(self.tool("inspect", word, "-o", "json").stdout)
        schema_of("inspect").validate(document)
        (attachment,) = document["attachments"]
        return attachment

    def wrong(self, word, kind, name="object"):
        return [each[name] for each in self.inspect(word)[kind] if each["verdict"] == "wrong"]

    def test_rules_shaping_and_settings_object_by_object(self):
        for word in ("rich-77aa", "lone-88bb"):
            done = self.tool("inspect", word)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertNotIn("✗", done.stdout)
            self.assert_fits(done.stdout)
            self.assert_golden(f"inspect-{word.split('-', 1)[0]}.txt", done.stdout)

    def test_elements_are_as_nft_prints_them(self):
        rules = self.node.on_host("nft", "list", "ruleset")
        for word in ("rich-77aa", "lone-88bb"):
            elements = [each["object"] for each in self.inspect(word)["rules"] if " { " in each["object"]]
            self.assertGreater(len(elements), 5)
            for element in elements:
                key, _, data = element.split(" { ")[1].removesuffix(" }").partition(" : ")
                self.assertRegex(rules, rf"[{{\t ]{re.escape(key)} comment \"{'richnet' if word == 'rich-77aa' else 'lonenet'}/{word}/eth0\"" +
                                 (f" : {re.escape(data)}[, ]" if data else ""))

    def test_an_element_that_is_gone_or_another_ones(self):
        self.node.on_host("nft", "delete element inet patchcord ports4 { tcp . 8080 }")
        self.assertEqual(self.wrong("rich-77aa", "rules"), ["inet ports4 { tcp . 8080 : 10.88.0.2 . 80 }"])
        self.assertEqual(self.wrong("lone-88bb", "rules"), [])
        self.node.on_host("nft", 'add element inet patchcord ports4 { tcp . 8080 comment "x/y/z" : 10.9.9.9 . 80 }')
        self.assertIn("      is that of x/y/z\n", self.tool("inspect", "rich-77aa").stdout)
        self.node.on_host("nft", "delete table inet patchcord")
        self.assertIn("inet chain host_ports", self.wrong("rich-77aa", "rules"))
        self.assertEqual(self.tool("inspect", "lone-88bb").returncode, 1)

    def test_a_rate_that_was_changed_and_one_that_is_gone(self):
        host_end = self.inspect("rich-77aa")["hostInterface"]
        self.node.reaches(self.rich, "10.88.0.1", count=3)
        ingress, egress = self.inspect("rich-77aa")["shaping"]
        self.assertEqual((ingress["hostInterface"], ingress["bytesPerSecond"], ingress["burstBytes"]), (host_end, 1_000_000, 100_000))
        for queue in (ingress, egress):
            self.assertEqual(queue["verdict"], "right")
            self.assertGreaterEqual(queue["passedPackets"], 3)
        self.node.on_host("tc", "qdisc", "change", "dev", host_end, "root", "handle", "1:", "tbf", "rate", "1mbit", "burst", "20k", "limit", "90k")
        self.assertEqual(self.wrong("rich-77aa", "shaping", "direction"), ["ingress"])
        self.assertIn(f"      tbf on {host_end} has 1.0Mbit/s, burst 20480 bytes\n", self.tool("inspect", "rich-77aa").stdout)
        self.node.on_host("ip", "link", "del", egress["hostInterface"])
        self.assertEqual(self.wrong("rich-77aa", "shaping", "direction"), ["ingress", "egress"])
        self.assertIn(f"      nothing limits a rate on {egress['hostInterface']}\n", self.tool("inspect", "rich-77aa").stdout)

    def test_settings_that_were_changed(self):
        (host_end,) = [self.inspect("lone-88bb")["hostInterface"]]
        self.node.on_host("sysctl", "-qw", f"net.ipv4.conf.{host_end}.rp_filter=2", f"net.ipv6.conf.{host_end}.proxy_ndp=0")
        self.node.run_in(self.lone, "sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=0")
        self.node.run_in(self.lone, "ip", "link", "set", "eth0", "txqueuelen", "100")
        self.assertEqual(sorted(self.wrong("lone-88bb", "settings", "name")),
                         ["sysctl net/ipv4/conf/eth0/arp_ignore", f"sysctl net/ipv4/conf/{host_end}/rp_filter",
                          f"sysctl net/ipv6/conf/{host_end}/proxy_ndp", "transmit queue of container interface eth0"])
        self.assertIn("  ✗ transmit queue of container interface eth0 = 500\n      is 100\n", self.tool("inspect", "lone-88bb").stdout)
        self.node.on_host("bridge", "link", "set", "dev", self.inspect("rich-77aa")["hostInterface"], "hairpin", "off")
        self.assertEqual(len(self.wrong("rich-77aa", "settings", "name")), 1)

    def test_addresses_routes_and_neighbours_in_the_container(self):
        self.node.run_in(self.lone, "ip", "addr", "add", "10.89.0.77/32", "dev", "eth0")
        self.node.run_in(self.lone, "ip", "addr", "del", "fd00:89::2/128", "dev", "eth0")
        self.node.run_in(self.lone, "ip", "neigh", "del", "169.254.1.1", "dev", "eth0")
        self.node.run_in(self.lone, "ip", "neigh", "replace", "fe80::1", "lladdr", "02:00:00:00:00:09", "dev", "eth0", "nud", "permanent")
        lone = self.inspect("lone-88bb")
        self.assertIn({"object": "address 10.89.0.77/32", "verdict": "beside"}, lone["inContainer"])
        self.assertEqual(sorted(self.wrong("lone-88bb", "inContainer")),
                         ["address fd00:89::2/128", "neighbour 169.254.1.1", "neighbour fe80::1 at 02:00:00:00:00:09 permanent"])

    def test_what_the_host_has_of_it(self):
        host_end = self.inspect("lone-88bb")["hostInterface"]
        self.node.on_host("ip", "route", "del", "10.89.0.2")
        self.node.on_host("ip", "addr", "del", "fe80::1/64", "dev", host_end)
        self.assertEqual(sorted(self.wrong("lone-88bb", "onHost")), ["address fe80::1/64", "route 10.89.0.2/32"])
        self.assertTrue(self.node.reaches(self.rich, "10.88.0.1"))
        self.assertRegex(self.tool("inspect", "rich-77aa").stdout, r"on the host\n(  .*\n)*    neighbour 10\.88\.0\.2 at ")
        self.node.on_host("ip", "link", "set", self.inspect("rich-77aa")["hostInterface"], "nomaster")
        self.assertIn("is no port of pcbr0", self.tool("inspect", "rich-77aa").stdout)

    def test_a_chain_of_plugins_is_one_attachment(self):
        node = self.node
        config = {key: value for key, value in bridge_config(node, name="chain", bridge="pcbr2", subnets=("10.91.0.0/24",), isGateway=True).items()}
        container = node.container("chained")
        result = self.attach(config, container, "chained-99cc")
        for kind, keys in (("portmap", {"runtimeConfig": {"portMappings": [{"hostPort": 9090, "containerPort": 90, "protocol": "udp"}]}}),
                           ("bandwidth", {"ingressRate": 8_000_000, "ingressBurst": 800_000}),
                           ("tuning", {"sysctl": {"net.ipv4.conf.eth0.arp_ignore": "1"}})):
            self.attach({"cniVersion": "1.0.0", "name": "chain", "type": kind, "prevResult": result, **keys}, container, "chained-99cc",
                        plugin=node.plugin(kind))
        seen = self.inspect("chained-99cc")
        self.assertEqual([part["step"] for part in seen["parts"]][-3:], ["portmap", "tuning", "bandwidth"])
        self.assertEqual((seen["state"], seen["ports"], len(seen["shaping"])), ("up", ["udp port 9090 → 90"], 1))
        self.assertIn("sysctl net/ipv4/conf/eth0/arp_ignore", [each["name"] for each in seen["settings"]])
        node.on_host("nft", "delete element inet patchcord ports4 { udp . 9090 }")
        node.run_in(container, "sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=0")
        seen = self.inspect("chained-99cc")
        self.assertEqual(seen["state"], "broken")
        self.assertEqual([part["step"] for part in seen["parts"] if part["findings"]], ["portmap", "tuning"])


class SchemaTest(OperatorCase):
    def test_each_command_with_json_has_a_schema_and_golden_output_of_that_form(self):
        commands = [name for name in command_names(self) if re.search(r"--output.*\n?.*\bjson\b", self.tool(name, "--help").stdout)]
        self.assertEqual(sorted(f"{name}.json" for name in commands), sorted(os.listdir(SCHEMAS)))
        for name in commands:
            golden = [file for file in os.listdir(GOLDEN) if re.fullmatch(rf"{name}(-[a-z-]+)?\.json", file)]
            self.assertNotEqual(golden, [], f"tests/golden/operator has no {name}.json")
            schema_of(name).check_schema(schema_of(name).schema)
            for file in golden:
                with open(os.path.join(GOLDEN, file), encoding="utf-8") as stream:
                    schema_of(name).validate(json.loads(stream.read().replace("TIME", "2026-01-01T00:00:00Z")))


def command_names(case):
    return re.findall(r"^  ([a-z]+) ", case.tool("help").stdout, re.MULTILINE)


def next_line(process, beginning):
    for line in process.stdout:
        if line.startswith(beginning):
            return line
    raise AssertionError(f"no line begins with {beginning!r}")


class CommandLineTest(OperatorCase):
    def test_every_command_has_help_with_an_example_that_fits(self):
        names = command_names(self)
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
        for words in (["nonsense"], ["list", "--nonsense"], ["list", "-o", "nonsense"], ["list", "-o"], ["inspect"], ["inspect", "a", "b"],
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
                                env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state}, stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("\033[32mup\033[0m", script.stdout)

    def test_the_manual_page_has_every_command_and_option(self):
        with open(os.path.join(ROOT, "docs", "patchcord.8"), encoding="utf-8") as stream:
            page = stream.read().replace("\\-", "-")
        for name in command_names(self):
            self.assertIn(f".SS {name}", page)
            for option in re.findall(r"--[a-z-]+", self.tool(name, "--help").stdout.split("Examples:")[0]):
                self.assertIn(option, page, name)


if __name__ == "__main__":
    unittest.main()
