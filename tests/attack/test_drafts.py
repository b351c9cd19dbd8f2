"""Between draft and record: an ADD that has answered 0 is attached, and what is at work on an attachment is let alone."""

import glob
import json
import os
import signal
import subprocess
import unittest

from gone_case import GoneCase
from fake_node import PLUGIN, SANITIZED, PluginError


@unittest.skipIf(SANITIZED, "looks at system calls")
class Drafts(GoneCase):
    def test_an_add_whose_record_cannot_be_published_is_undone_or_attached(self):
        """However it is published: each call that gives a file its name, refused."""
        for call in ("rename", "renameat", "renameat2", "link", "linkat"):
            strace = ("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO")
            with self.subTest(call=call):
                try:
                    self.node.add(self.config, self.living, prefix=strace)
                except PluginError:
                    self.assertEqual(self.node.reservations("br-net"), [])
                    self.assertEqual(self.node.veths(), [])
                    continue
                self.assertTrue(os.path.exists(os.path.join(self.node.state, "attachments", "br-net", f"{self.living}:eth0")))
                self.assert_nothing_is_dead()
                self.assert_pool_is_full()
                self.node.delete(self.config, self.living)

    def test_an_add_whose_draft_cannot_be_removed_is_attached(self):
        for call in ("unlink", "unlinkat"):
            strace = ("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO")
            with self.subTest(call=call):
                self.node.add(self.config, self.living, prefix=strace)
                self.assert_nothing_is_dead()
                self.assert_pool_is_full()
                self.node.delete(self.config, self.living)
                self.assertEqual(self.node.reservations("br-net"), [])

    def at_work(self, config, container):
        """An ADD that has made all of it and cannot hand over its result, because nobody reads what is in the pipe already."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b" " * 4096)
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
        process = subprocess.Popen(["nsenter", f"--net={self.node.path_of(self.node.host)}", PLUGIN], stdin=subprocess.PIPE, stdout=writer,
                                   text=True, env=self.node.environment("ADD", container, self.node.path_of(container)))
        os.close(writer)
        process.stdin.write(json.dumps(config))
        process.stdin.close()
        tries = 2000
        while tries and not any(each.get("ifalias", "").endswith(f"/{container}/eth0")
                                for each in self.node.ip_json(self.node.host, "link", "show", "type", "veth")):
            tries -= 1
        return process, reader

    def end(self, process, reader):
        while process.poll() is None:
            os.read(reader, 65536)
        return process.returncode

    def test_gc_of_many_leaves_the_end_of_an_add_that_is_at_work(self):
        """Many ends are deleted together, without a lock for each."""
        others = [self.node.container(f"other{number}") for number in range(4)]
        for container in others:
            self.node.add(self.wide, container)
        process, reader = self.at_work(self.wide, self.living)
        self.node.call("GC", self.wide | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": []}, "", netns="", ifname="")
        self.assertEqual(self.end(process, reader), 0)
        self.assertEqual(self.node.veths(), [self.host_end_of(self.living)])
        self.assertTrue(self.node.reaches(self.living, "10.88.0.1"))

    def stopped_at_the_lock(self, config, container):
        """An ADD that has opened its draft and not yet tried to lock it."""
        process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=(
            "strace", "-o", "/dev/null", "-P", f".{container}:eth0", "-e", "trace=openat", "-e", "inject=openat:signal=SIGSTOP:when=1"))
        for _ in range(100_000):
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
                children = file.read().split()
            # With the stop that awaits it, it comes no further than out of that call.
            if children and f"/.{container}:eth0" in "".join(self.open_files(children[0])):
                return process, int(children[0])
        raise AssertionError("it does not stop")

    @staticmethod
    def open_files(pid):
        try:
            return [os.readlink(path) for path in glob.glob(f"/proc/{pid}/fd/*")]
        except FileNotFoundError:
            return []  # strace begins with a child that ends at once

    def test_a_lock_on_a_draft_that_became_a_record_meanwhile_is_none(self):
        first, reader = self.at_work(self.wide, self.living)
        second, pid = self.stopped_at_the_lock(self.wide, self.living)
        self.assertEqual(self.end(first, reader), 0)
        before = self.node.snapshot(self.living)
        os.kill(pid, signal.SIGCONT)
        self.refused(11, self.node.finish, second)
        self.assertEqual(self.node.snapshot(self.living), before)


if __name__ == "__main__":
    unittest.main()
