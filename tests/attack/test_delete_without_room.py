"""DEL where the file system of the records takes nothing more, or nothing at all."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from delete_case import DeleteCase, mappings, published
from fake_node import DUAL_BRIDGE, PluginError, bridge_config


class StateDirectoryTest(DeleteCase):
    """The file system of the records takes nothing more, or nothing at all."""

    def setUp(self):
        super().setUp()
        self.config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, isolation="network", antispoof=True)
        self.a = self.node.container("a")
        os.makedirs(self.node.state)
        # More than its records and no more than it has to be; within the test's own directory.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=1m,nr_inodes=64", "none", self.node.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.node.state], check=False)

    def attach(self, chain=False):
        result = self.operate("ADD", self.config | published(mappings(8000, 8009)), self.a)
        self.chained = []
        if chain:
            for name, keys in (("portmap", published(mappings(7000, 7009))), ("firewall", {}), ("tuning", {"sysctl": {"net.core.somaxconn": "99"}}),
                               ("bandwidth", {"ingressRate": 1000000, "ingressBurst": 1000000})):
                config = {"cniVersion": "1.0.0", "name": "br-net", "type": name, "prevResult": result} | keys
                self.operate("ADD", config, self.a, plugin=self.node.plugin(name))
                self.chained.insert(0, (name, config))
        self.assertGreater(self.elements_of(self.a), 10)

    def delete(self, **options):
        for name, config in self.chained:
            self.operate("DEL", config, self.a, plugin=self.node.plugin(name), **options)
        self.operate("DEL", self.config, self.a, **options)

    def fill(self):
        with contextlib.suppress(OSError), open(os.path.join(self.node.state, "fill"), "wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()

    def use_all_inodes(self):
        os.mkdir(os.path.join(self.node.state, "inodes"))
        with contextlib.suppress(OSError):
            for number in range(1000):
                with open(os.path.join(self.node.state, "inodes", str(number)), "wb"):
                    pass

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.node.state], check=True)

    def make_read_only(self):
        self.remount("ro")
        self.addCleanup(subprocess.run, ["mount", "-o", "remount,rw", self.node.state], check=False, stderr=subprocess.DEVNULL)

    def require_nothing_of_it(self):
        self.assertEqual(self.elements_of(self.a), 0)
        self.assertEqual(self.node.veths(), [])
        self.assertEqual(self.node.reservations("br-net"), [])

    def test_without_a_free_inode(self):
        for chain in (False, True):
            self.attach(chain)
            self.use_all_inodes()
            self.delete(netns="")
            self.require_gone(self.a)
            shutil.rmtree(os.path.join(self.node.state, "inodes"))

    def test_without_a_free_block(self):
        for chain in (False, True):
            self.attach(chain)
            self.fill()
            self.delete(netns="")
            self.require_gone(self.a)
            os.unlink(os.path.join(self.node.state, "fill"))

    def test_read_only(self):
        """All is gone but the record, which leads to nothing; DEL says so and is not told again and again to try."""
        for chain in (False, True):
            self.attach(chain)
            self.make_read_only()
            self.delete(netns="")
            self.require_nothing_of_it()
            self.delete(netns="")
            self.remount("rw")
            self.delete(netns="")
            self.require_gone(self.a)

    def test_a_record_that_could_not_go_is_in_nobodys_way(self):
        self.attach()
        self.make_read_only()
        process = self.node.start("DEL", self.config, self.a, "")
        _, said = patience.communicate(process)
        self.assertEqual(process.returncode, 0)
        self.assertIn("Read-only file system", said)
        self.remount("rw")
        self.node.add(self.config | published(mappings(8000, 8009)), self.node.container("b"))
        self.node.add(self.config, self.a)
        self.node.delete(self.config, self.a)

    def test_by_names_alone(self):
        for hinder in (self.use_all_inodes, self.fill, self.make_read_only):
            with self.subTest(hinder=hinder.__name__):
                self.attach()
                os.unlink(self.record(self.a))
                hinder()
                self.operate("DEL", self.config, self.a, netns="")
                self.require_nothing_of_it()
                self.remount("rw")
                shutil.rmtree(os.path.join(self.node.state, "inodes"), ignore_errors=True)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.node.state, "fill"))

    def test_what_a_killed_add_left(self):
        for hinder in (self.use_all_inodes, self.fill, self.make_read_only):
            with self.subTest(hinder=hinder.__name__):
                self.attach()
                os.rename(self.record(self.a), self.record("." + self.a))
                hinder()
                self.operate("DEL", self.config, self.a, netns="")
                self.require_nothing_of_it()
                self.remount("rw")
                self.operate("DEL", self.config, self.a, netns="")
                self.require_gone(self.a)
                shutil.rmtree(os.path.join(self.node.state, "inodes"), ignore_errors=True)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.node.state, "fill"))

    def test_gc_without_a_free_inode(self):
        for command in ("runtime", "hand"):
            self.attach(chain=True)
            self.use_all_inodes()
            if command == "runtime":
                for name, config in (*self.chained, ("patchcord", self.config)):
                    self.operate("GC", config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": []}, "", netns="", plugin=self.node.plugin(name))
            else:
                self.node.remove_container(self.a)
                patience.until(lambda: not self.node.veths())
                self.tool("gc")
            self.require_gone(self.a)
            shutil.rmtree(os.path.join(self.node.state, "inodes"))

    def test_each_call_on_a_file_refused(self):
        """As often as there are such calls; DEL comes to its end, or says what it could not do and the next one does it."""
        for call, error in (("renameat2", "ENOSPC"), ("renameat2", "ENOMEM"), ("renameat2", "EROFS"), ("renameat2", "EIO"), ("renameat2", "EPERM"),
                            ("unlink", "EROFS"), ("unlink", "EIO"), ("rmdir", "ENOMEM")):
            with self.subTest(call=call, error=error):
                self.attach()
                self.operate("DEL", self.config, self.a, netns="", prefix=(
                    "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"))
                self.require_nothing_of_it()
                self.operate("DEL", self.config, self.a, netns="")
                self.require_gone(self.a)

    def test_a_record_that_cannot_be_read_just_now_is_one(self):
        """By names alone a DEL would not find all: whichever of its calls on files is refused, it has left nothing, or says that it failed."""
        firewall = {"cniVersion": "1.0.0", "name": "br-net", "type": "firewall", "ingressPolicy": "same-bridge"}
        plugin = self.node.plugin("firewall")
        result = self.operate("ADD", bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True), self.a)
        failed = 0
        for call, when in itertools.product(("read", "openat", "newfstatat"), range(1, 9)):
            self.operate("ADD", firewall | {"prevResult": result}, self.a, plugin=plugin)
            self.assertGreater(self.elements_of(self.a), 0)
            prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={when}")
            try:
                self.operate("DEL", firewall, self.a, netns="", plugin=plugin, prefix=prefix)
                self.assertEqual(self.elements_of(self.a), 0, (call, when))
            except PluginError:
                failed += 1
            self.operate("DEL", firewall, self.a, netns="", plugin=plugin)
            self.assertEqual(self.elements_of(self.a), 0, (call, when))
        self.assertGreater(failed, 3)

    def test_a_file_system_that_does_not_know_this_kind_of_rename(self):
        self.attach()
        self.operate("DEL", self.config, self.a, netns="", prefix=(
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EINVAL"))
        self.require_gone(self.a)


if __name__ == "__main__":
    unittest.main()
