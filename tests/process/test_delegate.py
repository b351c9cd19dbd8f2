"""IPAM by another binary: Debian's `static` under another name, and fakes that misbehave."""

import json
import os
import unittest

import patience
from fake_node import REFERENCE_DIR, SANITIZED, Node, PluginError, bridge_config, routed_config

ADDRESS = '{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.9/24","gateway":"10.88.0.1"}]}'


class DelegateTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.plugins = os.path.join(self.node.directory, "fakes")
        os.mkdir(self.plugins)
        self.log = os.path.join(self.node.directory, "log")

    def fake(self, script):
        path = os.path.join(self.plugins, "fake")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho $CNI_COMMAND >>{self.log}\n{script}\n")
        os.chmod(path, 0o755)

    def commands(self):
        with open(self.log, encoding="ascii") as file:
            return file.read().split()

    def config(self, **ipam):
        config = bridge_config(self.node, isGateway=True)
        config["ipam"] = {"type": "fake", **ipam}
        return config

    def call(self, command, config, container, **options):
        return self.node.call(command, config, container, CNI_PATH=f"/nowhere:{self.plugins}:{REFERENCE_DIR}", **options)

    def test_the_reference_static_serves_both_modes(self):
        # Under its own name it would be served by ourselves.
        os.symlink(os.path.join(REFERENCE_DIR, "static"), os.path.join(self.plugins, "their-static"))
        static = {"type": "their-static", "addresses": [{"address": "10.88.0.9/24"}], "routes": [{"dst": "0.0.0.0/0"}]}
        for number, config in enumerate((bridge_config(self.node, isGateway=True), routed_config(self.node))):
            config["ipam"] = static
            a = self.node.container(f"a{number}")
            result = self.call("ADD", config, a)
            self.assertTrue(result["ips"][0]["address"].startswith("10.88.0.9/"))
            self.call("CHECK", {**config, "prevResult": result}, a)
            self.call("DEL", config, a)
            self.assertEqual(self.node.veths(), [])

    def test_it_gets_stdin_byte_for_byte_and_its_own_command(self):
        copy = os.path.join(self.node.directory, "stdin")
        self.fake(f"cat >{copy}; echo '{ADDRESS}'")
        text = '{"cniVersion":"1.0.0", "name":"n",  "type":"patchcord","mode":"bridge","bridge":"pcbr0","ipam":{"type":"fake"}}\n'
        a = self.node.container("a")
        self.call("ADD", text, a)
        with open(copy, encoding="ascii") as file:
            self.assertEqual(file.read(), text)
        self.call("DEL", text, a)
        self.assertEqual(self.commands(), ["ADD", "DEL"])

    def test_a_failing_add_is_followed_by_a_del_and_leaves_nothing(self):
        a = self.node.container("a")
        scripts = {
            "garbage": ("cat >/dev/null; [ $CNI_COMMAND = DEL ] || echo garbage", 104),
            "nothing": ("cat >/dev/null", 104),
            "no address": ("cat >/dev/null; echo '{\"cniVersion\":\"1.0.0\",\"ips\":[]}'", 104),
            "huge": ("cat >/dev/null; [ $CNI_COMMAND = DEL ] || head -c 3000000 /dev/zero | tr '\\0' x", 104),
            "fails without a word": ("cat >/dev/null; [ $CNI_COMMAND = DEL ] || exit 3", 104),
            "fails with a document": ("cat >/dev/null; [ $CNI_COMMAND = DEL ] && exit 0; "
                                      "echo '{\"code\":117,\"msg\":\"pool on fire\",\"details\":\"d\"}'; exit 1", 117),
            "kills itself": ("cat >/dev/null; [ $CNI_COMMAND = DEL ] || kill -9 $$", 104),
            "does not read": ("[ $CNI_COMMAND = DEL ] || exit 4", 104),
        }
        before = self.node.snapshot(a)
        for title, (script, code) in scripts.items():
            with self.subTest(title):
                self.fake(script)
                if os.path.exists(self.log):
                    os.unlink(self.log)
                with self.assertRaises(PluginError) as caught:
                    self.call("ADD", self.config(), a)
                self.assertEqual(caught.exception.code, code, caught.exception.msg)
                self.assertIn("fake", caught.exception.msg)
                self.assertEqual(self.commands(), ["ADD", "DEL"])
                self.assertEqual(self.node.snapshot(a), before)

    def measured(self, command, config, container):
        """(exit status, stdout, peak memory in KiB) of one operation, which ends soon; a helper process's memory does not count."""
        process = self.node.start(command, config, container, self.node.path_of(container), CNI_PATH=self.plugins)
        ended = patience.until(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), tries=20)
        self.assertTrue(ended, "it is still at it")
        with process.stdout as stdout, process.stderr as stderr:
            text = stdout.read()
            stderr.read()
        # With this one call, because usage is told only to who reaps the process.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, text, usage.ru_maxrss

    def test_whatever_it_does_there_is_one_error_in_bounded_time_and_memory_and_nothing_is_left(self):
        endless = "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"
        scripts = {
            "endless output": f"cat >/dev/null; [ $CNI_COMMAND = DEL ] || {endless}",
            "output without a newline": "[ $CNI_COMMAND = DEL ] || cat /dev/zero",
            "hangs": "[ $CNI_COMMAND = DEL ] || exec sleep 1000",
            "hangs without reading, its stdout closed": "[ $CNI_COMMAND = DEL ] || exec sleep 1000 >&-",
            "hangs in a child": "[ $CNI_COMMAND = DEL ] || { sleep 1000 & wait; }",
            "hangs in DEL as well": "exec sleep 1000",
            "ignores what may be ignored": "trap '' TERM INT HUP; [ $CNI_COMMAND = DEL ] || while :; do sleep 0.1; done",
            "non-zero without text": "cat >/dev/null; [ $CNI_COMMAND = DEL ] || exit 7",
            "deeply nested": "cat >/dev/null; [ $CNI_COMMAND = DEL ] || head -c 200000 /dev/zero | tr '\\0' '['",
            "a number for an object": "cat >/dev/null; [ $CNI_COMMAND = DEL ] || echo 7",
            "no UTF-8": "cat >/dev/null; [ $CNI_COMMAND = DEL ] || printf '{\"ips\":\"\\377\"}'",
        }
        a = self.node.container("a")
        before = self.node.snapshot(a)
        for title, script in scripts.items():
            with self.subTest(title):
                self.fake(script)
                status, text, memory = self.measured("ADD", self.config(timeout=2), a)
                self.assertNotEqual(status, 0)
                self.assertIn("fake", json.loads(text)["msg"])
                if not SANITIZED:
                    self.assertLess(memory, 64 * 1024)
                after = self.node.snapshot(a)
                if title == "hangs in DEL as well":  # nobody knows whether it has freed the addresses: a DEL can try again
                    self.fake("cat >/dev/null")
                    self.call("DEL", self.config(), a)
                    after = self.node.snapshot(a)
                self.assertEqual(after, before)

    def test_a_slow_one_is_waited_for(self):
        self.fake(f"cat >/dev/null; sleep 2; [ $CNI_COMMAND = ADD ] && echo '{ADDRESS}'; exit 0")
        a = self.node.container("a")
        self.assertEqual(self.call("ADD", self.config(timeout=20), a)["ips"][0]["address"], "10.88.0.9/24")
        self.call("DEL", self.config(timeout=20), a)
        self.assertEqual(self.node.veths(), [])

    def test_a_hanging_one_is_stopped(self):
        self.fake("cat >/dev/null; [ $CNI_COMMAND = DEL ] || exec sleep 1000")
        with self.assertRaises(PluginError) as caught:
            self.call("ADD", self.config(timeout=1), self.node.container("a"), tries=10)
        self.assertIn("fake", caught.exception.msg)
        self.assertEqual(self.node.veths(), [])

    def test_del_frees_through_it_even_if_the_configuration_names_it_no_more(self):
        self.fake(f"cat >/dev/null; [ $CNI_COMMAND = ADD ] && echo '{ADDRESS}'; exit 0")
        a = self.node.container("a")
        self.call("ADD", self.config(), a)
        self.call("DEL", {"cniVersion": "1.0.0", "name": "br-net"}, a, netns="")
        self.assertEqual(self.commands(), ["ADD", "DEL"])
        self.assertEqual(self.node.veths(), [])

    def test_a_del_that_it_refuses_is_reported_after_the_rest_is_done_and_can_be_repeated(self):
        self.fake(f"cat >/dev/null; [ $CNI_COMMAND = ADD ] && echo '{ADDRESS}' && exit 0; echo '{{\"code\":117,\"msg\":\"later\"}}'; exit 1")
        a = self.node.container("a")
        self.call("ADD", self.config(), a)
        with self.assertRaises(PluginError) as caught:
            self.call("DEL", self.config(), a)
        self.assertEqual(caught.exception.code, 117)
        self.assertEqual(self.node.veths(), [])
        self.fake("cat >/dev/null; exit 0")
        self.call("DEL", self.config(), a)
        self.assertFalse(os.path.exists(os.path.join(self.node.state, "attachments", "br-net")))


if __name__ == "__main__":
    unittest.main()
