"""What can be wrong with a node, each with the words that its operator reads: one clear error, the remedy, and nothing left."""

import os
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, WITHOUT_NETFILTER, Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from traffic import ports

FULL = 'mount -t tmpfs -o mode=0700,size=16k none "$D" && head -c 65536 /dev/zero >"$D/fill" 2>/dev/null; exec "$0"'
READ_ONLY = 'mount -t tmpfs -o mode=0700,ro none "$D" && exec "$0"'


class SituationTest(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True)
        self.container = self.node.container("c")
        # The bridge and the directories are there: what is compared afterwards is this ADD's alone.
        self.node.add(self.config, self.node.container("resident"))
        self.node.add(self.config, self.container)
        self.node.delete(self.config, self.container)

    def refused(self, config=None, command="ADD", container=None, **options):
        before = self.node.snapshot(self.container)
        with self.assertRaises(PluginError) as caught:
            self.node.call(command, config or self.config, container or self.container, **options)
        self.assertEqual(self.node.snapshot(self.container), before)
        document = caught.exception.document
        return document["code"], document["msg"], document.get("details", "")

    def mounted(self, directory, script):
        os.makedirs(directory, exist_ok=True)
        return {"prefix": ("unshare", "--mount", "sh", "-c", script), "D": directory}

    def test_full_disk(self):
        for directory, failed in ((self.node.state, f"write {self.node.state}/attachments/br-net/.{self.container}:eth0"),
                                  (self.node.networks, f"create {self.node.networks}/br-net/10.88.0.2")):
            self.assertEqual(self.refused(**self.mounted(directory, FULL)),
                             (101, f"{failed}: No space left on device", "the file system is full; free some space"))

    def test_read_only_directories(self):
        for directory, failed in ((self.node.state, "attachments"), (self.node.networks, "br-net")):
            self.assertEqual(self.refused(**self.mounted(directory, READ_ONLY)),
                             (101, f"create directory {directory}/{failed}: Read-only file system",
                              "the file system is read-only; use a directory that can be written to"))

    def test_out_of_file_descriptors(self):
        seen = {self.refused(prefix=("prlimit", f"--nofile={limit}")) for limit in range(4, 9)}
        remedy = "there are no file descriptors left; raise the limit"
        self.assertEqual(seen, {(code, f"open {what}: Too many open files", remedy) for code, what in (
            (101, "/proc/thread-self/ns/net"), (100, "netlink socket"), (101, f"{self.node.state}/attachments/br-net"),
            (101, f".{self.container}:eth0"))})

    def test_without_cap_net_admin(self):
        code, message, details = self.refused(prefix=("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"))
        self.assertEqual(code, 100)
        self.assertRegex(message, "^create veth pair veth[0-9a-f]{11} and eth0: Operation not permitted$")
        self.assertEqual(details, "patchcord needs root's rights, CAP_NET_ADMIN and CAP_SYS_ADMIN among them, in the host's namespaces")

    def test_a_kernel_without_nftables(self):
        """It is missed by those alone who need it, and there is nothing in it that a DEL would have to remove."""
        chained = {"cniVersion": "1.0.0", "name": "br-net", "prevResult": self.node.add(self.config, self.container)}
        self.node.delete(self.config, self.container)
        for config, name in ((self.config | {"ipMasq": True}, "patchcord"), (self.config | {"isolation": "pod"}, "patchcord"),
                             (self.config | {"antispoof": True}, "patchcord"), (self.config | ports("8080:80"), "patchcord"),
                             (self.config | {"type": "bridge", "ipMasq": True}, "bridge"),
                             (chained | {"type": "portmap"} | ports("8080:80"), "portmap"), (chained | {"type": "firewall"}, "firewall")):
            with self.subTest(name=name, config=config):
                self.assertEqual(self.refused(config, plugin=self.node.plugin(name), prefix=WITHOUT_NETFILTER),
                                 (100, "use nftables: Operation not supported (this kernel has no nf_tables, neither built in nor as a module)",
                                  "this kernel lacks the feature; load its module or use a kernel that has it"))
                before = self.node.snapshot(self.container)
                for _ in range(2):
                    self.node.delete(config, self.container, plugin=self.node.plugin(name), prefix=WITHOUT_NETFILTER)
                self.assertEqual(self.node.snapshot(self.container), before)
        result = self.node.add(self.config, self.container, prefix=WITHOUT_NETFILTER)
        self.node.check(self.config, self.container, result, prefix=WITHOUT_NETFILTER)
        self.node.delete(self.config, self.container, prefix=WITHOUT_NETFILTER)

    def test_a_kernel_without_ipv6(self):
        """Who has no IPv6 address to give does not miss it; who has is told before anything is made."""
        without = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/sys/net/ipv6 && exec "$0"')
        remedy = "take IPv6 out of the network's configuration, or boot a kernel that has it, without ipv6.disable=1"
        routed = routed_config(self.node, subnets=DUAL_ROUTED)
        self.node.add(routed, self.container)
        self.node.delete(routed, self.container)
        for config, address in ((self.config, "fd00:88::4/64"), (routed, "fd00:89::3/128"), (routed | {"type": "ptp"}, "fd00:89::3/64"),
                                (self.config | {"ipam": {"type": "static", "addresses": [{"address": "fd00:1::5/64"}]}}, "fd00:1::5/64")):
            with self.subTest(config=config):
                code, message, details = self.refused(config, plugin=self.node.plugin(config["type"]), prefix=without)
                self.assertEqual((code, details), (100, remedy))
                self.assertRegex(message, f"^the network has {address[:9]}[0-9a-f:]*/{address.split('/')[1]} to give, and this kernel has no IPv6$")
                with self.assertRaises(PluginError) as caught:
                    self.node.call("STATUS", config | {"cniVersion": "1.1.0"}, "", netns="", ifname="", plugin=self.node.plugin(config["type"]),
                                   prefix=without)
                self.assertEqual(caught.exception.code, 50)
                self.assertRegex(caught.exception.msg, r"^the network has fd00:\S+ to give, and this kernel has no IPv6$")
        self.node.on_host("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
        for config in (bridge_config(self.node, name="v4", bridge="pcbr4", isDefaultGateway=True, ipMasq=True, isolation="pod", antispoof=True,
                                     subnets=("10.90.0.0/24",)), routed_config(self.node, name="v4r", subnets=("10.91.0.0/24",))):
            result = self.node.add(config, self.container, prefix=without)
            self.node.check(config, self.container, result, prefix=without)
            self.assertTrue(self.node.reaches(self.container, "192.0.2.1"))
            self.node.delete(config, self.container, prefix=without)

    def test_exhausted_pool(self):
        config = routed_config(self.node)
        config["ipam"]["ranges"] = [[{"subnet": "10.89.0.0/24", "rangeStart": "10.89.0.7", "rangeEnd": "10.89.0.7"}]]
        self.node.add(config, self.node.container("other"))
        self.assertEqual(self.refused(config),
                         (102, "no IP addresses available in range set 0 (10.89.0.7-10.89.0.7): all 1 are reserved",
                          "`patchcord gc --dry-run` shows what dead containers hold; if they hold nothing, give the network a larger subnet "
                          "or one more range"))

    def test_a_namespace_that_is_gone_and_the_hosts_own(self):
        self.assertEqual(self.refused(netns="/var/run/netns/nowhere")[:2],
                         (8, "network namespace /var/run/netns/nowhere: there is no such file"))
        own = self.node.path_of(self.node.host)
        self.assertEqual(self.refused(netns=own)[:2],
                         (8, f"CNI_NETNS {own} is the namespace that the plugin itself runs in, the host's"))

    def test_what_is_no_network_namespace(self):
        plain = os.path.join(self.node.directory, "plain")
        with open(plain, "w", encoding="ascii"):
            pass
        for path, what in ((plain, "a plain file, as an unmounted network namespace leaves behind"), (self.node.directory, "a directory"),
                           ("/proc/self/ns/mnt", "a mount namespace")):
            self.assertEqual(self.refused(netns=path), (8, f"network namespace {path}: found {what} there", ""))

    def test_a_path_that_another_pod_has_by_now(self):
        """Whatever is called for the one that is gone, the newcomer keeps what it has, and what is left of the other goes."""
        result = self.node.add(self.config, self.container)
        self.node.remove_container(self.container)
        self.node.container("c")
        self.node.run_in(self.container, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "else0")
        for command in ("link set eth0 up", "link set else0 up", "addr add 10.88.0.99/24 dev eth0", "route add default via 10.88.0.1"):
            self.node.run_in(self.container, "ip", *command.split())
        self.node.settle(self.container)
        newcomer = self.look_inside()
        path, host_end, mac = self.node.path_of(self.container), result["interfaces"][1]["name"], result["interfaces"][2]["mac"]
        missing = [f"address {ip['address']} on container interface eth0 is missing" for ip in result["ips"]]
        self.assertEqual(self.refused(self.config | {"prevResult": result}, command="CHECK"), (105, "; ".join((
            f"CNI_NETNS {path} is not the namespace that was attached", f"host interface {host_end} is missing", *missing,
            "route fd00:88::/64 on container interface eth0 is missing", "route ::/0 via fd00:88::1 on container interface eth0 is missing",
            f"container interface eth0 does not have the MAC address {mac}")), ""))
        self.assertEqual([line["problems"] for line in self.node.reconcile() if self.container in line["key"]],
                         [[f"its network namespace is not at {path} any more"]])
        self.assertEqual(self.look_inside(), newcomer)
        other = self.config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": [
            {"containerID": f"{self.node.name}-resident", "ifname": "eth0"}]}
        self.node.call("GC", other, "", netns="", ifname="")
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "fd00:88::2"])
        self.node.delete(self.config, self.container)
        self.assertEqual(self.look_inside(), newcomer)

    def look_inside(self):
        return [self.node.run_in(self.container, "ip", *arguments).stdout for arguments in (
            ("addr",), ("route", "show", "table", "all"), ("-6", "route", "show", "table", "all"))]

    def test_a_bridge_with_all_its_ports(self):
        batch = "".join(f"link add p{n} type veth peer name q{n}\nlink set p{n} master pcbr0\n" for n in range(1022))
        path = os.path.join(self.node.directory, "batch")
        with open(path, "w", encoding="ascii") as file:
            file.write(batch)
        self.node.on_host("ip", "-batch", path)
        code, message, _ = self.refused()
        self.assertEqual((code, message), (102, "bridge pcbr0 has 1023 ports, which is all that the kernel gives one; use mode routed, or a "
                                                "second bridge"))


class StateDirectoryTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node)
        self.container = self.node.container("c")

    def refused(self):
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.config, self.container)
        self.assertEqual(caught.exception.code, 101)
        return caught.exception.msg

    def test_one_that_others_may_write_is_not_trusted(self):
        for mode, path in ((0o777, self.node.state), (0o770, self.node.state), (0o1777, os.path.join(self.node.state, "attachments"))):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
            self.assertEqual(self.refused(), f"use {path}: others than its owner can write to it; chmod go-w {path}")
            self.assertEqual(self.node.veths(), [])
            self.assertEqual(self.node.reservations("br-net"), [])
            os.chmod(path, 0o700)

    def test_one_of_another_user_is_not_trusted(self):
        os.makedirs(self.node.state)
        os.chown(self.node.state, 65534, 65534)
        self.assertEqual(self.refused(), f"use {self.node.state}: it belongs to user 65534")

    def test_symbolic_links_in_it_are_not_followed(self):
        elsewhere = os.path.join(self.node.directory, "elsewhere")
        os.makedirs(elsewhere)
        for name in ("attachments", "attachments/br-net"):
            path = os.path.join(self.node.state, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(elsewhere, path)
            self.assertEqual(self.refused(), f"use {path}: it is a symbolic link" if name == "attachments" else f"open {path}: Not a directory")
            self.assertEqual(os.listdir(elsewhere), [])
            os.unlink(path)

    def test_files_and_directories_are_for_their_owner_alone_whatever_the_umask(self):
        for umask in (0, 0o077):
            self.node.add(self.config, self.container, prefix=("sh", "-c", f'umask {umask:o}; exec "$0"'))
            for parent, directories, files in os.walk(self.node.state):
                for name in directories + files:
                    self.assertEqual(os.stat(os.path.join(parent, name)).st_mode & 0o022, 0, name)
            self.node.delete(self.config, self.container)


if __name__ == "__main__":
    unittest.main()
