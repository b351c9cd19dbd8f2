"""Each step of ADD refused in turn: the error is one clean document and everything is as it was, to the byte.

The faults are injected from outside (strace's inject), so that the plugin under test is the one that is shipped. `when=N` counts the
calls of one kind, so going through N goes through every step; the run is over when an ADD gets through unharmed.
"""

import json
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, PluginError, ShippedBinaryCase, bridge_config, routed_config
from patience import communicate

# Each kind of system call that has an effect, with an error that it can give.
FAULTS = (("sendmsg", "ENOBUFS"), ("openat", "EMFILE"), ("write", "ENOSPC"), ("linkat", "ENOSPC"), ("rename", "EIO"),
          ("symlinkat", "ENOSPC"), ("flock", "ENOLCK"), ("utimensat", "EPERM"), ("socket", "EMFILE"),
          ("recvmsg", "ENOMEM"), ("getrandom", "EINTR"))
MOST_CALLS = 200


class FaultTest(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def add_with_fault(self, config, container, call, error, number):
        prefix = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}")
        self.finish(self.node.start("ADD", config, container, self.node.path_of(container), prefix=prefix))

    def finish(self, process):
        """As Node.finish, but a document that could not be written because that very write was refused counts as an error, too."""
        stdout, stderr = communicate(process)
        if process.returncode != 0 and not stdout:
            raise PluginError({"code": 101, "msg": stderr}, stderr)
        if process.returncode != 0:
            raise PluginError(json.loads(stdout), stderr)

    def go_through(self, config, container, faults=FAULTS):
        refused = 0
        for call, error in faults:
            before = self.node.snapshot(container)
            for number in range(1, MOST_CALLS):
                where = f"{config['mode']}: {call} number {number} refused with {error}"
                try:
                    self.add_with_fault(config, container, call, error, number)
                except PluginError as failure:
                    refused += 1
                    self.assertIn("code", failure.document, where)
                    self.assertGreater(len(failure.msg), 10, where)
                    self.assertNotIn(failure.code, (0, 999), f"{where}: {failure.msg}")
                    self.assertEqual(self.node.snapshot(container), before, f"{where}: {failure.msg}")
                    continue
                # It got through: either the fault is one that ADD lives with, or there was no such call any more.
                self.node.delete(config, container)
                if not self.has_call(config, container, call, number):
                    break
                before = self.node.snapshot(container)
            else:
                self.fail(f"no end of {call}")
        return refused

    def has_call(self, config, container, call, number):
        """Whether an ADD makes that call so often: killed there, it does not end by itself."""
        prefix = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
        process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=prefix)
        communicate(process)
        self.node.delete(config, container)
        return process.returncode != 0

    def test_bridge(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)
        self.node.add(config, self.node.container("first"))
        container = self.node.container("a")
        self.node.add(config, container)
        self.node.delete(config, container)
        self.assertGreater(self.go_through(config, container), 30)

    def test_bridge_with_rules(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, isolation="network", antispoof=True)
        self.node.add(config, self.node.container("first"))
        container = self.node.container("a")
        self.node.add(config, container)
        self.node.delete(config, container)
        self.assertGreater(self.go_through(config, container, FAULTS[:1] + FAULTS[8:10]), 30)

    def test_rules_that_the_kernel_refuses(self):
        """In each place that something else has taken: no retry helps, the error names the object, and nothing is left."""
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, ipMasq=True, isolation="network", antispoof=True)
        self.node.add(config, self.node.container("first"))
        container = self.node.container("a")
        self.node.add(config, container)
        self.node.delete(config, container)
        obstacles = (("inet patchcord", "add set inet patchcord isolated4 { type ipv4_addr; }"),
                     ("inet patchcord isolation", "add chain inet patchcord isolation { type filter hook input priority 0; }"),
                     ("bridge patchcord", "add map bridge patchcord macs { type ifname : mark; }"))
        for words, obstacle in obstacles:
            self.node.on_host("nft", "flush", "ruleset")
            self.node.on_host("nft", f"add table {' '.join(words.split()[:2])}; {obstacle}")
            before = self.node.snapshot(container)
            with self.assertRaises(PluginError) as caught:
                self.node.add(config, container)
            self.assertEqual(caught.exception.code, 100, caught.exception)
            self.assertIn(words, caught.exception.msg)
            self.assertEqual(self.node.snapshot(container), before)

    def test_routed(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED)
        container = self.node.container("a")
        self.node.add(config, container)
        self.node.delete(config, container)
        self.assertGreater(self.go_through(config, container), 30)

    def test_a_namespace_that_cannot_be_entered_or_left(self):
        """Not entering is an error as any other. Not coming back ends the process at once, and names are enough to clean up."""
        for config in (bridge_config(self.node), routed_config(self.node)):
            container = self.node.container("a" + config["name"])
            self.node.add(config, container)
            self.node.delete(config, container)
            before = self.node.snapshot(container)
            for number in range(1, MOST_CALLS):
                prefix = ("strace", "-f", "-o", "/dev/null", "-e", "trace=setns", "-e", f"inject=setns:error=EPERM:when={number}")
                process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=prefix)
                stdout, _ = communicate(process)
                if process.returncode == 0:
                    break
                self.assertEqual(bool(stdout), number % 2 == 1, number)
                if not stdout:
                    self.node.delete({"cniVersion": "1.0.0", "name": config["name"]}, container, netns="")
                after = self.node.snapshot(container)
                # Where the search for an address goes on is not put back by a DEL.
                for snapshot in (before, after):
                    snapshot["files"] = [file for file in snapshot["files"] if "last_reserved" not in file[0]]
                self.assertEqual(after, before, number)
            self.assertGreater(number, 3)
            self.node.delete(config, container)

    def test_the_first_add_on_a_node_takes_its_bridge_and_settings_away_again(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, promiscMode=True)
        container = self.node.container("a")
        # The directories and the allocator's place in its round, which outlive any container, are there.
        self.node.add({**config, "bridge": "other0"}, container)
        self.node.delete(config, container)
        self.node.on_host("ip", "link", "del", "other0")
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        before = self.node.snapshot(container)
        for number in range(1, MOST_CALLS):
            try:
                self.add_with_fault(config, container, "sendmsg", "ENOBUFS", number)
            except PluginError as failure:
                self.assertEqual(self.node.snapshot(container), before, f"sendmsg {number}: {failure.msg}")
                self.assertEqual(self.node.on_host("sysctl", "-n", "net.ipv4.ip_forward").strip(), "0")
                continue
            break
        self.assertGreater(number, 10)


if __name__ == "__main__":
    unittest.main()
