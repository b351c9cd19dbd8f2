"""Documents against the code: what they say exists, and what exists they say."""

import glob
import os
import re
import subprocess
import unittest

from fake_node import PLUGIN, ROOT
from operator_case import OperatorCase

# How keys are read: by a member of cni::Object, or by a reader that is handed an object and a key.
READS = (r"(?:\.|->)(?:text|boolean|integer|object|objects|texts|each|address|prefix|has|find)\(\s*\"([A-Za-z]+)\"",
         r"(?:root|section|object|range|runtime|route|args|request|limits), \"([A-Za-z]+)\"",
         r"read_number\(object, \"([A-Za-z]+)\"")
# The protocol's, in results and lists of attachments, and not a configuration's; and beginnings of keys.
NO_KEYS = {"ingress", "egress", "ip", "interface", "interfaces", "sandbox", "socketPath", "pciID", "containerID", "ifname"}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as stream:
        return stream.read()


def keys_in_code():
    sources = glob.glob(os.path.join(ROOT, "plugin", "config", "*.cpp")) + [os.path.join(ROOT, "plugin", "observe", "log.cpp")]
    sources += [os.path.join(ROOT, "plugin", "cni", name) for name in ("request.cpp", "result_reader.cpp")]  # prevResult; routes
    found = {}
    for source in sources:
        with open(source, encoding="utf-8") as stream:
            text = stream.read()
        for pattern in READS:
            for key in re.findall(pattern, text):
                found.setdefault(key, os.path.relpath(source, ROOT))
        for listed in re.findall(r"kKeys = \{+([^}]*)\}", text):
            for key in re.findall(r"\"([A-Za-z]+)\"", listed):
                found.setdefault(key, os.path.relpath(source, ROOT))
    return {key: source for key, source in found.items() if key not in NO_KEYS}


def keys_in_document():
    """What stands in code type in the tables that have keys; a value that is one of several words has a table's second column."""
    keys = set()
    for table in re.findall(r"(?m)^\| key \|.*\n(?:\|.*\n)+", read("docs", "configuration.md")):
        for row in table.splitlines()[2:]:
            first, _, meaning = row.strip("|").split("|")[:3]
            keys.update(re.findall(r"`([A-Za-z]+)`", first))
    return keys


class ConfigurationTest(unittest.TestCase):
    def test_every_key_of_the_code_is_in_the_document(self):
        text = read("docs", "configuration.md")
        for key, source in sorted(keys_in_code().items()):
            self.assertRegex(text, rf"[`\"]{key}[`\"]", f"{source} reads the key {key}: give it a row in a table of docs/configuration.md")

    def test_every_key_of_the_document_is_in_the_code(self):
        code = keys_in_code()
        for key in sorted(keys_in_document()):
            self.assertIn(key, code, f"docs/configuration.md has a row for {key}, which nothing in plugin/config reads")

    def test_the_test_would_notice(self):
        self.assertIn("hairpinMode", keys_in_code())
        self.assertIn("rangeStart", keys_in_document())
        self.assertGreater(len(keys_in_code()), 40)


class TutorialTest(OperatorCase):
    def commands(self):
        for block in re.findall(r"(?ms)^```sh\n(.*?)^```$", read("docs", "tutorial.md")):
            yield block

    def test_its_commands_run_from_top_to_bottom(self):
        """In one shell, on a node of its own, in which /etc/cni/net.d and the like are other directories."""
        self.make_host_shell()
        for block in self.commands():
            status, output = self.run_block(block)
            self.assertEqual(status, 0, f"{block}\n{output}")

    def make_host_shell(self):
        node = self.node
        tools = os.path.join(node.directory, "bin")  # with patchcord alone: `bridge` is to be iproute2's
        os.mkdir(tools)
        os.symlink(PLUGIN, os.path.join(tools, "patchcord"))
        self.script = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "nsenter", f"--net=/var/run/netns/{node.host}", "bash"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=node.directory,
            env={"PATH": f"{tools}:{os.environ['PATH']}", "PATCHCORD_STATE_DIR": node.state, "HOME": node.directory})
        self.addCleanup(self.script.stdout.close)
        self.addCleanup(self.script.wait)
        self.addCleanup(self.script.stdin.close)
        # In a mount namespace of its own, so that nothing of the machine's own directories is touched.
        status, output = self.run_block("set -e; for d in /etc/cni /var/lib/cni /opt/cni /run/netns; do mkdir -p $d; mount -t tmpfs none $d; done\n"
                                        f"mkdir -p /etc/cni/net.d /opt/cni/bin; cp -P {node.plugins}/* /opt/cni/bin; set +e\n")
        self.assertEqual(status, 0, output)

    def run_block(self, block):
        self.script.stdin.write(f"(set -e\n{block}\n)\necho \"== $?\"\n")
        self.script.stdin.flush()
        output = ""
        for line in self.script.stdout:
            if line.startswith("== "):
                return int(line[3:]), output
            output += line
        raise AssertionError(f"the shell ended: {output}")


class TroubleshootingTest(unittest.TestCase):
    def test_its_errors_are_in_the_code(self):
        sources = glob.glob(os.path.join(ROOT, "plugin", "**", "*.cpp"), recursive=True)
        sources += glob.glob(os.path.join(ROOT, "ipam", "*.cpp")) + glob.glob(os.path.join(ROOT, "base", "*.cpp"))
        code = ""
        for source in sources:
            with open(source, encoding="utf-8") as stream:
                code += stream.read()
        # A text that is broken over lines is one text; what a message puts in stands as an ellipsis in the document.
        code = re.sub(r"\"\s*\n\s*\"", "", code)
        titles = re.findall(r"(?m)^### (.+)$", read("docs", "troubleshooting.md"))
        self.assertGreater(len(titles), 10)
        for title in titles:
            for part in title.strip("`").split("…"):
                self.assertTrue(part.strip().replace('"', '\\"') in code, title)


if __name__ == "__main__":
    unittest.main()
