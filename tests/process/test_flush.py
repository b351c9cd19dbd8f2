"""`nft flush ruleset` and then `patchcord reconcile`: the rules are those of before, to the byte, and open connections go on."""

import itertools
import select
import subprocess
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, PLUGIN, bridge_config, routed_config
from patience import until
from traffic import PYTHON, TrafficCase, ports

RULES = {"ipMasq": True, "isolation": "pod", "antispoof": True}

# Says whom it sees, and then sends back each line.
ECHO = """
import socket, sys, threading
server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
def serve(connection, client):
    lines = connection.makefile("rw")
    lines.write(client[0] + "\\n")
    lines.flush()
    for line in lines:
        lines.write(line)
        lines.flush()
while True:
    threading.Thread(target=serve, args=server.accept(), daemon=True).start()
"""
# Shows what the server says of it, and sends each line that it is given, whose answer it shows.
CLIENT = """
import socket, sys
lines = socket.create_connection((sys.argv[1], int(sys.argv[2]))).makefile("rw")
print(lines.readline().strip(), flush=True)
for line in sys.stdin:
    lines.write(line)
    lines.flush()
    print(lines.readline().strip(), flush=True)
"""


class Connection:
    def __init__(self, case, namespace, address, port):
        self.case = case
        self.process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{namespace}", PYTHON, "-c", CLIENT, address, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.process.communicate)
        case.addCleanup(self.process.kill)
        self.seen_as = self.line()

    def line(self):
        self.case.assertTrue(until(lambda: select.select([self.process.stdout], [], [], 0)[0], tries=20), "no answer")
        return self.process.stdout.readline().strip()

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.line()


class FlushTest(TrafficCase):
    def ruleset(self):
        return self.node.on_host("nft", "list", "ruleset")

    def reconcile(self):
        done = self.node.on_host("env", f"PATCHCORD_STATE_DIR={self.node.state}", PLUGIN, "reconcile")
        self.assertIn("0 of them with something amiss", done)

    def echo(self, namespace, port):
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{namespace}", PYTHON, "-c", ECHO, str(port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")

    def attach(self, name, config, *chain):
        container = self.node.container(name)
        result = self.node.add(config, container)
        for kind, keys in chain:
            self.node.add({"cniVersion": config["cniVersion"], "name": config["name"], "type": kind, "prevResult": result, **keys}, container,
                          plugin=self.node.plugin(kind))
        return container

    def attach_all(self):
        """In both modes, and behind drop-ins, two of each; in the order in which records are gone through."""
        bridged = bridge_config(self.node, name="a-net", subnets=DUAL_BRIDGE, isDefaultGateway=True, **RULES)
        routed = routed_config(self.node, name="b-net", subnets=DUAL_ROUTED, **RULES)
        dropped_in = bridge_config(self.node, name="c-net", bridge="pcbr2", subnets=("10.90.0.0/24", "fd00:90::/64"), isDefaultGateway=True, ipMasq=True,
                                   macspoofchk=True) | {"type": "bridge"}
        first = self.attach("a1", bridged | ports("8080:80", "8053:53/udp"))
        self.attach("a2", bridged)
        second = self.attach("b1", routed | ports("8081:80"))
        self.attach("b2", routed)
        third = self.attach("c1", dropped_in, ("portmap", ports("8082:80")), ("firewall", {"ingressPolicy": "same-bridge"}))
        return first, second, third

    def test_the_ruleset_is_the_same_to_the_byte(self):
        self.attach_all()
        before = self.ruleset()
        for _ in range(2):
            self.node.on_host("nft", "flush", "ruleset")
            self.assertEqual(self.ruleset(), "")
            self.reconcile()
            self.assertEqual(self.ruleset(), before)
        self.reconcile()
        self.assertEqual(self.ruleset(), before)

    def test_so_it_is_when_half_of_it_is_gone(self):
        self.attach_all()
        before = self.ruleset()
        for damage in (("delete", "table", "bridge", "patchcord"), ("flush", "chain", "inet", "patchcord", "isolation"),
                       ("flush", "set", "inet", "patchcord", "isolated4")):
            self.node.on_host("nft", *damage)
            self.assertNotEqual(self.ruleset(), before)
            self.reconcile()
            self.assertEqual(sorted(self.ruleset().splitlines()), sorted(before.splitlines()), damage)

    def test_open_connections_go_on(self):
        """In by a published port and out by masquerade, both families; what is sent while there are no rules the kernel has no translation for."""
        containers = self.attach_all()
        self.echo(self.outside, 7000)
        connections = []
        for container, port in zip(containers, (8080, 8081, 8082)):
            self.echo(container, 80)
            for address, host in (("192.0.2.2", "192.0.2.1"), ("2001:db8:2::2", "2001:db8:2::1")):
                inwards = Connection(self, self.outside, host, port)
                self.assertTrue(inwards.seen_as.endswith(address), inwards.seen_as)
                outwards = Connection(self, container, address, 7000)
                self.assertTrue(outwards.seen_as.endswith(host), outwards.seen_as)
                connections += [inwards, outwards]
        for turn, connection in itertools.product(range(2), connections):
            if connection is connections[0]:
                self.node.on_host("nft", "flush", "ruleset")
                self.reconcile()
            self.assertEqual(connection.say(f"turn {turn}"), f"turn {turn}")


if __name__ == "__main__":
    unittest.main()
