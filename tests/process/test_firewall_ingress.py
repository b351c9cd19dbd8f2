"""Type firewall: who is kept apart from whom by ingressPolicy."""

import unittest

from firewall_case import PLACES, FirewallCase, addresses


class IngressPolicyTest(FirewallCase):
    def assert_apart(self, namespace, result, apart):
        self.assertEqual(self.reached(namespace, *addresses(result)), [not apart] * 3, f"{namespace}\n{self.ruleset()}")

    def test_open(self):
        _, result = self.attach("a", ingressPolicy="open")
        b, _ = self.attach("b", 2)
        self.assert_apart(b, result, False)

    def go(self, policy, neighbours_apart, bridge_netfilter, own_bridge=True):
        self.set_bridge_netfilter(bridge_netfilter)
        if not own_bridge:  # made by somebody else, who knows nothing of groups
            for number in (1, 2):
                self.node.on_host("ip", "link", "add", f"pcbr{number}", "type", "bridge")
        a, result = self.attach("a", ingressPolicy=policy)
        b, other = self.attach("b", ingressPolicy=policy)
        c, _ = self.attach("c", 2, ingressPolicy=policy)
        self.assert_apart(c, result, True)
        self.assert_apart(b, result, neighbours_apart)
        self.assert_apart(a, other, neighbours_apart)
        self.assert_apart(self.outside, result, False)
        self.assert_apart(self.node.host, result, False)
        self.assertEqual(self.reaches_outside(a), [True] * 3)

    def test_same_bridge(self):
        self.go("same-bridge", False, 1)

    def test_same_bridge_with_bridges_of_others(self):
        self.go("same-bridge", False, 0, own_bridge=False)

    def test_isolated(self):
        self.go("isolated", True, 1)

    def test_isolated_with_bridges_of_others(self):
        self.go("isolated", True, 1, own_bridge=False)

    def test_isolated_cannot_see_frames_that_stay_on_a_bridge_without_br_netfilter(self):
        self.go("isolated", False, 0)

    def make_vlan_gateway(self, number):
        """As a bridge with `vlan` has it, but for the VLAN, for which kernels are needed that filter them: what is routed goes by it."""
        bridge = f"pcbr{number}"
        ip = lambda *words: self.node.on_host("ip", *words)
        ip("link", "add", f"{bridge}.100", "up", "group", str(1 << 30), "type", "veth", "peer", "name", f"port{number}")
        ip("link", "set", f"port{number}", "up", "master", bridge)
        for address in (f"10.86.{number}.1/24", f"fd00:86:{number}::1/64"):
            ip("addr", "del", address, "dev", bridge)
            ip("addr", "add", address, "dev", f"{bridge}.100", "nodad")
        return {"name": f"{bridge}.100", "mac": "02:00:00:00:00:64"}

    def attach_behind(self, gateway, name, policy, number=1):
        container = self.node.container(name)
        result = self.call("ADD", self.bridge(number, isDefaultGateway=False, isGateway=False, ipam={
            **self.bridge(number)["ipam"], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}), container)
        result["interfaces"].append(gateway)
        self.assertEqual(self.call("ADD", {**self.firewall(number, ingressPolicy=policy), "prevResult": result}, container), result)
        self.traffic.serve(container, *PLACES)
        self.node.settle(container)
        return container, result

    def go_behind_vlan_gateway(self, policy, neighbours_apart):
        """What is routed to the container leaves the host by <bridge>.<vlan>, which is in the bridge's result."""
        self.set_bridge_netfilter(1)
        self.attach("first", ingressPolicy="open")  # makes the bridge
        gateway = self.make_vlan_gateway(1)
        a, result = self.attach_behind(gateway, "a", policy)
        b, other = self.attach_behind(gateway, "b", policy)
        c, _ = self.attach("c", 2)
        self.assert_apart(c, result, True)
        self.assert_apart(b, result, neighbours_apart)
        self.assert_apart(self.outside, result, False)
        self.assert_apart(self.node.host, result, False)
        for namespace, previous in ((a, result), (b, other)):
            config = {**self.firewall(ingressPolicy=policy), "prevResult": previous}
            self.call("CHECK", config, namespace)
            self.call("DEL", {**config, "prevResult": None}, namespace)
        self.assertNotIn('"pcbr1', self.ruleset())

    def test_same_bridge_behind_the_gateway_of_a_vlan(self):
        self.go_behind_vlan_gateway("same-bridge", False)

    def test_isolated_behind_the_gateway_of_a_vlan(self):
        """Frames that stay in the VLAN pass: those that the gateway's packets become on the bridge look the same to br_netfilter."""
        self.go_behind_vlan_gateway("isolated", False)

    def test_a_container_without_any_policy_is_kept_out_too(self):
        _, result = self.attach("a", ingressPolicy="same-bridge")
        b, _ = self.attach("b", 2)
        self.assert_apart(b, result, True)


if __name__ == "__main__":
    unittest.main()
