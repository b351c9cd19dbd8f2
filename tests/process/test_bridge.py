"""Mode bridge: what a container gets, and what the host is left with."""

import os
import unittest

from fake_node import DUAL_BRIDGE, Node, PluginError, bridge_config


def addresses(node, namespace, interface="eth0"):
    links = node.ip_json(namespace, "addr", "show", "dev", interface)
    return [f"{a['local']}/{a['prefixlen']}" for a in links[0]["addr_info"] if a["scope"] == "global"]


class BridgeTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def test_two_containers_reach_each_other_and_the_host_in_both_families(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True)
        a, b = self.node.container("a"), self.node.container("b")
        first = self.node.add(config, a)
        self.node.add(config, b)
        self.assertEqual([ip["address"] for ip in first["ips"]], ["10.88.0.2/24", "fd00:88::2/64"])
        for target in ("10.88.0.3", "fd00:88::3", "10.88.0.1", "fd00:88::1"):
            self.assertTrue(self.node.reaches(a, target), target)
        for target in ("10.88.0.2", "fd00:88::2"):
            self.assertTrue(self.node.reaches(self.node.host, target), target)

    def test_the_result_names_bridge_host_end_and_container_end(self):
        config = bridge_config(self.node, isDefaultGateway=True)
        a = self.node.container("a")
        result = self.node.add(config, a)
        bridge, host_end, eth0 = result["interfaces"]
        self.assertEqual(bridge["name"], "pcbr0")
        self.assertEqual(eth0["name"], "eth0")
        self.assertEqual(eth0["sandbox"], self.node.path_of(a))
        self.assertNotIn("sandbox", host_end)
        inside = self.node.ip_json(a, "link", "show", "dev", "eth0")[0]
        outside = self.node.ip_json(self.node.host, "link", "show", "dev", host_end["name"])[0]
        self.assertEqual(inside["address"], eth0["mac"])
        self.assertEqual(outside["address"], host_end["mac"])
        self.assertEqual(inside["link_index"], outside["ifindex"])
        self.assertEqual(outside["ifalias"], f"patchcord br-net/{a}/eth0")
        self.assertEqual(result["ips"], [{"address": "10.88.0.2/24", "gateway": "10.88.0.1", "interface": 2}])
        self.assertEqual(result["routes"], [{"dst": "0.0.0.0/0", "gw": "10.88.0.1"}])

    def test_layer_2_works_without_forwarding_and_leaves_it_off(self):
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0")
        config = bridge_config(self.node, isGateway=False)
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(config, a)
        self.node.add(config, b)
        self.assertTrue(self.node.reaches(a, "10.88.0.3"))
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv4.ip_forward").strip(), "0")
        self.assertEqual(addresses(self.node, self.node.host, "pcbr0"), [])

    def test_a_gateway_switches_forwarding_on_for_its_families_only(self):
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        self.node.add(bridge_config(self.node, isGateway=True), self.node.container("a"))
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv4.ip_forward").strip(), "1")
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv6.conf.all.forwarding").strip(), "0")

    def test_ipv6_addresses_are_usable_when_add_returns(self):
        a = self.node.container("a")
        self.node.add(bridge_config(self.node, subnets=DUAL_BRIDGE, isGateway=True), a)
        for namespace, interface in ((a, "eth0"), (self.node.host, "pcbr0")):
            text = self.node.run_in(namespace, "ip", "-6", "addr", "show", "dev", interface, "scope", "global").stdout
            self.assertIn("fd00:88::", text)
            self.assertNotIn("tentative", text)

    def test_dad_is_waited_for_where_it_is_asked_for(self):
        a = self.node.container("a")
        self.node.add(bridge_config(self.node, subnets=DUAL_BRIDGE, isGateway=True, enabledad=True), a)
        text = self.node.run_in(a, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "global").stdout
        self.assertIn("fd00:88::2", text)
        self.assertNotIn("tentative", text)
        self.assertNotIn("nodad", text)

    def test_router_advertisements_are_refused_on_both_ends_and_the_bridge(self):
        a = self.node.container("a")
        host_end = self.node.add(bridge_config(self.node), a)["interfaces"][1]["name"]
        for namespace, interface in ((a, "eth0"), (self.node.host, host_end), (self.node.host, "pcbr0")):
            value = self.node.run_in(namespace, "cat", f"/proc/sys/net/ipv6/conf/{interface}/accept_ra").stdout
            self.assertEqual(value.strip(), "0", interface)

    def test_who_listened_to_routers_listens_on_when_the_host_becomes_one(self):
        for name, listens in (("uplink", "1"), ("deaf", "0")):
            self.node.on_host("ip", "link", "add", name, "type", "bridge")
            self.node.on_host("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_ra={listens}")
        self.node.add(bridge_config(self.node, subnets=("fd00:88::/64",), isGateway=True), self.node.container("a"))
        for name, listens in (("uplink", "2"), ("deaf", "0")):
            self.assertEqual(self.node.on_host("cat", f"/proc/sys/net/ipv6/conf/{name}/accept_ra").strip(), listens, name)

    def test_ipv4_works_where_ipv6_is_switched_off(self):
        a = self.node.container("a")
        for namespace in (self.node.host, a):
            self.node.run_in(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                             "net.ipv6.conf.default.disable_ipv6=1")
        self.node.add(bridge_config(self.node, isDefaultGateway=True), a)
        self.assertTrue(self.node.reaches(a, "10.88.0.1"))

    def test_the_bridge_keeps_its_mac_when_ports_come_and_go(self):
        config = bridge_config(self.node)
        def mac():
            return self.node.ip_json(self.node.host, "link", "show", "dev", "pcbr0")[0]["address"]
        a = self.node.container("a")
        self.node.add(config, a, args="MAC=02:00:00:00:00:01")
        before = mac()
        for name in ("b", "c"):
            self.node.add(config, self.node.container(name))
        self.node.delete(config, a)
        self.assertEqual(mac(), before)

    def test_the_flags_of_the_port_and_the_bridge_are_set(self):
        a, b = self.node.container("a"), self.node.container("b")
        host_end = self.node.add(bridge_config(self.node, hairpinMode=True, portIsolation=True), a)["interfaces"][1]["name"]
        port = self.node.ip_json(self.node.host, "-d", "link", "show", "dev", host_end)[0]["linkinfo"]["info_slave_data"]
        self.assertTrue(port["hairpin"])
        self.assertTrue(port["isolated"])
        self.node.add(bridge_config(self.node, name="promisc-net", bridge="pcbr1", promiscMode=True), b)
        self.assertIn("PROMISC", self.node.ip_json(self.node.host, "link", "show", "dev", "pcbr1")[0]["flags"])

    def test_a_container_interface_can_stay_down(self):
        config = bridge_config(self.node, disableContainerInterface=True)
        del config["ipam"]
        a = self.node.container("a")
        result = self.node.add(config, a)
        self.assertNotIn("UP", self.node.ip_json(a, "link", "show", "dev", "eth0")[0]["flags"])
        self.node.check(config, a, result)

    def test_mtu_reaches_both_ends_and_auto_takes_the_default_routes(self):
        self.node.on_host("ip", "link", "add", "up0", "mtu", "1380", "type", "veth", "peer", "name", "up1")
        self.node.on_host("ip", "addr", "add", "192.0.2.10/24", "dev", "up0")
        self.node.on_host("ip", "link", "set", "up0", "up")
        self.node.on_host("ip", "route", "add", "default", "via", "192.0.2.1")
        for name, mtu, expected in (("a", 1400, 1400), ("b", "auto", 1380)):
            container = self.node.container(name)
            result = self.node.add(bridge_config(self.node, name=f"mtu-{name}", bridge=f"mtubr-{name}", mtu=mtu), container)
            self.assertEqual(self.node.ip_json(container, "link", "show", "dev", "eth0")[0]["mtu"], expected)
            host_end = result["interfaces"][1]["name"]
            self.assertEqual(self.node.ip_json(self.node.host, "link", "show", "dev", host_end)[0]["mtu"], expected)

    def test_a_mac_is_taken_from_each_of_the_three_places(self):
        config = bridge_config(self.node)
        places = {
            "a": ({**config, "runtimeConfig": {"Mac": "02:00:00:00:00:aa"}}, "", "02:00:00:00:00:aa"),
            "b": ({**config, "args": {"cni": {"mac": "02-00-00-00-00-BB"}}}, "MAC=02:00:00:00:00:ee", "02:00:00:00:00:bb"),
            "c": (config, "IgnoreUnknown=1;MAC=0200.0000.00cc;X=y", "02:00:00:00:00:cc"),
        }
        for name, (given, args, expected) in places.items():
            container = self.node.container(name)
            self.node.add(given, container, args=args)
            self.assertEqual(self.node.ip_json(container, "link", "show", "dev", "eth0")[0]["address"], expected)

    def test_addresses_are_requested_through_each_channel(self):
        config = bridge_config(self.node)
        channels = {
            "a": ({**config, "runtimeConfig": {"ips": ["10.88.0.51"]}}, "", "10.88.0.51/24"),
            "b": ({**config, "args": {"cni": {"ips": ["10.88.0.52/24"]}}}, "", "10.88.0.52/24"),
            "c": (config, "IgnoreUnknown=1;IP=10.88.0.53", "10.88.0.53/24"),
        }
        for name, (given, args, expected) in channels.items():
            result = self.node.add(given, self.node.container(name), args=args)
            self.assertEqual([ip["address"] for ip in result["ips"]], [expected])
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, self.node.container("d"), args="IP=10.88.0.51")
        self.assertEqual(caught.exception.code, 103)
        self.assertIn("10.88.0.51", caught.exception.msg)

    def test_a_foreign_interface_of_the_bridges_name_is_left_alone(self):
        self.node.on_host("ip", "link", "add", "pcbr0", "type", "veth", "peer", "name", "x1")
        before = self.node.snapshot()
        with self.assertRaises(PluginError) as caught:
            self.node.add(bridge_config(self.node), self.node.container("a"))
        self.assertEqual(caught.exception.code, 103)
        self.assertIn("not a bridge", caught.exception.msg)
        self.assertEqual(self.node.snapshot(), before | {"files": self.node.snapshot()["files"]})

    def test_another_gateway_address_is_refused_or_replaced_by_force(self):
        self.node.add(bridge_config(self.node, name="one", isGateway=True), self.node.container("a"))
        other = bridge_config(self.node, name="two", subnets=("10.99.0.0/24",), isGateway=True)
        with self.assertRaises(PluginError) as caught:
            self.node.add(other, self.node.container("b"))
        self.assertEqual(caught.exception.code, 103)
        for text in ("10.88.0.1/24", "10.99.0.1/24", "forceAddress"):
            self.assertIn(text, caught.exception.msg)
        self.assertEqual(addresses(self.node, self.node.host, "pcbr0"), ["10.88.0.1/24"])
        self.node.add({**other, "forceAddress": True}, self.node.container("c"))
        self.assertEqual(addresses(self.node, self.node.host, "pcbr0"), ["10.99.0.1/24"])

    def test_several_interfaces_of_one_container_keep_the_first_default_route(self):
        a = self.node.container("a")
        self.node.add(bridge_config(self.node, name="one", isDefaultGateway=True, subnets=DUAL_BRIDGE), a)
        second = self.node.add(bridge_config(self.node, name="two", bridge="pcbr1", isDefaultGateway=True,
                                             subnets=("10.99.0.0/24", "fd00:99::/64")), a, ifname="eth1")
        self.assertGreater(second["routes"][0]["priority"], 2048)
        for family, target in (("-4", "203.0.113.1"), ("-6", "2001:db8::1")):
            route = self.node.run_in(a, "ip", family, "route", "get", target).stdout
            self.assertIn("dev eth0", route)
        self.node.check(bridge_config(self.node, name="two", bridge="pcbr1"), a, second, ifname="eth1")

    def test_a_previous_result_is_kept_and_extended(self):
        previous = {"cniVersion": "1.0.0", "interfaces": [{"name": "ext0", "mac": "02:00:00:00:00:09"}],
                    "ips": [{"address": "192.0.2.9/24", "interface": 0}], "dns": {"nameservers": ["192.0.2.53"]}}
        result = self.node.add({**bridge_config(self.node), "prevResult": previous}, self.node.container("a"))
        self.assertEqual([i["name"] for i in result["interfaces"]][:2], ["ext0", "pcbr0"])
        self.assertEqual([(ip["address"], ip["interface"]) for ip in result["ips"]], [("192.0.2.9/24", 0), ("10.88.0.2/24", 3)])
        self.assertEqual(result["dns"]["nameservers"], ["192.0.2.53"])

    def test_dns_of_the_configuration_replaces_resolv_conf(self):
        path = os.path.join(self.node.directory, "resolv.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("# comment\nnameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2\n")
        config = bridge_config(self.node)
        config["ipam"]["resolvConf"] = path
        result = self.node.add(config, self.node.container("a"))
        self.assertEqual(result["dns"], {"nameservers": ["192.0.2.53"], "search": ["a.example", "b.example"],
                                         "options": ["ndots:2"]})
        result = self.node.add({**config, "dns": {"nameservers": ["192.0.2.54"]}}, self.node.container("b"))
        self.assertEqual(result["dns"], {"nameservers": ["192.0.2.54"]})

    def test_routes_carry_mtu_advmss_priority_and_table(self):
        config = bridge_config(self.node, isGateway=True)
        config["ipam"]["routes"] = [{"dst": "198.51.100.0/24", "mtu": 1300, "advmss": 1200, "priority": 7},
                                    {"dst": "203.0.113.0/24", "table": 1000}, {"dst": "192.0.2.0/24", "scope": 253}]
        a = self.node.container("a")
        result = self.node.add(config, a)
        text = self.node.run_in(a, "ip", "route", "show", "table", "all").stdout
        self.assertRegex(text, r"198\.51\.100\.0/24 via 10\.88\.0\.1 dev eth0 .*metric 7 .*mtu 1300 .*advmss 1200")
        self.assertRegex(text, r"203\.0\.113\.0/24 via 10\.88\.0\.1 dev eth0 table 1000")
        self.assertRegex(text, r"192\.0\.2\.0/24 dev eth0 proto (82|patchcord-pod) scope link")
        self.node.check(config, a, result)


class NamespacePathTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, isGateway=True)
        self.container = self.node.container("a")

    def add_check_and_delete(self, path):
        result = self.node.add(self.config, "id1", netns=path)
        self.assertEqual(result["interfaces"][2]["sandbox"], path)
        self.assertTrue(self.node.reaches(self.container, "10.88.0.1"))
        self.node.check(self.config, "id1", result, netns=path)
        self.node.delete(self.config, "id1", netns=path)
        self.assertEqual(self.node.veths(), [])

    def test_a_name_below_var_run_netns(self):
        self.add_check_and_delete(self.node.path_of(self.container))

    def test_a_symbolic_link(self):
        link = os.path.join(self.node.directory, "link")
        os.symlink(self.node.path_of(self.container), link)
        self.add_check_and_delete(link)

    def test_the_namespace_of_a_process(self):
        process = self.node.hold(self.container)
        self.add_check_and_delete(f"/proc/{process.pid}/ns/net")

    def test_a_name_below_var_run_docker_netns(self):
        # In a mount namespace of its own, so that /var/run/docker of the machine is not touched.
        script = ("mount -t tmpfs none /var/run/docker 2>/dev/null || { mkdir -p /run/docker && mount -t tmpfs none /run/docker; };"
                  " mkdir -p /var/run/docker/netns && touch /var/run/docker/netns/x &&"
                  f" mount --bind {self.node.path_of(self.container)} /var/run/docker/netns/x && exec \"$@\"")
        existed = os.path.isdir("/run/docker")
        prefix = ("unshare", "-m", "sh", "-c", script, "sh")
        path = "/var/run/docker/netns/x"
        try:
            result = self.node.add(self.config, "id1", netns=path, prefix=prefix)
            self.assertTrue(self.node.reaches(self.container, "10.88.0.1"))
            self.node.check(self.config, "id1", result, netns=path, prefix=prefix)
            self.node.delete(self.config, "id1", netns=path, prefix=prefix)
            self.assertEqual(self.node.veths(), [])
        finally:
            if not existed and os.path.isdir("/run/docker"):
                os.rmdir("/run/docker")

    def test_what_is_no_namespace_is_refused_before_any_effect(self):
        plain = os.path.join(self.node.directory, "plain")
        with open(plain, "w", encoding="ascii"):
            pass
        before = self.node.snapshot()
        for path in ("/nowhere/at/all", plain, self.node.directory, "/proc/self/ns/mnt", "/proc/self/status"):
            with self.assertRaises(PluginError) as caught:
                self.node.add(self.config, "id1", netns=path)
            self.assertEqual(caught.exception.code, 8, path)
            self.assertIn(path, caught.exception.msg)
        self.assertEqual(self.node.snapshot(), before)

    def test_the_hosts_own_namespace_is_refused_before_any_effect(self):
        before = self.node.snapshot()
        for path in (self.node.path_of(self.node.host), "/proc/self/ns/net"):
            with self.assertRaises(PluginError) as caught:
                self.node.add(self.config, "id1", netns=path)
            self.assertEqual(caught.exception.code, 8)
        self.assertEqual(self.node.snapshot(), before)


if __name__ == "__main__":
    unittest.main()
