"""The base of tests in a whole lab: pods on each node, and who reaches whom."""

import itertools
import unittest

from etcd_cluster import patience
from lab import Lab

BLOCKS_OF = {"n1": "10.50.1.0/26", "n2": "10.50.2.0/26", "n3": "10.50.3.0/26", "n4": "10.50.4.0/26"}
BLOCKS6_OF = {name: f"fd50::{number}00/122" for number, name in enumerate(("n1", "n2", "n3", "n4"), 1)}


class FabricCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)

    @classmethod
    def routed_config(cls, name, subnets, **keys):
        node = cls.lab.nodes[name]
        ranges = [[{"subnet": subnet, "rangeStart": subnet.split("/")[0]}] for subnet in subnets]
        return {"cniVersion": "1.0.0", "name": "pods", "type": "patchcord", "mode": "routed",
                "ipam": {"type": "host-local", "dataDir": node.networks, "ranges": ranges}, **keys}

    @classmethod
    def add_pod(cls, name, config, pod="pod"):
        """Its addresses."""
        node = cls.lab.nodes[name]
        container = node.container(pod)
        result = node.add(config, container)
        return container, [each["address"].split("/")[0] for each in result["ips"]]

    @classmethod
    def add_pods(cls, config_of):
        """One on each node: container and addresses, by node."""
        return {name: cls.add_pod(name, config_of(name)) for name in cls.lab.nodes}

    def pairs(self, pods):
        for (source, (container, _)), (target, (_, addresses)) in itertools.product(pods.items(), pods.items()):
            for address in addresses:
                yield source, container, target, address

    def first_unreached(self, pods):
        return next(((source, target, address) for source, container, target, address in self.pairs(pods)
                     if not self.lab.pings(self.lab.nodes[source], container, address)), None)

    def assert_all_pairs(self, pods):
        """Each pod reaches each, itself included; more than one try only while routes come in."""
        if not patience.until(lambda: self.first_unreached(pods) is None, tries=30):
            self.fail(f"{self.first_unreached(pods)}: " + self.lab.show())
