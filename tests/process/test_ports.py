"""Host ports that lead into containers: who reaches them, by real traffic, and what becomes of them."""

import os
import unittest

from fake_node import PluginError, routed_config
from ports_case import EVERYWHERE, PLACES, UPLINK, PortsCase, bridge, routed
from traffic import ports


class ReachabilityTest(PortsCase):
    def publish(self, make, **keys):
        """Containers a, which has the ports, and b, of one network."""
        a, b = self.node.container("a"), self.node.container("b")
        config = {**make(self.node, **keys), **EVERYWHERE}
        self.result = self.node.add(config, a)
        self.node.add(make(self.node, **keys), b)
        self.traffic.serve(a, *PLACES)
        # The bridge's own link-local address, without which it asks no neighbour for anybody else.
        self.node.settle(a, b)
        return a, b

    def assert_reaches(self, a, namespace, addresses):
        questions = [question for address in addresses for question in (("tcp", address, 8080), ("udp", address, 8053))]
        for question, answer in zip(questions, self.traffic.ask(namespace, *questions)):
            self.assertIsNotNone(answer, f"{namespace} {question}\n{self.rules()}")
            self.assertEqual(answer[0], a)

    def assert_everybody_reaches(self, make):
        a, b = self.publish(make)
        own = [ip["address"].split("/")[0] for ip in self.result["ips"]]
        gateways = [ip["gateway"] for ip in self.result["ips"] if "gateway" in ip]
        self.assert_reaches(a, self.node.host, (*UPLINK, *gateways, "127.0.0.1"))
        self.assert_reaches(a, self.outside, UPLINK)
        self.assert_reaches(a, a, (*UPLINK, *gateways))
        self.assert_reaches(a, b, (*UPLINK, *gateways))
        # The container still is where it was.
        self.assertEqual(self.traffic.asks(b, "tcp", own[0], 80)[0], a)

    def test_everybody_reaches_a_port_of_a_bridged_container(self):
        self.set_bridge_netfilter(0)
        self.assert_everybody_reaches(bridge)

    def test_everybody_reaches_it_where_the_bridge_itself_is_filtered(self):
        self.set_bridge_netfilter(1)
        self.assert_everybody_reaches(bridge)

    def test_everybody_reaches_a_port_of_a_routed_container(self):
        self.assert_everybody_reaches(routed)

    def test_the_container_sees_who_connects_from_outside(self):
        self.publish(bridge)
        for protocol, port in (("tcp", 8080), ("udp", 8053)):
            for address, seen in zip(UPLINK, ("192.0.2.2", "2001:db8:2::2")):
                self.assertEqual(self.traffic.asks(self.outside, protocol, address, port)[1], seen)

    def test_masq_all_shows_the_host_instead(self):
        self.publish(bridge, masqAll=True)
        for address, seen in zip(UPLINK, ("10.88.0.1", "fd00:88::1")):
            self.assertEqual(self.traffic.asks(self.outside, "tcp", address, 8080)[1], seen)

    def test_without_snat_neither_itself_nor_localhost_but_others(self):
        self.set_bridge_netfilter(0)
        a, b = self.publish(bridge, snat=False)
        self.assert_reaches(a, self.node.host, UPLINK)
        self.assert_reaches(a, self.outside, UPLINK)
        for namespace in (a, b):
            self.assertIsNone(self.traffic.asks(namespace, "tcp", "192.0.2.1", 8080))
        self.assertIsNone(self.traffic.asks(self.node.host, "tcp", "127.0.0.1", 8080))
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv4.conf.pcbr0.route_localnet").strip(), "0")

    def test_a_container_of_another_network_reaches_it(self):
        a, _ = self.publish(bridge)
        other = self.node.container("other")
        self.node.add(routed(self.node), other)
        self.assert_reaches(a, other, UPLINK)

    def test_a_port_is_that_of_the_address_that_was_asked_for(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.on_host("ip", "addr", "add", "192.0.2.9/32", "dev", "lo")
        self.node.add({**bridge(self.node), **ports("192.0.2.1|8080:80", "0.0.0.0|8081:80")}, a)
        self.node.add({**bridge(self.node), **ports("192.0.2.9|8080:80", "::|8081:80")}, b)
        for container in (a, b):
            self.traffic.serve(container, *PLACES)
        self.node.settle(a, b)
        ask = lambda address, port: (self.traffic.asks(self.outside, "tcp", address, port) or (None,))[0]
        self.assertEqual(ask("192.0.2.1", 8080), a)
        self.assertEqual(ask("192.0.2.9", 8080), b)
        self.assertIsNone(ask("2001:db8:2::1", 8080))
        self.assertEqual(ask("192.0.2.9", 8081), a)
        self.assertEqual(ask("2001:db8:2::1", 8081), b)

    def test_an_address_of_its_own_comes_before_any_address(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add({**bridge(self.node), **ports("8080:80")}, a)
        self.node.add({**bridge(self.node), **ports("127.0.0.1|8080:80")}, b)
        for container in (a, b):
            self.traffic.serve(container, *PLACES)
        self.assertEqual(self.traffic.asks(self.node.host, "tcp", "192.0.2.1", 8080)[0], a)
        self.assertEqual(self.traffic.asks(self.node.host, "tcp", "127.0.0.1", 8080)[0], b)

    def test_what_is_on_its_way_elsewhere_is_left_alone(self):
        a, b = self.publish(bridge)
        beyond = self.traffic.neighbour("beyond", "198.51.100", "2001:db8:3")
        self.node.run_in(self.outside, "ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        for namespace, target in ((beyond, "198.51.100.2"),):
            self.traffic.serve(namespace, "tcp/4/8080", "udp/4/8053")
            self.node.run_in(namespace, "ip", "route", "add", "default", "via", "198.51.100.1")
            for client in (self.outside, b):
                self.assertEqual(self.traffic.asks(client, "tcp", target, 8080)[0], namespace)
                self.assertEqual(self.traffic.asks(client, "udp", target, 8053)[0], namespace)

    def assert_loopback_is_guarded(self, namespace, device, gateway):
        self.node.run_in(namespace, "sysctl", "-qw", f"net.ipv4.conf.{device}.route_localnet=1")
        self.node.run_in(namespace, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
        self.node.run_in(namespace, "ip", "route", "add", "127.0.0.0/8", "via", gateway, "dev", device, "onlink")
        self.assertIsNone(self.traffic.asks(namespace, "tcp", "127.0.0.1", 9999))

    def test_no_neighbour_reaches_what_listens_on_the_hosts_loopback(self):
        self.set_bridge_netfilter(0)
        a, b = self.publish(bridge)
        self.traffic.serve(self.node.host, "tcp/4/9999")
        self.assertIsNotNone(self.traffic.asks(b, "tcp", "10.88.0.1", 9999))
        self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv4.conf.pcbr0.route_localnet").strip(), "1")
        self.assert_loopback_is_guarded(b, "eth0", "10.88.0.1")
        # The guard is what does it.
        self.node.on_host("nft", "flush", "ruleset")
        self.assertIsNotNone(self.traffic.asks(b, "tcp", "127.0.0.1", 9999))


class LifeTest(PortsCase):
    def setUp(self):
        super().setUp()
        self.config = {**bridge(self.node), **EVERYWHERE}

    def test_a_live_owner_of_the_port_is_named(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.config, a)
        before = self.node.snapshot(a, b)
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.config, b)
        self.assertEqual(caught.exception.code, 103)
        self.assertIn("tcp port 8080", caught.exception.msg)
        self.assertIn(f"br-net/{a}/eth0", caught.exception.msg)
        self.assertEqual(self.node.snapshot(a, b), before)

    def test_a_dead_owner_is_replaced_and_its_late_del_takes_nothing(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.config, a)
        self.node.remove_container(a)
        result = self.node.add(self.config, b)
        self.traffic.serve(b, *PLACES)
        self.assertEqual(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080)[0], b)
        count = self.elements()
        self.node.delete(self.config, a)
        self.assertEqual(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080)[0], b)
        self.node.check(self.config, b, result)
        self.node.delete(self.config, b)
        self.assertEqual(self.elements(), 0)
        self.assertGreater(count, 0)

    def test_an_owner_without_a_record_keeps_its_port_until_its_del(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.config, a)
        os.remove(os.path.join(self.node.state, "attachments", "br-net", f"{a}:eth0"))
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.config, b)
        self.assertEqual((caught.exception.code, caught.exception.msg), (103, f"host tcp port 8080 is that of br-net/{a}/eth0"))
        self.node.delete(self.config, a)
        self.node.add(self.config, b)
        self.traffic.serve(b, *PLACES)
        self.assertEqual(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080)[0], b)

    def test_del_needs_neither_runtime_config_nor_namespace_nor_rules(self):
        plain = bridge(self.node)
        for ruin in ("delete table inet patchcord", "flush ruleset", None):
            a = self.node.container("a")
            self.node.add(self.config, a)
            self.assertGreater(self.elements(), 0)
            if ruin:
                self.node.on_host("nft", *ruin.split())
            self.node.remove_container(a)
            self.node.delete(plain, a, netns="")
            self.assertEqual(self.elements(), 0)
            self.assertEqual(self.node.reservations("br-net"), [])

    def test_check_names_the_mapping_that_is_missing(self):
        a = self.node.container("a")
        result = self.node.add(self.config, a)
        self.node.check(self.config, a, result)
        self.node.on_host("nft", "flush", "ruleset")
        with self.assertRaises(PluginError) as caught:
            self.node.check(self.config, a, result)
        self.assertEqual(caught.exception.code, 105)
        for part in ("tcp port 8080", "udp port 8053"):
            self.assertIn(part, caught.exception.msg)

    def test_datagrams_follow_the_container_that_has_the_port_now(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(self.config, a)
        self.traffic.serve(a, *PLACES)
        self.node.settle(a, b)
        ask = lambda: self.traffic.ask(self.outside, ("udp", "192.0.2.1", 8053, 4000), ("udp", "2001:db8:2::1", 8053, 4000))
        self.assertEqual([answer[0] for answer in ask()], [a, a])
        self.node.delete(self.config, a)
        self.assertEqual(ask(), [None, None])
        # What was sent meanwhile went to the host, and is remembered so.
        self.node.add(self.config, b)
        self.traffic.serve(b, *PLACES)
        self.assertEqual([answer[0] for answer in ask()], [b, b])

    def test_other_flows_to_that_port_number_are_remembered(self):
        a = self.node.container("a")
        self.node.on_host("nft", "table inet watch { chain f { type filter hook forward priority 0; ct state new counter; }; }")
        beyond = self.traffic.neighbour("beyond", "198.51.100", "2001:db8:3")
        self.node.run_in(self.outside, "ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        self.node.run_in(beyond, "ip", "route", "add", "default", "via", "198.51.100.1")
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.traffic.serve(beyond, "udp/4/8053")
        self.assertEqual(self.traffic.asks(self.outside, "udp", "198.51.100.2", 8053)[0], beyond)
        flows = self.node.on_host("cat", "/proc/net/nf_conntrack")
        self.assertIn("dst=198.51.100.2", flows)
        self.node.add(self.config, a)
        self.node.delete(self.config, a)
        self.assertIn("dst=198.51.100.2", self.node.on_host("cat", "/proc/net/nf_conntrack"))


class CostTest(PortsCase):
    def test_ten_thousand_ports_are_as_many_rules_as_one(self):
        a, b = self.node.container("a"), self.node.container("b")
        config = routed_config(self.node)
        self.node.add({**config, **ports("1:1")}, a)
        rules = self.rule_count()
        many = ports(*(f"{port}:{port}" for port in range(10000, 20000)))
        self.node.add({**config, **many}, b)
        self.assertEqual(self.rule_count(), rules)
        self.assertGreater(self.elements(), 10000)
        self.node.delete(config, b)
        self.assertLess(self.elements(), 10)

    def rule_count(self):
        return sum("rule" in entry for entry in self.listed())

    def test_without_ports_netfilter_is_not_spoken_to(self):
        a = self.node.container("a")
        trace = os.path.join(self.node.directory, "trace")
        for command in ("ADD", "DEL"):
            process = self.node.start(command, bridge(self.node), a, self.node.path_of(a),
                                      prefix=("strace", "-f", "-e", "trace=socket", "-o", trace))
            self.node.finish(process)
            with open(trace, encoding="utf-8") as file:
                calls = file.read()
            self.assertIn("NETLINK_ROUTE", calls)
            self.assertNotIn("NETLINK_NETFILTER", calls)


if __name__ == "__main__":
    unittest.main()
