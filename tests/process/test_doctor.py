"""doctor finds each of its conditions when a test makes it, tells it in every form, and has nothing to say of a healthy node."""

import glob
import json
import os
import re
import unittest

from doctor_conditions import CONDITIONS, condition, sysctl
import doctor_configurations  # noqa: F401: what it puts into the table
import doctor_networks  # noqa: F401: likewise
import doctor_pools  # noqa: F401: likewise
from doctor_kube_proxy import BRIDGE_NETFILTER  # and what it puts into the table
from fake_node import PASSED_ON, ROOT, WITHOUT_NETFILTER
from operator_case import OperatorCase, schema_of
from patience import communicate


# A command that would change more than the node of the test.
BEYOND_A_TEST = {"conntrack-nearly-full"}
# Each plugin that is missing is a cause of its own, and so is each directory.
SEVERAL = {"plugin-missing", "addresses-unavailable"}
# Of the configurations' directory, plugins and runtimes a plugin that is called knows nothing.
UNKNOWN_TO_STATUS = {"no-configuration", "configuration-unreadable", "plugin-missing", "runtime-looks-elsewhere"}
# What the machine shares with all tests, or what a test of STATUS makes.
ELSEWHERE = {"neighbours-nearly-full", "netlink-missing"}
# What takes several nodes and a routing daemon (tests/cluster).
OF_A_FABRIC = {"block-not-carried", "block-of-two-nodes", "fabric-session-down", "fabric-daemon-silent", "next-hop-unknown", "restart-waits",
               "networkd-removes-routes", "vxlan-too-wide"}


def end_of(t, container):
    return json.loads(t.tool("inspect", container, "-o", "json").stdout)["attachments"][0]["hostInterface"]


# -- the kernel's settings

@condition("forwarding-off", "error", "attachment-broken")
def ipv4_is_not_forwarded(t):
    sysctl(t, "net.ipv4.ip_forward", 0)
    return lambda: (sysctl(t, "net.ipv4.ip_forward", 1), t.tool("reconcile"))


@condition("forwarding-off", "error", "attachment-broken")
def ipv6_is_not_forwarded(t):
    sysctl(t, "net.ipv6.conf.all.forwarding", 0)
    return lambda: (sysctl(t, "net.ipv6.conf.all.forwarding", 1), t.tool("reconcile"))


@condition("ipv6-off", "error", "attachment-broken")
def ipv6_is_disabled(t):
    sysctl(t, "net.ipv6.conf.all.disable_ipv6", 1)


@condition("ipv6-off", "error", "attachment-broken")
def a_kernel_without_ipv6(t):
    t.prefix = ("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc/sys/net/ipv6 && exec \"$@\"", "sh")
    return t.use_no_prefix


@condition("rp-filter-strict", "warning")
def two_ways_out_and_a_strict_filter(t):
    for number in (1, 2):
        t.make_uplink(f"up{number}", f"192.0.{number}.1/24", f"192.0.{number}.2", metric=number)
    sysctl(t, "net.ipv4.conf.all.rp_filter", 2)
    t.assertEqual(t.names(), [])
    sysctl(t, "net.ipv4.conf.all.rp_filter", 1)
    return lambda: t.node.on_host("ip", "link", "del", "up2")


@condition("rp-filter-off", "warning", "attachment-broken")
def a_container_whose_sources_nobody_looks_at(t):
    sysctl(t, "net.ipv4.conf.all.rp_filter", 0)
    sysctl(t, f"net.ipv4.conf.{end_of(t, 'edge-0c11')}.rp_filter", 0)
    return lambda: t.tool("reconcile")


@condition("mtu-mismatch", "warning")
def an_uplink_with_a_smaller_mtu(t):
    t.make_uplink(mtu=1400)
    return lambda: t.node.on_host("ip", "link", "set", "up0", "mtu", "1500")


@condition("mtu-mismatch", "warning")
def a_bridge_with_a_smaller_mtu(t):
    t.node.on_host("ip", "link", "set", "pcbr0", "mtu", "1400")
    return lambda: t.node.on_host("ip", "link", "set", "pcbr0", "mtu", "1500")


# -- the firewall

def drop_forwarded(t, family):
    if os.path.exists(BRIDGE_NETFILTER):
        sysctl(t, "net.bridge.bridge-nf-call-iptables", 0)
    t.node.on_host("nft", f"add table {family} filter;"
                          f"add chain {family} filter FORWARD {{ type filter hook forward priority 0; policy drop; }}")


@condition("forward-policy-drop", "warning")
def iptables_drops(t):
    drop_forwarded(t, "ip")
    return lambda: t.node.on_host("nft", "add chain ip filter FORWARD { policy accept; }")


@condition("forward-policy-drop", "warning")
def ip6tables_drops(t):
    drop_forwarded(t, "ip6")
    return lambda: t.node.on_host("nft", "delete table ip6 filter")


@condition("nftables-missing", "warning", "attachment-broken")
def a_kernel_without_nftables(t):
    t.prefix = WITHOUT_NETFILTER
    return t.use_no_prefix


@condition("nftables-missing", "warning")
def a_kernel_without_nftables_that_nobody_needs(t):
    t.node.delete(t.bridge, "web", netns=t.node.path_of(t.web))  # has host ports
    t.prefix = WITHOUT_NETFILTER
    return t.use_no_prefix


class DoctorTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.make_healthy_node()

    def use_no_prefix(self):
        self.prefix = ()

    def use_hairpin(self, value):
        self.configure("10-shopnet.conflist", self.bridge | {"hairpinMode": value})

    def has_dummy(self):
        done = self.node.run_in(self.node.host, "ip", "link", "add", "probe", "type", "dummy", check=False)
        self.node.run_in(self.node.host, "ip", "link", "del", "probe", check=False)
        return done.returncode == 0

    def diagnoses(self):
        done = self.tool("doctor", "-o", "json")
        document = json.loads(done.stdout)
        schema_of("doctor").validate(document)
        severities = {each["severity"] for each in document["diagnoses"]}
        self.assertEqual(done.returncode, 1 if "error" in severities else 3 if severities else 0)
        return document["diagnoses"]

    def run_as_printed(self, command):
        """In a shell of root's on the node."""
        return self.node.run_in(self.node.host, "sh", "-c", command, env={
            **PASSED_ON, "PATH": f"{self.node.plugins}:{PASSED_ON['PATH']}", "PATCHCORD_STATE_DIR": self.node.state, "NETCONFPATH": self.net_d,
            "PATCHCORD_POOLS_DIR": self.node.pools, "PATCHCORD_CLUSTER": self.node.cluster})

    def statuses(self):
        """By network: the code of STATUS, and what it says, of each network of ours that is configured."""
        said = {}
        for file in sorted(os.listdir(self.net_d)):
            with open(os.path.join(self.net_d, file), encoding="utf-8") as stream:
                try:
                    configuration = json.load(stream)
                except ValueError:
                    continue
            for plugin in configuration.get("plugins", [configuration]):
                if plugin.get("type") not in ("patchcord", "bridge", "ptp"):
                    continue
                config = {**plugin, "cniVersion": "1.1.0", "name": configuration["name"]}
                process = self.node.start("STATUS", config, "", "", ifname="", plugin=self.node.plugin(plugin["type"]), prefix=self.prefix)
                stdout, stderr = communicate(process)
                said[configuration["name"]] = (json.loads(stdout)["code"] if stdout else 0, stdout + stderr)
        return said

    def names(self):
        return [each["name"] for each in self.diagnoses()]

    def assert_silent(self):
        done = self.tool("doctor")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "nothing stands in the way of this node's containers\n", ""))
        self.assertEqual(self.names(), [])

    def find(self, name, severity, besides, make):
        self.assert_silent()
        mend = make(self)
        found = self.diagnoses()
        self.assertEqual({each["name"] for each in found} - besides, {name})
        causes = [each for each in found if each["name"] == name]
        self.assertEqual(len({each["text"] for each in causes}), len(causes))
        if name not in SEVERAL:
            self.assertEqual(len(causes), 1, causes)
        cause = causes[0]
        self.assertEqual(cause["severity"], severity)
        done = self.tool("doctor")
        self.assertEqual((done.returncode, done.stderr), (1 if "error" in {each["severity"] for each in found} else 3, ""))
        self.assertRegex(done.stdout, rf"(?m)^{'✗' if severity == 'error' else '!'} {name} \(stops ")
        self.assertLessEqual(max(len(line) for line in done.stdout.splitlines() if not line.startswith("  $ ")), 80)
        self.look_at_status(cause, {network for each in causes for network in each["about"]})
        if cause["command"] and name not in BEYOND_A_TEST and "modprobe" not in cause["command"]:
            self.assertIn(f"\n  $ {cause['command']}\n", done.stdout)
            self.run_as_printed(cause["command"])
        elif mend:
            mend()
        if mend:
            self.assert_silent()
            self.assertEqual({said for said, _ in self.statuses().values()} - {0}, set())

    def look_at_status(self, cause, concerned):
        """An error of the networks that it is about, in its words, where no ADD of theirs succeeds; else none."""
        said = self.statuses()
        stopped = {network for network, (code, _) in said.items() if code == 50}
        is_for_status = cause["stops"] == "every ADD" and cause["severity"] == "error" and cause["name"] not in UNKNOWN_TO_STATUS
        if not is_for_status:
            return self.assertEqual(stopped, set(), said)
        self.assertNotEqual(stopped, set())
        self.assertLessEqual(stopped, concerned)

    def test_a_healthy_node_with_a_way_out(self):
        self.make_uplink()
        self.assert_silent()

    def test_every_condition_has_a_test(self):
        with open(os.path.join(ROOT, "plugin", "operations", "conditions", "condition.cpp"), encoding="utf-8") as stream:
            listed = re.findall(r"Condition\{\"([^\"]*)\", Stops::k\w+\}", stream.read())
        self.assertGreater(len(listed), 10)
        self.assertEqual({name for name, *_ in CONDITIONS} | ELSEWHERE | OF_A_FABRIC, set(listed))

    def test_every_condition_that_is_told_of_is_on_the_list(self):
        told = set()
        for folder in (("operator", "commands", "doctor"), ("operations", "conditions")):
            for path in glob.glob(os.path.join(ROOT, "plugin", *folder, "*.cpp")):
                with open(path, encoding="utf-8") as stream:
                    told.update(re.findall(r"\.name = \"([a-z0-9]+-[a-z0-9-]+)\"|look\(found, \"([a-z0-9-]+)\"", stream.read()))
        self.assertLessEqual({name for pair in told for name in pair if name}, {name for name, *_ in CONDITIONS} | ELSEWHERE | OF_A_FABRIC)

    def test_every_condition_is_in_the_manual_page(self):
        with open(os.path.join(ROOT, "docs", "patchcord.8"), encoding="utf-8") as stream:
            page = stream.read().replace("\\-", "-")
        for name in {name for name, *_ in CONDITIONS} | ELSEWHERE | OF_A_FABRIC:
            self.assertRegex(page, rf"(?m)^\.TP\n\.B {name}$", name)


for _name, _severity, _besides, _make in CONDITIONS:
    setattr(DoctorTest, f"test_{_name.replace('-', '_')}__{_make.__name__}",
            lambda self, row=(_name, _severity, _besides, _make): self.find(*row))


if __name__ == "__main__":
    unittest.main()
