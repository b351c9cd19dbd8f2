"""Live swaps of whole chains: what the reference's interface plugin, portmap, firewall, bandwidth and tuning made is deleted by ours with
nothing left, and what ours made is deleted by the reference as far as it can, and the rest by our GC or DEL.
"""

import itertools
import os
import re
import unittest

from fake_node import PluginError
from test_swap_check import DUAL
from test_swap_rules import VALID, RulesCase, digest
from traffic import ports

KINDS = ("bridge", "ptp")


class ChainCase(RulesCase):
    def members(self, kind, number, ranges=DUAL):
        """As podman and containerd have them; each container publishes ports of its own.

        For ptp the reference takes the host end for the bridge that ingressPolicy is about, and leaves rules for each in chains of everybody's.
        """
        rate = {"ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 8_000_000, "egressBurst": 800_000}
        common = {"cniVersion": "1.0.0", "name": "swap"}
        routes = {} if kind == "bridge" else {"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}][:len(ranges)]}
        first = self.config(kind, ranges=ranges, ipMasq=True)
        first["ipam"] = {**first["ipam"], **routes}
        return [first, {**common, "type": "portmap", **ports(f"{8080 + number}:80", f"192.0.2.1|{8080 + number}:53/udp")},
                {**common, "type": "firewall", "ingressPolicy": "same-bridge" if kind == "bridge" else "open"}, {**common, "type": "bandwidth", **rate},
                {**common, "type": "tuning", "mtu": 1400, "mac": f"c2:11:22:33:44:{number:02x}",
                 "dataDir": os.path.join(self.node.directory, "tuning")}]

    def container(self, name):
        container = self.node.container(name)
        # Else the reference waits for duplicate address detection.
        self.node.run_in(container, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        return container

    def start_again(self, legacy=False):
        self.node.close()
        self.setUp()
        self.legacy = legacy

    def rules(self):
        return [re.sub(r"counter packets \d+ bytes \d+|\[\d+:\d+\]", "counter", text) for text in super().rules()]

    def state(self):
        backups = os.path.join(self.node.directory, "tuning")
        return super().state() | {"backups": sorted(os.listdir(backups)) if os.path.isdir(backups) else []}

    def ours(self, command, config, container, **options):
        return self.node.call(command, config, container, plugin=self.node.plugin(config["type"]), **options)

    def attach(self, call, members, container):
        result = None
        for config in members:
            result = call("ADD", {**config, **({"prevResult": result} if result else {})}, container)
        return result

    def detach(self, call, members, container, result, **options):
        for config in reversed(members):
            call("DEL", {**config, **({"prevResult": result} if result else {})}, container, **options)

    def collect(self, members, *valid):
        for config in members:
            attachments = [{"containerID": container, "ifname": "eth0"} for container in valid]
            self.ours("GC", {**config, "cniVersion": "1.1.0", VALID: attachments}, "", netns="", ifname="")

    @staticmethod
    def addresses(result):
        return [ip["address"].split("/")[0] for ip in result["ips"]]

    def mentioned(self, *texts):
        """Lines of the rules with one of these words."""
        words = {word for text in self.rules() for line in text.splitlines() for word in re.split(r"[\s\"/,]+", line)}
        return sorted(words & set(texts))

    @staticmethod
    def chains(container):
        return [f"CNI-{digest('swap' + container)[:24]}", f"CNI-DN-{digest('swap' + container)[:21]}"]


class ByOursTest(ChainCase):
    """ADD by the reference, the end by ours."""

    def swap(self, kind, way, ranges=DUAL):
        warm = self.container("warm")
        members = self.members(kind, 9, ranges)
        self.detach(self.reference, members, warm, self.attach(self.reference, members, warm))
        bystander = self.container("bystander")
        others = self.members(kind, 1, ranges)
        other_result = self.attach(self.reference, others, bystander)
        before = self.state()
        a, members = self.container("a"), self.members(kind, 2, ranges)
        result = self.attach(self.reference, members, a)
        self.assertEqual(self.mentioned(*self.chains(a)), sorted(self.chains(a)))
        if way == "link gone":
            self.node.run_in(a, "ip", "link", "del", "eth0")
        elif way != "all there":
            self.node.remove_container(a)
        self.end(way, members, a, result, bystander)
        if way not in ("all there", "link gone"):
            self.await_links(before["links"])  # the kernel takes a namespace down when it gets to it
        after = self.state()
        if way == "collected":
            # A file of the reference's tuning says no network.
            self.assertEqual(after.pop("backups"), sorted([*before.pop("backups"), f"{a}_eth0.json"]))
        self.assertEqual(after, before)
        self.detach(self.ours, others, bystander, other_result)
        self.assertEqual(self.mentioned(*self.chains(bystander), *self.addresses(other_result)), [])
        self.assertEqual((self.node.veths(), self.node.reservations("swap")), ([], []))

    def end(self, way, members, a, result, bystander):
        if way == "collected":
            return self.collect(members, bystander)
        if way == "nothing said":
            kept = ("cniVersion", "name", "type", "bridge", "ipam", "dataDir")
            members, result = [{key: config[key] for key in kept if key in config} for config in members], None
        return self.detach(self.ours, members, a, result, netns="" if way in ("no path", "nothing said") else None)

    def try_all(self, way, ranges=DUAL, legacy=False):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.start_again(legacy)
                self.swap(kind, way, ranges)

    def test_del_with_everything_there(self):
        self.try_all("all there")

    def test_del_with_the_namespace_gone(self):
        self.try_all("namespace gone")

    def test_del_without_a_path(self):
        self.try_all("no path")

    def test_del_with_the_interface_gone(self):
        self.try_all("link gone")

    def test_del_that_says_nothing_of_ports_limits_and_addresses(self):
        self.try_all("nothing said")

    def test_gc(self):
        self.try_all("collected")

    def test_the_legacy_iptables(self):
        for way in ("all there", "nothing said"):
            self.try_all(way, DUAL[:1], legacy=True)


class NewerReferenceTest(ChainCase):
    """Rules as versions from 1.6 on make them in nftables, which Debian does not have."""

    def make_rules(self, container, address, port):
        masquerade = f"{digest('swap')[:16]}-{digest(f'eth0:{container}')[:16]}, net: swap, if: eth0, id: {container}"
        self.node.on_host(
            "nft", f'add rule inet cni_plugins_masquerade masq_checks ip saddr {address} ip daddr != 10.77.0.0/24 masquerade comment "{masquerade}"; '
                   f'add rule ip cni_hostport hostports tcp dport {port} dnat to {address}:80 comment "{container}"; '
                   f'add rule ip cni_hostport masquerading ip saddr {address} ip daddr {address} masquerade comment "{container}"')

    def test_rules_go_and_those_of_others_stay(self):
        self.node.on_host("nft", "add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks; "
                                 "add table ip cni_hostport; add chain ip cni_hostport hostports; add chain ip cni_hostport masquerading")
        for kind, way in itertools.product(KINDS, ("all there", "namespace gone", "no path", "collected")):
            with self.subTest(kind=kind, way=way):
                bystander, a = (self.container("-".join((name, kind, *way.split()))) for name in ("bystander", "a"))
                self.make_rules(bystander, "10.77.0.99", 8099)
                before = self.rules()
                # By the reference without those of its types whose rules these are.
                config = self.config(kind, ranges=DUAL[:1])
                result = self.reference("ADD", config, a)
                (address,) = self.addresses(result)
                self.make_rules(a, address, 8080)
                if way != "all there":
                    self.node.remove_container(a)
                members = [config, {**self.members(kind, 2)[1], "prevResult": result}]
                if way == "collected":
                    self.collect(members, bystander)
                else:
                    self.detach(self.ours, members, a, result, netns="" if way == "no path" else None)
                self.assertEqual(self.rules(), before)
                self.assertEqual(self.node.reservations("swap"), [])


class ByTheReferenceTest(ChainCase):
    """ADD by ours, DEL by the reference: it removes what bears no mark of ours, and the rest stays until we clean up."""

    def records_of(self, container):
        return sorted(os.path.relpath(os.path.join(parent, name), self.node.state)
                      for parent, _, names in os.walk(self.node.state) for name in names if container in name and "lock" not in parent)

    def ifbs(self):
        return [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "ifb")]

    def detach_by_reference(self, members, container, result, is_gone):
        """A chain of its masquerade that is not there is an error to it, once the link and the reservation are gone; the next time it is none."""
        self.detach(self.reference, members[1:], container, result)
        if not is_gone:
            with self.assertRaises(PluginError) as caught:
                self.detach(self.reference, members[:1], container, result)
            self.assertIn("CNI-", caught.exception.msg)
        self.detach(self.reference, members[:1], container, result)

    def swap(self, kind, is_gone, finish):
        # Which iptables makes in passing, when the reference has it delete a rule.
        self.node.on_host("nft", "add table ip nat; add table ip6 nat")
        bystander, a = self.container("bystander"), self.container("a")
        others, members = self.members(kind, 1), self.members(kind, 2)
        other_result = self.attach(self.ours, others, bystander)
        before = self.state()
        result = self.attach(self.ours, members, a)
        if is_gone:
            self.node.remove_container(a)
        self.detach_by_reference(members, a, result, is_gone)
        self.await_links(sorted([*before["links"], *(ifb for ifb in self.ifbs() if ifb not in before["links"])]))
        # What it leaves: our rules, our records, and the ifb, whose name it does not know.
        self.assertEqual(self.node.veths(), [each["name"] for each in other_result["interfaces"] if each["name"].startswith("veth")])
        self.assertEqual(self.state()["files"], [name for name in before["files"]])
        self.assertEqual(self.mentioned(*self.addresses(result)), sorted(self.addresses(result)))
        self.assertEqual(len(self.records_of(a)), len(members))
        self.assertEqual(len(self.ifbs()), 2)
        finish(members, a, result, bystander)
        self.assertEqual(self.mentioned(*self.addresses(result)), [])
        self.assertEqual(self.records_of(a), [])
        self.assertEqual(self.state(), before)
        for config in others:
            self.ours("CHECK", {**config, "prevResult": other_result}, bystander)
        self.detach(self.ours, others, bystander, other_result)
        self.assertEqual(self.mentioned(*self.addresses(other_result)), [])
        self.assertEqual((self.links(), self.node.reservations("swap")), (["lo", *(["pcdi0"] if kind == "bridge" else [])], []))

    def try_all(self, finish):
        for kind, is_gone in itertools.product(KINDS, (False, True)):
            with self.subTest(kind=kind, is_gone=is_gone):
                self.start_again()
                self.swap(kind, is_gone, finish)

    def test_our_gc_cleans_up(self):
        self.try_all(lambda members, a, result, bystander: self.collect(members, bystander))

    def test_our_del_cleans_up(self):
        self.try_all(lambda members, a, result, bystander: self.detach(self.ours, members, a, result))

    def test_our_del_that_says_nothing_cleans_up(self):
        self.try_all(lambda members, a, result, bystander: self.detach(self.ours, members, a, None, netns=""))


if __name__ == "__main__":
    unittest.main()
