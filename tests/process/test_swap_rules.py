"""DEL and GC of what the reference plugins made, their rules included: nothing is left, and nothing of others is touched."""

import hashlib
import itertools
import os
import re
import unittest

from fake_node import REFERENCE_DIR, files_below
from patience import until
from test_swap_check import DUAL, SwapCase

VALID = "cni.dev/valid-attachments"


def digest(text):
    return hashlib.sha512(text.encode()).hexdigest()


class RulesCase(SwapCase):
    """The reference's shared chains and tables, which nobody removes, are there from the start; so they are in every snapshot."""

    def setUp(self):
        super().setUp()
        self.node.on_host("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        self.legacy = False

    def iptables(self):
        """Through these, the reference runs the legacy iptables."""
        if not self.legacy:
            return {}
        directory = os.path.join(self.node.directory, "legacy")
        os.makedirs(directory, exist_ok=True)
        for name in ("iptables", "ip6tables"):
            link = os.path.join(directory, name)
            if not os.path.islink(link):
                os.symlink("/usr/sbin/xtables-legacy-multi", link)
        return {"PATH": directory + ":" + os.environ["PATH"]}

    def rules(self):
        texts = [self.node.on_host("nft", "list", "ruleset")]
        if self.legacy:
            texts += [self.node.on_host(f"{name}-legacy-save") for name in ("iptables", "ip6tables")]
        # Counters, comments with times, and handles say nothing.
        return ["\n".join(re.sub(r" \[\d+:\d+\]$", "", line) for line in text.splitlines() if not line.startswith("#")) for text in texts]

    def links(self):
        return sorted(link["ifname"] for link in self.node.ip_json(self.node.host, "link"))

    def await_links(self, links):
        until(lambda: self.links() == links)

    def state(self):
        return {"rules": self.rules(), "links": self.links(), "files": [name for name, _, _ in files_below(self.node.networks)]}

    def reference(self, command, config, container, **options):
        return self.node.call(command, config, container, plugin=os.path.join(REFERENCE_DIR, config["type"]), **self.iptables(), **options)

    def warm_up(self, *configs):
        container = self.node.container(f"warm{len(self.node.namespaces)}")
        for config in configs:
            self.reference("ADD", config, container)
        for config in reversed(configs):
            self.reference("DEL", config, container)

    @staticmethod
    def chain(container):
        """The chain of the reference's masquerade."""
        return "CNI-" + digest("swap" + container)[:24]

    def assert_rules_of(self, text, present):
        found = any(text in rules for rules in self.rules())
        self.assertEqual(found, present, "\n".join(self.rules()))


class MasqueradeTest(RulesCase):
    def swap(self, kind, way):
        config = self.config(kind, ipMasq=True)
        self.warm_up(config)
        bystander = self.node.container("bystander")
        self.reference("ADD", config, bystander)
        before = self.state()
        a = self.node.container("a")
        self.reference("ADD", config, a)
        self.assertNotEqual(self.rules(), before["rules"])
        if way == "namespace gone":
            self.node.remove_container(a)
        if way == "link gone":
            self.node.run_in(a, "ip", "link", "del", "eth0")
        netns = "" if way == "no path" else None
        if way == "no path":
            self.node.remove_container(a)
        if way == "collected":
            self.node.remove_container(a)
            self.node.call("GC", {**config, "cniVersion": "1.1.0", VALID: [{"containerID": bystander, "ifname": "eth0"}]}, "", "", ifname="",
                           plugin=self.node.plugin(kind))
        else:
            self.node.delete(config, a, netns=netns, plugin=self.node.plugin(kind))
        if way in ("namespace gone", "no path", "collected"):
            self.await_links(before["links"])  # the kernel takes a namespace down when it gets to it
        self.assertEqual(self.state(), before)
        self.assert_rules_of(self.chain(bystander), True)
        self.node.delete(config, bystander, plugin=self.node.plugin(kind))
        self.assert_rules_of(self.chain(bystander), False)

    def test_nothing_is_left_of_what_the_reference_made(self):
        for kind, way in itertools.product(("bridge", "ptp"), ("all there", "namespace gone", "no path", "link gone", "collected")):
            with self.subTest(kind=kind, way=way):
                self.node.close()
                self.setUp()
                self.swap(kind, way)

    def test_nor_of_what_it_made_with_the_legacy_iptables(self):
        for kind, way in (("bridge", "all there"), ("ptp", "namespace gone")):
            with self.subTest(kind=kind, way=way):
                self.node.close()
                self.setUp()
                self.legacy = True
                self.swap(kind, way)

    def test_the_rules_of_another_interface_of_the_container_stay(self):
        for self.legacy in (False, True):
            with self.subTest(legacy=self.legacy):
                config = self.config(ranges=DUAL[:1], ipMasq=True)
                self.warm_up(config)
                a = self.node.container(f"a{self.legacy}")
                first = self.reference("ADD", config, a)["ips"][0]["address"].partition("/")[0]
                second = self.reference("ADD", config, a, ifname="eth1")["ips"][0]["address"].partition("/")[0]
                self.node.delete(config, a, plugin=self.node.plugin("bridge"))
                self.assertFalse(any(f"saddr {first} " in text or f"-s {first}/32" in text for text in self.rules()))
                self.assertTrue(any(f"saddr {second} " in text or f"-s {second}/32" in text for text in self.rules()))
                self.node.delete(config, a, ifname="eth1", plugin=self.node.plugin("bridge"))
                self.assert_rules_of(self.chain(a), False)

    def test_rules_of_its_newer_versions_in_nftables_go(self):
        """As versions from 1.6 on make them, which Debian does not have."""
        self.node.on_host("nft", "add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks; "
                                 "add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority srcnat; }; "
                                 "add rule inet cni_plugins_masquerade postrouting goto masq_checks")
        config = self.config(ranges=DUAL[:1])

        def comment(container, ifname):
            return f"{digest('swap')[:16]}-{digest(f'{ifname}:{container}')[:16]}, net: swap, if: {ifname}, id: {container}"

        for address, container, ifname in (("10.77.0.2", "a", "eth0"), ("10.77.0.3", "a", "eth1"), ("10.77.0.4", "b", "eth0")):
            self.node.on_host("nft", f"add rule inet cni_plugins_masquerade masq_checks ip saddr {address} ip daddr != 10.77.0.0/24 masquerade "
                                     f'comment "{comment(container, ifname)}"')
        self.node.delete(config, "a", netns="", plugin=self.node.plugin("bridge"))
        self.assert_rules_of("10.77.0.2", False)
        self.assert_rules_of("10.77.0.3", True)
        self.assert_rules_of("10.77.0.4", True)
        self.assert_rules_of("goto masq_checks", True)

    def test_rules_against_spoofing_go(self):
        self.node.on_host("nft", "add table bridge nat; add chain bridge nat PREROUTING { type filter hook prerouting priority -300; }")
        for container in ("a", "b"):
            chain = f"cni-br-iface-{container}-eth0"
            self.node.on_host("nft", f"add chain bridge nat {chain}; add chain bridge nat {chain}-mac; "
                                     f'add rule bridge nat PREROUTING iifname veth{container} jump {chain} comment "macspoofchk-{container}-eth0"; '
                                     f'add rule bridge nat {chain} jump {chain}-mac comment "macspoofchk-{container}-eth0"; '
                                     f"add rule bridge nat {chain}-mac ether saddr 02:00:00:00:00:01 return; add rule bridge nat {chain}-mac drop")
        self.node.delete(self.config(), "a", netns="", plugin=self.node.plugin("bridge"))
        self.assert_rules_of("cni-br-iface-a-eth0", False)
        self.assert_rules_of("jump cni-br-iface-b-eth0-mac", True)
        self.assert_rules_of("iifname \"vethb\" jump cni-br-iface-b-eth0", True)

    def test_type_patchcord_leaves_them_alone(self):
        config = self.config(ranges=DUAL[:1], ipMasq=True)
        a = self.node.container("a")
        self.reference("ADD", config, a)
        before = self.rules()
        self.node.delete({**config, "type": "patchcord", "mode": "bridge", "ipMasq": False}, a)
        self.assertEqual(self.rules(), before)


if __name__ == "__main__":
    unittest.main()
