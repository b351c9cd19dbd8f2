"""What tests of DEL have in common: a node, ports by the thousand, and what has to be gone."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import PLUGIN, ROOT, Node, ShippedBinaryCase

# Holds or spoils what is sent to the kernel; see tests/fault/inject.cpp.
BUILDS = (os.path.dirname(PLUGIN), os.path.join(ROOT, "build"))
INJECT = next((path for path in (os.path.join(build, "tests", "inject") for build in BUILDS) if os.path.exists(path)), "")
KINDS = ("attachments", "portmap", "firewall", "tuning", "bandwidth")


def mappings(first, last, protocol="tcp", host_ip=None):
    extra = {"hostIP": host_ip} if host_ip else {}
    return [{"hostPort": port, "containerPort": port, "protocol": protocol} | extra for port in range(first, last + 1)]


def published(*lists):
    return {"runtimeConfig": {"portMappings": [mapping for each in lists for mapping in each]}}


class DeleteCase(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def operate(self, command, config, container, **options):
        process = self.node.start(command, config, container, options.pop("netns", self.node.path_of(container)), **options)
        return self.node.finish(process)

    def tool(self, *words, check=True):
        done = patience.run(["nsenter", f"--net=/var/run/netns/{self.node.host}", PLUGIN, *words],
                              env={"PATH": os.environ["PATH"], "PATCHCORD_STATE_DIR": self.node.state, "CNI_PATH": self.node.plugins,
                                   "NETCONFPATH": self.node.directory})
        if check:
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-2000:])
        return done

    def elements_of(self, container):
        ruleset = self.node.on_host("nft", "list", "ruleset")
        return ruleset.count(f"/{container}/")

    def record(self, container, network="br-net", kind="attachments"):
        return os.path.join(self.node.state, kind, network, f"{container}:eth0")

    def require_gone(self, container, network="br-net"):
        self.assertEqual(self.elements_of(container), 0)
        self.assertEqual(self.node.veths(), [])
        self.assertEqual(self.node.reservations(network), [])
        for kind in KINDS:
            for name in (self.record(container, network, kind), self.record("." + container, network, kind)):
                self.assertFalse(os.path.lexists(name), name)


class InjectedCase(DeleteCase):
    def setUp(self):
        super().setUp()
        if not INJECT:
            self.skipTest("tests/fault/inject.cpp was not built")
