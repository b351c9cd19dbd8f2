"""What attachments have in nftables: the text that people see, and that it comes, goes, is checked and is put back."""

import os
import subprocess
import unittest

from fake_node import Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from rules_case import ALL_KEYS, PREFIXES, RulesCase
from traffic import ports


class GoldenTest(RulesCase):
    """With UPDATE_GOLDEN=1 the texts are written instead of compared."""

    def add_known(self, config, name, mac):
        """Everything in the text is known: the names of host ends are digests of these."""
        path = self.node.path_of(self.node.container(name))
        self.node.add({**config, "args": {"cni": {"mac": mac}}}, name, netns=path)

    def compare(self, golden):
        self.node.compare_ruleset(self, golden)

    def go(self, golden, **keys):
        self.add_known(self.bridge(**keys), "bridged", "02:00:00:00:00:0a")
        self.add_known(self.routed(**keys), "routed", "02:00:00:00:00:0b")
        self.compare(golden)

    def test_masquerade(self):
        self.go("masquerade", ipMasq=True, ipMasqExclude=PREFIXES)

    def test_masquerade_of_one_family(self):
        self.go("masquerade-ipv6", ipMasq="ipv6", ipMasqExclude=PREFIXES)

    def test_isolation_of_networks(self):
        self.go("isolation-network", isolation="network")

    def test_isolation_of_pods(self):
        self.go("isolation-pod", isolation="pod")

    def test_antispoof(self):
        self.go("antispoof", antispoof=True)

    def test_all_together(self):
        self.go("together", **ALL_KEYS)

    def go_with_ports(self, golden, **keys):
        first = ports("8080:80", "192.0.2.1|53:53/udp", "2001:db8::1|3868:3868/sctp")
        self.add_known({**self.bridge(**keys), **first}, "bridged", "02:00:00:00:00:0a")
        self.add_known({**self.routed(masqAll=True, **keys), **ports("8081:80")}, "routed", "02:00:00:00:00:0b")
        self.compare(golden)

    def test_host_ports(self):
        self.go_with_ports("host-ports")

    def test_all_together_with_host_ports(self):
        self.go_with_ports("together-with-ports", **ALL_KEYS)

    def test_macspoofchk(self):
        self.add_known({**self.bridge(macspoofchk=True), "type": "bridge"}, "bridged", "02:00:00:00:00:0a")
        self.compare("macspoofchk")


class LifeTest(RulesCase):
    def test_add_check_del(self):
        for config in (self.bridge(**ALL_KEYS), self.routed(**ALL_KEYS)):
            container, result = self.add(config, "a" + config["mode"])
            self.assertTrue(self.elements())
            self.node.check(config, container, result)
            # All that DEL needs is names.
            self.node.delete({"cniVersion": "1.0.0", "name": config["name"], "type": "patchcord"}, container, netns="")
            self.assertEqual(self.elements(), [])

    def test_containers_are_elements_and_no_rules(self):
        config = self.bridge(**ALL_KEYS)
        containers = [self.add(config, f"a{number}")[0] for number in range(3)]
        rules = self.rules()
        self.assertGreater(len(rules), 20)
        self.add(config, "another")
        self.assertEqual(self.rules(), rules)
        for container in containers:
            self.node.delete(config, container)
        self.assertTrue(all("another" in line for line in self.elements()), self.elements())

    def test_check_names_what_is_missing(self):
        config = self.bridge(**ALL_KEYS)
        container, result = self.add(config)
        for family, table, name in (("inet", "patchcord", "isolated4"), ("bridge", "patchcord", "macs")):
            self.node.on_host("nft", "flush", "set", family, table, name)
            with self.assertRaises(PluginError) as caught:
                self.node.check(config, container, result)
            self.assertEqual(caught.exception.code, 105)
            self.assertIn(f"{family} patchcord {name}", caught.exception.msg)
        self.node.on_host("nft", "flush", "chain", "inet", "patchcord", "isolation")
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, container, result)
        self.assertIn("chain inet patchcord isolation", caught.exception.msg)

    def test_del_takes_whatever_has_become_of_the_tables(self):
        damages = (("flush", "ruleset"), ("delete", "table", "inet", "patchcord"), ("delete", "table", "bridge", "patchcord"),
                   ("flush", "set", "inet", "patchcord", "isolated4"), ("flush", "chain", "inet", "patchcord", "isolation"))
        for number, damage in enumerate(damages):
            config = self.bridge(**ALL_KEYS)
            container, _ = self.add(config, f"a{number}")
            self.node.on_host("nft", *damage)
            self.node.delete(config, container)
            self.assertEqual(self.elements(), [], damage)

    def test_the_next_add_mends_what_is_damaged(self):
        config = self.bridge(**ALL_KEYS)
        self.add(config, "first")
        whole = self.ruleset()
        for damage in (("flush", "chain", "inet", "patchcord", "isolation"), ("flush", "chain", "bridge", "patchcord", "antispoof_addresses")):
            self.node.on_host("nft", *damage)
            self.assertNotEqual(self.ruleset(), whole)
            container, _ = self.add(config, "a" + damage[-1])
            self.node.delete(config, container)
            self.assertEqual(self.ruleset(), whole)

    def test_elements_of_another_owner(self):
        """An element that another owner has by now is his, and one that a dead owner left is replaced."""
        config = self.bridge(ipMasq=True)
        container, result = self.add(config)
        name = next(line.split()[1] for line in self.ruleset().splitlines() if line.strip().startswith("set masquerade") and "ipv4" in line)
        address = result["ips"][0]["address"].split("/")[0]
        self.node.on_host("nft", f"delete element inet patchcord {name} {{ {address} }}")
        self.node.on_host("nft", f'add element inet patchcord {name} {{ {address} comment "br-net/other/eth0" }}')
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, container, result)
        self.assertIn("is that of br-net/other/eth0", caught.exception.msg)
        self.node.delete(config, container)
        self.assertEqual(len(self.elements()), 1)
        self.node.add({**config, "runtimeConfig": {"ips": [address]}}, container)
        self.assertIn(container, "".join(self.elements()))
        self.assertNotIn("other", "".join(self.elements()))

    def test_del_without_a_record_finds_what_the_names_lead_to(self):
        for config in (self.bridge(**ALL_KEYS), self.routed(**ALL_KEYS)):
            container, _ = self.add(config, "a" + config["mode"])
            _, stays = self.add(config, "b" + config["mode"])
            subprocess.run(["rm", "-r", os.path.join(self.node.state, "attachments", config["name"])], check=True)
            self.node.delete(config, container)
            self.assertNotIn(container, "".join(self.elements()))
            self.assertIn("b" + config["mode"], "".join(self.elements()))

    def test_a_changed_list_of_prefixes_leaves_older_containers_theirs(self):
        self.add(self.bridge(ipMasq=True), "old")
        self.add(self.bridge(ipMasq=True, ipMasqExclude=["192.0.2.0/24"]), "new")
        self.assertEqual(self.ruleset().count("chain masquerade-"), 2)
        self.node.delete(self.bridge(), self.node.namespaces[1])
        self.assertNotIn("old", "".join(self.elements()))
        self.assertIn("new", "".join(self.elements()))

    def test_the_first_adds_of_a_node_at_once(self):
        config = self.bridge(**ALL_KEYS)
        containers = [self.node.container(f"a{number}") for number in range(64)]
        running = [(each, self.node.start("ADD", config, each, self.node.path_of(each))) for each in containers]
        for _, process in running:
            self.node.finish(process)
        text = self.ruleset()
        self.assertEqual(text.count("chain isolation {"), 1)
        self.assertEqual(text.count("iifgroup 1073741824/2 oifname . ip daddr @isolated4 drop"), 1)
        running = [self.node.start("DEL", config, each, self.node.path_of(each)) for each in containers]
        for process in running:
            self.node.finish(process)
        self.assertEqual(self.elements(), [])


class AgainTest(RulesCase):
    """The same ADD again, after one that was killed with its rules made, or whose container went without a DEL."""

    def go(self, kind, config, container):
        plugin = self.node.plugin(kind)
        directory = os.path.join(self.node.state, "attachments" if kind == "patchcord" else kind, config["name"])
        self.node.add(config, container, plugin=plugin)
        elements = self.elements()
        self.assertTrue(elements)
        os.rename(os.path.join(directory, f"{container}:eth0"), os.path.join(directory, f".{container}:eth0"))
        result = self.node.add(config, container, plugin=plugin)
        self.assertEqual(len(self.elements()), len(elements))
        self.node.check(config, container, result, plugin=plugin)

    def test_types_that_make_an_interface(self):
        for config in (self.bridge(**ALL_KEYS, **ports("8080:80")), self.routed(**ALL_KEYS, **ports("8081:80"))):
            container = self.node.container("a" + config["mode"])
            self.go("patchcord", config, container)
            self.node.remove_container(container)
            self.node.container("a" + config["mode"])
            result = self.node.add(config, container)
            self.node.check(config, container, result)
            self.node.delete(config, container)
            self.assertEqual(self.elements(), [])

    def test_chained_types(self):
        container, result = self.add(self.bridge())
        for kind, keys in (("portmap", ports("8080:80")), ("firewall", {"ingressPolicy": "same-bridge"})):
            config = {"cniVersion": "1.0.0", "name": "br-net", "type": kind, "prevResult": result, **keys}
            self.go(kind, config, container)
            self.node.delete(config, container, plugin=self.node.plugin(kind))
            self.assertEqual(self.elements(), [])


class RefusedTest(RulesCase):
    def refuse(self, code, words, config):
        before = self.node.snapshot()
        with self.assertRaises(PluginError) as caught:
            self.add(config, f"r{len(self.node.namespaces)}")
        self.assertEqual(caught.exception.code, code, caught.exception)
        for word in words:
            self.assertIn(word, caught.exception.msg)
        self.assertEqual(self.node.snapshot(), before)

    def test_backends(self):
        self.refuse(7, ["ipMasqBackend", "ebpf"], self.bridge(ipMasq=True, ipMasqBackend="ebpf"))
        self.add(self.bridge(ipMasq=True, ipMasqBackend="nftables"), "good")
        self.add(self.bridge(ipMasq=True, ipMasqBackend=None), "null")
        self.add(self.bridge(ipMasq=True, ipMasqBackend="iptables"), "other")

    def test_values(self):
        self.refuse(7, ["ipMasq"], self.bridge(ipMasq="both"))
        self.refuse(7, ["ipMasqExclude", "10.0.0"], self.bridge(ipMasq=True, ipMasqExclude=["10.0.0"]))
        self.refuse(7, ["isolation"], self.bridge(isolation="on"))
        self.refuse(2, ["macspoofchk"], self.routed(macspoofchk=True))
        layer2 = {**self.bridge(), "ipam": {}}
        for keys in ({"isolation": "pod"}, {"antispoof": True}):
            self.refuse(7, list(keys), {**layer2, **keys})


class NeedTest(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def sockets(self, command, config, container):
        trace = os.path.join(self.node.directory, "trace")
        prefix = ("strace", "-f", "-o", trace, "-e", "trace=socket")
        result = self.node.finish(self.node.start(command, config, container, self.node.path_of(container), prefix=prefix))
        with open(trace, encoding="utf-8") as file:
            return file.read(), result

    def test_netfilter_is_not_spoken_to_without_need(self):
        for config in (bridge_config(self.node, isGateway=True), routed_config(self.node)):
            container = self.node.container("a" + config["mode"])
            for keys, needed in (({}, False), ({"isolation": "open", "ipMasq": False, "antispoof": False}, False), ({"ipMasq": True}, True)):
                trace, result = self.sockets("ADD", {**config, **keys}, container)
                self.assertEqual("NETLINK_NETFILTER" in trace, needed, trace)
                trace, _ = self.sockets("CHECK", {**config, **keys, "prevResult": result}, container)
                self.assertEqual("NETLINK_NETFILTER" in trace, needed, trace)
                trace, _ = self.sockets("DEL", {**config, **keys}, container)
                self.assertEqual("NETLINK_NETFILTER" in trace, needed, trace)


if __name__ == "__main__":
    unittest.main()
