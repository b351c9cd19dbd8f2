"""STATUS: whether an ADD would find what it needs, said before a container has to fail for it."""

import fcntl
import json
import os
import subprocess
import unittest

from fake_node import WITHOUT_NETFILTER, Node, PluginError, bridge_config, routed_config
from patience import TRIES, communicate, processor_time


PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}


class StatusCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, isGateway=True) | {"cniVersion": "1.1.0"}

    def status(self, config, **options):
        """As libcni calls it. It changes nothing, whatever it says."""
        before = self.node.snapshot()
        try:
            self.assertIsNone(self.node.call("STATUS", config, "", netns="", **{"ifname": "", **options}))
        finally:
            self.assertEqual(self.node.snapshot(), before)

    def not_ready(self, words, config, code=50, **options):
        with self.assertRaises(PluginError) as caught:
            self.status(config, **options)
        self.assertEqual(caught.exception.code, code, caught.exception.msg)
        for word in words:
            self.assertIn(word, caught.exception.msg)


    def warned(self, words, config, tries=TRIES, **options):
        """It is ready, and has something to say on stderr."""
        process = self.node.start("STATUS", config, "", "", **{"ifname": "", **options})
        stdout, stderr = communicate(process, tries=tries)
        self.assertEqual((process.returncode, stdout), (0, ""))
        for word in words:
            self.assertIn(word, stderr)
        return stderr


class StatusTest(StatusCase):
    def host_local(self, *ranges):
        return {"type": "host-local", "dataDir": self.node.networks, "ranges": [[r] for r in ranges]}

    def test_a_fresh_node_is_ready_and_stays_as_it_is(self):
        for config in (self.config, routed_config(self.node) | {"cniVersion": "1.1.0"}, self.config | {"ipam": {}}):
            self.status(config)
        for name in ("host-local", "static", "loopback"):
            self.status(self.config | {"ipam": {**self.config["ipam"], "type": name}}, plugin=self.node.plugin(name))
        self.assertFalse(os.path.exists(self.node.state))
        self.assertFalse(os.path.exists(self.node.networks))

    def test_a_node_in_use_is_ready(self):
        self.node.add(self.config, self.node.container("a"))
        self.status(self.config)
        self.status(self.config, plugin=self.node.plugin("host-local"))

    def test_an_exhausted_pool_is_a_warning_with_its_size(self):
        config = self.config | {"ipam": self.host_local({"subnet": "10.88.0.0/29"}, {"subnet": "fd00:88::/64"})}
        containers = [self.node.container(f"c{number}") for number in range(5)]
        for container in containers:
            self.status(config)
            self.node.add(config, container)
        for options in ({}, {"plugin": self.node.plugin("host-local")}):
            self.warned(["10.88.0.1-10.88.0.6", "all 5", "patchcord gc --dry-run"], config, **options)
        self.node.delete(config, containers[2])
        self.assertEqual(self.warned([], config), "")

    def test_a_second_range_of_the_set_counts(self):
        ipam = {"type": "host-local", "dataDir": self.node.networks,
                "ranges": [[{"subnet": "10.88.0.0/30"}, {"subnet": "10.88.4.0/30", "gateway": "10.88.4.2"}]]}
        config = self.config | {"ipam": ipam}
        self.node.add(config, self.node.container("a"))
        self.status(config)
        self.node.add(config | {"bridge": "pcbr1", "isGateway": False}, self.node.container("b"))
        self.warned(["all 2"], config)

    def test_addresses_freed_behind_our_back_are_noticed(self):
        config = self.config | {"ipam": self.host_local({"subnet": "10.88.0.0/30"})}
        self.node.add(config, self.node.container("a"))
        self.warned(["10.88.0.1-10.88.0.2"], config)
        os.unlink(os.path.join(self.node.networks, "br-net", "10.88.0.2"))
        self.assertEqual(self.warned([], config), "")

    def test_a_large_and_full_pool_is_answered_fast(self):
        config = self.config | {"ipam": self.host_local({"subnet": "10.64.0.0/16", "rangeStart": "10.64.0.2", "rangeEnd": "10.64.80.1"})}
        directory = os.path.join(self.node.networks, "br-net")
        os.makedirs(directory)

        def fill():
            for number in range(2, 80 * 256 + 2):
                with open(os.path.join(directory, f"10.64.{number // 256}.{number % 256}"), "w", encoding="ascii", newline="") as file:
                    file.write(f"c{number}\r\neth0")

        _, filling = processor_time(fill)
        _, answering = processor_time(lambda: self.warned(["all 20480"], config))
        self.assertLess(answering, filling)

    def test_directories_that_cannot_be_written_are_named(self):
        blocker = os.path.join(self.node.directory, "file")
        with open(blocker, "w", encoding="ascii"):
            pass
        self.not_ready([blocker], self.config, PATCHCORD_STATE_DIR=blocker)
        elsewhere = self.config | {"ipam": {**self.config["ipam"], "dataDir": os.path.join(blocker, "networks")}}
        self.not_ready([blocker], elsewhere)
        self.not_ready([blocker], elsewhere, plugin=self.node.plugin("host-local"))

    def test_a_file_system_that_is_full_or_read_only_is_noticed(self):
        mount = os.path.join(self.node.directory, "mount")
        os.mkdir(mount)
        config = self.config | {"ipam": {**self.config["ipam"], "dataDir": os.path.join(mount, "networks")}}
        script = f"mount -t tmpfs -o size=16k,{{}} none {mount} && {{}} exec \"$0\""
        for options, fill, words in (("ro", "", "Read-only"), ("rw", f"{{ head -c 100000 /dev/zero >{mount}/x 2>/dev/null || true; }};", "No space")):
            prefix = ("unshare", "-m", "sh", "-c", script.format(options, fill))
            process = self.node.start("STATUS", config, "", "", ifname="", prefix=prefix)
            with self.assertRaises(PluginError) as caught:
                self.node.finish(process)
            self.assertEqual(caught.exception.code, 50)
            self.assertIn(words, caught.exception.msg)
            self.assertIn(mount, caught.exception.msg)

    def test_a_lock_that_somebody_keeps_is_not_waited_for_long(self):
        self.node.add(self.config, self.node.container("a"))
        with open(os.path.join(self.node.networks, "br-net", "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.not_ready(["lock"], self.config, tries=15)

    def test_all_problems_come_in_one_error(self):
        elsewhere = {**self.config["ipam"], "dataDir": "/dev/full/networks"}
        self.not_ready(["/dev/full", "/dev/null"], self.config | {"ipam": elsewhere}, PATCHCORD_STATE_DIR="/dev/null")

    def test_a_warning_is_in_the_log_and_counted(self):
        log, metrics = (os.path.join(self.node.directory, name) for name in ("log", "patchcord.prom"))
        config = self.config | {"ipam": self.host_local({"subnet": "10.88.0.0/30"}), "log": log, "metrics": metrics}
        self.warned([], config)
        self.node.add(config, self.node.container("a"))
        self.warned(["all 1"], config)
        with open(log, encoding="utf-8") as stream:
            first, _, last = [json.loads(line) for line in stream]
        self.assertNotIn("notes", first)
        self.assertEqual((last["command"], last["code"], len(last["notes"])), ("STATUS", 0, 1))
        self.assertIn("all 1", last["notes"][0])
        with open(metrics, encoding="utf-8") as stream:
            self.assertIn('\npatchcord_operation_warnings_total{command="STATUS"} 1\n', stream.read())

    def test_a_configuration_that_is_wrong_is_told_as_such(self):
        self.not_ready(["mode"], self.config | {"mode": "x"}, code=7)
        self.not_ready(["subnet"], self.config | {"ipam": {"type": "host-local", "subnet": "x"}}, code=7, plugin=self.node.plugin("host-local"))
        self.not_ready(["address"], self.config | {"ipam": {"type": "static", "addresses": [{}]}}, code=7, plugin=self.node.plugin("static"))

    def test_fixed_addresses_that_are_missing_are_noticed(self):
        self.not_ready(["ipam.addresses"], self.config | {"ipam": {"type": "static"}})
        # As a plugin of its own it cannot know whether the runtime will give some.
        self.status(self.config | {"ipam": {"type": "static"}}, plugin=self.node.plugin("static"))

    def test_a_bridge_without_a_free_port_is_a_warning(self):
        self.node.on_host("ip", "link", "add", "pcbr0", "type", "bridge")
        lines = "".join(f"link add p{n} master pcbr0 type veth peer name q{n}\n" for n in range(1022))
        subprocess.run(["ip", "-n", self.node.host, "-batch", "-"], input=lines, text=True, check=True)
        self.assertEqual(self.warned([], self.config), "")
        self.node.on_host("ip", "link", "add", "last", "master", "pcbr0", "type", "veth", "peer", "name", "other")
        self.warned(["pcbr0 has 1023 of the 1023 ports"], self.config)

    def test_netlink_that_is_refused_is_noticed(self):
        for options in ({}, {"plugin": self.node.plugin("loopback")}):
            prefix = ("strace", "-o", "/dev/null", "-e", "trace=socket", "-e", "inject=socket:error=EAFNOSUPPORT")
            self.not_ready(["netlink"], self.config, prefix=prefix, **options)

    def test_nftables_that_is_missing_is_told_where_the_configuration_needs_it(self):
        reason = "nftables is needed for {}: use nftables: Operation not supported (this kernel has no nf_tables, neither built in nor as a module)"
        chained = {"cniVersion": "1.1.0", "name": "br-net"}
        routed = routed_config(self.node) | {"cniVersion": "1.1.0"}
        cases = ((self.config | {"ipMasq": True}, "patchcord", "masquerade"),
                 (routed | {"ipMasq": "ipv6", "isolation": "pod", "antispoof": True}, "patchcord", "masquerade, isolation, anti-spoofing"),
                 (self.config | {"runtimeConfig": PORTS}, "patchcord", "host ports"),
                 (self.config | {"type": "bridge", "ipMasq": True, "macspoofchk": True}, "bridge", "masquerade, anti-spoofing"),
                 (routed | {"type": "ptp", "ipMasq": True}, "ptp", "masquerade"),
                 (chained | {"type": "portmap", "runtimeConfig": PORTS}, "portmap", "host ports"),
                 (chained | {"type": "firewall"}, "firewall", "firewall"))
        for config, name, rules in cases:
            with self.subTest(name=name, rules=rules):
                self.status(config, plugin=self.node.plugin(name))
                with self.assertRaises(PluginError) as caught:
                    self.status(config, plugin=self.node.plugin(name), prefix=WITHOUT_NETFILTER)
                self.assertEqual((caught.exception.code, caught.exception.msg), (50, reason.format(rules)))

    def test_nftables_that_only_containers_with_host_ports_need_is_a_warning(self):
        chained = {"cniVersion": "1.1.0", "name": "br-net", "type": "portmap"}
        for config, name in ((self.config, "patchcord"), (chained, "portmap")):
            config = config | {"capabilities": {"portMappings": True}}
            with self.subTest(name=name):
                self.assertEqual(self.warned([], config, plugin=self.node.plugin(name)), "")
                self.warned(["host ports", "nf_tables"], config, plugin=self.node.plugin(name), prefix=WITHOUT_NETFILTER)

    def test_a_configuration_without_rules_is_ready_on_a_kernel_without_nftables(self):
        chained = {"cniVersion": "1.1.0", "name": "br-net"}
        for config, name in ((self.config | {"capabilities": {"portMappings": False}}, "patchcord"), (chained | {"type": "tuning"}, "tuning"),
                             (chained | {"type": "bandwidth"}, "bandwidth")):
            self.status(config, plugin=self.node.plugin(name), prefix=WITHOUT_NETFILTER)

    def test_nftables_that_may_not_be_used_is_told_with_the_kernels_words(self):
        prefix = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
        self.not_ready(["nftables is needed for masquerade", "Operation not permitted"], self.config | {"ipMasq": True}, prefix=prefix)


class DelegateStatusTest(StatusCase):
    def fake(self, script):
        fakes = os.path.join(self.node.directory, "fakes")
        os.makedirs(fakes, exist_ok=True)
        path = os.path.join(fakes, "fake")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND = STATUS ] || exit 9\n{script}\n")
        os.chmod(path, 0o755)
        return {"CNI_PATH": fakes}

    def test_a_delegate_speaks_for_itself(self):
        config = self.config | {"ipam": {"type": "fake"}}
        self.status(config, **self.fake("exit 0"))
        refuse = "echo '{\"code\":%d,\"msg\":\"pool on fire\"}'; exit 1"
        for code, expected in ((50, 50), (51, 51), (117, 50)):
            self.not_ready(["fake", "pool on fire"], config, code=expected, **self.fake(refuse % code))

    def test_one_that_is_missing_or_hangs_is_noticed(self):
        config = self.config | {"ipam": {"type": "fake"}}
        self.not_ready(["fake", "/nowhere"], config, CNI_PATH="/nowhere")
        self.not_ready(["fake"], config, tries=15, **self.fake("exec sleep 1000"))


if __name__ == "__main__":
    unittest.main()
