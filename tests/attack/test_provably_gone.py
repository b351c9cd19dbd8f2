"""A live container keeps its address, whatever name is lost, and whoever asks from wherever."""

import os
import subprocess
import unittest

from gone_case import GoneCase, inside
from fake_node import bridge_config


class AddressOfTheLiving(GoneCase):
    """The only address of a pool is a living container's."""

    def setUp(self):
        super().setUp()
        self.node.add(self.config, self.living)

    def assert_it_is_kept(self, **how):
        self.assert_nothing_is_dead(**how)
        self.assert_pool_is_full(**how)
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.10"])

    def test_its_path_is_lost(self):
        self.lose_path(self.living)
        self.assert_it_is_kept()

    def test_its_path_is_lost_and_its_host_end_has_another_name(self):
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.assert_it_is_kept()

    def test_its_host_end_has_another_name_and_neither_alias_nor_mac(self):
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.node.on_host("ip", "link", "set", "renamed", "alias", "", "address", "02:00:00:00:00:99")
        self.assert_it_is_kept()

    def test_its_host_end_has_another_name_and_another_has_its_name(self):
        name = self.host_end_of(self.living)
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.node.on_host("ip", "link", "add", name, "type", "veth", "peer", "name", "theirs")
        self.assert_it_is_kept()

    def test_its_host_end_was_moved_to_another_namespace(self):
        self.lose_path(self.living)
        self.move_host_end(self.living)
        self.assert_it_is_kept()

    def test_its_host_end_was_moved_and_has_no_alias(self):
        self.lose_path(self.living)
        self.move_host_end(self.living, with_alias=False)
        self.assert_it_is_kept()

    def test_its_host_end_was_moved_to_where_its_number_is_taken(self):
        self.node.run_in(self.living, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:98")
        index = self.index_of(self.host_end_of(self.living))
        self.lose_path(self.living)
        apart = self.node.container("apart")
        self.node.run_in(apart, "ip", "link", "add", "br0", "index", str(index), "type", "bridge")
        self.node.on_host("ip", "link", "set", self.host_end_of(self.living), "netns", apart)
        self.assert_it_is_kept()

    def test_the_pod_has_changed_what_it_can(self):
        self.node.run_in(self.living, "ip", "link", "set", "eth0", "down")
        self.node.run_in(self.living, "ip", "link", "set", "eth0", "name", "other", "address", "02:00:00:00:00:98")
        self.lose_path(self.living)
        self.rename_host_end(self.living)
        self.assert_it_is_kept()

    def test_another_namespace_is_where_it_was(self):
        self.lose_path(self.living)
        subprocess.run(["ip", "netns", "add", self.living], check=True)
        self.node.namespaces.append(self.living)
        self.assert_it_is_kept()

    def test_who_asks_does_not_see_the_path(self):
        self.rename_host_end(self.living)
        self.assert_it_is_kept(prefix=inside(f"umount -l /run/netns/{self.living}"))

    def test_who_asks_does_not_see_the_path_and_the_pair_is_gone(self):
        """Whether somebody has deleted it, or the namespace has taken it along, cannot be told from there."""
        self.node.on_host("ip", "link", "del", self.host_end_of(self.living))
        self.assert_it_is_kept(prefix=inside(f"umount -l /run/netns/{self.living}"))

    def other_host(self):
        """A second container host, with a host namespace of its own, which sees neither the paths nor the links of the first."""
        other = self.node.container("otherhost")
        return (*inside("umount -l /run/netns/" + self.living), "nsenter", f"--net=/var/run/netns/{other}")

    def test_a_second_host_on_the_machine_shares_the_directories(self):
        self.assert_it_is_kept(prefix=self.other_host())
        self.assertTrue(self.node.reaches(self.living, "10.88.0.1"))

    def test_a_second_host_in_the_same_mount_namespace(self):
        self.lose_path(self.living)
        other = self.node.container("otherhost")
        self.assert_it_is_kept(prefix=("nsenter", f"--net=/var/run/netns/{other}"))

    def test_a_second_host_leaves_what_a_killed_add_of_the_first_left(self):
        directory = os.path.join(self.node.state, "attachments", "br-net")
        os.rename(os.path.join(directory, f"{self.living}:eth0"), os.path.join(directory, f".{self.living}:eth0"))
        self.assert_it_is_kept(prefix=self.other_host())

    def assert_the_gone_is_removed(self):
        self.assertEqual([each["removed"] for each in self.tool("gc")], [True])
        self.assertEqual(self.node.add(self.config, self.newcomer)["ips"][0]["address"], "10.88.0.10/24")

    def test_the_gone_is_still_removed(self):
        self.node.remove_container(self.living, veths=0)
        self.assert_the_gone_is_removed()

    def attach_elsewhere(self, pod, ifname="eth0"):
        self.node.add(bridge_config(self.node, name="second", bridge="pcbr1", subnets=("10.99.0.0/24",)), pod, ifname=ifname)

    def liar(self):
        """Another pod of the node, that has come since."""
        pod = self.node.container("liar")
        self.attach_elsewhere(pod)
        return pod

    def test_no_pod_keeps_the_gone_alive_by_an_alias(self):
        alias = self.link(self.node.host, self.host_end_of(self.living))["ifalias"]
        liar = self.liar()
        self.node.remove_container(self.living, veths=1)
        self.node.run_in(liar, "ip", "link", "set", "eth0", "alias", alias)
        self.node.run_in(liar, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
        self.node.run_in(liar, "ip", "link", "set", "one", "alias", alias)
        self.assert_the_gone_is_removed()

    def test_no_pod_keeps_the_gone_alive_by_number_and_mac(self):
        """Its namespace has the number that the gone one's had, which the kernel gives again."""
        inside = self.link(self.living, "eth0")
        self.node.remove_container(self.living, veths=0)
        liar = self.liar()
        self.node.run_in(liar, "ip", "link", "set", "eth0", "address", inside["address"])
        self.assertEqual(self.index_of("eth0", liar), inside["ifindex"])
        self.assert_the_gone_is_removed()

    def test_no_pod_keeps_the_gone_alive_by_a_pair_of_its_own(self):
        inside = self.link(self.living, "eth0")
        self.node.remove_container(self.living, veths=0)
        self.node.on_host("ip", "link", "add", "unmarked", "index", "900", "type", "bridge")
        liar = self.node.container("liar")
        self.node.run_in(liar, "ip", "link", "add", "eth0", "index", str(inside["ifindex"]), "address", inside["address"],
                         "type", "veth", "peer", "name", "x0", "index", "900")
        self.attach_elsewhere(liar, "net1")
        self.assert_the_gone_is_removed()


class PathOfAProcess(GoneCase):
    """Docker's and podman's CNI_NETNS: /proc/<pid>/ns/net."""

    def test_the_process_ends_and_another_lives_on(self):
        first = self.node.hold(self.living)
        path = f"/proc/{first.pid}/ns/net"
        self.node.add(self.config, self.living, netns=path)
        self.lose_path(self.living)
        first.kill()
        first.wait()
        self.rename_host_end(self.living)
        self.assert_nothing_is_dead()
        self.assert_pool_is_full()


if __name__ == "__main__":
    unittest.main()
