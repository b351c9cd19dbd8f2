"""A known node for the tests of the operator's tool: two networks, both modes, a pod with a name, one broken attachment, one of another plugin."""

import json
import os
import re
import unittest

import jsonschema
from fake_node import DUAL_BRIDGE, DUAL_ROUTED, PASSED_ON, PLUGIN, REFERENCE_DIR, ROOT, Node, bridge_config, routed_config
from patience import run

GOLDEN = os.path.join(ROOT, "tests", "golden", "operator")
SCHEMAS = os.path.join(ROOT, "docs", "schemas")


def schema_of(command):
    """Of what the command prints with -o json."""
    with open(os.path.join(SCHEMAS, f"{command}.json"), encoding="utf-8") as stream:
        return jsonschema.Draft7Validator(json.load(stream))


class OperatorCase(unittest.TestCase):
    maxDiff = None
    prefix = ()  # put before the tool's command line

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.net_d = os.path.join(self.node.directory, "net.d")
        os.mkdir(self.net_d)

    def tool(self, *words, width="80", **environment):
        """Runs the tool on the node, as at a terminal of this width but without colours."""
        variables = {**PASSED_ON, "PATCHCORD_STATE_DIR": self.node.state, "PATCHCORD_POOLS_DIR": self.node.pools,
                     "PATCHCORD_CLUSTER": self.node.cluster, "COLUMNS": width,
                     "NETCONFPATH": self.net_d, "CNI_PATH": self.node.plugins, **environment}
        return run(["nsenter", f"--net=/var/run/netns/{self.node.host}", *self.prefix, PLUGIN, *words], env=variables)

    def configure(self, file, config):
        """Puts the configuration of one plugin into the directory, as a list."""
        plugin = {key: value for key, value in config.items() if key not in ("cniVersion", "name")}
        self.write(file, json.dumps({"cniVersion": config["cniVersion"], "name": config["name"], "plugins": [plugin]}))

    def write(self, file, text):
        with open(os.path.join(self.net_d, file), "w", encoding="utf-8") as stream:
            stream.write(text)

    def make_healthy_node(self):
        node = self.node
        self.bridge = bridge_config(node, name="shopnet", subnets=DUAL_BRIDGE, isDefaultGateway=True)
        self.routed = routed_config(node, name="edgenet", subnets=DUAL_ROUTED)
        self.configure("10-shopnet.conflist", self.bridge)
        self.configure("20-edgenet.conflist", self.routed)
        self.web, self.db, self.edge = (node.container(name) for name in ("web", "db", "edge"))
        ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
        self.attach(self.bridge | {"runtimeConfig": ports}, self.web, "web", args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0")
        self.attach(self.bridge, self.db, "db-7f3a")
        self.attach(self.routed, self.edge, "edge-0c11")

    def make_uplink(self, name="up0", address="192.0.2.1/24", gateway="192.0.2.2", mtu=1500, metric=0):
        """A way out of the node, which leads nowhere."""
        on_host = self.node.on_host
        on_host("ip", "link", "add", name, "mtu", str(mtu), "type", "bridge")
        on_host("ip", "link", "set", name, "addrgenmode", "none", "up")
        on_host("ip", "addr", "add", address, "dev", name)
        on_host("ip", "route", "add", "default", "via", gateway, "metric", str(metric))

    def attach(self, config, namespace, container_id, **options):
        """Under an id that is the same in every run."""
        return self.node.add(config, container_id, netns=self.node.path_of(namespace), **options)

    def make_known_node(self):
        self.make_healthy_node()
        self.make_uplink()
        node = self.node
        self.broken = node.container("lame")
        self.attach(self.routed, self.broken, "lame-99e2")
        node.run_in(self.broken, "ip", "route", "del", "default")
        self.other = node.container("other")
        reference = {"cniVersion": "1.0.0", "name": "refnet", "type": "bridge", "bridge": "refbr",
                     "ipam": {"type": "host-local", "dataDir": node.networks, "subnet": "10.99.0.0/24"}}
        node.finish(node.start("ADD", reference, "other-51d0", node.path_of(self.other), plugin=os.path.join(REFERENCE_DIR, "bridge")))
        node.settle(self.web, self.db, self.edge, self.broken, self.other)

    def steady(self, text):
        """Without what differs from run to run; what stands in columns keeps its width."""
        text = text.replace(self.node.directory, "/node").replace(f"{self.node.name}-", "")
        for number, host_end in enumerate(sorted(self.host_ends().items())):
            text = text.replace(host_end[1], f"veth{number:011d}"[:len(host_end[1])])
        text = re.sub(r"fe80::[0-9a-f]+:[0-9a-f:]+", "fe80::XX", text)
        text = re.sub(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
        text = re.sub(r"\b\d+s\b", "0s", text)
        text = re.sub(r"0xfe80[0-9a-f]{28}", "0xfe80XX", text)
        text = re.sub(r"\d+ bytes, \d+ packets", "BYTES", text)
        text = re.sub(r"  \d+ µs  (?!in all).*\n", "", text)  # steps of less than a microsecond have no line
        text = re.sub(r"\d+ µs", "N µs", text)
        return re.sub(r"(\"(?:microseconds|(?:received|sent|passed)(?:Bytes|Packets))\": )\d+", r"\g<1>0", text)

    def host_ends(self):
        """Host ends by the name of their container."""
        ends = {}
        for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth"):
            ends[link.get("ifalias", f"~{link['ifname']}").replace(self.node.name, "")] = link["ifname"]
        return ends

    def assert_fits(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def assert_golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        text = self.steady(text)
        if os.environ.get("UPDATE_GOLDEN"):
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        with open(path, encoding="utf-8") as stream:
            self.assertEqual(text, stream.read(), f"{name}; UPDATE_GOLDEN=1 writes it anew")
