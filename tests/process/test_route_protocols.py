"""Routes say who has made them: those of pods are of protocol 82, and those that an older version made go on being ours."""

import os
import re
import shutil
import tempfile
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, ROOT, Node, bridge_config, routed_config
from patience import run

PODS = "82"
OLDER = "boot"  # RTPROT_BOOT


def ptp_config(node):
    return {"cniVersion": "1.0.0", "name": "pt-net", "type": "ptp",
            "ipam": {"type": "host-local", "dataDir": node.networks, "ranges": [[{"subnet": s}] for s in DUAL_ROUTED],
                     "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}


def behind_bridge(node):
    """Containers whose addresses are in no subnet of the bridge's."""
    return bridge_config(node, isGateway=True, ipam={"type": "static", "addresses": [{"address": "10.9.0.2/32", "gateway": "10.9.0.1"}]})


CONFIGURATIONS = {"bridge": lambda node: bridge_config(node, subnets=DUAL_BRIDGE, isDefaultGateway=True),
                  "behind a bridge": behind_bridge,
                  "routed": lambda node: routed_config(node, subnets=DUAL_ROUTED),
                  "ptp": ptp_config}


def plugin_of(node, config):
    return {"plugin": node.plugin(config["type"])}


def routes_of(node, namespace):
    """All that nobody but a person or a program makes, each a line and its family."""
    found = []
    for family in ("-4", "-6"):
        text = node.run_in(namespace, "ip", "-N", family, "route", "show", "table", "all").stdout
        found += [(family, line.strip()) for line in text.splitlines() if not re.search(r"proto 2\b|^local|^broadcast|^multicast|^anycast", line)]
    return found


def make_older(node, namespace):
    """As an earlier version would have left them."""
    for family, line in routes_of(node, namespace):
        words = re.sub(r" (pref medium|linkdown|proto \S+)", "", line).split()
        node.run_in(namespace, "ip", "-N", family, "route", "del", *words)
        node.run_in(namespace, "ip", "-N", family, "route", "add", *words, "proto", OLDER)


class RouteProtocolTest(unittest.TestCase):
    def test_each_route_that_is_made_says_that_it_is_a_pods(self):
        for name, make in CONFIGURATIONS.items():
            with self.subTest(name), Node() as node:
                container, config = node.container("c1"), make(node)
                node.add(config, container, **plugin_of(node, config))
                routes = [line for namespace in (node.host, container) for _, line in routes_of(node, namespace)]
                self.assertNotEqual(routes, [])
                self.assertEqual([line for line in routes if f"proto {PODS}" not in line], [])

    def test_those_of_a_second_interface_too(self):
        with Node() as node:
            container = node.container("c1")
            for number in (1, 2):
                node.add(routed_config(node, name=f"net{number}", subnets=(f"10.89.{number}.0/24",)), container, ifname=f"eth{number - 1}")
            routes = [line for _, line in routes_of(node, container)]
            self.assertTrue(any("table" in line for line in routes), routes)
            self.assertEqual([line for line in routes if f"proto {PODS}" not in line], [])

    def test_what_an_older_version_made_is_checked_left_alone_and_removed(self):
        for name, make in CONFIGURATIONS.items():
            with self.subTest(name), Node() as node:
                container, config = node.container("c1"), make(node)
                result = node.add(config, container, **plugin_of(node, config))
                for namespace in (node.host, container):
                    make_older(node, namespace)
                before = node.snapshot(container)
                node.check(config, container, result, **plugin_of(node, config))
                self.assertEqual([line["restored"] for line in node.reconcile()], [[]])
                self.assertEqual(node.snapshot(container), before)
                node.delete(config, container, **plugin_of(node, config))
                self.assertEqual(routes_of(node, node.host), [])

    def test_a_route_of_the_older_kind_that_was_lost_comes_back_as_one_of_ours(self):
        with Node() as node:
            config, container = routed_config(node), node.container("c1")
            result = node.add(config, container)
            node.on_host("ip", "route", "flush", "proto", PODS)
            self.assertEqual(len(node.reconcile()[0]["restored"]), 1)
            self.assertEqual([line for _, line in routes_of(node, node.host) if f"proto {PODS}" not in line], [])
            node.check(config, container, result)


class NamesOfProtocolsTest(unittest.TestCase):
    def test_ip_knows_their_names_once_the_file_is_there(self):
        """As `make install` and the package put it, over an empty directory of a mount namespace of its own."""
        with Node() as node, tempfile.TemporaryDirectory() as names:
            node.add(routed_config(node), node.container("c1"))
            node.on_host("ip", "route", "add", "unreachable", "10.89.0.0/26", "proto", "81", "metric", "4096")
            shutil.copy(os.path.join(ROOT, "packaging", "iproute2", "patchcord.conf"), names)
            script = ('mount -t tmpfs none /etc && mkdir -p /etc/iproute2/rt_protos.d && cp "$0"/* /etc/iproute2/rt_protos.d/ && '
                      'nsenter --net="$1" ip route show proto patchcord && nsenter --net="$1" ip route show proto patchcord-pod')
            text = run(["unshare", "-m", "sh", "-c", script, names, node.path_of(node.host)], check=True).stdout
            self.assertRegex(text, r"unreachable 10.89.0.0/26 metric 4096 *\n10.89.0.2 dev veth\w+ scope link")

    def test_both_ways_to_install_put_it_there(self):
        for name, line in (("Makefile", "$(DESTDIR)/etc/iproute2/rt_protos.d/patchcord.conf"),
                           ("CMakeLists.txt", "packaging/iproute2/patchcord.conf DESTINATION ../etc/iproute2/rt_protos.d")):
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                self.assertIn(line, file.read())


if __name__ == "__main__":
    unittest.main()
