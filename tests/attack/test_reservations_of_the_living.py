"""Reservations that no record of ours tells of are kept, whatever is in them and whatever the clock says."""

import os
import subprocess
import time
import unittest

from gone_case import GoneCase, inside
from fake_node import SANITIZED


class ReservationsOfTheLiving(GoneCase):
    """Without a record of ours: another plugin's, or from before the state directory was wiped."""

    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.node.networks, "br-net")
        os.makedirs(self.directory)
        # The boot's mark: from here on, nothing is old.
        self.node.add(self.config, self.living)
        self.node.delete(self.config, self.living)

    def reserve(self, text, modified=None):
        path = os.path.join(self.directory, "10.88.0.10")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if modified is not None:
            os.utime(path, (modified, modified))

    def test_an_interface_has_a_name_in_utf_8(self):
        for name in ("ethé", "сеть0", "网卡", "ì" * 7):
            self.reserve(f"machine\r\n{name}")
            self.assert_pool_is_full()

    def test_an_add_with_a_name_in_utf_8_keeps_its_address(self):
        self.node.add(self.config, self.living, ifname="ethé")
        self.assert_pool_is_full()

    def test_a_container_id_is_long(self):
        for length in (4_000, 5_000, 100_000):
            self.reserve("a" * length + "\r\neth0")
            self.assert_pool_is_full()

    def test_an_add_with_a_long_container_id_keeps_its_address_and_gives_it_back(self):
        name = "a" * 5_000
        self.node.add(self.config, name, netns=self.node.path_of(self.living))
        self.assert_pool_is_full()
        self.node.delete(self.config, name, netns=self.node.path_of(self.living))
        self.assertEqual(self.node.reservations("br-net"), [])

    def test_a_file_that_is_too_long_to_be_read_is_no_proof(self):
        self.reserve("a" * 300_000)
        self.assert_pool_is_full()

    def forget_the_boot(self):
        subprocess.run(["rm", "-rf", self.node.state], check=True)

    def test_a_time_namespace_makes_nothing_old(self):
        """As in a container that was started just now: its /proc and /sys are new, and so is its time since the boot."""
        with open("/proc/uptime", encoding="ascii") as file:
            uptime = int(float(file.read().split()[0]))
        script = "mount -t proc proc /proc && mount -t sysfs sysfs /sys"
        for offset in (5 - uptime, -uptime // 2, 1_000_000):
            self.reserve("machine\r\neth0", modified=time.time() - min(uptime / 3, 60))
            self.forget_the_boot()
            self.assert_pool_is_full(prefix=("unshare", "--time", "--boottime", str(offset), "--fork", *inside(script)))

    def test_the_state_directory_was_wiped(self):
        self.reserve("machine\r\neth0")
        self.forget_the_boot()
        self.assert_pool_is_full()


class BootTime(GoneCase):
    def test_a_clock_that_was_put_forward_since_the_boot_makes_nothing_old(self):
        """When /sys was mounted, the clock said ten years less."""
        directory = os.path.join(self.node.networks, "br-net")
        os.makedirs(directory)
        path = os.path.join(directory, "10.88.0.10")
        with open(path, "w", encoding="ascii", newline="") as file:
            file.write("machine\r\neth0")
        os.utime(path, (1_500_000_000, 1_500_000_000))
        earlier = inside("mount -t tmpfs tmpfs /sys && touch -d @1400000000 /sys")
        self.assert_pool_is_full(prefix=earlier)
        subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.node.add(self.config, self.newcomer, prefix=inside("mount -t tmpfs tmpfs /sys && touch -d @1600000000 /sys"))


@unittest.skipIf(SANITIZED, "looks at system calls")
class SharedFileSystem(GoneCase):
    # What fstatfs(2) says of the reservations' file system, as of a share (linux/magic.h); little endian, a word each.
    NFS, FUSE = "6969000000000000", "4655736500000000"

    @unittest.skipUnless(os.uname().machine == "x86_64", "the magic number is written as this machine has it")
    def test_what_another_host_may_have_reserved_is_not_of_an_earlier_boot(self):
        directory = os.path.join(self.node.networks, "br-net")
        os.makedirs(directory)
        path = os.path.join(directory, "10.88.0.10")
        with open(path, "w", encoding="ascii", newline="") as file:
            file.write("machine\r\neth0")
        os.utime(path, (86400, 86400))
        for magic in (self.NFS, self.FUSE):
            strace = ("strace", "-o", "/dev/null", "-P", directory, "-e", "trace=fstatfs", "-e", f"inject=fstatfs:poke_exit=@arg2={magic}")
            self.assert_pool_is_full(prefix=strace)
            subprocess.run(["rm", "-rf", self.node.state], check=True)
        self.node.add(self.config, self.newcomer)


if __name__ == "__main__":
    unittest.main()
