"""Pods of four nodes reach each other by FRR: routes, at BIRD's reflector and at FRR's own; one bridge over all nodes; and routes over VXLAN
where the fabric knows none."""

import unittest

from etcd_cluster import patience
from fabric_case import BLOCKS6_OF, BLOCKS_OF, FabricCase

PODS_MTU = 1450


class RoutedFrrTest(FabricCase):
    REFLECTOR = "frr"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        lab.with_pools("pods", "pods6")
        lab.router.configure(cls.REFLECTOR, "--reflector")
        {"frr": lab.router.start_frr, "bird": lab.router.start_bird}[cls.REFLECTOR]()
        for name, node in lab.nodes.items():
            node.announce(BLOCKS_OF[name], BLOCKS6_OF[name])
            node.configure("frr")
            node.start_frr()
        cls.pods = cls.add_pods(lambda name: cls.routed_config(name, (BLOCKS_OF[name], BLOCKS6_OF[name])))

    def test_all_pairs_and_no_address_of_another_node(self):
        self.assert_all_pairs(self.pods)
        for name, node in self.lab.nodes.items():
            wanted = {block for blocks in (BLOCKS_OF, BLOCKS6_OF) for other, block in blocks.items() if other != name}
            # What the test before has withdrawn goes in FRR's own time.
            self.assertTrue(patience.until(lambda: self.learnt(node) == wanted), f"{name}: {self.learnt(node)}")

    @staticmethod
    def learnt(node):
        return {route["dst"] for family in ("-4", "-6") for route in node.ip_json(node.host, family, "route") if route.get("protocol") == "bgp"}

    def test_a_new_block_is_announced(self):
        node, other = self.lab.nodes["n2"], self.lab.nodes["n4"]
        node.announce("10.50.200.0/26")
        container, (address,) = self.add_pod("n2", {**self.routed_config("n2", ("10.50.200.0/26",)), "name": "new"}, "new")
        self.assertTrue(patience.until(lambda: self.lab.pings(other, self.pods["n4"][0], address)))
        node.delete({**self.routed_config("n2", ("10.50.200.0/26",)), "name": "new"}, container)
        node.on_host("ip", "route", "del", "unreachable", "10.50.200.0/26", "proto", "81", "metric", "4096")


class FrrAtBirdTest(RoutedFrrTest):
    REFLECTOR = "bird"


class BridgeSubnetTest(FabricCase):
    """A block is a node's bridge: its subnet is a connected route beside the block's own."""

    def test_all_pairs(self):
        lab = self.lab
        lab.with_pools("pods")
        lab.router.configure("bird", "--reflector")
        lab.router.start_bird()
        for name, node in lab.nodes.items():
            node.announce(BLOCKS_OF[name])
            daemon = "frr" if name in ("n1", "n4") else "bird"
            node.configure(daemon)
            getattr(node, f"start_{daemon}")()
        pods = self.add_pods(lambda name: {"cniVersion": "1.0.0", "name": "pods", "type": "patchcord", "mode": "bridge", "bridge": "pods0",
                                           "isDefaultGateway": True, "ipam": {"type": "host-local", "dataDir": lab.nodes[name].networks,
                                                                              "ranges": [[{"subnet": BLOCKS_OF[name]}]]}})
        self.assert_all_pairs(pods)


class EvpnCase(FabricCase):
    def vxlan(self, node, vni, master, *options):
        address = self.lab.ADDRESSES[node.title][0].split("/")[0]
        node.on_host("ip", "link", "add", f"vx{vni}", "mtu", str(PODS_MTU), "type", "vxlan", "id", str(vni), "dstport", "4789", "local", address,
                     "nolearning")
        node.on_host("ip", "link", "set", f"vx{vni}", "master", master, *options)

    def start(self, kind, vni):
        """Devices as the remarks in the configuration say, then the daemons."""
        lab = self.lab
        lab.with_pools("pods", fabric={"vni": vni})
        lab.router.configure("frr", "--reflector", "--evpn", kind)
        lab.router.start_frr()
        for node in lab.nodes.values():
            node.configure("frr", "--evpn", kind)
            node.start_frr()

    def carries(self, pods, size):
        """A datagram of so many bytes from n1's pod to n4's goes there in one piece."""
        node, (container, _), (address,) = self.lab.nodes["n1"], pods["n1"], pods["n4"][1]
        return node.run_in(container, "ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", str(size), address, check=False).returncode == 0


class EvpnBridgeTest(EvpnCase):
    def test_one_bridge_over_all_nodes(self):
        for node in self.lab.nodes.values():
            node.on_host("ip", "link", "add", "pods0", "type", "bridge")
            node.on_host("ip", "link", "set", "pods0", "up")
            self.vxlan(node, 100, "pods0")
            node.on_host("bridge", "link", "set", "dev", "vx100", "neigh_suppress", "on", "learning", "off")
            node.on_host("ip", "link", "set", "vx100", "up")
        self.start("bridge", 100)

        def config(name):
            number = name[1:]
            return {"cniVersion": "1.0.0", "name": "pods", "type": "patchcord", "mode": "bridge", "bridge": "pods0", "mtu": PODS_MTU,
                    "isDefaultGateway": True, "ipam": {"type": "host-local", "dataDir": self.lab.nodes[name].networks, "ranges": [[
                        {"subnet": "10.60.0.0/16", "rangeStart": f"10.60.{number}.1", "rangeEnd": f"10.60.{number}.254", "gateway": "10.60.0.1"}]]}}
        pods = self.add_pods(config)
        self.assert_all_pairs(pods)
        self.assertTrue(self.carries(pods, PODS_MTU - 28))
        self.assertEqual([route for route in self.lab.router.ip_json(self.lab.router.host, "route") if route["dst"].startswith("10.60.")], [])


class EvpnRoutedTest(EvpnCase):
    def test_routes_over_vxlan_where_the_fabric_knows_no_pod(self):
        for number, (name, node) in enumerate(self.lab.nodes.items(), 1):
            node.announce(BLOCKS_OF[name])
            node.on_host("ip", "link", "add", "vtep", "type", "bridge")
            node.on_host("ip", "link", "set", "vtep", "address", f"02:50:43:00:00:0{number}", "mtu", str(PODS_MTU), "up")
            self.vxlan(node, 4096, "vtep", "addrgenmode", "none")
            node.on_host("bridge", "link", "set", "dev", "vx4096", "learning", "off")
            node.on_host("ip", "link", "set", "vx4096", "up")
        self.start("routed", 4096)
        pods = self.add_pods(lambda name: self.routed_config(name, (BLOCKS_OF[name],), mtu=PODS_MTU))
        self.assert_all_pairs(pods)
        self.assertTrue(self.carries(pods, PODS_MTU - 28))
        self.assertFalse(self.carries(pods, PODS_MTU - 27))
        self.assertEqual([route for route in self.lab.router.ip_json(self.lab.router.host, "route") if route["dst"].startswith("10.50.")], [])


if __name__ == "__main__":
    unittest.main()
