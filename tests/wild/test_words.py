"""The words of errors: those that people know from the reference and search for, and what theirs do not say: which key, who, what to do."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import REFERENCE_DIR, PluginError
from lax_case import LaxCase

BRIDGE = {"type": "bridge", "bridge": "b1"}
FIRST, OTHERS = [{"subnet": "10.1.0.0/24"}], {"subnet": "10.1.0.0/24"}


def ranges(*sets, **keys):
    return {"type": "host-local", "ranges": list(sets), **keys}


def held(case, where, config, container):
    """The container has an address of the network already, 10.1.0.2."""
    case.run_as(where, "ADD", {**config, "type": "host-local"}, container)


def held_by_another(case, where, config, container):
    held(case, where, config, f"{container}-other")


def on_the_bridge(case, where, config, container):
    case.node.on_host("sh", "-c", "ip link add b1 type bridge; ip addr add 10.77.0.1/24 dev b1 2>/dev/null || true")


def no_bridge(case, where, config, container):
    case.node.on_host("sh", "-c", "ip link add odd0 type veth peer name odd1 2>/dev/null || true")


def in_the_container(case, where, config, container):
    case.node.run_in(container, "ip", "link", "add", "eth0", "type", "bridge")


# (where it comes from, the command, the configuration, words of the reference that ours has too, words that only ours has, what is before it, and
# the environment)
ROWS = (
    ("containerd/containerd 2804: subnet and the same in ranges", "ADD", {**BRIDGE, "ipam": ranges(FIRST, subnet="10.1.0.0/24")},
     ["overlap"], ["ipam.subnet", "ipam.ranges[0][0]", "10.1.0.1-10.1.0.254"], None, {}),
    ("the same by the runtime", "ADD", {**BRIDGE, "ipam": ranges(FIRST), "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.128/25"}]]}},
     ["overlap"], ["runtimeConfig.ipRanges[0][0]", "ipam.ranges[0][0]"], None, {}),
    ("two ranges of one set", "ADD", {**BRIDGE, "ipam": ranges([OTHERS, {"subnet": "10.1.0.0/25"}])},
     ["overlap"], ["ipam.ranges[0][0]", "ipam.ranges[0][1]"], None, {}),
    ("containernetworking/plugins 166: host bits", "ADD", {**BRIDGE, "ipam": {"type": "host-local", "subnet": "10.1.0.5/24"}},
     ["host bits set", "10.1.0.0"], ["ipam.subnet: "], None, {}),
    ("the same in a range", "ADD", {**BRIDGE, "ipam": ranges(FIRST, [{"subnet": "10.2.0.5/24"}])},
     ["host bits set", "10.2.0.0"], ["ipam.ranges[1][0]: "], None, {}),
    ("containers/podman 17955: static and --ip", "ADD", {**BRIDGE, "ipam": {"type": "static"}, "runtimeConfig": {"ips": ["10.1.0.5"]}},
     ["in CIDR notation", "10.1.0.5"], ["runtimeConfig.ips", "10.1.0.5/24", "ipam.addresses"], None, {}),
    ("the same by CNI_ARGS", "ADD", {"type": "static", "ipam": {"type": "static"}}, ["CIDR", "10.1.0.5"], ["CNI_ARGS IP", "10.1.0.5/24"], None,
     {"args": "IP=10.1.0.5"}),
    ("the same of IPv6", "ADD", {**BRIDGE, "ipam": {"type": "static"}, "runtimeConfig": {"ips": ["fd01::5"]}},
     ["in CIDR notation", "fd01::5"], ["fd01::5/64"], None, {}),
    ("k8snetworkplumbingwg/multus-cni 737: CHECK in an old version", "CHECK", {**BRIDGE, "cniVersion": "0.3.1", "ipam": ranges(FIRST)},
     ["config version does not allow CHECK"], ["0.3.1", "0.4.0 or newer"], None, {}),
    ("containernetworking/plugins 328: an address for whom has one", "ADD", {"type": "host-local", "ipam": ranges(FIRST)},
     ["10.1.0.2", "duplicate allocation is not allowed"], ["eth0", "set 0"], held, {}),
    ("containers/podman 19583: an address that another has", "ADD", {"type": "host-local", "ipam": ranges(FIRST)},
     ["requested IP address 10.1.0.2 is not available"], ["-other, interface eth0"], held_by_another, {"args": "IP=10.1.0.2"}),
    ("flannel-io/flannel 1416 and rancher/rancher 14504: a pool that is used up", "ADD",
     {"type": "host-local", "ipam": ranges([{"subnet": "10.1.0.0/30"}])},
     ["no IP addresses available in range set", "10.1.0.1-10.1.0.2"], ["all 1 are reserved", "patchcord gc"], held_by_another, {}),
    ("k8snetworkplumbingwg/whereabouts 384: a program that is not there", "ADD", {**BRIDGE, "ipam": {"type": "whereabouts"}},
     ['failed to find plugin "whereabouts" in path [', REFERENCE_DIR], ["CNI_PATH"], None, {}),
    ("containers/podman 12306: the bridge has another address", "ADD", {**BRIDGE, "isGateway": True, "ipam": ranges(FIRST)},
     ["already has an IP address different from 10.1.0.1/24"], ["10.77.0.1/24", "forceAddress", "another bridge"], on_the_bridge, {}),
    ("the bridge is none", "ADD", {"type": "bridge", "bridge": "odd0", "ipam": ranges(FIRST)},
     ["odd0", "exists", "not a bridge"], ["veth", "another name"], no_bridge, {}),
    ("redhat-nfvpe/cni-route-override 1: the interface is there", "ADD", {**BRIDGE, "ipam": ranges(FIRST)},
     ["eth0", "already"], ["the container has an interface"], in_the_container, {}),
    ("a version of tomorrow", "ADD", {**BRIDGE, "cniVersion": "9.9.9", "ipam": ranges(FIRST)},
     ["9.9.9", "0.1.0", "1.0.0"], ["cniVersion"], None, {}),
    ("containernetworking/cni 127: an argument that nobody knows", "ADD", {**BRIDGE, "ipam": ranges(FIRST)},
     ["unknown", "FOO"], ["CNI_ARGS", "IgnoreUnknown=1"], None, {"args": "FOO=bar"}),
    ("containernetworking/plugins 20: a variable is missing", "ADD", {**BRIDGE, "ipam": ranges(FIRST)}, ["required", "CNI_NETNS", "missing"], [],
     None, {"netns": ""}),
    ("portmap by itself", "CHECK", {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 1, "containerPort": 1, "protocol": "tcp"}]}},
     ["prevResult", "missing"], ["another one before it in the list"], None, {}),
    ("firewall by itself", "ADD", {"type": "firewall"}, ["missing", "prevResult"], ["another one before it in the list"], None, {}),
    ("microsoft/windows-container-networking 64: no ranges", "ADD", {**BRIDGE, "ipam": {"type": "host-local"}}, ["range"], ["ipam.ranges"], None, {}),
    ("a port that is none", "ADD", {"type": "portmap", "prevResult": {"cniVersion": "1.0.0", "interfaces": [], "ips": []},
                                    "runtimeConfig": {"portMappings": [{"hostPort": 0, "containerPort": 1, "protocol": "tcp"}]}},
     ["0"], ["portMappings[0].hostPort", "from 1 to 65535"], None, {}),
)


class WordsTest(LaxCase):
    def refusal(self, where, command, config, container, before, options):
        if before:
            before(self, where, config, container)
        with self.assertRaises(PluginError) as caught:
            self.run_as(where, command, config, container, **options)
        document = caught.exception.document
        return f"{document['msg']} {document.get('details', '')}"

    def test_the_words_of_the_reference_and_what_it_does_not_say(self):
        for number, (source, command, config, shared, own, before, options) in enumerate(ROWS):
            with self.subTest(source):
                texts = {}
                for turn, where in enumerate((self.node.plugins, REFERENCE_DIR)):
                    directory = os.path.join(self.node.networks, f"{number}-{turn}")
                    whole = {"cniVersion": "1.0.0", "name": "words", **config}
                    if "ipam" in config:
                        whole["ipam"] = {**config["ipam"], "dataDir": directory}
                    container = self.node.container(f"c{number}-{turn}")
                    if before is held_by_another:
                        self.node.container(f"c{number}-{turn}-other")
                    texts[where] = self.refusal(where, command, whole, container, before, options)
                ours, theirs = texts[self.node.plugins], texts[REFERENCE_DIR]
                for word in shared:
                    self.assertIn(word, theirs)
                    self.assertIn(word, ours)
                for word in own:
                    self.assertNotIn(word, theirs)
                    self.assertIn(word, ours)
                # One line, and nothing of how the program is built.
                self.assertIsNone(re.search(r"\n|0x[0-9a-f]{6}|&net\.", ours))


if __name__ == "__main__":
    unittest.main()
