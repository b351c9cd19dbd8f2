"""CHECK and STATUS tell the truth, both ways: they pass where all is well, though not as ADD left it, and fail where an ADD or a container would."""

import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import REFERENCE_DIR, Node, PluginError

V4, V6 = "10.61.0.0/24", "fd61::/64"
DEFAULTS = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def bridge(**keys):
    return {"type": "bridge", "bridge": "b1", "isGateway": True, **keys}


def both(**keys):
    return {"type": "patchcord", "mode": "bridge", "bridge": "b1", "isGateway": True, **keys}


ROUTED = {"type": "patchcord", "mode": "routed"}


def without(*destinations):
    def edit(result):
        result["routes"] = [route for route in result["routes"] if route["dst"] not in destinations]
    return edit


def without_ipv6(result):
    result["ips"] = [ip for ip in result["ips"] if ":" not in ip["address"]]
    without("::/0")(result)


# (where it comes from, the configuration's keys, what ip does in the container, what becomes of the result)
TAKEN_OUT = (
    ("k8snetworkplumbingwg/multus-cni: the annotation default-route", bridge(), ["route del default"], without("0.0.0.0/0")),
    ("the same of both families", bridge(), ["route del default", "-6 route del default"], without("0.0.0.0/0", "::/0")),
    ("the same in mode bridge", both(isDefaultGateway=True), ["route del default"], without("0.0.0.0/0")),
    ("the same in mode routed", ROUTED, ["-6 route del default"], without("::/0")),
    ("the same of ptp", {"type": "ptp"}, ["route del default"], without("0.0.0.0/0")),
    ("a plugin of a user's that takes IPv6 out", bridge(), ["-6 addr flush dev eth0 scope global"], without_ipv6),
    ("the same in mode routed", ROUTED, ["-6 addr flush dev eth0 scope global", "-6 route flush dev eth0"], without_ipv6),
    ("the same of ptp", {"type": "ptp"}, ["-6 addr flush dev eth0 scope global", "-6 route flush dev eth0"], without_ipv6),
)


class WildCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def config(self, keys, subnets=(V4, V6), routes=(), **more):
        ipam = {"type": "host-local", "dataDir": self.node.networks, "ranges": [[{"subnet": subnet}] for subnet in subnets], "routes": list(routes)}
        return {"cniVersion": "1.0.0", "name": "wild", "ipam": ipam, **keys, **more}

    def plugin(self, config):
        return self.node.plugin(config["type"])

    def fails(self, words, call, code=None):
        with self.assertRaises(PluginError) as caught:
            call()
        if code is not None:
            self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg)


class CheckTest(WildCase):
    def test_what_the_result_lists_no_more_is_not_demanded_and_what_it_lists_is(self):
        for number, (source, keys, commands, edit) in enumerate(TAKEN_OUT):
            with self.subTest(source, keys=keys):
                config = self.config(keys, routes=DEFAULTS)
                a = self.node.container(f"a{number}")
                result = self.node.add(config, a, plugin=self.plugin(config))
                for command in commands:
                    self.node.run_in(a, "ip", *command.split())
                self.fails(["missing"], lambda: self.node.check(config, a, result, plugin=self.plugin(config)), 105)
                edited = copy.deepcopy(result)
                edit(edited)
                self.node.check(config, a, edited, plugin=self.plugin(config))
                self.node.delete(config, a, plugin=self.plugin(config))

    def test_what_the_result_lists_beyond_the_record_is_somebody_elses(self):
        config = self.config(bridge(), routes=DEFAULTS)
        a = self.node.container("a")
        result = self.node.add(config, a, plugin=self.plugin(config))
        result["routes"].append({"dst": "192.0.2.0/24", "gw": "10.61.0.9"})
        result["interfaces"].append({"name": "other0", "sandbox": self.node.path_of(a), "mac": "02:00:00:00:00:01"})
        self.node.check(config, a, result, plugin=self.plugin(config))

    def test_source_based_routing_behind_it_moves_routes_to_a_table_of_its_own(self):
        # containernetworking/plugins sbr; the reference's own CHECK of bridge fails behind it
        for number, keys in enumerate((bridge(), both(isDefaultGateway=True), {"type": "ptp"})):
            config = self.config(keys, routes=DEFAULTS, subnets=(V4,)) if number else self.config(keys, routes=DEFAULTS[:1], subnets=(V4,))
            config["ipam"]["routes"] = DEFAULTS[:1]
            with self.subTest(keys):
                a = self.node.container(f"a{number}")
                result = self.node.add(config, a, plugin=self.plugin(config))
                sbr = {"cniVersion": "1.0.0", "name": "wild", "type": "sbr"}
                result = self.node.add({**sbr, "prevResult": result}, a, plugin=os.path.join(REFERENCE_DIR, "sbr"))
                self.node.check(config, a, result, plugin=self.plugin(config))
                self.node.run_in(a, "ip", "route", "flush", "table", "100")
                self.fails(["0.0.0.0/0", "missing"], lambda: self.node.check(config, a, result, plugin=self.plugin(config)), 105)
                self.node.delete(config, a, plugin=self.plugin(config))


if __name__ == "__main__":
    unittest.main()
