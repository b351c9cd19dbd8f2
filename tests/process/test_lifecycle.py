"""ADD, CHECK and DEL as three readings of one list: what DEL needs, and what CHECK sees."""

import os
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, PluginError, bridge_config, routed_config
from patience import communicate

NAMES_ONLY = {"cniVersion": "1.0.0"}


class DelTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.configs = [bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True),
                        routed_config(self.node, subnets=DUAL_ROUTED)]

    def assert_nothing_left(self, network):
        self.assertEqual(self.node.veths(), [])
        self.assertEqual(self.node.reservations(network), [])
        self.assertFalse(os.path.exists(os.path.join(self.node.state, "attachments", network)))

    def test_names_are_enough(self):
        for config in self.configs:
            a = self.node.container("a" + config["name"])
            self.node.add(config, a)
            self.node.delete({**NAMES_ONLY, "name": config["name"]}, a, netns="")
            self.assert_nothing_left(config["name"])

    def test_it_can_be_repeated_and_called_for_what_never_was(self):
        for config in self.configs:
            a = self.node.container("a" + config["name"])
            self.node.delete(config, a)
            self.node.add(config, a)
            self.node.delete(config, a)
            self.node.delete(config, a)
            self.assert_nothing_left(config["name"])

    def test_the_namespace_may_be_gone_or_something_else(self):
        plain = os.path.join(self.node.directory, "plain")
        with open(plain, "w", encoding="ascii"):
            pass
        for config in self.configs:
            bystander = self.node.container("by" + config["name"])
            other = {**config, "name": "other-" + config["name"],
                     "ipam": {**config["ipam"], "ranges": [[{"subnet": config["ipam"]["ranges"][0][0]["subnet"], "rangeStart": "10.88.0.200"
                                                             if config["mode"] == "bridge" else "10.89.0.200"}]]}}
            self.node.add(other, bystander)
            for number, path in enumerate(("", "/nowhere", plain, "/proc/self/status", self.node.path_of(self.node.host),
                                           self.node.path_of(bystander))):
                a = self.node.container(f"a{number}{config['name']}")
                self.node.add(config, a)
                self.node.settle(bystander)
                before = self.node.ip_json(bystander, "addr")
                self.node.delete(config, a, netns=path)
                self.assertEqual(len(self.node.veths()), 1, path)
                self.assertEqual(self.node.reservations(config["name"]), [])
                self.assertEqual(self.node.ip_json(bystander, "addr"), before)
            self.node.delete(other, bystander)

    def test_the_hosts_own_interface_of_that_name_survives(self):
        self.node.on_host("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
        self.node.delete(self.configs[0], "id1", netns=self.node.path_of(self.node.host))
        self.assertEqual(sorted(self.node.veths()), ["eth0", "other"])

    def test_a_namespace_removed_before_del_leaves_nothing(self):
        for config in self.configs:
            a = self.node.container("a" + config["name"])
            self.node.add(config, a)
            self.node.remove_container(a)
            self.node.delete(config, a)
            self.assert_nothing_left(config["name"])

    def test_without_a_record_the_names_lead_to_everything(self):
        for config in self.configs:
            a = self.node.container("a" + config["name"])
            self.node.add(config, a)
            os.unlink(os.path.join(self.node.state, "attachments", config["name"], f"{a}:eth0"))
            self.node.delete(config, a, netns="")
            self.assertEqual(self.node.veths(), [])
            self.assertEqual(self.node.reservations(config["name"]), [])

    def test_an_interface_that_took_over_the_name_is_left_alone(self):
        config = self.configs[0]
        a = self.node.container("a")
        host_end = self.node.add(config, a)["interfaces"][1]["name"]
        self.node.on_host("ip", "link", "del", host_end)
        self.node.on_host("ip", "link", "add", host_end, "type", "veth", "peer", "name", "x1")
        self.node.delete(config, a)
        self.assertIn(host_end, self.node.veths())
        self.assertEqual(self.node.reservations(config["name"]), [])

    def test_a_second_add_is_refused_and_harms_nothing(self):
        for config in self.configs:
            a = self.node.container("a" + config["name"])
            result = self.node.add(config, a)
            before = self.node.snapshot(a)
            with self.assertRaises(PluginError) as caught:
                self.node.add(config, a)
            self.assertEqual(caught.exception.code, 103)
            self.assertEqual(self.node.snapshot(a), before)
            self.node.check(config, a, result)

    def test_an_interface_that_exists_in_the_container_is_left_alone(self):
        a = self.node.container("a")
        self.node.run_in(a, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "x1")
        self.node.add(self.configs[0], self.node.container("b"))  # the bridge and the directories are there
        before = self.node.snapshot(a)
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.configs[0], a)
        self.assertEqual(caught.exception.code, 103)
        self.assertIn("eth0", caught.exception.msg)
        self.assertEqual(self.node.snapshot(a), before)

    def test_the_same_container_can_come_back_in_a_new_namespace_without_a_del(self):
        config = self.configs[0]
        a = self.node.container("a")
        self.node.add(config, a)
        self.node.remove_container(a)
        again = self.node.container("again")
        self.node.add(config, a, netns=self.node.path_of(again))
        self.assertTrue(self.node.reaches(again, "10.88.0.1"))
        self.assertEqual(len(self.node.veths()), 1)


class KilledAddTest(unittest.TestCase):
    """An ADD that is stopped by SIGKILL as it enters a system call. The next operation finds what it had written down."""

    CALLS = ("sendmsg", "openat", "write", "rename", "linkat", "setns")

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.node.add(bridge_config(self.node, isGateway=True), self.node.container("first"))
        self.node.add(routed_config(self.node), self.node.container("second"))

    def kill_at(self, config, container, call, number):
        """True where the process lived long enough to make that call so many times."""
        prefix = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
        process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=prefix)
        communicate(process)
        return process.returncode != 0

    def test_names_alone_remove_what_a_killed_add_left(self):
        for config in (bridge_config(self.node, isGateway=True), routed_config(self.node)):
            container = self.node.container("k" + config["name"])
            self.node.add(config, container)
            self.node.delete(config, container)
            for call in self.CALLS:
                before = without_round_robin(self.node.snapshot(container))
                for number in range(1, 200):
                    if not self.kill_at(config, container, call, number):
                        self.node.delete(config, container)
                        break
                    self.node.delete({**NAMES_ONLY, "name": config["name"], "ipam": config["ipam"]}, container, netns="")
                    with self.subTest(mode=config["mode"], call=call, number=number):
                        self.assertEqual(without_round_robin(self.node.snapshot(container)), before)
                else:
                    self.fail("no end of calls")

    def test_the_same_add_succeeds_after_a_killed_one(self):
        config = bridge_config(self.node, isGateway=True)
        for number in range(1, 200):
            container = self.node.container(f"again{number}")
            if not self.kill_at(config, container, "sendmsg", number):
                break
            result = self.node.add(config, container)
            self.node.check(config, container, result)
            self.node.delete(config, container)
        self.assertGreater(number, 8)


def without_round_robin(snapshot):
    """Where the next search for an address begins is not a trace of a container."""
    return {**snapshot, "files": [file for file in snapshot["files"] if "last_reserved_ip" not in file[0]]}


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def damage(self, config, container, result, words, *command, where=None):
        namespace = where or container
        self.node.run_in(namespace, *command)
        with self.subTest(" ".join(command)):
            with self.assertRaises(PluginError) as caught:
                self.node.check(config, container, result)
            self.assertEqual(caught.exception.code, 105)
            for word in words:
                self.assertIn(word, caught.exception.msg)

    def fresh(self, config, name):
        container = self.node.container(name)
        return container, self.node.add(config, container)

    def test_bridge_everything_missing_or_altered_is_named(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)
        a, result = self.fresh(config, "a")
        self.node.check(config, a, result)
        host = self.node.host
        host_end = result["interfaces"][1]["name"]
        self.damage(config, a, result, ["route 0.0.0.0/0"], "ip", "route", "del", "default")
        self.damage(config, a, result, ["route ::/0"], "ip", "-6", "route", "del", "default")
        self.damage(config, a, result, ["fd00:88::2/64"], "ip", "addr", "del", "fd00:88::2/64", "dev", "eth0")
        self.damage(config, a, result, ["10.88.0.2/24"], "ip", "addr", "del", "10.88.0.2/24", "dev", "eth0")
        self.damage(config, a, result, ["MAC address"], "ip", "link", "set", "eth0", "address", "02:00:00:00:00:99")
        self.damage(config, a, result, ["eth0 is down"], "ip", "link", "set", "eth0", "down")
        self.damage(config, a, result, ["hairpin"], "ip", "link", "set", host_end, "type", "bridge_slave", "hairpin", "off", where=host)
        self.damage(config, a, result, ["not a port of bridge"], "ip", "link", "set", host_end, "nomaster", where=host)
        self.damage(config, a, result, ["gateway address 10.88.0.1/24"], "ip", "addr", "del", "10.88.0.1/24", "dev", "pcbr0", where=host)
        self.damage(config, a, result, ["forwarding is off"], "sysctl", "-qw", "net.ipv4.ip_forward=0", where=host)
        self.damage(config, a, result, [f"{host_end} is down"], "ip", "link", "set", host_end, "down", where=host)
        self.damage(config, a, result, [f"{host_end} is missing"], "ip", "link", "del", host_end, where=host)
        self.damage(config, a, result, ["bridge pcbr0 is missing"], "ip", "link", "del", "pcbr0", where=host)

    def test_routed_everything_missing_or_altered_is_named(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED)
        a, result = self.fresh(config, "a")
        self.node.check(config, a, result)
        host = self.node.host
        host_end = result["interfaces"][0]["name"]
        self.damage(config, a, result, ["neighbour", "169.254.1.1"], "ip", "neigh", "del", "169.254.1.1", "dev", "eth0")
        self.damage(config, a, result, ["neighbour", "fe80::1"], "ip", "neigh", "del", "fe80::1", "dev", "eth0")
        self.damage(config, a, result, ["host route 10.89.0.2/32"], "ip", "route", "del", "10.89.0.2", where=host)
        self.damage(config, a, result, ["host route fd00:89::2/128"], "ip", "-6", "route", "del", "fd00:89::2", where=host)
        self.damage(config, a, result, ["proxy_arp"], "sysctl", "-qw", f"net.ipv4.conf.{host_end}.proxy_arp=0", where=host)
        self.damage(config, a, result, ["rp_filter"], "sysctl", "-qw", f"net.ipv4.conf.{host_end}.rp_filter=0", where=host)
        self.damage(config, a, result, ["proxy_ndp"], "sysctl", "-qw", f"net.ipv6.conf.{host_end}.proxy_ndp=0", where=host)
        self.damage(config, a, result, ["fe80::1"], "ip", "addr", "del", "fe80::1/64", "dev", host_end, where=host)

    def test_a_missing_reservation_record_or_namespace_is_named(self):
        config = bridge_config(self.node)
        a, result = self.fresh(config, "a")
        os.unlink(os.path.join(self.node.networks, "br-net", "10.88.0.2"))
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, a, result)
        self.assertIn("reservation of 10.88.0.2", caught.exception.msg)
        b = self.node.container("b")
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, a, result, netns=self.node.path_of(b))
        self.assertIn("not the namespace", caught.exception.msg)
        os.unlink(os.path.join(self.node.state, "attachments", "br-net", f"{a}:eth0"))
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, a, result)
        self.assertEqual(caught.exception.code, 105)
        self.assertIn("record", caught.exception.msg)

    def test_prev_result_is_required(self):
        config = bridge_config(self.node)
        a, _ = self.fresh(config, "a")
        with self.assertRaises(PluginError) as caught:
            self.node.call("CHECK", config, a)
        self.assertEqual(caught.exception.code, 7)


if __name__ == "__main__":
    unittest.main()
