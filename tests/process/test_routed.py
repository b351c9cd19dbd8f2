"""Mode routed: a /32 each, the node as router."""

import os
import shutil
import unittest

from fake_node import DUAL_ROUTED, Node, PluginError, routed_config

HOST4, HOST6 = "192.0.2.1", "2001:db8:ffff::1"


class RoutedTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        # Addresses of its own, and no default route.
        self.node.on_host("ip", "addr", "add", f"{HOST4}/32", "dev", "lo")
        self.node.on_host("ip", "addr", "add", f"{HOST6}/128", "dev", "lo")

    def test_everyone_reaches_everyone_without_a_default_route_on_the_host(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED)
        a, b = self.node.container("a"), self.node.container("b")
        addresses = {}
        for container in (a, b):
            result = self.node.add(config, container)
            addresses[container] = [ip["address"].split("/")[0] for ip in result["ips"]]
        for target in (*addresses[b], HOST4, HOST6):
            self.assertTrue(self.node.reaches(a, target), target)
        for target in addresses[a]:
            self.assertTrue(self.node.reaches(b, target), target)
            self.assertTrue(self.node.reaches(self.node.host, target), target)

    def test_the_container_has_a_host_prefix_a_permanent_neighbour_and_a_route_through_it(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED)
        a = self.node.container("a")
        result = self.node.add(config, a)
        self.assertEqual([ip["address"] for ip in result["ips"]], ["10.89.0.2/32", "fd00:89::2/128"])
        self.assertEqual([i["name"] for i in result["interfaces"]][1], "eth0")
        self.assertEqual({ip["interface"] for ip in result["ips"]}, {1})
        for ip in result["ips"]:
            self.assertNotIn("gateway", ip)
        neighbours = {n["dst"]: n for n in self.node.ip_json(a, "neigh", "show", "nud", "permanent")}
        neighbours.update({n["dst"]: n for n in self.node.ip_json(a, "-6", "neigh", "show", "nud", "permanent")})
        for next_hop in ("169.254.1.1", "fe80::1"):
            self.assertEqual(neighbours[next_hop]["lladdr"], "ee:ee:ee:ee:ee:ee")
        self.assertEqual(self.node.ip_json(a, "route", "show", "default")[0]["gateway"], "169.254.1.1")
        self.assertEqual(self.node.ip_json(a, "-6", "route", "show", "default")[0]["gateway"], "fe80::1")

    def test_the_host_end_is_a_router_of_its_own(self):
        a = self.node.container("a")
        host_end = self.node.add(routed_config(self.node, subnets=DUAL_ROUTED), a)["interfaces"][0]["name"]
        expected = {f"net/ipv4/conf/{host_end}/proxy_arp": "1", f"net/ipv4/conf/{host_end}/forwarding": "1",
                    f"net/ipv4/conf/{host_end}/rp_filter": "1", f"net/ipv4/neigh/{host_end}/proxy_delay": "0",
                    f"net/ipv6/conf/{host_end}/proxy_ndp": "1", f"net/ipv6/conf/{host_end}/forwarding": "1",
                    f"net/ipv6/conf/{host_end}/accept_ra": "0", "net/ipv4/ip_forward": "1",
                    "net/ipv6/conf/all/forwarding": "1"}
        for key, value in expected.items():
            self.assertEqual(self.node.on_host("cat", f"/proc/sys/{key}").strip(), value, key)
        self.assertEqual(self.node.ip_json(self.node.host, "route", "show", "10.89.0.2")[0]["dev"], host_end)
        self.assertEqual(self.node.ip_json(self.node.host, "-6", "route", "show", "fd00:89::2")[0]["dev"], host_end)

    def test_the_prefix_of_the_host_ends_name_can_be_chosen(self):
        a = self.node.container("a")
        config = routed_config(self.node, hostInterfacePrefix="cali")
        result = self.node.add(config, a)
        self.assertRegex(result["interfaces"][0]["name"], r"^cali[0-9a-f]{11}$")
        self.node.delete({"cniVersion": "1.0.0", "name": "rt-net"}, a)
        self.assertEqual(self.node.veths(), [])

    def test_configured_routes_take_the_place_of_the_default_route(self):
        config = routed_config(self.node)
        config["ipam"]["routes"] = [{"dst": "192.0.2.0/24"}]
        a = self.node.container("a")
        result = self.node.add(config, a)
        self.assertEqual(result["routes"], [{"dst": "192.0.2.0/24", "gw": "169.254.1.1"}])
        self.assertEqual(self.node.ip_json(a, "route", "show", "default"), [])
        self.assertTrue(self.node.reaches(a, HOST4))

    def test_the_route_to_another_container_is_not_replaced(self):
        config = routed_config(self.node)
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(config, a)
        # An address freed behind our back, while its owner lives.
        os.unlink(os.path.join(self.node.networks, "rt-net", "10.89.0.2"))
        for _ in range(2):
            with self.assertRaises(PluginError) as caught:
                self.node.add(config, b, args="IP=10.89.0.2")
            self.assertEqual(caught.exception.code, 103)
            self.assertIn(f"patchcord rt-net/{a}/eth0", caught.exception.msg)
            # Its record gone, it lives all the same.
            shutil.rmtree(self.node.state)
        self.node.delete(config, a)
        self.node.add(config, b, args="IP=10.89.0.2")
        self.assertTrue(self.node.reaches(self.node.host, "10.89.0.2"))

    def test_keys_of_mode_bridge_that_would_be_missing_are_refused(self):
        for key, value in (("portIsolation", True), ("vlan", 7), ("macspoofchk", True)):
            with self.assertRaises(PluginError) as caught:
                self.node.add(routed_config(self.node, **{key: value}), self.node.container(f"k{key}"))
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(key, caught.exception.msg)

    def test_fifteen_hundred_containers_on_one_host(self):
        """More than a bridge takes, each with a namespace of its own."""
        config = routed_config(self.node, subnets=("10.96.0.0/16",))
        count, at_once = 1500, 4
        containers = [self.node.container(f"n{i}") for i in range(count)]
        running = []
        for container in containers:
            running.append(self.node.start("ADD", config, container, self.node.path_of(container)))
            if len(running) == at_once:
                self.node.finish(running.pop(0))
        for process in running:
            self.node.finish(process)
        self.assertEqual(len(self.node.veths()), count)
        routes = self.node.ip_json(self.node.host, "route", "show", "scope", "link")
        self.assertEqual(len({route["dst"] for route in routes}), count)
        for number in range(0, count, 100):
            address = self.node.ip_json(containers[number], "addr", "show", "dev", "eth0")[0]["addr_info"][0]["local"]
            self.assertTrue(self.node.reaches(self.node.host, address), address)
            self.assertTrue(self.node.reaches(containers[count - 1], address), address)


if __name__ == "__main__":
    unittest.main()
