"""The log and the metrics: off by default, by configuration or environment, and never in the way."""

import json
import os
import re
import unittest

from fake_node import Node, PluginError, bridge_config


class ObserveTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.log = os.path.join(self.node.directory, "log")
        self.metrics = os.path.join(self.node.directory, "patchcord.prom")
        self.config = bridge_config(self.node, isGateway=True)
        self.container = self.node.container("a")

    def lines(self):
        with open(self.log, encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    def values(self):
        with open(self.metrics, encoding="utf-8") as stream:
            return dict(re.findall(r"(?m)^(patchcord_\S+\{.*\}) ([\d.]+)$", stream.read()))

    def test_off_unless_asked_for(self):
        self.node.add(self.config, self.container)
        self.assertEqual(sorted(os.listdir(self.node.directory)), ["networks", "plugins", "run"])

    def test_each_operation_is_a_line_with_its_steps(self):
        config = self.config | {"log": self.log}
        self.node.add(config, self.container)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container)
        self.node.delete(config, self.container)
        added, refused, deleted = self.lines()
        self.assertEqual([line["command"] for line in (added, refused, deleted)], ["ADD", "ADD", "DEL"])
        self.assertEqual([line["code"] for line in (added, refused, deleted)], [0, 103, 0])
        self.assertEqual((added["network"], added["container"], added["interface"]), ("br-net", self.container, "eth0"))
        self.assertIn("already", refused["msg"])
        for step in ("begin", "lease", "bridge", "interface", "addresses"):
            self.assertIn(step, added["steps"])
        self.assertLessEqual(sum(added["steps"].values()), added["us"])
        self.assertGreater(added["steps"]["interface"], 0)

    def test_the_environment_counts_more_and_also_where_the_configuration_cannot_be_read(self):
        other = os.path.join(self.node.directory, "other")
        self.node.add(self.config | {"log": other}, self.container, PATCHCORD_LOG=self.log)
        with self.assertRaises(PluginError):
            self.node.add("{", self.container, PATCHCORD_LOG=self.log)
        self.assertFalse(os.path.exists(other))
        self.assertEqual([line["code"] for line in self.lines()], [0, 6])

    def test_operations_are_counted_by_command_and_code(self):
        config = self.config | {"metrics": self.metrics}
        self.node.add(config, self.container)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container)
        self.node.delete(config, self.container)
        self.node.delete(config, self.container)
        values = self.values()
        self.assertEqual(values['patchcord_operations_total{command="ADD",code="0"}'], "1")
        self.assertEqual(values['patchcord_operations_total{command="ADD",code="103"}'], "1")
        self.assertEqual(values['patchcord_operations_total{command="DEL",code="0"}'], "2")
        self.assertEqual(values['patchcord_operation_duration_seconds_count{command="ADD"}'], "2")
        self.assertEqual(values['patchcord_operation_duration_seconds_bucket{command="ADD",le="+Inf"}'], "2")
        self.assertGreater(float(values['patchcord_operation_duration_seconds_sum{command="ADD"}']), 0)

    def test_no_count_is_lost_among_operations_at_the_same_time(self):
        config = self.config | {"metrics": self.metrics}
        processes = [self.node.start("DEL", config, f"c{number}", "") for number in range(16)]
        for process in processes:
            self.node.finish(process)
        self.assertEqual(self.values()['patchcord_operations_total{command="DEL",code="0"}'], "16")

    def test_what_cannot_be_observed_does_not_fail_an_operation(self):
        nowhere = os.path.join(self.node.directory, "no", "such", "place")
        config = self.config | {"log": nowhere, "metrics": nowhere}
        process = self.node.start("ADD", config, self.container, self.node.path_of(self.container))
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(json.loads(stdout)["ips"][0]["address"], "10.88.0.2/24")
        self.assertEqual(stderr.count("not observed"), 2)
        self.node.add(self.config | {"log": 5, "metrics": []}, self.node.container("b"))


if __name__ == "__main__":
    unittest.main()
