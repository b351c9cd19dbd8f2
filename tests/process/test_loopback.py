"""Type loopback: the container's lo, as runtimes ask for it beside the network proper."""

import os
import unittest

from fake_node import PLUGIN, Node, PluginError, bridge_config

VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
CONFIG = {"cniVersion": "1.0.0", "name": "cni-loopback", "type": "loopback"}


class LoopbackTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.options = {"plugin": self.node.plugin("loopback"), "ifname": "lo"}

    def fresh(self, name):
        """As a runtime makes it, with lo down."""
        container = self.node.container(name)
        self.node.run_in(container, "ip", "link", "set", "lo", "down")
        return container

    def is_up(self, container):
        return "UP" in self.node.ip_json(container, "link", "show", "lo")[0]["flags"]

    def addresses(self, container):
        return [address["local"] for address in self.node.ip_json(container, "addr", "show", "lo")[0]["addr_info"]]

    def test_each_version_has_its_shape(self):
        for number, version in enumerate(VERSIONS):
            with self.subTest(version):
                a = self.fresh(f"a{number}")
                result = self.node.add(CONFIG | {"cniVersion": version}, a, **self.options)
                self.assertTrue(self.is_up(a))
                if version < "0.3.0":
                    self.assertEqual(result, {"cniVersion": version, "ip4": {"ip": "127.0.0.1/8"}, "ip6": {"ip": "::1/128"}, "dns": {}})
                    continue
                self.assertEqual(result["interfaces"], [{"name": "lo", "mac": "00:00:00:00:00:00", "sandbox": self.node.path_of(a)}])
                numbers = [{"version": "4"}, {"version": "6"}] if version < "1.0.0" else [{}, {}]
                self.assertEqual(result["ips"], [{"address": "127.0.0.1/8", "interface": 0} | numbers[0],
                                                 {"address": "::1/128", "interface": 0} | numbers[1]])
                self.assertEqual("dns" in result, version < "1.0.0")

    def test_without_ipv6_there_is_no_ipv6_address(self):
        a = self.fresh("a")
        self.node.run_in(a, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.lo.disable_ipv6=1")
        result = self.node.add(CONFIG, a, **self.options)
        self.assertEqual([ip["address"] for ip in result["ips"]], ["127.0.0.1/8"])

    def test_whichever_interface_is_named_it_is_lo_and_again_is_no_error(self):
        a = self.fresh("a")
        self.node.add(CONFIG, a, **self.options)
        self.node.run_in(a, "ip", "addr", "flush", "dev", "lo")
        self.node.run_in(a, "ip", "addr", "add", "10.96.0.1/32", "dev", "lo")
        result = self.node.add(CONFIG, a, **{**self.options, "ifname": "eth7"})
        self.assertEqual([ip["address"] for ip in result["ips"]], ["127.0.0.1/8", "::1/128"])
        self.assertEqual(set(self.addresses(a)), {"127.0.0.1", "::1", "10.96.0.1"})

    def test_what_came_before_in_the_chain_is_passed_on(self):
        a = self.fresh("a")
        previous = {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/x"}],
                    "ips": [{"address": "10.1.0.2/24", "interface": 0, "gateway": "10.1.0.1"}], "routes": [{"dst": "0.0.0.0/0"}],
                    "dns": {"nameservers": ["10.1.0.3"]}}
        self.assertEqual(self.node.add(CONFIG | {"prevResult": previous}, a, **self.options), previous)
        self.assertTrue(self.is_up(a))

    def test_del_leaves_lo_up_and_succeeds_whatever_became_of_the_namespace(self):
        a = self.fresh("a")
        self.node.add(CONFIG, a, **self.options)
        plain = os.path.join(self.node.directory, "plain")
        with open(plain, "w", encoding="ascii"):
            pass
        for netns in (self.node.path_of(a), "", "/nowhere", plain, self.node.path_of(self.node.host)):
            self.node.delete(CONFIG, a, netns=netns, **self.options)
        self.assertTrue(self.is_up(a))
        self.assertTrue(self.is_up(self.node.host))

    def test_check_notices_that_lo_is_down(self):
        a = self.fresh("a")
        result = self.node.add(CONFIG, a, **self.options)
        self.node.check(CONFIG, a, result, **self.options)
        self.node.run_in(a, "ip", "link", "set", "lo", "down")
        with self.assertRaises(PluginError) as caught:
            self.node.check(CONFIG, a, result, **self.options)
        self.assertEqual(caught.exception.code, 105)
        self.assertIn("lo", caught.exception.msg)

    def test_the_hosts_own_namespace_is_refused(self):
        for command in ("ADD", "CHECK"):
            with self.assertRaises(PluginError) as caught:
                self.node.call(command, CONFIG, "c1", netns=self.node.path_of(self.node.host), **self.options)
            self.assertEqual(caught.exception.code, 8)

    def test_it_runs_beside_the_network_proper(self):
        config = bridge_config(self.node, isGateway=True)
        for number in range(8):
            a = self.fresh(f"a{number}")
            both = [self.node.start("ADD", CONFIG | {"cniVersion": "0.3.1"}, a, self.node.path_of(a), **self.options),
                    self.node.start("ADD", config, a, self.node.path_of(a), plugin=PLUGIN)]
            for process in both:
                self.assertIsNotNone(self.node.finish(process))
            self.assertTrue(self.is_up(a))
            self.assertTrue(self.node.reaches(a, "127.0.0.1"))


if __name__ == "__main__":
    unittest.main()
