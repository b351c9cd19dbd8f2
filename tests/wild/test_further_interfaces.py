"""An attachment is not alone: interfaces that a container has besides its first one answer by themselves, and routes that meet one another."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import REFERENCE_DIR, PluginError
from traffic import TrafficCase

RIGHT, RESTORED = 0, 1
ROUTED = {"type": "patchcord", "mode": "routed"}
BRIDGED = {"type": "patchcord", "mode": "bridge", "isGateway": True}
# (where it comes from, the first network's keys, the second's)
PAIRS = (
    ("k8snetworkplumbingwg/multus-cni 847: both networks routed", ROUTED, ROUTED),
    ("containers/podman 16233: two bridges with default routes", {**BRIDGED, "isDefaultGateway": True}, {**BRIDGED, "isDefaultGateway": True}),
    ("multus quickstart: a bridge beside a routed one", ROUTED, BRIDGED),
    ("ptp beside a bridge", {"type": "bridge", "isDefaultGateway": True}, {"type": "ptp"}),
    ("a bridge behind ptp", {"type": "ptp"}, {"type": "bridge", "isGateway": True}),
    ("with the container's own packets checked", {**BRIDGED, "isDefaultGateway": True, "antispoof": True}, {**BRIDGED, "antispoof": True}),
)


class FurtherCase(TrafficCase):
    def network(self, number, keys, *subnets, **ipam):
        subnets = subnets or (f"10.{50 + number}.0.0/24", f"fd{50 + number}::/64")
        ipam = {"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}], **ipam} if keys["type"] == "ptp" and number % 2 == 0 else ipam
        own = {"bridge": f"brf{number}"} if keys.get("mode") == "bridge" or keys["type"] == "bridge" else {}
        return {"cniVersion": "1.0.0", "name": f"further{number}", **own, **keys,
                "ipam": {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": each}] for each in subnets], **ipam}}

    def call(self, command, config, container, ifname="eth0", where=None, **more):
        return self.node.call(command, {**config, **more}, container, ifname=ifname, plugin=os.path.join(where or self.node.plugins, config["type"]))

    def attach(self, container, *networks):
        return [self.call("ADD", config, container, f"eth{number}") for number, config in enumerate(networks)]

    def rules(self, container):
        """Those that are not the kernel's own three."""
        return [each for family in ("-4", "-6") for each in self.node.ip_json(container, family, "rule") if each["priority"] not in (0, 32766, 32767)]

    def routes(self, container, *what):
        families = ("-4", "-6") if what[0] == "table" else ("-6",) if ":" in what[1] else ("-4",)
        return [each for family in families for each in self.node.ip_json(container, family, "route", "show", *what)]

    def outcomes(self):
        return {each["outcome"] for each in self.node.reconcile()}

    def setUp(self):
        super().setUp()
        self.node.run_in(self.outside, "ip", "route", "add", "default", "via", "192.0.2.1")

    def asked_from_afar(self, results):
        """Whether a machine behind the node has answers from each address of IPv4."""
        return [self.node.reaches(self.outside, ip["address"].split("/")[0], tries=3)
                for result in results for ip in result["ips"] if ":" not in ip["address"]]


class SourceRoutesTest(FurtherCase):
    def test_an_address_of_a_second_interface_answers_by_it(self):
        for number, (source, first, second) in enumerate(PAIRS):
            with self.subTest(source):
                self.node.on_host("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
                a = self.node.container(f"a{number}")
                networks = self.network(2 * number, first), self.network(2 * number + 1, second)
                results = self.attach(a, *networks)
                self.assertEqual(self.asked_from_afar(results), [True, True])
                for ip in results[1]["ips"]:
                    self.assertTrue(self.node.reaches(self.node.host, ip["address"].split("/")[0]), ip)
                for order, config in reversed(list(enumerate(networks))):
                    self.call("CHECK", config, a, f"eth{order}", prevResult=results[order])
                self.assertEqual(self.outcomes(), {RIGHT})
                self.call("DEL", networks[1], a, "eth1")
                self.assertEqual(self.rules(a), [])
                self.call("DEL", networks[0], a)

    def test_a_first_interface_has_none_and_a_switch_turns_them_off(self):
        a, b = self.node.container("a"), self.node.container("b")
        first, second = self.network(0, BRIDGED), self.network(1, {**BRIDGED, "sourceRoutes": False})
        self.attach(a, first)
        self.assertEqual(self.rules(a), [])
        result = self.attach(b, first, second)[1]
        self.assertEqual(self.rules(b), [])
        self.call("CHECK", second, b, "eth1", prevResult=result)

    def test_what_is_lost_is_missed_and_put_back(self):
        a = self.node.container("a")
        networks = self.network(0, ROUTED), self.network(1, BRIDGED)
        result = self.attach(a, *networks)[1]
        table = str(self.rules(a)[0]["table"])
        for damage, words in ((("rule", "del", "table", table), "rule from"), (("route", "flush", "table", table), "table " + table)):
            with self.subTest(damage):
                self.node.run_in(a, "ip", *damage)
                with self.assertRaises(PluginError) as caught:
                    self.call("CHECK", networks[1], a, "eth1", prevResult=result)
                self.assertIn(words, caught.exception.msg + caught.exception.document.get("details", ""))
                self.assertEqual(self.outcomes(), {RIGHT, RESTORED})
                self.call("CHECK", networks[1], a, "eth1", prevResult=result)

    def test_del_without_a_record_takes_the_rules_too(self):
        a = self.node.container("a")
        networks = self.network(0, ROUTED), self.network(1, BRIDGED)
        self.attach(a, *networks)
        self.node.on_host("rm", "-r", os.path.join(self.node.state, "attachments", "further1"))
        self.call("DEL", networks[1], a, "eth1")
        self.assertEqual(self.rules(a), [])

    def test_a_failure_and_a_kill_leave_none(self):
        a = self.node.container("a")
        first, second = self.network(0, ROUTED), self.network(1, BRIDGED)
        self.attach(a, first)
        before = self.rules(a), self.routes(a, "table", "all")
        failing = {**second, "name": "other", "ipam": {**second["ipam"], "routes": [{"dst": "192.0.2.0/24", "gw": "198.51.100.1"}]}}
        with self.assertRaises(PluginError):
            self.call("ADD", failing, a, "eth1")
        self.assertEqual((self.rules(a), self.routes(a, "table", "all")), before)
        left = 0
        for call, at in [("link", 1), *(("sendmsg", number) for number in range(1, 100))]:
            killed = self.node.start("ADD", second, a, self.node.path_of(a), ifname="eth1", plugin=self.node.plugin(second["type"]),
                                     prefix=("strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={at}"))
            patience.communicate(killed)
            left += len(self.rules(a)) > 0
            self.call("DEL", second, a, "eth1")
            self.assertEqual(self.rules(a), [], (call, at))
            if killed.returncode == 0:
                break
        self.assertGreater(left, 3)

    def test_the_references_sbr_behind_ours(self):
        for number, (source, first, second) in enumerate(PAIRS[:5]):
            with self.subTest(source):
                a = self.node.container(f"s{number}")
                subnets = [(f"10.{each + number}.0.0/24", f"fd{each + number}::/64") for each in (60, 70)]
                networks = self.network(2 * number, first, *subnets[0]), self.network(2 * number + 1, second, *subnets[1])
                results = self.attach(a, *networks)
                sbr = {"cniVersion": "1.0.0", "name": networks[1]["name"], "type": "sbr"}
                self.call("ADD", sbr, a, "eth1", REFERENCE_DIR, prevResult=results[1])
                self.assertEqual(self.asked_from_afar(results), [True, True])
                self.call("CHECK", networks[1], a, "eth1", prevResult=results[1])
                self.call("DEL", sbr, a, "eth1", REFERENCE_DIR, prevResult=results[1])
                self.call("DEL", networks[1], a, "eth1")
                self.assertEqual(self.rules(a), [])


# (where it comes from, the subnets, the routes, what the container has to such a destination: next hops)
MEETINGS = (
    ("containernetworking/plugins 601: two gateways", ("10.90.0.0/24",),
     [("10.99.0.0/16", "10.90.0.1"), ("10.99.0.0/16", "10.90.0.9")], {"10.99.0.0/16": 2}),
    ("the same of IPv6", ("fd90::/64",), [("::/0", "fd90::1"), ("::/0", "fd90::9")], {"::/0": 2}),
    ("three, and one of them again", ("10.90.0.0/24",), [("0.0.0.0/0", f"10.90.0.{each}") for each in (1, 8, 9, 8)], {"0.0.0.0/0": 3}),
    ("the same route twice", ("10.90.0.0/24",), [("10.99.0.0/16", "10.90.0.1")] * 2, {"10.99.0.0/16": 1}),
    ("to its own subnet by the gateway", ("10.90.0.0/24",), [("10.90.0.0/24", "10.90.0.1"), ("0.0.0.0/0", "10.90.0.1")], {"0.0.0.0/0": 1}),
    ("to its own subnet of IPv6", ("fd90::/64",), [("fd90::/64", "fd90::1")], {}),
)


class MeetingRoutesTest(FurtherCase):
    def config(self, number, subnets, routes, keys):
        return self.network(number, keys, *subnets, routes=[{"dst": destination, "gw": gateway} for destination, gateway in routes])

    def test_routes_to_one_destination_are_one_of_many_ways(self):
        for number, (source, subnets, routes, wanted) in enumerate(MEETINGS):
            for keys in (BRIDGED, {"type": "bridge", "isGateway": True}):
                with self.subTest(source, keys=keys):
                    a = self.node.container(f"m{number}{keys['type']}")
                    config = self.config(0, subnets, routes, keys)
                    result = self.call("ADD", config, a)
                    for destination, hops in wanted.items():
                        [route] = self.routes(a, "exact", destination) if hops else [None]
                        self.assertEqual(len(route.get("nexthops", [route])), hops, route)
                    self.assertTrue(self.node.reaches(a, "10.90.0.1" if "." in subnets[0] else "fd90::1"))
                    self.call("CHECK", config, a, prevResult=result)
                    self.assertEqual(self.outcomes(), {RIGHT})
                    self.call("DEL", config, a)

    def test_a_way_that_is_lost_is_missed_and_put_back(self):
        for number, (source, subnets, routes, wanted) in enumerate(MEETINGS[:3]):
            with self.subTest(source):
                a = self.node.container(f"l{number}")
                config = self.config(0, subnets, routes, BRIDGED)
                result = self.call("ADD", config, a)
                destination, hops = next(iter(wanted.items()))
                family = "-6" if ":" in subnets[0] else "-4"
                self.node.run_in(a, "ip", family, "route", "replace", destination, "via", routes[0][1])
                with self.assertRaises(PluginError):
                    self.call("CHECK", config, a, prevResult=result)
                self.assertEqual(self.outcomes(), {RESTORED})
                self.call("CHECK", config, a, prevResult=result)
                [route] = self.routes(a, "exact", destination)
                self.assertEqual(len(route["nexthops"]), hops)
                self.call("DEL", config, a)

    def test_on_two_interfaces_the_first_one_has_it_and_the_second_a_metric_of_its_own(self):
        for number, extra in enumerate(({}, {"priority": 100})):
            for family, subnets in (("-4", ("10.9{}.0.0/24",)), ("-6", ("fd9{}::/64",))):
                with self.subTest(extra, family=family):
                    a = self.node.container(f"t{number}{family}")
                    destination = "10.99.0.0/16" if family == "-4" else "fd99::/64"
                    networks = [self.network(each, BRIDGED, *(subnet.format(each) for subnet in subnets), routes=[{"dst": destination, **extra}])
                                for each in (0, 1)]
                    results = self.attach(a, *networks)
                    metrics = {each["dev"]: each.get("metric", 0) for each in self.node.ip_json(a, family, "route", "show", "exact", destination)}
                    self.assertEqual(len(metrics), 2)
                    self.assertLess(metrics["eth0"], metrics["eth1"])
                    for order, config in enumerate(networks):
                        self.call("CHECK", config, a, f"eth{order}", prevResult=results[order])
                    self.assertEqual(self.outcomes(), {RIGHT})
                    for order, config in enumerate(networks):
                        self.call("DEL", config, a, f"eth{order}")


class RenamedTest(FurtherCase):
    def test_a_host_end_that_was_renamed_goes_with_its_container(self):
        for number, keys in enumerate((BRIDGED, ROUTED, {"type": "bridge", "isGateway": True}, {"type": "ptp"})):
            with self.subTest(keys):
                a = self.node.container(f"r{number}")
                config = self.network(number, keys)
                result = self.call("ADD", config, a)
                host_end = next(each["name"] for each in result["interfaces"] if not each.get("sandbox") and not each["name"].startswith("br"))
                self.node.on_host("ip", "link", "set", host_end, "down")
                self.node.on_host("ip", "link", "set", host_end, "name", "renamed")
                self.node.on_host("ip", "link", "set", "renamed", "up")
                self.call("DEL", config, a)
                self.assertEqual([each for each in self.node.veths() if not each.startswith("up")], [])
                self.assertEqual(self.node.ip_json(a, "link", "show", "type", "veth"), [])
                self.assertEqual(self.node.reservations(config["name"]), [])
