"""The drop-in firewall: containers work under others' policy to drop, and are kept apart; by real traffic, and by what iptables shows."""

import os
import re
import unittest

from fake_node import NAMES, PluginError, files_below
from firewall_case import CONSTANT, PLACES, FirewallCase, addresses
from patience import communicate
from test_reconcile import RESTORED, RIGHT
from traffic import ports


class PolicyOfDropTest(FirewallCase):
    def test_containers_work_as_if_there_were_none(self):
        a, result = self.attach("a", bridge={"ipMasq": True})
        self.drop_forwarding()
        self.assertEqual(self.reaches_outside(a), [False] * 3, self.ruleset())
        # The chain in iptables is made by whoever comes when there is one to make it in.
        b, _ = self.attach("b", 2)
        self.assertEqual(self.reaches_outside(b), [True] * 3, self.ruleset())
        self.assertEqual(self.reaches_outside(a), [True] * 3)
        self.assertEqual(self.reached(b, *addresses(result)), [True] * 3)
        self.assertEqual(self.reached(self.outside, *addresses(result)), [False] * 3)

    def test_of_those_without_it_nothing_is_accepted(self):
        self.drop_forwarding()
        self.attach("a")
        b = self.node.container("b")
        self.call("ADD", self.bridge(), b)
        self.node.settle(b)
        self.assertEqual(self.reaches_outside(b), [False] * 3)

    def test_published_ports_work(self):
        self.drop_forwarding()
        a = self.node.container("a")
        result = self.call("ADD", self.bridge(), a)
        portmap = {**self.firewall(), "type": "portmap", **ports("8080:80"), "prevResult": result}
        self.assertEqual(self.call("ADD", portmap, a), result)
        self.traffic.serve(a, "tcp/4/80")
        self.assertIsNone(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080))
        self.call("ADD", {**self.firewall(), "prevResult": result}, a)
        self.assertEqual(self.traffic.asks(self.outside, "tcp", "192.0.2.1", 8080)[0], a)

    def test_the_admins_chain_comes_first_and_that_of_each_network(self):
        self.drop_forwarding()
        a, _ = self.attach("a")
        b, _ = self.attach("b", 2, iptablesAdminChainName="OWN-RULES")
        for chain in ("CNI-ADMIN", "OWN-RULES"):
            for container in (a, b):
                self.assertEqual(self.reaches_outside(container), [True] * 3)
            self.node.on_host("iptables", "-A", chain, "-d", "192.0.2.2", "-j", "DROP")
            for container in (a, b):
                self.assertEqual(self.reaches_outside(container), [False, False, True], self.shown())
            self.node.on_host("iptables", "-F", chain)

    def test_the_mark_is_seen_by_nobody_else_and_other_bits_stay(self):
        self.drop_forwarding()
        a, _ = self.attach("a")
        self.node.on_host("nft", """table inet watch {
            chain before { type filter hook prerouting priority 0; meta mark set 0x4; }
            chain after { type filter hook postrouting priority 0;
                meta mark & 0x1000 == 0x1000 counter comment "ours"
                oifname "up*" meta mark 0x4 counter comment "theirs"
            }
        }""")
        self.assertEqual(self.reaches_outside(a), [True] * 3)
        text = self.node.on_host("nft", "list", "table", "inet", "watch")
        self.assertIn('counter packets 0 bytes 0 comment "ours"', text)
        self.assertNotIn('counter packets 0 bytes 0 comment "theirs"', text)

    def test_where_there_is_no_iptables_none_is_made(self):
        a, result = self.attach("a")
        self.assertEqual(re.findall(r"^table.*", self.ruleset(), re.M), ["table inet patchcord {"])
        self.assertEqual(self.reaches_outside(a), [True] * 3)
        self.call("CHECK", {**self.firewall(), "prevResult": result}, a)


class IptablesTest(FirewallCase):
    def test_the_text_of_our_rules_is_known_and_loads_back(self):
        netns = self.node.path_of(self.node.container("a"))
        result = self.call("ADD", self.bridge(), "a", netns=netns)
        self.call("ADD", {**self.firewall(), "prevResult": result}, "a", netns=netns)
        self.node.compare_ruleset(self, "firewall")

    def test_the_rules_are_constant_and_iptables_shows_and_saves_them(self):
        self.drop_forwarding()
        self.attach("a")
        self.attach("b", 2)
        for tool in ("iptables", "ip6tables"):
            seen = self.shown(tool)
            self.assertEqual(seen[3:], CONSTANT, seen)
            saved = self.node.on_host(f"{tool}-save", "-t", "filter")
            self.node.on_host("sh", "-c", f"{tool}-save | {tool}-restore")
            self.assertEqual(self.shown(tool), seen)
            self.assertIn("-A CNI-PATCHCORD", saved)

    def test_it_is_before_what_others_have(self):
        self.node.on_host("iptables", "-A", "FORWARD", "-j", "DROP")
        a, _ = self.attach("a")
        self.assertEqual(self.reaches_outside(a)[:2], [True] * 2)

    def test_check_names_what_is_missing_and_makes_nothing(self):
        self.drop_forwarding()
        a, result = self.attach("a")
        config = {**self.firewall(), "prevResult": result}
        self.call("CHECK", config, a)
        damages = (("iptables -D FORWARD 1", "chain ip filter CNI-PATCHCORD is not jumped to from FORWARD"),
                   ("iptables -D CNI-PATCHCORD 1", "does not jump to CNI-ADMIN"),
                   ("iptables -F CNI-PATCHCORD", "does not accept what containers send"),
                   ("ip6tables -F; ip6tables -X CNI-PATCHCORD", "chain ip6 filter CNI-PATCHCORD is not jumped to"),
                   ("nft flush set inet patchcord accepted4", "accepting of 10.86.1."),
                   ("nft flush chain inet patchcord mark_accepted", "chain inet patchcord mark_accepted"))
        for damage, finding in damages:
            self.node.on_host("sh", "-c", damage)
            before = self.ruleset()
            with self.assertRaises(PluginError) as caught:
                self.call("CHECK", config, a)
            self.assertEqual(caught.exception.code, 105)
            self.assertIn(finding, caught.exception.msg)
            self.assertEqual(self.ruleset(), before)
            lines = self.node.reconcile_by_kind()
            self.assertEqual((lines["attachments"]["outcome"], lines["firewall"]["outcome"]), (RIGHT, RESTORED), (damage, lines))
            self.call("CHECK", config, a)
            self.assertEqual(sorted(self.shown()[3:]), sorted(CONSTANT), damage)
        self.assertEqual(self.reaches_outside(a), [True] * 3)

    def test_reconcile_after_everything_was_flushed(self):
        self.drop_forwarding()
        a, result = self.attach("a", ingressPolicy="isolated")
        portmap = {**self.firewall(), "type": "portmap", **ports("8080:80"), "prevResult": result}
        self.call("ADD", portmap, a)
        before = self.ruleset()
        self.node.on_host("nft", "flush", "ruleset")
        self.drop_forwarding()
        lines = {kind: (line["outcome"], line["problems"]) for kind, line in self.node.reconcile_by_kind().items()}
        self.assertEqual(lines, {"attachments": (RIGHT, []), "portmap": (RESTORED, []), "firewall": (RESTORED, [])})
        self.assertEqual(sorted(self.ruleset().splitlines()), sorted(before.splitlines()))


class EndTest(FirewallCase):
    def test_del_goes_by_the_record(self):
        for strip in ({}, {"prevResult": None}, {"ingressPolicy": "nonsense", "prevResult": {"ips": [{"address": "10.86.1.99/24"}]}}):
            self.drop_forwarding()
            a, result = self.attach("a", ingressPolicy="isolated")
            self.assertGreater(self.elements(), 0)
            self.traffic.stop(self.server)
            self.node.remove_container(a)
            config = {key: value for key, value in {**self.firewall(), "prevResult": result, **strip}.items() if value is not None}
            for _ in range(2):
                self.call("DEL", config, a, netns="")
                self.assertEqual(self.elements(), 0)
            self.assertEqual(os.listdir(os.path.join(self.node.state, "firewall")), [])
            self.assertEqual(self.shown()[3:], CONSTANT)
            self.call("DEL", self.bridge(), a, netns="")

    def test_a_late_del_leaves_the_next_owner_of_the_address_alone(self):
        self.drop_forwarding()
        a, result = self.attach("a")
        b = self.node.container("b")
        self.call("ADD", {**self.firewall(), "prevResult": result}, b)
        before = self.ruleset()
        self.call("DEL", {**self.firewall(), "prevResult": result}, a)
        self.assertEqual(self.ruleset(), before)
        self.call("DEL", {**self.firewall(), "prevResult": result}, b)
        self.assertEqual(self.elements(), 0)

    def test_del_after_the_references_add_removes_its_rules(self):
        a = self.node.container("a")
        result = self.call("ADD", self.bridge(), a)
        config = {**self.firewall(), "prevResult": result}
        self.node.call("ADD", config, a, plugin="/usr/lib/cni/firewall")
        self.assertIn(addresses(result)[0], "".join(self.shown()))
        self.call("DEL", config, a)
        self.assertNotIn(addresses(result)[0], "".join(self.shown()))

    def test_gc_removes_what_is_not_listed(self):
        _, _ = self.attach("a")
        b, _ = self.attach("b")
        count = self.elements()
        self.call("GC", {**self.firewall(), "cniVersion": "1.1.0",
                         "cni.dev/valid-attachments": [{"containerID": b, "ifname": "eth0"}]}, "", netns="")
        self.assertEqual(self.elements(), count // 2)
        self.assertIn(f"net1/{b}/eth0", self.ruleset())


class KeysTest(FirewallCase):
    def setUp(self):
        super().setUp()
        self.container = self.node.container("a")
        self.previous = self.call("ADD", self.bridge(), self.container)

    def add(self, **keys):
        return self.call("ADD", {**self.firewall(), "prevResult": self.previous, **keys}, self.container)

    def test_whatever_backend_is_meant_it_is_ours(self):
        for keys in ({}, {"backend": ""}, {"backend": "iptables"}, {"backend": "nftables"}, {"backend": "something"}, {"firewalldZone": "x"},
                     {"iptablesAdminChainName": ""}, {"ingressPolicy": ""}):
            self.assertEqual(self.add(**keys), self.previous)
            self.assertEqual(self.elements(), 2, keys)
            self.call("DEL", self.firewall(), self.container)

    def test_what_is_refused_is_refused_before_anything_is_done(self):
        self.node.on_host("nft", "add table inet firewalld; add chain inet firewalld filter_FORWARD")
        before = self.node.snapshot(self.container)
        for code, word, keys in ((2, "firewall-cmd --permanent --zone=home", {"backend": "firewalld", "firewalldZone": "home"}),
                                 (7, "ingressPolicy", {"ingressPolicy": "sometimes"}), (7, "iptablesAdminChainName", {"iptablesAdminChainName": "a b"}),
                                 (7, "iptablesAdminChainName", {"iptablesAdminChainName": "x" * 29}),
                                 (7, "iptablesAdminChainName", {"iptablesAdminChainName": "FORWARD"}),
                                 (7, "prevResult", {"prevResult": None}), (1, "0.3.1", {"cniVersion": "0.3.1", "prevResult": None})):
            with self.assertRaises(PluginError) as caught:
                self.add(**keys)
            self.assertEqual(caught.exception.code, code, keys)
            self.assertIn(word, str(caught.exception.document))
        self.assertEqual(self.node.snapshot(self.container), before)

    def test_versions_are_those_of_the_reference(self):
        done = self.node.call("VERSION", "", self.container, plugin=self.node.plugin("firewall"))
        self.assertEqual(done["supportedVersions"], ["0.4.0", "1.0.0", "1.1.0"])
        self.add()
        self.call("DEL", self.firewall(cniVersion="0.3.1"), self.container)
        self.assertEqual(self.elements(), 0)

    def test_a_second_add_is_refused(self):
        self.add()
        with self.assertRaises(PluginError) as caught:
            self.add()
        self.assertEqual(caught.exception.code, 103)

    def test_firewalld_is_told_of(self):
        self.node.on_host("nft", "add table inet firewalld; add chain inet firewalld filter_FORWARD")
        process = self.node.start("ADD", {**self.firewall(firewalldZone="home"), "prevResult": self.previous}, self.container,
                                  self.node.path_of(self.container), plugin=self.node.plugin("firewall"))
        _, stderr = communicate(process)
        self.assertEqual(process.returncode, 0)
        self.assertIn("--zone=home --add-source=SUBNET", stderr)


class PodmanTest(FirewallCase):
    def test_its_default_chain(self):
        """What `podman network create` writes, all of it by ours."""
        self.drop_forwarding()
        chain = [self.bridge(ipMasq=True, hairpinMode=True), {"type": "portmap", "capabilities": {"portMappings": True}, **ports("8080:80")},
                 {"type": "firewall", "backend": ""}, *([{"type": "tuning"}] if "tuning" in NAMES else [])]
        chain = [{**plugin, "cniVersion": "1.0.0", "name": "net1"} for plugin in chain]
        a = self.node.container("a")
        result = None
        for plugin in chain:
            result = self.call("ADD", {**plugin, **({"prevResult": result} if result else {})}, a)
        self.traffic.serve(a, *PLACES)
        self.node.settle(a)
        self.node.run_in(self.outside, "ip", "route", "del", "10.86.0.0/16")
        self.assertEqual(self.reaches_outside(a)[:2], [True] * 2)
        for namespace, address in ((self.outside, "192.0.2.1"), (self.node.host, "127.0.0.1"), (a, "192.0.2.1")):
            self.assertEqual(self.traffic.asks(namespace, "tcp", address, 8080)[0], a, namespace)
        for plugin in chain:
            self.call("CHECK", {**plugin, "prevResult": result}, a)
        for plugin in reversed(chain):
            self.call("DEL", {**plugin, "prevResult": result}, a)
        self.assertEqual(self.elements(), 0)
        self.assertEqual([link for link in self.node.veths() if not link.startswith("up")], [])
        self.assertEqual(files_below(self.node.state), [])
        self.assertEqual(self.node.reservations("net1"), [])


if __name__ == "__main__":
    unittest.main()
