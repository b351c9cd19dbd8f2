"""The Helm chart, rendered by the language that Helm has its templates in: it says what the plain manifests say, which are made without it."""

import json
import os
import tempfile
import unittest

import yaml

from commands import PATH, run_command
from conflists import REPOSITORY
from test_libcni import GO_CACHE

FOLDER = os.path.join(REPOSITORY, "packaging", "kubernetes")
DRIVER = os.path.join(REPOSITORY, "tests", "e2e", "chart-driver", "main.go")


def read(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as stream:
        return stream.read()


class ChartTest(unittest.TestCase):
    def rendered(self, **changes):
        values = yaml.safe_load(read("chart", "values.yaml")) | changes
        with tempfile.TemporaryDirectory() as home:
            done = run_command(["go", "run", DRIVER, os.path.join(FOLDER, "chart", "templates")], tries=120,
                               input=json.dumps({"Values": values, "Release": {"Namespace": "patchcord"}}),
                               env={"PATH": PATH, "HOME": home, "GOCACHE": GO_CACHE, "GO111MODULE": "off"})
        return [each for each in yaml.safe_load_all(done.stdout) if each]

    def test_it_says_what_the_plain_manifests_say(self):
        for name, changes in ((os.path.join("base", "patchcord.yaml"), {}),
                              ("patchcord-remove.yaml", {"task": "remove", "maxUnavailable": "100%"})):
            namespace, *others = yaml.safe_load_all(read(name))
            self.assertEqual(namespace["kind"], "Namespace")  # Helm's is made by --create-namespace
            self.assertEqual(self.rendered(**changes), others)

    def test_values_are_values_whatever_is_in_them(self):
        odd = {"image": 'a"b: {c}', "tolerations": [], "nodeSelector": {"a/b": "on"}, "metricsPort": 9000, "network": "{\n  \"x\": 1}"}
        pod, = (each["spec"]["template"]["spec"] for each in self.rendered(**odd) if each["kind"] == "DaemonSet")
        self.assertEqual((pod["containers"][0]["image"], pod["tolerations"], pod["nodeSelector"]),
                         (odd["image"], odd["tolerations"], odd["nodeSelector"]))
        self.assertIn("9000", pod["containers"][1]["command"])


if __name__ == "__main__":
    unittest.main()
