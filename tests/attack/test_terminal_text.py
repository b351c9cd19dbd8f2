"""Names that come from containers, and from whoever else can choose one, reach the operator's terminal as text and as nothing else."""

import json
import os
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

from fake_node import PASSED_ON, PLUGIN, bridge_config
from operator_case import OperatorCase
from patience import communicate, run

# What a terminal, or the eye of who reads it, would take for something else than a name. Each fits into an interface's.
NASTY = {"CSI of C1": "\u009b2J", "OSC of C1": "\u009d0,x\u009c", "next line": "a\u0085b", "right-to-left override": "a\u202eb",
         "isolate": "a\u2066b", "zero width": "a\u200bb", "line separator": "a\u2028b", "escape": "\x1b[2J", "colour": "\x1b[31mred",
         "bell": "a\x07b", "delete": "a\x7fb", "byte order mark": "a\ufeffb", "soft hyphen": "a\u00adb"}
NOT_UTF8 = b"\x9b2J"


def steering(text):
    """What of it is not to reach a terminal."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]


def shown(text):
    return "".join("\ufffd" if steering(c) else c for c in text)


class TerminalCase(OperatorCase):
    def run_raw(self, *words, **variables):
        """Status, stdout and stderr of the tool, which are text that steers nothing."""
        environment = {**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "COLUMNS": "120", "NETCONFPATH": self.net_d,
                       "CNI_PATH": self.node.plugins, **variables}
        done = run(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, *words], env=environment, text=False)
        texts = [part.decode("utf-8") for part in (done.stdout, done.stderr)]  # strictly
        for text in texts:
            self.assertEqual(steering(text), [], (words, text))
        return (done.returncode, *texts)

    def rename(self, container, name):
        for words in (["set", "eth0", "down"], ["set", "eth0", "name", name], ["set", name, "up"]):
            subprocess.run(["ip", "-n", container, "link", *words], check=True)

    def look_everywhere(self, word):
        """All that the tool says of the node, and of the one attachment that the word leads to; by command line."""
        commands = [["list"], ["list", "-o", "wide"], ["list", "-o", "json"], ["inspect", word], ["inspect", word, "-o", "json"], ["graph"],
                    ["graph", "-f", "dot"], ["graph", "-f", "mermaid"], ["graph", "-f", "svg"], ["doctor"], ["doctor", "-o", "json"],
                    ["reconcile", "--dry-run"], ["reconcile", "--dry-run", "-o", "json"], ["gc", "--dry-run"], ["gc", "--dry-run", "-o", "json"],
                    ["metrics"]]
        return {" ".join(words[:1] + words[2:] if words[0] == "inspect" else words): self.run_raw(*words)[1] for words in commands}


class NamesTest(TerminalCase):
    def test_an_interface_that_a_pod_has_renamed(self):
        """A pair that another plugin has made, of which the container's end is called what it says itself."""
        container = self.node.container("a")
        self.node.on_host("ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "eth0", "netns", container)
        current = "eth0"
        for what, name in [*NASTY.items(), ("no UTF-8", NOT_UTF8)]:
            with self.subTest(what=what):
                for words in (["set", current, "down"], ["set", current, "name", name], ["set", name, "up"]):
                    subprocess.run(["ip", "-n", container, "link", *words], check=True)
                current = name
                said = self.look_everywhere("foreign0")
                self.assertIn("foreign0", said["list"])
                self.assertIn("\ufffd", said["list"])
                self.assertIn("\ufffd", said["graph"])
                if isinstance(name, str):
                    self.assertEqual(json.loads(said["list -o json"])["attachments"][0]["interface"], name)
                    self.assertEqual(json.loads(said["inspect -o json"])["attachments"][0]["interface"], name)

    def test_an_interface_that_the_runtime_names(self):
        """The kernel and the protocol take these; in a record they are what they are."""
        config = bridge_config(self.node, isGateway=True)
        self.configure("10-net.conflist", config)
        for number, what in enumerate(("right-to-left override", "isolate", "zero width", "byte order mark", "soft hyphen")):
            with self.subTest(what=what):
                container = self.node.container(f"c{number}")
                process = self.node.start("ADD", config, container, self.node.path_of(container), ifname=NASTY[what])
                stdout, stderr = communicate(process)
                self.assertEqual((process.returncode, steering(stdout + stderr)), (0, []), stdout + stderr)
                result = json.loads(stdout)
                self.assertEqual(result["interfaces"][2]["name"], NASTY[what])
                said = self.look_everywhere(result["interfaces"][1]["name"])
                self.assertEqual(json.loads(said["inspect -o json"])["attachments"][0]["interface"], NASTY[what])
                self.node.run_in(container, "ip", "addr", "flush", "dev", NASTY[what])  # from now on it is told what is missing
                self.look_everywhere(result["interfaces"][1]["name"])
                self.node.delete(config, container, ifname=NASTY[what])

    def test_a_pod_of_such_a_name(self):
        config = bridge_config(self.node)
        for number, (what, name) in enumerate(NASTY.items()):
            with self.subTest(what=what):
                container = self.node.container(f"c{number}")
                result = self.node.add(config, container, args=f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=a\n{name}")
                said = self.look_everywhere(result["interfaces"][1]["name"])
                self.assertIn("shop/a\ufffd", said["list"])
                self.assertIn("shop/a\ufffd", said["graph -f svg"])
                self.node.delete(config, container)

    def test_links_of_the_host_have_names_too(self):
        """A bridge, an uplink with the default route, and the host's end of a pair."""
        node = self.node
        for number, (what, name) in enumerate(NASTY.items()):
            with self.subTest(what=what):
                uplink, bridge, end = (letter + name for letter in "ube")
                node.on_host("ip", "link", "add", uplink, "type", "bridge")
                node.on_host("ip", "addr", "add", f"192.0.2.{number + 1}/32", "dev", uplink)
                node.on_host("ip", "link", "set", uplink, "up")
                node.on_host("ip", "route", "replace", "default", "dev", uplink)
                node.on_host("ip", "link", "add", bridge, "type", "bridge")
                container = node.container(f"c{number}")
                node.on_host("ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", container)
                node.on_host("ip", "link", "set", end, "master", bridge, "up")
                said = self.look_everywhere(end)
                for form in ("graph", "graph -f dot", "graph -f mermaid", "graph -f svg", "list"):
                    self.assertIn("e" + shown(name), said[form])
                for link in (end, bridge, uplink):
                    node.on_host("ip", "link", "del", link)

    def test_who_comes_while_it_is_watched(self):
        container = self.node.container("a")
        with subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, "watch", "-c", "1", "-i", "2"],
                              env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state}, stdout=subprocess.PIPE) as watching:
            self.assertIn(b"0 attachments", watching.stdout.readline())
            for number, what in enumerate(("CSI of C1", "right-to-left override", "colour")):
                self.node.on_host("ip", "link", "add", NASTY[what], "type", "veth", "peer", "name", f"eth{number}", "netns", container)
            said = watching.stdout.read().decode()
        self.assertEqual(steering(said), [])
        for what in ("CSI of C1", "right-to-left override", "colour"):
            self.assertIn(f"+ {shown(NASTY[what])}  another", said)

    def test_colours_are_the_tools_own(self):
        """On a terminal the tool's escapes are let through, and no others."""
        container = self.node.container("a")
        self.node.on_host("ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "\x1b[2J", "netns", container)
        self.node.on_host("ip", "link", "add", "\x1b[5m\x1b[31mx", "type", "veth", "peer", "name", "eth0", "netns", self.node.container("b"))
        directory = os.path.join(self.node.directory, "\x1b[2J\x1b[32")
        for words in ("list", "graph", "doctor", "inspect foreign0", f"install --dir '{directory}'"):
            said = run(["script", "-qec", f"nsenter --net=/var/run/netns/{self.node.host} {PLUGIN} {words}", "/dev/null"],
                       env={**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "NETCONFPATH": self.net_d}, text=False).stdout.decode()
            rest = said.replace("\r", "")
            for own in ("\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"):
                rest = rest.replace(own, "")
            self.assertEqual(steering(rest), [], said)
            if words in ("list", "graph"):
                self.assertIn("foreign0", rest)
        self.assertIn("\ufffd[2J\ufffd[32\n", rest)


class ErrorsTest(TerminalCase):
    def test_what_is_typed_comes_back_as_text(self):
        for what, name in [*NASTY.items(), ("no UTF-8", NOT_UTF8)]:
            with self.subTest(what=what):
                other = name if isinstance(name, bytes) else name.encode()
                for words in ([b"inspect", other], [other], [b"list", b"--" + other], [b"list", b"-o", other], [b"status", other],
                              [b"validate", b"/" + other], [b"gc", other], [b"add", other, b"/nowhere"], [b"metrics", b"-f", b"/nowhere/" + other]):
                    status, stdout, stderr = self.run_raw(*words)
                    self.assertNotEqual(status, 0, words)
                    self.assertNotEqual(stdout + stderr, "")

    def test_configurations_that_are_wrong(self):
        for number, (what, name) in enumerate(NASTY.items()):
            with self.subTest(what=what):
                self.write(f"{number:02}-a.conflist", json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": [{"type": name}]}))
                self.write(f"{number:02}-b.conflist", json.dumps({"cniVersion": name, "name": "net", "plugins": [{"type": "bridge"}]}))
                self.write(f"{number:02}-c{name}.conflist", "{")
        for words in (["doctor"], ["doctor", "-o", "json"], ["validate"], ["list"], ["status", "net"]):
            self.run_raw(*words)

    def test_what_another_plugin_answers(self):
        """Its document is handed on as it is, but for what is in its texts."""
        with open(self.node.plugin("loud"), "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\n"
                         "printf '{\\n\\t\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"\\302\\233\\033[2J\\342\\200\\256\"}]}'\n")
            os.fchmod(stream.fileno(), 0o755)
        self.configure("10-loud.conflist", {"cniVersion": "1.0.0", "name": "loudnet", "type": "loud"})
        status, stdout, _ = self.run_raw("add", "loudnet", self.node.path_of(self.node.container("a")))
        self.assertEqual(status, 0)
        self.assertIn('{\n\t"cniVersion"', stdout)
        self.assertIn('"\ufffd\ufffd[2J\ufffd"', stdout)

    def test_the_plugins_own_errors(self):
        """They are a document on stdout, which runtimes write into logs, and lines on stderr."""
        container = self.node.container("a")
        good = bridge_config(self.node)
        for what, name in NASTY.items():
            with self.subTest(what=what):
                for config, options in ((good, {"ifname": name}), (good | {"bridge": name}, {}), (good | {"name": name}, {}),
                                        (good | {"ipam": {"type": name}}, {}), (good | {"mode": name}, {}), (good, {"netns": "/" + name}),
                                        (good, {"args": f"{name}=1"}), (good | {"ipam": good["ipam"] | {"resolvConf": "/" + name}}, {}),
                                        (good | {"sysctl": {f"net.{name}": "0"}}, {}), (good | {"log": f"/nowhere/{name}", "mtu": name}, {})):
                    netns = options.pop("netns", self.node.path_of(container))
                    process = self.node.start("ADD", config, container, netns, **options)
                    stdout, stderr = communicate(process)
                    if process.returncode == 0:  # the name is one that the kernel takes
                        self.node.delete(config, container, **options)
                    self.assertEqual(steering(stdout + stderr), [], stdout + stderr)
                    json.loads(stdout)

    def test_the_log_is_as_safe_to_look_at(self):
        log = os.path.join(self.node.directory, "log")
        container = self.node.container("a")
        for name in NASTY.values():
            process = self.node.start("ADD", bridge_config(self.node, bridge=name, mtu=1), container, self.node.path_of(container), ifname=name,
                                      PATCHCORD_LOG=log)
            communicate(process)
        with open(log, encoding="utf-8") as stream:
            text = stream.read()
        self.assertEqual(steering(text), [])
        self.assertEqual([json.loads(line)["interface"] for line in text.splitlines()], list(NASTY.values()))


if __name__ == "__main__":
    import unittest

    unittest.main()
