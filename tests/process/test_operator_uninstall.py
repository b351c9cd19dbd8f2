"""uninstall, and `dpkg -r` that calls it, stay while containers need the plugin for their DEL, and list them."""

import os
import subprocess
import unittest

from fake_node import NAMES, PLUGIN, ROOT, bridge_config
from operator_case import OperatorCase

PRERM = os.path.join(ROOT, "packaging", "debian", "prerm")


class UninstallTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()
        self.place = os.path.join(self.node.directory, "opt")
        self.assertEqual(self.tool("install", "--dir", self.place).returncode, 0)

    def uninstall(self, *words):
        done = self.tool("uninstall", "--dir", self.place, *words)
        return done.returncode, done.stderr

    def test_it_stays_and_lists_who_needs_it(self):
        status, said = self.uninstall()
        self.assertEqual(status, 1)
        self.assertIn("3 attachments of containers that are there need this program", said)
        for line in ("edgenet  edge-0c11  eth0", "shopnet  db-7f3a  eth0", "shopnet  shop/web-0  eth0", "--force"):
            self.assertIn(line, said)
        self.assertEqual(sorted(os.listdir(self.place)), sorted(NAMES))

    def test_force_takes_it_out_all_the_same(self):
        self.assertEqual(self.uninstall("--force"), (0, ""))
        self.assertEqual(os.listdir(self.place), [])
        self.assertEqual(self.tool("uninstall").returncode, 0)  # nothing is left that anybody could need

    def test_the_dead_need_nobody(self):
        for container in (self.web, self.db, self.edge):
            self.node.remove_container(container, veths=len(self.node.veths()) - 1)
        self.assertEqual(self.uninstall(), (0, ""))
        self.assertEqual(os.listdir(self.place), [])

    def test_what_a_type_of_ours_made_behind_another_plugin_needs_it_too(self):
        node = self.node
        for container, config in ((self.web, self.bridge), (self.db, self.bridge), (self.edge, self.routed)):
            node.delete(config, {self.web: "web", self.db: "db-7f3a", self.edge: "edge-0c11"}[container], netns=node.path_of(container))
        result = self.attach(bridge_config(node, name="chain", subnets=("10.91.0.0/24",)), self.web, "chained-99cc")
        ports = {"runtimeConfig": {"portMappings": [{"hostPort": 9090, "containerPort": 90, "protocol": "udp"}]}}
        self.attach({"cniVersion": "1.0.0", "name": "chain", "type": "portmap", "prevResult": result, **ports}, self.web, "chained-99cc",
                    plugin=node.plugin("portmap"))
        os.unlink(os.path.join(node.state, "attachments", "chain", "chained-99cc:eth0"))
        status, said = self.uninstall()
        self.assertEqual(status, 1)
        self.assertIn("1 attachments of", said)
        self.assertIn("chain  chained-99cc  eth0", said)

    def test_dpkg_keeps_the_package_while_it_is_needed(self):
        """What `dpkg -r` runs first, and heeds."""
        script = os.path.join(self.node.directory, "prerm")
        with open(PRERM, encoding="utf-8") as file, open(script, "w", encoding="utf-8") as copy:
            copy.write(file.read().replace("/usr/libexec/patchcord/patchcord uninstall", f"{PLUGIN} uninstall --dir {self.place}")
                       .replace("command -v systemctl", "false"))
        environment = {**os.environ, "PATCHCORD_STATE_DIR": self.node.state}
        command = ["nsenter", f"--net=/var/run/netns/{self.node.host}", "sh", script]
        done = subprocess.run([*command, "remove"], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("shopnet  shop/web-0  eth0", done.stderr)
        self.assertEqual(sorted(os.listdir(self.place)), sorted(NAMES))
        self.assertEqual(subprocess.run([*command, "upgrade"], env=environment, check=False).returncode, 0)
        self.assertEqual(sorted(os.listdir(self.place)), sorted(NAMES))


if __name__ == "__main__":
    unittest.main()
