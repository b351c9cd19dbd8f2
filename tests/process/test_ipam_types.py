"""host-local and static as plugins of their own: the same answers as the reference's, and callable by Debian's plugins."""

import json
import os
import shutil
import unittest

from fake_node import REFERENCE_DIR, Node, PluginError, bridge_config
from patience import communicate

VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"]
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "10.200.0.0/16", "gw": "10.1.0.9"}, {"dst": "::/0", "gw": "fd00:1::1"}]


class IpamTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.reference_networks = os.path.join(self.node.directory, "reference")

    def ipam(self, type_, command, config, container="c1", ifname="eth0", args="", reference=False):
        plugin = os.path.join(REFERENCE_DIR, type_) if reference else self.node.plugin(type_)
        return self.node.call(command, config, container, netns="/proc/self/ns/net", ifname=ifname, args=args, plugin=plugin)

    def outcome(self, *arguments, **options):
        """The document, or the word "refused": texts and codes of errors are each plugin's own."""
        try:
            return self.ipam(*arguments, **options)
        except PluginError:
            return "refused"

    def reference_outcome(self, *arguments, **options):
        """As today's reference says it; Debian's older one has an empty "dns" in 1.0.0, too."""
        document = self.outcome(*arguments, reference=True, **options)
        if document != "refused" and document["cniVersion"] == "1.0.0" and document["dns"] == {}:
            del document["dns"]
        return document

    def refused(self, code, words, *arguments, **options):
        with self.assertRaises(PluginError) as caught:
            self.ipam(*arguments, **options)
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg)


class HostLocalTest(IpamTest):
    def config(self, version="1.0.0", reference=False, runtime=None, **ipam):
        directory = self.reference_networks if reference else self.node.networks
        config = {"cniVersion": version, "name": "hl-net", "type": "anything", "ipam": {"type": "host-local", "dataDir": directory, **ipam}}
        return config | (runtime or {})

    def files(self, directory):
        found = {}
        for name in os.listdir(os.path.join(directory, "hl-net")) if os.path.isdir(os.path.join(directory, "hl-net")) else []:
            path = os.path.join(directory, "hl-net", name)
            with open(path, encoding="ascii") as file:
                found[name] = file.read()
        return found

    def cases(self):
        resolv = os.path.join(self.node.directory, "resolv.conf")
        with open(resolv, "w", encoding="ascii") as file:
            file.write("# nobody\nnameserver 10.1.0.3\nnameserver fd00::3\ndomain d.example\nsearch a.example b.example\noptions ndots:5 rotate\n")
        four, six = [{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]
        yield {"subnet": "10.1.0.0/24"}, {}, ""
        yield {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.20", "rangeEnd": "10.1.0.30", "gateway": "10.1.0.254"}, {}, ""
        yield {"ranges": [four, six], "routes": ROUTES}, {}, ""
        yield {"subnet": "10.1.0.0/24", "ranges": [six], "resolvConf": resolv}, {}, ""
        yield {"ranges": [four]}, {"runtimeConfig": {"ipRanges": [[{"subnet": "10.9.0.0/24"}]]}}, ""
        yield {"ranges": [four, six]}, {"runtimeConfig": {"ips": ["10.1.0.77/24", "fd00:1::77"]}}, ""
        yield {"ranges": [four, six]}, {"args": {"cni": {"ips": ["fd00:1::78"]}}}, ""
        yield {"ranges": [four]}, {}, "IP=10.1.0.79"
        yield {"ranges": [four]}, {}, "IP=10.2.0.79"
        yield {"ranges": [four]}, {}, "IgnoreUnknown=1;K8S_POD_NAME=p"
        yield {"ranges": [four]}, {}, "WHAT=ever"
        yield {"ranges": [[]]}, {}, ""
        yield {"ranges": []}, {}, ""
        yield {"subnet": "10.1.0.5/24"}, {}, ""
        yield {"subnet": "10.1.0.0/24", "resolvConf": "/nowhere/resolv.conf"}, {}, ""

    def test_the_same_answers_and_files_as_the_reference(self):
        compared = 0
        for number, (ipam, runtime, args) in enumerate(self.cases()):
            for version in VERSIONS:
                with self.subTest(ipam=ipam, runtime=runtime, args=args, version=version):
                    options = {"container": f"c{number}", "args": args}
                    ours = self.outcome("host-local", "ADD", self.config(version, runtime=runtime, **ipam), **options)
                    theirs = self.reference_outcome("host-local", "ADD", self.config(version, True, runtime=runtime, **ipam), **options)
                    self.assertEqual(ours, theirs)
                    if ours != "refused":
                        self.assertEqual(self.files(self.node.networks), self.files(self.reference_networks))
                        compared += 1
                    # A request that fails moves the reference's round robin, and not ours: each case begins anew.
                    shutil.rmtree(self.node.networks, ignore_errors=True)
                    shutil.rmtree(self.reference_networks, ignore_errors=True)
        self.assertGreater(compared, 40)

    def test_either_frees_what_the_other_reserved(self):
        config = self.config(subnet="10.1.0.0/24")
        for first in (True, False):
            self.ipam("host-local", "ADD", config, reference=first)
            self.assertEqual(len(self.node.reservations("hl-net")), 1)
            self.ipam("host-local", "DEL", config, reference=not first)
            self.assertEqual(self.node.reservations("hl-net"), [])

    def test_del_frees_with_ranges_that_are_gone_or_broken(self):
        for broken in ({}, {"ranges": []}, {"ranges": [[]]}, {"subnet": "nonsense"}, {"ranges": "x", "resolvConf": "/nowhere"},
                       {"type": 5}, {"timeout": "x"}):
            self.ipam("host-local", "ADD", self.config(subnet="10.1.0.0/24"))
            self.ipam("host-local", "DEL", self.config(**broken), args="BROKEN")
            with self.subTest(broken=broken):
                self.assertEqual(self.node.reservations("hl-net"), [])
            self.ipam("host-local", "DEL", self.config(**broken))

    def test_check_looks_at_the_reservation_and_at_the_addresses_of_the_result(self):
        config = self.config("1.0.0", subnet="10.1.0.0/24")
        result = self.ipam("host-local", "ADD", config)
        with_result = config | {"prevResult": result}
        self.ipam("host-local", "CHECK", with_result)
        self.refused(105, ["10.1.0.2", "c1"], "host-local", "CHECK", with_result, container="c2")
        self.refused(105, ["no address"], "host-local", "CHECK", config, ifname="net1")
        other = config | {"prevResult": {**result, "ips": [{"address": "10.1.0.3/24"}, {"address": "192.0.2.1/24"}]}}
        self.refused(105, ["10.1.0.3"], "host-local", "CHECK", other)
        os.unlink(os.path.join(self.node.networks, "hl-net", "10.1.0.2"))
        self.refused(105, ["10.1.0.2", "missing"], "host-local", "CHECK", with_result)

    def test_a_result_that_nobody_takes_frees_its_addresses(self):
        process = self.node.start("ADD", self.config(subnet="10.1.0.0/24"), "c1", "/proc/self/ns/net", plugin=self.node.plugin("host-local"),
                                  prefix=("sh", "-c", "exec \"$0\" >/dev/full"))
        communicate(process)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.node.reservations("hl-net"), [])

    def test_the_same_attachment_twice_is_refused_and_keeps_its_address(self):
        config = self.config(subnet="10.1.0.0/24")
        self.ipam("host-local", "ADD", config)
        self.refused(103, ["10.1.0.2"], "host-local", "ADD", config)
        self.assertEqual(self.node.reservations("hl-net"), ["10.1.0.2"])
        self.ipam("host-local", "ADD", config, ifname="net1")
        self.assertEqual(self.node.reservations("hl-net"), ["10.1.0.2", "10.1.0.3"])

    def test_without_an_ipam_section_it_says_so(self):
        self.refused(7, ["ipam"], "host-local", "ADD", {"cniVersion": "1.0.0", "name": "hl-net"})


class StaticTest(IpamTest):
    FOUR = {"address": "10.5.0.9/24", "gateway": "10.5.0.1"}
    SIX = {"address": "fd00:5::9/64"}

    def config(self, version="1.0.0", runtime=None, **ipam):
        return {"cniVersion": version, "name": "st-net", "type": "anything", "ipam": {"type": "static", **ipam}} | (runtime or {})

    def cases(self):
        dns = {"nameservers": ["10.5.0.3"], "domain": "d.example", "search": ["a.example"], "options": ["ndots:2"]}
        both = {"addresses": [self.FOUR, self.SIX]}
        yield {**both, "routes": ROUTES, "dns": dns}, {}, ""
        yield {"addresses": [self.FOUR], "routes": [ROUTES[0], ROUTES[0]]}, {}, ""
        yield {"addresses": [self.FOUR, {"address": "10.5.0.10/24"}]}, {}, ""
        yield {"addresses": [{"address": "::ffff:10.5.0.9/120"}]}, {}, ""
        yield both, {}, "IP=10.6.0.9/24"
        yield {}, {}, "IP=10.6.0.9/24, 10.7.0.9/24 ,fd00:7::9/64;GATEWAY=10.6.0.1,fd00:7::1"
        yield both, {}, "GATEWAY=10.5.0.254"
        yield {}, {}, "IP=10.6.0.9"
        yield {}, {}, "GATEWAY=nobody"
        yield both, {}, "WHAT=ever"
        yield both, {}, "IgnoreUnknown=true;WHAT=ever"
        yield both, {"args": {"cni": {"ips": ["10.8.0.9/24"]}}}, "IP=10.6.0.9/24"
        yield both, {"args": {"cni": {"ips": []}}}, ""
        yield both, {"args": {"cni": {"ips": ["10.8.0.9/24"]}}, "runtimeConfig": {"ips": ["10.9.0.9/24", "fd00:9::9/64"]}}, ""
        yield both, {"runtimeConfig": {"ips": ["10.9.0.9"]}}, ""
        yield {"addresses": [{"address": "10.5.0.9"}]}, {}, ""
        yield {"addresses": [{"gateway": "10.5.0.9"}]}, {}, ""
        yield {}, {}, ""

    def test_the_same_answers_as_the_reference(self):
        compared = 0
        for ipam, runtime, args in self.cases():
            for version in VERSIONS:
                with self.subTest(ipam=ipam, runtime=runtime, args=args, version=version):
                    config = self.config(version, runtime, **ipam)
                    ours = self.outcome("static", "ADD", config, args=args)
                    self.assertEqual(ours, self.reference_outcome("static", "ADD", config, args=args))
                    compared += ours != "refused"
                    self.ipam("static", "DEL", config, args=args)
        self.assertGreater(compared, 40)
        self.refused(7, ["ipam"], "static", "ADD", {"cniVersion": "1.0.0", "name": "st-net"})

    def test_check_notices_what_is_missing(self):
        config = self.config(addresses=[self.FOUR, self.SIX])
        result = self.ipam("static", "ADD", config)
        self.ipam("static", "CHECK", config | {"prevResult": result})
        four, six = result["ips"]
        self.refused(105, ["fd00:5::9/64"], "static", "CHECK", config | {"prevResult": {**result, "ips": [four]}})
        self.refused(105, ["10.5.0.9/24"], "static", "CHECK", config | {"prevResult": {**result, "ips": [six]}})
        changed = {**result, "ips": [{**four, "gateway": "10.5.0.2"}, six]}
        self.refused(105, ["10.5.0.1"], "static", "CHECK", config | {"prevResult": changed})
        self.refused(7, ["prevResult"], "static", "CHECK", config)

    def test_patchcord_serves_it_without_running_a_plugin(self):
        a = self.node.container("a")
        config = bridge_config(self.node, isGateway=True)
        config["ipam"] = {"type": "static", "addresses": [{"address": "10.88.0.9/24"}], "routes": [{"dst": "0.0.0.0/0"}], "dns": {"domain": "d"}}
        options = {"CNI_PATH": ""}
        result = self.node.add(config, a, **options)
        self.assertEqual(result["ips"], [{"address": "10.88.0.9/24", "gateway": "10.88.0.1", "interface": 2}])
        self.assertEqual(result["dns"], {"domain": "d"})
        self.node.check(config, a, result, **options)
        self.node.run_in(a, "ip", "addr", "del", "10.88.0.9/24", "dev", "eth0")
        with self.assertRaises(PluginError) as caught:
            self.node.check(config, a, result, **options)
        self.assertIn("10.88.0.9/24", caught.exception.msg)
        self.node.delete({"cniVersion": "1.0.0", "name": "br-net"}, a, netns="", **options)
        self.assertEqual(self.node.veths(), [])
        config["ipam"] = {"type": "static"}
        before = self.node.snapshot(a)
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, a, **options)
        self.assertEqual(caught.exception.code, 7)
        self.assertEqual(self.node.snapshot(a), before)


class CalledByOthersTest(IpamTest):
    """Debian's bridge, ptp and macvlan take their addresses from our executables."""

    def test_the_reference_plugins_can_call_them(self):
        self.node.on_host("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        self.node.on_host("ip", "link", "set", "up0", "up")
        ipams = ({"type": "host-local", "dataDir": self.node.networks, "subnet": "10.77.0.0/24"},
                 {"type": "static", "addresses": [{"address": "10.77.0.2/24", "gateway": "10.77.0.1"}]})
        for number, (name, keys) in enumerate((("bridge", {"bridge": "refbr0"}), ("ptp", {}), ("macvlan", {"master": "up0"}))):
            for ipam in ipams:
                with self.subTest(plugin=name, ipam=ipam["type"]):
                    a = self.node.container(f"a{number}{ipam['type'][0]}")
                    config = {"cniVersion": "1.0.0", "name": f"net-{name}", "type": name, "ipam": ipam, **keys}
                    options = {"plugin": os.path.join(REFERENCE_DIR, name), "CNI_PATH": self.node.plugins}
                    result = self.node.add(config, a, **options)
                    self.assertEqual([ip["address"] for ip in result["ips"]], ["10.77.0.2/24"])
                    self.assertIn("10.77.0.2", json.dumps(self.node.ip_json(a, "addr", "show", "eth0")))
                    self.node.check(config, a, result, **options)
                    self.node.delete(config, a, **options)
                    self.assertEqual(self.node.reservations(f"net-{name}"), [])


if __name__ == "__main__":
    unittest.main()
