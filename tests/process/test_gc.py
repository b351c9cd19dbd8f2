"""GC: what runtimes have lost sight of, for type patchcord and for host-local as a plugin of its own."""

import fcntl
import json
import os
import shutil
import unittest

from fake_node import Node, PluginError, bridge_config, files_below, routed_config
from patience import communicate

VALID = "cni.dev/valid-attachments"


def listed(*containers, ifname="eth0"):
    return [{"containerID": container, "ifname": ifname} for container in containers]


class GcTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.config = bridge_config(self.node, isGateway=True) | {"cniVersion": "1.1.0"}

    def collect(self, config, **options):
        """As libcni calls it, which sets these variables, but to nothing. Returns what was said on stderr."""
        process = self.node.start("GC", config, "", "", **{"ifname": "", **options})
        stdout, stderr = communicate(process)
        if process.returncode != 0:
            raise PluginError(json.loads(stdout), stderr)
        self.assertEqual(stdout, "")
        return stderr

    def attach(self, config, *names, **options):
        for name in names:
            self.node.add(config, self.node.container(name), **options)
        return [namespace for namespace in self.node.namespaces if namespace != self.node.host]

    def records(self, network):
        directory = os.path.join(self.node.state, "attachments", network)
        return sorted(os.listdir(directory)) if os.path.isdir(directory) else []

    def record_of(self, network, container):
        return os.path.join(self.node.state, "attachments", network, f"{container}:eth0")

    def host_end(self, container):
        return [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth")
                if f"/{container}/" in link.get("ifalias", "")][0]


class CollectTest(GcTest):
    def test_of_200_attachments_on_three_networks_exactly_the_valid_ones_stay(self):
        configs = [self.config, routed_config(self.node) | {"cniVersion": "1.1.0"},
                   bridge_config(self.node, name="other", bridge="pcbr1", subnets=("10.90.0.0/24",)) | {"cniVersion": "1.1.0"}]
        containers = [(configs[0], [f"a{n}" for n in range(176)]), (configs[1], [f"b{n}" for n in range(12)]),
                      (configs[2], [f"c{n}" for n in range(12)])]
        shared = self.node.container("shared")  # one namespace with many interfaces, which is faster to make than many
        interfaces = {}
        for each, ids in containers:
            for number, container in enumerate(ids):
                interfaces[container] = f"e{container}"
                self.node.add(each, container, netns=self.node.path_of(shared), ifname=interfaces[container])
        alive, stale = containers[0][1][:26], containers[0][1][26:]
        for number, container in enumerate(stale):
            record = os.path.join(self.node.state, "attachments", "br-net", f"{container}:{interfaces[container]}")
            way = number % 5
            if way in (1, 3):
                os.unlink(record)
            if way in (2, 3):
                self.node.run_in(shared, "ip", "link", "del", interfaces[container])
            if way == 4:
                os.rename(record, os.path.join(os.path.dirname(record), f".{container}:{interfaces[container]}"))
        self.assertEqual(len(stale), 150)
        self.collect(self.config | {VALID: [{"containerID": c, "ifname": interfaces[c]} for c in alive]})
        self.assertEqual(self.records("br-net"), sorted(f"{c}:{interfaces[c]}" for c in alive))
        self.assertEqual(len(self.node.reservations("br-net")), 26)
        self.assertEqual([len(self.records("rt-net")), len(self.node.reservations("rt-net"))], [12, 12])
        self.assertEqual([len(self.records("other")), len(self.node.reservations("other"))], [12, 12])
        left = {link["ifalias"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth")}
        self.assertEqual(len(left), 50)
        for container in alive:
            self.assertIn(f"patchcord br-net/{container}/{interfaces[container]}", left)

    def test_containers_that_are_gone_and_containers_that_live_on(self):
        alive, gone, forgotten = self.attach(self.config, "alive", "gone", "forgotten")
        self.node.remove_container(gone)
        self.collect(self.config | {VALID: listed(alive)})
        self.assertEqual(self.records("br-net"), [f"{alive}:eth0"])
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2"])
        self.assertEqual(len(self.node.veths()), 1)
        self.assertEqual([link["ifname"] for link in self.node.ip_json(forgotten, "link")], ["lo"])
        self.assertTrue(self.node.reaches(alive, "10.88.0.1"))

    def test_an_interface_of_a_valid_container_that_is_not_listed_is_stale(self):
        a = self.node.container("a")
        self.node.add(self.config, a)
        self.node.add(self.config, a, ifname="net1")
        self.collect(self.config | {VALID: listed(a)})
        self.assertEqual(self.records("br-net"), [f"{a}:eth0"])
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2"])

    def test_null_and_the_empty_list_say_that_none_is_valid(self):
        for number, valid in enumerate((None, [])):
            self.attach(self.config, f"a{number}", f"b{number}")
            self.collect(self.config | {VALID: valid})
            self.assertEqual(self.node.veths(), [])
            self.assertEqual(self.node.reservations("br-net"), [])
            self.assertEqual(self.records("br-net"), [])

    def test_without_a_list_nothing_is_removed_and_it_says_so(self):
        a, = self.attach(self.config, "a")
        before = self.node.snapshot(a)
        self.assertIn(VALID, self.collect(self.config))
        self.assertEqual(self.node.snapshot(a), before)
        hl = self.config | {"type": "host-local"}
        self.assertIn(VALID, self.collect(hl, plugin=self.node.plugin("host-local")))
        self.assertEqual(self.node.snapshot(a), before)

    def test_a_list_that_cannot_be_understood_removes_nothing(self):
        a, = self.attach(self.config, "a")
        before = self.node.snapshot(a)
        for valid in ("x", [{}], [{"containerID": "c"}], [5]):
            with self.assertRaises(PluginError) as caught:
                self.collect(self.config | {VALID: valid})
            self.assertEqual(caught.exception.code, 7)
            self.assertEqual(self.node.snapshot(a), before)

    def test_it_can_be_repeated(self):
        a, _ = self.attach(self.config, "a", "b")
        self.collect(self.config | {VALID: listed(a)})
        before = self.node.snapshot(a)
        self.collect(self.config | {VALID: listed(a)})
        self.assertEqual(self.node.snapshot(a), before)

    def test_an_add_at_work_is_left_alone(self):
        a, b = self.attach(self.config, "a", "b")
        record = self.record_of("br-net", b)
        draft = os.path.join(os.path.dirname(record), "." + os.path.basename(record))
        os.rename(record, draft)
        with open(draft, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            before = self.node.snapshot(a, b)
            self.assertIn(b, self.collect(self.config | {VALID: listed(a)}))
            self.assertEqual(self.node.snapshot(a, b), before)
        self.collect(self.config | {VALID: listed(a)})
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2"])
        self.assertFalse(os.path.exists(draft))

    def test_identifiers_too_long_for_a_file_or_an_alias_are_told_apart(self):
        long = ["x" * 230 + str(number) for number in range(4)]
        for container in long:
            self.node.add(self.config, container, netns=self.node.path_of(self.node.container(f"n{container[-1]}")))
        shutil.rmtree(os.path.join(self.node.state, "attachments"))
        self.node.delete(self.config, long[1], netns="")
        self.node.add(self.config, long[1], netns=self.node.path_of(self.node.container("again")))
        self.collect(self.config | {VALID: listed(long[0])})
        self.assertEqual(self.records("br-net"), [])
        self.assertEqual(len(self.node.veths()), 1)
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2"])

    def test_what_bears_no_mark_of_ours_or_another_networks_stays(self):
        self.attach(self.config, "a")
        for number, alias in enumerate(("", "patchcord br-net2/c/eth0", "patchcord", "br-net/c/eth0")):
            self.node.on_host("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", f"w{number}")
            if alias:
                self.node.on_host("ip", "link", "set", f"v{number}", "alias", alias)
        self.collect(self.config | {VALID: []})
        self.assertEqual({name for name in self.node.veths() if name.startswith("v")}, {"v0", "v1", "v2", "v3"})

    def test_what_fails_is_told_at_the_end_with_code_106_and_the_rest_is_removed(self):
        a, b, _ = self.attach(self.config, "a", "b", "c")
        record = os.path.join(self.node.state, "attachments", "br-net", f"{b}:eth0")
        with open(record, encoding="utf-8") as file:
            text = file.read().replace('"type":"host-local"', '"type":"nowhere"')
        with open(record, "w", encoding="utf-8") as file:
            file.write(text)
        with self.assertRaises(PluginError) as caught:
            self.collect(self.config | {VALID: listed(a)})
        self.assertEqual(caught.exception.code, 106)
        self.assertIn("nowhere", caught.exception.msg)
        self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "10.88.0.3"])
        self.assertEqual(len(self.node.veths()), 1)

    def test_reservations_of_every_kind(self):
        a, = self.attach(self.config, "a")
        directory = os.path.join(self.node.networks, "br-net")
        texts = {"10.88.0.50": "dead", "10.88.0.51": "dead\r\neth0", "10.88.0.52": a, "10.88.0.53": "", "10.88.0.54": "../../x\r\neth0",
                 "10.88.0.55": f"{a}\r\nnet1"}
        for options in ({}, {"plugin": self.node.plugin("host-local")}):
            for name, text in texts.items():
                with open(os.path.join(directory, name), "w", encoding="ascii", newline="") as file:
                    file.write(text)
            self.collect(self.config | {VALID: listed(a)}, **options)
            # Of the container's old form and of nobody at all: these stay.
            self.assertEqual(self.node.reservations("br-net"), ["10.88.0.2", "10.88.0.52", "10.88.0.53"])
        self.assertEqual(len(files_below(self.node.state)), 1)

    def test_types_that_hold_nothing_have_nothing_to_collect(self):
        for name in ("static", "loopback"):
            config = {"cniVersion": "1.1.0", "name": "n", "type": name, "ipam": {"type": "static"}, VALID: []}
            self.collect(config, plugin=self.node.plugin(name))


class DelegateGcTest(GcTest):
    def test_a_delegate_is_told_to_delete_each_and_to_collect(self):
        fakes, log = os.path.join(self.node.directory, "fakes"), os.path.join(self.node.directory, "log")
        os.mkdir(fakes)
        with open(os.path.join(fakes, "fake"), "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\ncat >/dev/null\necho $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME >>{log}\n[ $CNI_COMMAND = ADD ] && "
                       'echo \'{"cniVersion":"1.1.0","ips":[{"address":"10.88.0.9/24"}]}\'; exit 0\n')
        os.chmod(os.path.join(fakes, "fake"), 0o755)
        config = self.config | {"ipam": {"type": "fake"}}
        a, = self.attach(config, "a", CNI_PATH=fakes)
        self.collect(config | {VALID: []}, CNI_PATH=fakes)
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read().splitlines(), [f"ADD {a} eth0", f"DEL {a} eth0", "GC"])
        self.assertEqual(self.node.veths(), [])
        with self.assertRaises(PluginError) as caught:
            self.collect(config | {VALID: []}, CNI_PATH="/nowhere")
        self.assertEqual(caught.exception.code, 106)


if __name__ == "__main__":
    unittest.main()
