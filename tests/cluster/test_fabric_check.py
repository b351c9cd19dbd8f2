"""`patchcord fabric check`: nothing where all is well, and one finding for each thing that is not; doctor says the same."""

import json
import signal
import unittest

from etcd_cluster import PLUGIN, patience
from fabric_case import BLOCKS_OF, FabricCase


class FabricCheckTest(FabricCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        lab.with_pools("pods")
        lab.router.configure("bird", "--reflector")
        lab.router.start_bird()
        for name, node in lab.nodes.items():
            with open(f"{node.pools}/pods/blocks", "w", encoding="utf-8") as file:
                file.write(BLOCKS_OF[name] + "\n")
            node.announce(BLOCKS_OF[name])
            daemon = "frr" if name == "n3" else "bird"
            node.configure(daemon)
            getattr(node, f"start_{daemon}")()

    def findings(self, name, command=("fabric", "check")):
        done = self.lab.nodes[name].tool(*command, "-o", "json")
        found = {each["name"]: each["text"] for each in json.loads(done.stdout)["diagnoses"]}
        if command[0] == "fabric":
            self.assertEqual(done.returncode, 1 if found else 0, done.stderr)
        return found

    def wait_for(self, name, *wanted):
        self.assertTrue(patience.until(lambda: set(self.findings(name)) == set(wanted), tries=20), f"{name}: {self.findings(name)}")
        return self.findings(name)

    def setUp(self):
        for name in self.lab.nodes:
            self.wait_for(name)

    def test_nothing_is_found_where_all_is_well(self):
        done = self.lab.nodes["n1"].tool("fabric", "check")
        self.assertEqual((done.returncode, done.stdout), (0, "nothing stands in the way of this node's containers\n"))

    def test_a_block_without_its_route(self):
        for name in ("n1", "n3"):
            node = self.lab.nodes[name]
            node.on_host("ip", "route", "del", "unreachable", BLOCKS_OF[name], "proto", "81", "metric", "4096")
            found = self.wait_for(name, "block-not-announced", "block-not-carried")
            for text in found.values():
                self.assertIn(BLOCKS_OF[name], text)
            node.announce(BLOCKS_OF[name])
            self.wait_for(name)

    def test_a_block_that_another_node_announces_too(self):
        node = self.lab.nodes["n2"]
        node.announce(BLOCKS_OF["n4"])
        self.addCleanup(node.on_host, "ip", "route", "del", "unreachable", BLOCKS_OF["n4"], "proto", "81", "metric", "4096")
        # BIRD's best way is that of who was there first: the second one sees it, and announces nothing.
        found = self.wait_for("n2", "block-of-two-nodes")
        self.assertIn(f"block {BLOCKS_OF['n4']} is this node's", found["block-of-two-nodes"])
        self.assertIn("via 192.0.2.254", found["block-of-two-nodes"])

    def test_a_reflector_that_is_away(self):
        self.lab.router.end("bird", signal.SIGKILL)
        for name in ("n1", "n3"):
            found = patience.until(lambda: match(self.findings(name), "fabric-session-down"))
            self.assertIn("rr1" if name == "n1" else "192.0.2.254", found["fabric-session-down"])
            self.assertIn("fabric-session-down", self.findings(name, ("doctor",)))
        self.lab.router.start_bird()

    def test_a_daemon_that_does_not_run(self):
        node = self.lab.nodes["n1"]
        node.end("bird")
        self.assertEqual(set(self.findings("n1")), {"fabric-daemon-silent"})
        node.start_bird()

    def test_a_restart_that_would_wait(self):
        node = self.lab.nodes["n2"]
        path = f"{node.directory}/bird.conf"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("graceful restart wait 10;", ""))
        found = self.findings("n2")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(set(found), {"restart-waits"})

    def test_a_vxlan_wider_than_the_uplink_carries(self):
        node = self.lab.nodes["n1"]
        node.on_host("ip", "link", "add", "vx7", "mtu", "1500", "type", "vxlan", "id", "7", "dstport", "4789", "local", "192.0.2.1")
        found = self.wait_for("n1", "vxlan-too-wide")
        self.assertIn("vx7 takes packets of 1500 bytes, and the uplink carries 1450", found["vxlan-too-wide"])
        node.on_host("ip", "link", "del", "vx7")


    def test_a_networkd_that_would_remove_routes(self):
        node = self.lab.nodes["n1"]
        def check(file, text):
            """With such a /run and /etc/systemd of its own."""
            script = ("mount -t tmpfs none /run && mkdir -p /run/systemd/netif && touch /run/systemd/netif/state &&"
                      " mount -t tmpfs none /etc/systemd &&"
                      f" mkdir -p $(dirname {file}) && printf '{text}' >{file} && exec {PLUGIN} fabric check")
            done = node.run_in(node.host, "unshare", "--mount", "sh", "-c", script, check=False,
                               env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **node.surroundings})
            self.assertEqual(done.stderr, "")
            return "networkd-removes-routes" in done.stdout
        self.assertTrue(check("/etc/systemd/networkd.conf", "[Network]\n#ManageForeignRoutes=no\n"))
        self.assertFalse(check("/etc/systemd/networkd.conf.d/patchcord.conf", "[Network]\nManageForeignRoutes=no\n"))


def match(found, name):
    return found if name in found else None


if __name__ == "__main__":
    unittest.main()
