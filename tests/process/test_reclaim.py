"""Reservations that nobody released: those of an earlier boot, torn ones, and those of the provably dead. Never one that may be in use."""

import os
import unittest

from fake_node import REFERENCE_DIR, Node, PluginError, bridge_config
from patience import communicate, processor_time

LONG_AGO = 86400  # 1970: older than any boot of the machine, whose /proc may be older than its uptime says


class ReclaimTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.directory = os.path.join(self.node.networks, "br-net")
        os.makedirs(self.directory)
        self.config = bridge_config(self.node)

    def reserve(self, address, text="old\r\neth0", modified=None):
        path = os.path.join(self.directory, address)
        with open(path, "w", encoding="ascii", newline="") as file:
            file.write(text)
        if modified is not None:
            os.utime(path, (modified, modified))

    def fill(self, modified=None, text="old{}\r\neth0"):
        for number in range(2, 255):
            self.reserve(f"10.88.0.{number}", text.format(number), modified)

    def add(self, config, container, **options):
        """Returns what was said on stderr."""
        process = self.node.start("ADD", config, container, self.node.path_of(container), **options)
        stdout, stderr = communicate(process)
        self.assertEqual(process.returncode, 0, stdout)
        return stderr

    def assert_full(self, config, container):
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, container)
        self.assertEqual((caught.exception.code, caught.exception.msg),
                         (102, "no IP addresses available in range set 0 (10.88.0.1-10.88.0.254): all 253 are reserved"))
        return caught.exception

    def test_after_a_reboot_a_full_24_is_usable_at_once(self):
        self.fill(modified=LONG_AGO)
        said = self.add(self.config, self.node.container("a"))
        self.assertEqual(said, f"reclaimed 253 reservations ({', '.join(f'10.88.0.{n}' for n in self.first_eight(said))}, ...) in "
                               f"{self.directory} of an earlier boot\n")
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2"])

    @staticmethod
    def first_eight(said):
        return [int(word.split(".")[3]) for word in said[said.index("(") + 1:said.index(", ...")].split(", ")]

    def test_status_does_not_say_full_after_a_reboot(self):
        self.fill(modified=LONG_AGO)
        self.node.call("STATUS", self.config | {"cniVersion": "1.1.0"}, "", netns="", ifname="")

    def test_of_this_boot_none_without_a_record_is_reclaimed(self):
        self.fill(text="machine{}\r\neth0")
        self.assert_full(self.config, self.node.container("a"))
        self.assertEqual(len(self.node.reservations("br-net")), 253)

    def test_reclaiming_is_done_once_a_boot(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.add(self.config, a)
        # What a clock that is wrong by now may make look old.
        self.reserve("10.88.0.3", "live\r\neth0", modified=LONG_AGO)
        self.assertEqual(self.add(self.config, b), "")
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "10.88.0.3", "10.88.0.4"])

    def test_it_can_be_switched_off(self):
        config = bridge_config(self.node)
        config["ipam"]["reclaim"] = False
        a = self.node.container("a")
        for modified, text in ((LONG_AGO, "old{}\r\neth0"), (None, "")):
            self.fill(modified=modified, text=text)
            self.assert_full(config, a)
            self.assertEqual(len(self.node.reservations("br-net")), 253)
        with self.assertRaises(PluginError) as caught:
            self.node.add(self.config | {"ipam": self.config["ipam"] | {"reclaim": "no"}}, a)
        self.assertEqual((caught.exception.code, caught.exception.msg), (7, 'ipam.reclaim: must be true or false, but is the string "no"'))

    def test_torn_files_are_given_up_when_the_pool_is_full_and_not_before(self):
        a, b = self.node.container("a"), self.node.container("b")
        self.fill(text="machine{}\r\neth0")
        torn = {"10.88.0.20": "", "10.88.0.30": "\0" * 70, "10.88.0.40": "\xff\xfe", "10.88.0.50": "mach", "10.88.0.60": "a b\r\neth0"}
        for address, text in torn.items():
            with open(os.path.join(self.directory, address), "wb") as file:
                file.write(text.encode("latin-1"))
        os.unlink(os.path.join(self.directory, "10.88.0.99"))
        self.assertEqual(self.add(self.config, a), "")
        self.assertEqual(len(self.node.reservations("br-net")), 253)
        said = self.add(self.config, b)
        self.assertRegex(said, r"^reclaimed 4 reservations \((10\.88\.0\.(20|30|40|60)(, )?){4}\) in \S+ without an owner\n$")
        self.assertIn("10.88.0.50", self.node.reservations("br-net"))  # the old form's owner "mach", for all that anybody can tell

    def test_what_is_no_file_is_left(self):
        os.mkdir(os.path.join(self.directory, "10.88.0.2"))
        os.symlink("/etc/passwd", os.path.join(self.directory, "10.88.0.3"))
        os.utime(os.path.join(self.directory, "10.88.0.2"), (LONG_AGO, LONG_AGO))
        os.utime(os.path.join(self.directory, "10.88.0.3"), (LONG_AGO, LONG_AGO), follow_symlinks=False)
        for name in ("last_reserved_ip.0", "lock", "notes"):
            self.reserve(name, "", modified=LONG_AGO)
        self.add(self.config, self.node.container("a"))
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "10.88.0.3", "10.88.0.4", "notes"])

    def small(self):
        config = bridge_config(self.node, isGateway=True)
        config["ipam"]["ranges"] = [[{"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.10", "rangeEnd": "10.88.0.11"}]]
        return config

    def test_a_full_pool_takes_the_addresses_of_the_provably_dead_and_of_nobody_else(self):
        config = self.small()
        a, b, c, d = (self.node.container(name) for name in "abcd")
        self.node.add(config, a)
        self.node.add(config, b)
        with self.assertRaises(PluginError):
            self.node.add(config, c)
        self.node.remove_container(a, veths=1)
        said = self.add(config, c)
        self.assertEqual(said, f"removed br-net/{a}/eth0: its network namespace {self.node.path_of(a)} is gone\n")
        self.assertTrue(self.node.reaches(c, "10.88.0.1"))
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, d)
        self.assertEqual(caught.exception.code, 102)
        self.node.delete(config, a, netns="")  # the DEL that comes late frees nothing of c's
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.10", "10.88.0.11"])

    def test_a_namespace_that_only_lost_its_path_keeps_its_address(self):
        config = self.small()
        a, b, c = (self.node.container(name) for name in "abc")
        self.node.add(config, a)
        self.node.add(config, b)
        self.node.hold(a)
        self.node.remove_container(a)
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, c)
        self.assertEqual(caught.exception.code, 102)

    @unittest.skipUnless(os.path.exists(f"{REFERENCE_DIR}/host-local"), "needs the reference host-local")
    def test_two_runtimes_and_a_virtual_machine_on_one_network(self):
        """The reference host-local reserves for containers, one of them of a virtual machine that no kernel object tells of."""
        config = bridge_config(self.node)
        config["ipam"]["ranges"] = [[{"subnet": "10.88.0.0/28"}]]
        reference = config | {"type": "host-local"}
        theirs = [f"theirs{n}" for n in range(5)] + ["machine"]
        for name in theirs:
            self.node.call("ADD", reference, name, netns="/none", plugin=f"{REFERENCE_DIR}/host-local")
        ours = [self.node.container(f"c{n}") for n in range(7)]
        for container in ours:
            self.node.add(config, container)
        # All 13 are taken; of ours, two die.
        for left, container in ((6, ours[0]), (5, ours[1])):
            self.node.remove_container(container, veths=left)
        late = [self.node.container(f"late{n}") for n in range(3)]
        self.add(config, late[0])
        self.add(config, late[1])
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, late[2])
        self.assertEqual(caught.exception.code, 102)
        held = {}
        for address in self.node.reservations("br-net"):
            with open(os.path.join(self.directory, address), encoding="ascii", newline="") as file:
                held[file.read().split("\r\n")[0]] = address
        self.assertEqual(set(held), set(theirs + ours[2:] + late[:2]))

    def test_60000_old_reservations_cost_the_first_add_less_than_their_making_did_and_the_second_nothing(self):
        def reserve_many():
            for number in range(256, 60256):
                self.reserve(f"10.77.{number // 256}.{number % 256}", f"old{number}\r\neth0", modified=LONG_AGO)

        config = bridge_config(self.node, subnets=("10.77.0.0/16",))
        a, b = self.node.container("a"), self.node.container("b")
        _, making = processor_time(reserve_many)
        said, first = processor_time(lambda: self.add(config, a))
        _, second = processor_time(lambda: self.add(config, b))
        print(f"making them {making:.2f} s, first ADD {first:.2f} s, second {second * 1000:.0f} ms", end=" ", flush=True)
        self.assertIn("reclaimed 60000 reservations", said)
        self.assertLess(first, making)
        self.assertLess(second, making / 50)
        self.assertEqual(self.node.reservations("br-net"), ["10.77.0.2", "10.77.0.3"])


if __name__ == "__main__":
    unittest.main()
