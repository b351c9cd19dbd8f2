"""Real traffic for the fake node: servers that tell who they are and whom they see, a neighbour on an uplink, and the question who reaches whom."""

import json
import select
import subprocess
import sys
import unittest

import patience
from fake_node import Node

PYTHON = sys.executable

# Answers each connection and each datagram with a JSON line: its own name, and the client's address as it sees it.
SERVER = """
import json, select, socket, sys
name, places = sys.argv[1], sys.argv[2:]
listeners = []
for place in places:
    protocol, family, port = place.split("/")
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    server = socket.socket(socket.AF_INET if family == "4" else socket.AF_INET6, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == "6":
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind(("", int(port)))
    if protocol == "tcp":
        server.listen(64)
    listeners.append(server)
print("ready", flush=True)
while True:
    for server in select.select(listeners, [], [])[0]:
        if server.type == socket.SOCK_STREAM:
            connection, client = server.accept()
            connection.sendall(json.dumps([name, client[0]]).encode())
            connection.close()
        else:
            _, client = server.recvfrom(99)
            server.sendto(json.dumps([name, client[0]]).encode(), client)
"""

# Asks all at once; the answers of those that never come are null.
CLIENT = """
import json, socket, sys, threading
wait, questions = float(sys.argv[1]), json.loads(sys.argv[2])
answers = [None] * len(questions)
def ask(index, protocol, address, port, source):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        with socket.socket(family, kind) as client:
            client.settimeout(wait)
            if family == socket.AF_INET6:
                client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if source:
                client.bind(("", source))
            client.connect((address, port))
            if protocol == "udp":
                client.send(b"?")
            answers[index] = json.loads(client.recv(999))
    except (OSError, ValueError):
        pass
threads = [threading.Thread(target=ask, args=(i, *question)) for i, question in enumerate(questions)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(answers))
"""


class Traffic:
    """Servers and clients in the namespaces of one node; the servers end with it."""

    def __init__(self, node):
        self.node = node
        self.processes = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.communicate()

    def serve(self, namespace, *places, name=None):
        """`places` are "tcp/4/80", "udp/6/53"."""
        return self.start(namespace, PYTHON, "-c", SERVER, name or namespace, *places)

    def start(self, namespace, *command):
        """A server that says "ready" when it is."""
        process = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{namespace}", *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        if not patience.until(lambda: select.select([process.stdout], [], [], 0)[0]) or process.stdout.readline() != "ready\n":
            raise AssertionError(f"no server in {namespace}: {command}")
        return process

    def stop(self, process):
        process.kill()
        process.communicate()
        self.processes.remove(process)

    def ask(self, namespace, *questions, wait=0.5):
        """Each question is (protocol, address, port) and maybe a source port; the answers are (server, client as seen there) or None. What
        was not answered is asked once more, with as much time as it takes on a busy machine."""
        answers = self.ask_once(namespace, questions, wait)
        open_questions = [number for number, answer in enumerate(answers) if answer is None]
        if open_questions:
            again = self.ask_once(namespace, [questions[number] for number in open_questions], wait * patience.answer_time())
            answers = [again.pop(0) if number in open_questions else answer for number, answer in enumerate(answers)]
        return answers

    def ask_once(self, namespace, questions, wait):
        padded = [[*question, 0][:4] for question in questions]
        done = self.node.run_in(namespace, PYTHON, "-c", CLIENT, str(wait), json.dumps(padded))
        return [tuple(answer) if answer else None for answer in json.loads(done.stdout)]

    def asks(self, namespace, protocol, address, port, **options):
        return self.ask(namespace, (protocol, address, port), **options)[0]

    def neighbour(self, name, subnet4="192.0.2", subnet6="2001:db8:2"):
        """A namespace on an uplink of the host, which is .1 and ::1 there; it is .2 and ::2. It knows no way beyond."""
        namespace = self.node.container(name)
        uplink = f"up{len(self.node.namespaces)}"
        on_host = self.node.on_host
        on_host("ip", "link", "add", uplink, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        for prefix in (f"{subnet4}.1/24", f"{subnet6}::1/64"):
            on_host("ip", "addr", "add", prefix, "dev", uplink, *(["nodad"] if ":" in prefix else []))
        on_host("ip", "link", "set", uplink, "up")
        for prefix in (f"{subnet4}.2/24", f"{subnet6}::2/64"):
            self.node.run_in(namespace, "ip", "addr", "add", prefix, "dev", "eth0", *(["nodad"] if ":" in prefix else []))
        self.node.run_in(namespace, "ip", "link", "set", "eth0", "up")
        return namespace


class TrafficCase(unittest.TestCase):
    """A node with a neighbour outside."""

    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.traffic = Traffic(self.node)
        self.addCleanup(self.traffic.close)
        self.outside = self.traffic.neighbour("outside")

    def set_bridge_netfilter(self, value):
        self.node.on_host("sysctl", "-qw", f"net.bridge.bridge-nf-call-iptables={value}", f"net.bridge.bridge-nf-call-ip6tables={value}")


def ports(*mappings, **more):
    """runtimeConfig with "8080:80/tcp" or "192.0.2.1|8080:80/udp"."""
    entries = []
    for mapping in mappings:
        address, _, rest = mapping.rpartition("|")
        host, _, rest = rest.partition(":")
        container, _, protocol = rest.partition("/")
        entries.append({"hostPort": int(host), "containerPort": int(container), "protocol": protocol or "tcp",
                        **({"hostIP": address} if address else {})})
    return {"runtimeConfig": {"portMappings": entries, **more}}
