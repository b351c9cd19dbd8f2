"""What is shipped: one static file."""

import os
import subprocess
import unittest

from fake_node import PLUGIN, Node, ShippedBinaryCase, bridge_config, routed_config


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

    def test_an_add_runs_no_other_program(self):
        with Node() as node:
            for config in (bridge_config(node, isDefaultGateway=True), routed_config(node)):
                container = node.container("a" + config["name"])
                trace = os.path.join(node.directory, "trace")
                prefix = ("strace", "-f", "-e", "trace=execve,execveat", "-o", trace)
                node.finish(node.start("ADD", config, container, node.path_of(container), prefix=prefix))
                with open(trace, encoding="ascii") as file:
                    self.assertEqual(sum("execve" in line for line in file), 1)


if __name__ == "__main__":
    unittest.main()
