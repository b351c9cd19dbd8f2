"""What is shipped: one static file."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from fake_node import NAMES, PLUGIN, ROOT, Node, ShippedBinaryCase, bridge_config, routed_config

sys.path.append(os.path.join(ROOT, "tests", "bench"))
import layout  # noqa: E402


class BinaryTest(ShippedBinaryCase):
    def test_it_is_static_stripped_and_small(self):
        text = subprocess.run(["file", "-b", PLUGIN], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertRegex(text, "statically linked|static-pie linked")
        self.assertIn("stripped", text)
        self.assertNotIn("not stripped", text)
        self.assertLessEqual(os.path.getsize(PLUGIN), 2_500_000)

    def test_it_needs_no_shared_library(self):
        done = subprocess.run(["ldd", PLUGIN], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertRegex(done.stdout, "not a dynamic executable|statically linked")

    @unittest.skipUnless(PLUGIN == os.path.join(ROOT, "build", "patchcord"), "another build than the one that is installed")
    def test_what_operations_run_lies_side_by_side(self):
        sections = subprocess.run(["readelf", "--section-headers", "--wide", PLUGIN], stdout=subprocess.PIPE, text=True, check=True).stdout
        size = int(re.search(r"\.text\.operation +PROGBITS +\w+ \w+ (\w+)", sections).group(1), 16)
        self.assertTrue(300_000 < size < 800_000, size)
        self.assertGreater(layout.share_that_is_there(), 0.75, "plugin/layout.ld has grown old: make layout")

    def test_an_add_runs_no_other_program(self):
        with Node() as node:
            for config in (bridge_config(node, isDefaultGateway=True), routed_config(node)):
                container = node.container("a" + config["name"])
                trace = os.path.join(node.directory, "trace")
                prefix = ("strace", "-f", "-e", "trace=execve,execveat", "-o", trace)
                node.finish(node.start("ADD", config, container, node.path_of(container), prefix=prefix))
                with open(trace, encoding="ascii") as file:
                    self.assertEqual(sum("execve" in line for line in file), 1)

    @unittest.skipUnless(PLUGIN == os.path.join(ROOT, "build", "patchcord"), "another build than the one that is installed")
    def test_installed_it_answers_to_all_its_names_and_replaces_others_only_if_told_to(self):
        with tempfile.TemporaryDirectory() as root:
            plugins = os.path.join(root, "cni")
            make = ["make", "-s", "-C", ROOT, "-o", "build/patchcord", "install", f"PLUGIN_DIR={plugins}",
                    f"PREFIX={root}/usr"]
            os.mkdir(plugins)
            with open(os.path.join(plugins, "loopback"), "w", encoding="ascii") as file:
                file.write("another")
            subprocess.run(make, stdout=subprocess.DEVNULL, check=True)
            with open(os.path.join(plugins, "loopback"), encoding="ascii") as file:
                self.assertEqual(file.read(), "another")
            subprocess.run([*make, "REPLACE=1"], check=True)
            self.assertEqual(sorted(os.listdir(plugins)), sorted(NAMES))
            for file in ("man/man8/patchcord.8", "bash-completion/completions/patchcord", "zsh/site-functions/_patchcord"):
                self.assertTrue(os.path.getsize(os.path.join(root, "usr", "share", file)), file)
            for name in NAMES:
                done = subprocess.run([os.path.join(plugins, name)], stdout=subprocess.PIPE, env={"CNI_COMMAND": "VERSION"}, check=True)
                self.assertEqual(json.loads(done.stdout)["cniVersion"], "1.1.0")


if __name__ == "__main__":
    unittest.main()
