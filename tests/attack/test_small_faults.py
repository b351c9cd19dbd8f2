"""What was wrong in a small way: text that ends at a NUL, files of others that were replaced, and configurations that took too long."""

import copy
import ipaddress
import os
import resource
import stat
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from operator_case import OperatorCase
from patience import communicate

# Where a document of configuration has text, with a value that is right up to a NUL and goes on behind it. A number is a list's place.
TEXTS = [
    ("ipam.dataDir", "{networks}\0x"), ("ipam.type", "host-local\0x"), ("ipam.resolvConf", "/etc/hosts\0x"), ("bridge", "pcbr0\0x"),
    ("hostInterfacePrefix", "veth\0x"), ("mode", "bridge\0x"), ("mtu", "auto\0"), ("ipMasq", "ipv4\0"), ("isolation", "open\0"),
    ("ipMasqBackend", "nftables\0"), ("ipMasqExclude", ["10.0.0.0/8\0"]), ("dns.domain", "example.org\0.net"), ("dns.nameservers", ["10.9.9.9\0"]),
    ("dns.search", ["example.org\0"]), ("dns.options", ["ndots:2\0"]), ("sysctl", {"net.ipv4.conf.IFNAME.arp_ignore": "1\0x"}),
    ("sysctl", {"net.ipv4.conf.IFNAME.arp_ignore\0x": "1"}), ("ipam.ranges.0.0.subnet", "10.88.0.0/24\0"), ("ipam.ranges.0.0.gateway", "10.88.0.1\0"),
    ("ipam.ranges.0.0.rangeStart", "10.88.0.9\0"), ("ipam.routes", [{"dst": "10.77.0.0/16\0"}]), ("ipam.routes", [{"dst": "10.77.0.0/16", "gw": "10.88.0.1\0"}]),
    ("runtimeConfig.mac", "02:00:00:00:00:07\0"), ("runtimeConfig.ips", ["10.88.0.7\0"]), ("args.cni.ips", ["10.88.0.7\0"]),
    ("runtimeConfig.portMappings", [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp\0"}]),
    ("runtimeConfig.portMappings", [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "10.88.0.1\0"}]),
    ("backend", "nftables\0"), ("unshapedSubnets", ["10.0.0.0/8\0"]), ("name", "br-net\0x"), ("cniVersion", "1.0.0\0"),
]


def put(document, path, value):
    *parents, last = path.split(".")
    for name in parents:
        document = document[int(name)] if isinstance(document, list) else document.setdefault(name, {})
    document[last] = value


class NulTest(unittest.TestCase):
    """A text with a NUL is refused wherever it is read: what the kernel takes ends there, and would be another name or path."""

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.container = self.node.container("a")

    def assert_refused(self, command, config, **options):
        before = self.node.snapshot(self.container)
        with self.assertRaises(PluginError) as failed:
            self.node.call(command, config, self.container, **options)
        self.assertIn(failed.exception.code, (1, 6, 7), failed.exception.msg)
        self.assertEqual(self.node.snapshot(self.container), before)
        return failed.exception

    def test_no_text_of_a_configuration_is_cut(self):
        for path, value in TEXTS:
            with self.subTest(path=path, value=value):
                config = copy.deepcopy(bridge_config(self.node, isGateway=True, ingressRate=8000, ingressBurst=80000))
                put(config, path, value.format(networks=self.node.networks) if isinstance(value, str) else value)
                self.assert_refused("ADD", config)

    def test_nor_one_of_the_types_of_a_chain(self):
        result = self.node.add(bridge_config(self.node, isGateway=True), self.container)
        for kind, keys in (("tuning", {"mac": "02:00:00:00:00:07\0"}), ("tuning", {"sysctl": {"net.ipv4.conf.eth0.arp_ignore": "1\0"}}),
                           ("firewall", {"iptablesAdminChainName": "ADMIN\0X"}), ("firewall", {"ingressPolicy": "open\0"}),
                           ("portmap", {"backend": "nftables\0"}), ("bandwidth", {"ingressRate": 8000, "ingressBurst": 80000, "unshapedSubnets": ["10.0.0.0/8\0"]})):
            with self.subTest(kind=kind, keys=keys):
                self.assert_refused("ADD", {"cniVersion": "1.0.0", "name": "br-net", "type": kind, "prevResult": result, **keys},
                                    plugin=self.node.plugin(kind))

    def test_nor_one_of_a_result_that_is_handed_over(self):
        result = self.node.add(bridge_config(self.node, isGateway=True), self.container)
        for place in ("name", "mac", "sandbox"):
            with self.subTest(place=place):
                previous = copy.deepcopy(result)
                for interface in previous["interfaces"]:
                    interface[place] = interface.get(place, "") + "\0x"
                self.assert_refused("ADD", {"cniVersion": "1.0.0", "name": "br-net", "type": "tuning", "promisc": True, "prevResult": previous},
                                    plugin=self.node.plugin("tuning"))

    def test_nor_an_address_that_another_ipam_gives(self):
        program = os.path.join(self.node.directory, "given")
        with open(program, "w", encoding="utf-8") as stream:
            stream.write('#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] && printf \'{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.7/24\\u0000"}]}\'\nexit 0\n')
        os.chmod(program, 0o755)
        config = bridge_config(self.node) | {"ipam": {"type": "given"}}
        before = self.node.snapshot(self.container)
        with self.assertRaises(PluginError):
            self.node.add(config, self.container, CNI_PATH=self.node.directory)
        self.assertEqual(self.node.snapshot(self.container), before)

    def test_a_list_of_the_living_that_has_one_removes_nobody(self):
        config = bridge_config(self.node) | {"cniVersion": "1.1.0"}
        self.node.add(config, self.container)
        self.assert_refused("GC", config | {"cni.dev/valid-attachments": [{"containerID": f"{self.container}\0", "ifname": "eth0"}]})

    def test_del_does_without_a_text_that_it_cannot_use(self):
        config = bridge_config(self.node)
        self.node.add(config, self.container)
        broken = copy.deepcopy(config)
        broken["ipam"]["dataDir"] += "\0x"
        broken["bridge"] += "\0x"
        self.node.delete(broken, self.container)
        self.assertEqual((self.node.veths(), self.node.reservations("br-net")), ([], []))

    def test_a_pattern_of_the_allow_list_is_not_cut_to_one_that_allows_more(self):
        allowed = os.path.join(self.node.directory, "allow")
        with open(allowed, "w", encoding="utf-8") as stream:
            stream.write("^net.ipv4.conf\0.IFNAME.arp_notify$\n")
        script = ('mkdir -p /etc/cni && mount -t tmpfs none /etc/cni && mkdir /etc/cni/tuning && cp "$0" /etc/cni/tuning/allowlist.conf && exec "$@"')
        self.assert_refused("ADD", bridge_config(self.node, sysctl={"net.ipv4.conf.eth0.arp_ignore": "1"}),
                            prefix=("unshare", "--mount", "--propagation", "private", "sh", "-c", script, allowed))


class OthersFilesTest(OperatorCase):
    """Where `log` and `metrics` are to be written, somebody else may have something already."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node)
        self.place = os.path.join(self.node.directory, "place")

    def observed(self, key, path):
        """What an operation says on stderr with the key at that path; it succeeds whatever becomes of it."""
        process = self.node.start("DEL", self.config | {key: path}, "c1", "")
        stdout, stderr = communicate(process)
        self.assertEqual((process.returncode, stdout), (0, ""), stderr)
        return stderr

    def write_whole(self, path, text):
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def read_whole(self, path):
        with open(path, encoding="utf-8") as stream:
            return stream.read()

    def test_a_file_that_is_not_theirs_stays(self):
        for key in ("log", "metrics"):
            for text in ("root:x:0:0:root:/root:/bin/sh\n", "\n", "# HELP node_load1 x\nnode_load1 0.5\n", "{\"times\":1}\n", "\0"):
                with self.subTest(key=key, text=text):
                    self.write_whole(self.place, text)
                    self.assertIn(f"not observed: {self.place} is left as it is: it was not written by patchcord", self.observed(key, self.place))
                    self.assertEqual(self.read_whole(self.place), text)

    def test_nor_do_they_take_each_others(self):
        log, metrics = (os.path.join(self.node.directory, name) for name in ("log", "metrics"))
        self.assertEqual((self.observed("log", log), self.observed("metrics", metrics)), ("", ""))
        before = self.read_whole(log), self.read_whole(metrics)
        self.assertIn("is left as it is", self.observed("log", metrics))
        self.assertIn("is left as it is", self.observed("metrics", log))
        self.assertIn("is left as it is", self.tool("metrics", "--file", metrics).stderr)
        self.assertEqual((self.read_whole(log), self.read_whole(metrics)), before)

    def test_what_is_no_file_stays_what_it_is(self):
        for key in ("log", "metrics"):
            for kind in ("device", "directory", "socket", *(["pipe"] if key == "metrics" else [])):
                with self.subTest(key=key, kind=kind):
                    path = f"{self.place}-{key}-{kind}"
                    if kind == "directory":
                        os.mkdir(path)
                    else:
                        modes = {"device": stat.S_IFCHR, "socket": stat.S_IFSOCK, "pipe": stat.S_IFIFO}
                        os.mknod(path, modes[kind] | 0o600, os.makedev(1, 3))
                    before = os.lstat(path)
                    self.assertIn("is left as it is: it is no plain file", self.observed(key, path))
                    self.assertEqual(os.lstat(path)[:6], before[:6])

    def test_a_symbolic_link_is_neither_followed_nor_replaced(self):
        for key in ("log", "metrics"):
            for text in ("", "somebody's\n"):
                with self.subTest(key=key, text=text):
                    self.write_whole(self.place, text)
                    link = self.place + "-link"
                    os.symlink(self.place, link)
                    self.assertIn("is left as it is", self.observed(key, link))
                    self.assertEqual((os.readlink(link), self.read_whole(self.place)), (self.place, text))
                    os.remove(link)

    def test_the_tool_replaces_its_own_only(self):
        self.assertEqual(self.tool("metrics", "-f", self.place).returncode, 0)
        first = self.read_whole(self.place)
        self.assertTrue(first.startswith("# HELP patchcord_attachments "))
        self.assertEqual((self.tool("metrics", "-f", self.place).returncode, self.read_whole(self.place)), (0, first))
        for text in ("node_load1 0.5\n", "[Service]\nExecStart=/bin/true\n"):
            self.write_whole(self.place, text)
            done = self.tool("metrics", "-f", self.place)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"patchcord: {self.place} is left as it is", done.stderr)
            self.assertEqual(self.read_whole(self.place), text)

    def test_an_empty_file_is_as_good_as_none(self):
        for key in ("log", "metrics"):
            self.write_whole(self.place, "")
            self.assertEqual(self.observed(key, self.place), "")
            self.assertEqual(self.observed(key, self.place), "")
            self.assertGreater(os.stat(self.place).st_size, 0)


class MegabyteTest(ShippedBinaryCase):
    """A configuration of the greatest length takes hardly longer than reading it does: nothing in it is compared with all the rest."""

    TIMES = 30  # as long as one as long of which nothing is used may each take; before, the best of them took twice that

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.container = self.node.container("a")
        ballast = bridge_config(self.node) | {"ballast": [{"number": str(number)} for number in range(30_000)]}
        usual, _ = self.seconds_of(ballast)
        self.usual = max(usual, 0.01)  # the kernel counts in ticks, and may have seen none
        self.node.delete(bridge_config(self.node), self.container)

    def seconds_of(self, config):
        """Of the processor, in the program itself, and what it answers."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        try:
            result = self.node.add(config, self.container)
        except PluginError as failed:
            result = failed
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, result

    def measure(self, config):
        seconds, result = self.seconds_of(config)
        self.assertLess(seconds, self.TIMES * self.usual)
        return result

    def with_ipam(self, **keys):
        return bridge_config(self.node) | {"ipam": {"type": "host-local", "dataDir": self.node.networks, **keys}}

    def test_thirty_thousand_ranges(self):
        subnets = [f"10.{number >> 14}.{number >> 6 & 255}.{(number & 63) * 4}/30" for number in range(30_000)]
        # In the worst order: the search for the first of them is a comparison with each of the others.
        for ranges in (subnets, subnets[::-1]):
            result = self.measure(self.with_ipam(ranges=[[{"subnet": subnet} for subnet in ranges]]))
            self.assertNotIsInstance(result, PluginError)
            self.assertEqual(result["ips"][0]["address"], f"{ipaddress.ip_network(ranges[0])[2]}/30")
            self.node.delete(self.with_ipam(), self.container)

    def test_two_of_them_that_overlap_are_found(self):
        subnets = [f"10.{number >> 14}.{number >> 6 & 255}.{(number & 63) * 4}/30" for number in range(30_000)] + ["10.0.7.0/29"]
        failed = self.measure(self.with_ipam(ranges=[[{"subnet": subnet} for subnet in subnets]]))
        self.assertEqual((failed.code, failed.msg), (7, "ipam.ranges: ranges 10.0.7.1-10.0.7.2 (ipam.ranges[0][448]) and "
                                                       "10.0.7.1-10.0.7.6 (ipam.ranges[0][30000]) overlap"))

    def test_thirty_thousand_addresses_that_are_asked_for(self):
        config = self.with_ipam(ranges=[[{"subnet": "10.88.0.0/16"}]])
        failed = self.measure(config | {"runtimeConfig": {"ips": [f"10.88.{n >> 8}.{n & 255}" for n in range(2, 30_000)]}})
        self.assertEqual(failed.code, 103)

    def test_forty_five_thousand_subnets(self):
        subnets = [f"11.{n >> 8}.{n & 255}.0/24" for n in range(45_000)]
        config = bridge_config(self.node, ingressRate=8000, ingressBurst=80000, unshapedSubnets=subnets, shapedSubnets=["10.0.0.0/8"])
        failed = self.measure(config)
        self.assertIn("shapedSubnets", failed.msg)

    def test_twenty_five_thousand_sysctls(self):
        config = routed_config(self.node, sysctl={f"net.ipv4.conf.eth0.none{n}": "0" for n in range(25_000)})
        failed = self.measure(config)
        self.assertIn("/eth0/none", failed.msg)


if __name__ == "__main__":
    unittest.main()
