"""A live container keeps its host ports, whatever name or record is lost, and whoever asks from wherever."""

import os
import subprocess
import unittest

from gone_case import WEB, GoneCase, inside
from fake_node import REFERENCE_DIR, PluginError


needs_reference = unittest.skipUnless(os.path.exists(f"{REFERENCE_DIR}/bridge"), "needs the reference plugins")


class PortOfTheLiving(GoneCase):
    def setUp(self):
        super().setUp()
        self.node.add(self.wide | WEB, self.living)

    def assert_it_is_kept(self, **how):
        before = self.node.on_host("nft", "list", "ruleset")
        text = self.refused(103, self.node.add, self.wide | WEB, self.newcomer, **how)
        self.assertIn(self.living, text)
        self.assertEqual(self.node.on_host("nft", "list", "ruleset"), before)

    def test_its_path_is_lost(self):
        self.lose_path(self.living)
        self.assert_it_is_kept()

    def test_its_path_is_lost_and_its_host_end_has_another_name(self):
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.assert_it_is_kept()

    def test_its_host_end_was_moved(self):
        self.lose_path(self.living)
        self.move_host_end(self.living)
        self.assert_it_is_kept()

    def test_the_state_directory_was_wiped(self):
        subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.assert_it_is_kept()

    def test_the_state_directory_was_wiped_and_the_path_lost(self):
        subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.assert_it_is_kept()

    def test_its_record_is_damaged(self):
        path = os.path.join(self.node.state, "attachments", "br-net", f"{self.living}:eth0")
        with open(path, "w", encoding="ascii") as file:
            file.write("{\n")
        self.assert_it_is_kept()

    def test_who_asks_does_not_see_the_path(self):
        self.rename_host_end(self.living)
        self.assert_it_is_kept(prefix=inside(f"umount -l /run/netns/{self.living}"))

    def test_a_del_by_names_gives_the_port_free_when_the_record_is_lost(self):
        subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.node.delete(self.wide, self.living)
        self.node.add(self.wide | WEB, self.newcomer)

    def test_the_port_of_the_gone_is_still_given_to_the_next(self):
        self.node.remove_container(self.living)
        tries = 200
        while True:
            try:
                self.node.add(self.wide | WEB, self.newcomer)
                break
            except PluginError as error:
                tries -= 1
                self.assertTrue(tries and error.code == 103, error.msg)


class PortBehindOthers(GoneCase):
    """Types in a chain whose interface another plugin has made."""

    def of_reference(self, container, number):
        config = {"cniVersion": "1.0.0", "name": "ref-net", "type": "bridge", "bridge": "ref0",
                  "ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": "10.70.0.0/24"}]]}}
        result = self.node.add(config, container, plugin=f"{REFERENCE_DIR}/bridge")
        self.assertEqual(result["ips"][0]["address"], f"10.70.0.{number}/24")
        return "ref-net", result

    def of_a_device(self, container, number):
        """An interface without another end, as a device of the machine's own."""
        self.node.run_in(container, "ip", "link", "add", "eth0", "type", "bridge")
        path = self.node.path_of(container)
        return "dev-net", {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": path}],
                           "ips": [{"address": f"10.71.0.{number}/24", "interface": 0}]}

    def setUp(self):
        super().setUp()
        self.make = self.of_reference

    def map_port(self):
        self.chained("portmap", self.make(self.living, 2), self.living, **WEB)

    def assert_it_is_kept(self):
        before = self.node.on_host("nft", "list", "ruleset")
        result = self.make(self.newcomer, 3)
        self.assertIn(self.living, self.refused(103, self.chained, "portmap", result, self.newcomer, **WEB))
        self.assertEqual(self.node.on_host("nft", "list", "ruleset"), before)

    @needs_reference
    def test_its_path_is_lost(self):
        self.map_port()
        self.lose_path(self.living)
        self.assert_nothing_is_dead()
        self.assert_it_is_kept()

    @needs_reference
    def test_the_state_directory_was_wiped(self):
        self.map_port()
        subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.assert_it_is_kept()

    @needs_reference
    def test_the_gone_are_still_collected(self):
        self.map_port()
        self.node.remove_container(self.living)
        tries = 200
        while tries and not self.tool("gc", "--dry-run"):
            tries -= 1
        self.assertEqual([(each["kind"], each["removed"]) for each in self.tool("gc")], [("portmap", True)])

    def test_who_asks_does_not_see_the_path_of_an_interface_without_another_end(self):
        self.make = self.of_a_device
        self.map_port()
        self.assert_nothing_is_dead(prefix=inside(f"umount -l /run/netns/{self.living}"))


if __name__ == "__main__":
    unittest.main()
