"""Documents against the code: what they say exists, and what exists they say."""

import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

from fake_node import PLUGIN, ROOT
from operator_case import OperatorCase
from patience import run

# Words in the code that reads configurations which are no keys of one: what values may be, and the names of environments, results,
# lists of attachments and log lines. A word that is in neither this list nor the document is a key that somebody forgot to write about.
NO_KEYS = set("""
auto bridge routed open network pod isolated trusted static firewalld iptables nftables ipv4 ipv6 cni0 tcp udp sctp unknown true false null
ADD CHECK DEL GC STATUS VERSION IP MAC GATEWAY IFNAME IgnoreUnknown FORWARD
containerID ifname interface interfaces sandbox ip ip4 ip6 socketPath pciID
syslog command type network container msg
claim fail file etcd kubernetes
""".split()) - {"bridge", "type"}  # which are keys, too
# Keys are put together of these.
PARTS = {"ingress", "egress", "Rate", "Burst"}
# Keys of a key's value, of which the row of that key tells.
NESTED = set("""
address advmss bandwidth block cidrs cni containerPort domain dst gw hostIP hostPort id ipRanges ips mac maxID minID nameservers options portMappings
priority protocol scope search table
""".split())


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as stream:
        return stream.read()


def sources():
    config = sorted(glob.glob(os.path.join(ROOT, "plugin", "config", "*.cpp")))
    return config + [os.path.join(ROOT, "plugin", name) for name in ("observe/log.cpp", "cni/request.cpp", "cni/port_mapping.cpp", "cni/arguments.cpp",
                                                                     "cni/result_reader.cpp")]  # prevResult; routes


def keys_in_code():
    """Every word by itself in the sources that read configurations, with its source, but for those that are known to be none."""
    found = {}
    for source in sources():
        text = re.sub(r"(?m)//.*$|^#include.*$", "", read(source))
        for word in re.findall(r"\"([A-Za-z][A-Za-z0-9]*)\"", text):
            found.setdefault(word, os.path.relpath(source, ROOT))
    if PARTS <= set(found):
        found.update({way + what: found[what] for way in ("ingress", "egress") for what in ("Rate", "Burst")})
    return {key: source for key, source in found.items() if key not in NO_KEYS | PARTS}


# The tables of docs/configuration.md that have keys, in their order.
TABLES = ("list", "patchcord", "mode bridge", "ports", "firewall", "rates", "settings", "ipam", "host-local", "static", "fabric", "runtime")


def tables():
    """The keys of each table: what stands in code type in the first column."""
    found = re.findall(r"(?m)^\| key \|.*\n(?:\|.*\n)+", read("docs", "configuration.md"))
    assert len(found) == len(TABLES), "docs/configuration.md has another table of keys: tell TABLES what it is"
    keys = {}
    for name, table in zip(TABLES, found):
        rows = [row.strip("|").split("|")[0] for row in table.splitlines()[2:]]
        keys[name] = [key for row in rows for key in re.findall(r"`([A-Za-z0-9]+)`", row)]
    return keys


def keys_in_document():
    return {key for keys in tables().values() for key in keys}


class ConfigurationTest(unittest.TestCase):
    def test_every_key_of_the_code_is_in_the_document(self):
        rows = keys_in_document()
        tables_text = "\n".join(re.findall(r"(?m)^\|.*$|^\(`runtimeConfig.*$", read("docs", "configuration.md")))
        for key, source in sorted(keys_in_code().items()):
            if key in NESTED:
                self.assertRegex(tables_text, rf"[`\"]{key}[`\"]", f"{source} reads {key}, of which no row of docs/configuration.md tells")
            else:
                self.assertIn(key, rows, f"{source} reads the key {key}: give it a row in a table of docs/configuration.md")

    def test_every_key_of_the_document_is_in_the_code(self):
        code = keys_in_code()
        for key in sorted(keys_in_document() | NESTED):
            self.assertIn(key, code, f"docs/configuration.md has a row for {key}, which no source reads")

    def test_no_word_is_excused_that_the_code_does_not_have(self):
        text = "".join(read(source) for source in sources())
        self.assertEqual([word for word in sorted(NO_KEYS | PARTS) if f'"{word}"' not in text], [])

    def test_the_test_would_notice(self):
        for key in ("hairpinMode", "externalSetMarkChain", "conditionsV4", "conditionsV6", "snat", "markMasqBit", "ingressRate", "hostPort"):
            self.assertIn(key, keys_in_code())
        for key in ("rangeStart", "externalSetMarkChain", "conditionsV4", "conditionsV6", "snat", "markMasqBit", "ingressRate"):
            self.assertIn(key, keys_in_document())
        self.assertGreater(len(keys_in_code()), 80)


PORTS = {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}
BEFORE = {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "/x"}], "ips": [{"address": "10.1.0.2/24", "interface": 0}]}
POOL = {"type": "host-local", "subnet": "10.1.0.0/24"}
# Keys of no type's that are looked at where a value is wrong: a log must never fail an operation, and a DEL goes on without its dataDir.
LENIENT = {"log", "metrics"}


class KeysTest(unittest.TestCase):
    """The plugin itself is asked: a key that it reads does not take a value of no type that any key has."""

    def refusal(self, kind, config):
        """The code and the text of an ADD, which has to fail anyhow: there is no such namespace (8)."""
        with tempfile.TemporaryDirectory(prefix="patchcord-test-") as state:
            done = run([kind], executable=PLUGIN, input=json.dumps({"cniVersion": "1.0.0", "name": "n", "type": kind, **config}),
                       env={"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c", "CNI_NETNS": "/nowhere/ns", "CNI_IFNAME": "eth0", "CNI_PATH": "/nowhere",
                            "PATCHCORD_STATE_DIR": state})
        document = json.loads(done.stdout)
        return document.get("code", 0), document.get("msg", "")

    def reads(self, kind, key, config, section=""):
        """Whether the type names the key when its value is a list of lists."""
        wrong = {key: [[5]]}
        code, text = self.refusal(kind, {**config, section: {**config[section], **wrong}} if section else {**config, **wrong})
        return code in (2, 7) and text.startswith(f"{section}.{key}" if section else key)

    def assert_reads(self, kind, keys, config, section=""):
        for key in keys:
            self.assertTrue(self.reads(kind, key, config, section), f"{kind} does not read {key}")

    def test_type_patchcord_reads_all_its_keys(self):
        documented = tables()
        bridge = {"mode": "bridge", "ipam": POOL, "runtimeConfig": PORTS}
        self.assertEqual(self.refusal("patchcord", bridge)[0], 8)
        self.assert_reads("patchcord", set(documented["patchcord"]) - LENIENT, bridge)
        for table in ("mode bridge", "ports", "rates"):
            self.assert_reads("patchcord", documented[table], bridge)
        self.assert_reads("patchcord", set(documented["settings"]) - {"dataDir"}, bridge)
        self.assert_reads("patchcord", set(documented["runtime"]) - {"prevResult"}, bridge)
        self.assert_reads("patchcord", documented["ipam"] + documented["host-local"], bridge, "ipam")
        self.assert_reads("patchcord", documented["static"], {"mode": "bridge", "ipam": {"type": "static"}}, "ipam")

    def test_the_chained_types_read_theirs(self):
        for kind, table, more in (("portmap", "ports", {"runtimeConfig": PORTS}), ("firewall", "firewall", {}),
                                  ("bandwidth", "rates", {"ingressRate": 8000, "ingressBurst": 8000}), ("tuning", "settings", {})):
            self.assert_reads(kind, set(tables()[table]) - {"dataDir"}, {"prevResult": BEFORE, **more})

    def test_bridge_and_ptp_read_those_that_the_document_says_and_no_others(self):
        documented = tables()
        candidates = [key for table in ("patchcord", "mode bridge", "rates", "settings", "ports", "firewall") for key in documented[table]]
        self.assertGreater(len(candidates), 40)
        section = read("docs", "configuration.md").partition("## Types `bridge` and `ptp`")[2]
        for kind in ("bridge", "ptp"):
            row = re.search(rf"(?m)^\| `{kind}` \| (.*) \|$", section).group(1)
            said = set(re.findall(r"`([A-Za-z]+)`", row))
            if "all of mode `bridge`" in row:
                said |= set(documented["mode bridge"])
            self.assertEqual({key for key in candidates if self.reads(kind, key, {"ipam": POOL})}, said, kind)


class TutorialTest(OperatorCase):
    def commands(self):
        """What is shown in code blocks, all of which are commands."""
        return re.findall(r"(?ms)^```sh\n(.*?)^```$", read("docs", "tutorial.md"))

    def test_its_commands_run_from_top_to_bottom(self):
        """In one shell, on a node of its own, in which /etc/cni/net.d and the like are other directories."""
        blocks = self.commands()
        self.assertGreater(len(blocks), 12)
        self.assertEqual(2 * len(blocks), len(re.findall(r"(?m)^ *(?:```|~~~)", read("docs", "tutorial.md"))))
        self.make_host_shell()
        self.assertEqual(self.run_block("patchcord inspect nobody")[0], 1)
        self.assertEqual(self.run_block("false | true")[0], 1)
        reserved = 0
        for block in blocks:
            reserved = max(reserved, len(self.run_block("find /var/lib/cni -name '10.*'")[1].split()))
            status, output = self.run_block(block)
            self.assertEqual(status, 0, f"{block}\n{output}")
        self.assertEqual(reserved, 3)
        # What was made is taken away at the end, as the text says.
        self.assertEqual(self.run_block("ls -A /run/netns /etc/cni/net.d")[1].split(), ["/etc/cni/net.d:", "/run/netns:"])
        self.assertEqual([link["ifname"] for link in self.node.ip_json(self.node.host, "link")], ["lo"])
        self.assertEqual(self.run_block("find /var/lib/cni -name '10.*'")[1], "")
        self.assertEqual([name for _, _, names in os.walk(os.path.join(self.node.state, "attachments")) for name in names], [])

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
        self.script.stdin.write(f"(set -e -o pipefail\n{block}\n)\necho \"== $?\"\n")
        self.script.stdin.flush()
        output = ""
        for line in self.script.stdout:
            if line.startswith("== "):
                return int(line[3:]), output
            output += line
        raise AssertionError(f"the shell ended: {output}")


class TroubleshootingTest(unittest.TestCase):
    def test_each_code_that_the_plugin_can_answer_has_its_row_and_no_other(self):
        listed = re.search(r"enum class Code : unsigned \{(.*?)\};", read("plugin", "cni", "error.h"), re.DOTALL).group(1)
        codes = dict(re.findall(r"(?m)^ +(k\w+) = (\d+),", listed))
        self.assertGreater(len(codes), 15)
        text = "".join(read(source) for source in glob.glob(os.path.join(ROOT, "plugin", "**", "*.cpp"), recursive=True))
        used = {number for name, number in codes.items() if re.search(rf"\bCode::{name}\b", text)}
        self.assertGreater(len(used), 12)
        rows = re.findall(r"(?m)^\| (\d+) \| (.+) \| (.+) \|$", read("docs", "troubleshooting.md"))
        self.assertEqual(sorted(number for number, _, _ in rows), sorted(used))

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
