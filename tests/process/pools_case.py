"""What tests of pools have in common: a node with blocks, networks on it, and a program in the place of the source that gives them."""

import json
import os
import stat
import sys
import unittest

from fake_node import Node, PluginError

# Gives the blocks of a list, one after the other, and keeps what it was asked.
SOURCE = """#!{python}
import fcntl, json, os, sys, time
root = {root!r}
lock = open(os.path.join(root, "source.lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX)
with open(os.path.join(root, "source.json")) as file:
    state = json.load(file)
asked = json.load(sys.stdin)
state["asked"].append([sys.argv[1:], asked])
def answer(document, status=0):
    with open(os.path.join(root, "source.json"), "w") as file:
        json.dump(state, file)
    json.dump(document, sys.stdout)
    sys.exit(status)
if state.get("sleep"):
    lock.close()
    time.sleep(1000)
if state.get("fails"):
    answer({{"error": "no endpoint answers: http://192.0.2.1:2379", "details": "look at etcd"}}, state["fails"])
verb, rest = sys.argv[1], sys.argv[2:]
if verb == "claim":
    missing = [block for block in state["own"] if block not in asked["blocks"]]
    if not missing and not state["free"]:
        answer({{"error": "every block of pool " + rest[0] + " is given"}}, 3)
    block = missing[0] if missing else state["free"].pop(0)
    if not missing:
        state["own"].append(block)
    answer({{"block": block, "adopted": bool(missing), "pool": state["pool"]}})
if verb == "own":
    answer({{"blocks": state["own"], "pool": state["pool"]}})
if verb == "release":
    state["own"] = [block for block in state["own"] if block != rest[1]]
    answer({{}})
if verb == "all":
    answer({{"blocks": [{{"block": block, "node": "n1", "machine": "m", "since": 1764000000}} for block in state["own"]], "pool": state["pool"]}})
if verb == "pools":
    answer({{"pools": [state["pool"]]}})
if verb in ("pool-add", "pool-set"):
    state["pool"] = asked
    answer({{}})
if verb == "forget":
    answer({{"blocks": [{{"pool": "pods", "block": block}} for block in state["own"]]}})
answer({{"error": "what is " + verb + "?"}}, 2)
"""

POOL = {"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 29}


class PoolsCase(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    # -- what is there

    def directory(self, pool="pods"):
        return os.path.join(self.node.pools, pool)

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def give(self, *blocks, pool="pods", **keys):
        """Blocks by hand, as Ansible would; with keys of pool.json, that too."""
        self.write(os.path.join(self.directory(pool), "blocks"), "".join(block + "\n" for block in blocks))
        if keys:
            self.write(os.path.join(self.directory(pool), "pool.json"), json.dumps({**POOL, "name": pool, **keys}))

    def blocks(self, pool="pods"):
        try:
            with open(os.path.join(self.directory(pool), "blocks"), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def reservations(self, pool="pods"):
        directory = os.path.join(self.directory(pool), "addresses")
        if not os.path.isdir(directory):
            return []
        return sorted(name for name in os.listdir(directory) if name != "lock" and not name.startswith("last_reserved"))

    def block_routes(self, family="-4"):
        text = self.node.on_host("ip", "-N", family, "route", "show", "proto", "81")
        return sorted(line.split()[1] for line in text.splitlines() if "metric 4096" in line)

    # -- who gives blocks

    def source(self, *free, own=(), source="etcd", **state):
        """A cluster whose source has these blocks to give."""
        self.write(self.node.cluster, json.dumps({"node": "n1", "cluster": "lab", "source": source, "endpoints": ["http://192.0.2.1:2379"]}))
        self.change_source(free=list(free), own=list(own), pool=POOL, asked=[], **state)
        program = os.path.join(self.node.directory, "patchcord-blocks")
        self.write(program, SOURCE.format(python=sys.executable, root=self.node.directory))
        os.chmod(program, stat.S_IRWXU)
        return {"PATCHCORD_BLOCKS": program}

    def source_state(self):
        with open(os.path.join(self.node.directory, "source.json"), encoding="utf-8") as file:
            return json.load(file)

    def change_source(self, **state):
        path = os.path.join(self.node.directory, "source.json")
        before = self.source_state() if os.path.exists(path) else {}
        self.write(path, json.dumps({**before, **state}))

    # -- networks

    def routed(self, *pools, name="rt-net", **keys):
        ipam = {"type": "host-local", "pools": list(pools) or ["pods"], **keys.pop("ipam", {})}
        return {"cniVersion": "1.1.0", "name": name, "type": "patchcord", "mode": "routed", "ipam": ipam, **keys}

    def bridged(self, *pools, name="br-net", **keys):
        return {**self.routed(*pools, name=name, **keys), "mode": "bridge", "bridge": keys.get("bridge", "pcbr0"), "isDefaultGateway": True}

    def addresses(self, result):
        return [ip["address"].split("/")[0] for ip in result["ips"]]

    def add_many(self, config, count, prefix="c", **options):
        """One address of each of so many containers."""
        given = []
        for number in range(count):
            given.append(self.addresses(self.node.add(config, self.node.container(f"{prefix}{number}"), **options))[0])
        return given

    def assert_fails(self, code, words, *call, **options):
        with self.assertRaises(PluginError) as caught:
            self.node.call(*call, **options)
        self.assertEqual(caught.exception.code, code, caught.exception)
        for word in words:
            self.assertIn(word, caught.exception.msg + caught.exception.document.get("details", ""))
        return caught.exception
