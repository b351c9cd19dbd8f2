"""What a container with antispoof or macspoofchk is given later (a lease, another MAC) it may use, and nothing else than before."""

import json
import os
import unittest

import frames as f
from frames_case import FramesCase
from fake_node import DUAL_BRIDGE, DUAL_ROUTED, PluginError, bridge_config, routed_config

LEASE = {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.9/24", "gateway": "10.88.0.1"}]}
PROGRAM = """#!/bin/sh
cat >/dev/null
[ $CNI_COMMAND != ADD ] || echo '{answer}'
"""
NEW_MAC, OTHERS_MAC, NEW_LINK_LOCAL = "02:00:00:00:00:77", "02:00:00:00:00:ad", "fe80::ff:fe00:77"


class ProgramsAddressTest(FramesCase):
    """One container whose address a program has looked for, as a DHCP client does, and one that has its own from the start."""

    def setUp(self):
        self.make_node()
        program = os.path.join(self.node.directory, "program")
        with open(program, "w", encoding="ascii") as file:
            file.write(PROGRAM.format(answer=json.dumps(LEASE)))
        os.chmod(program, 0o755)
        self.victim = self.attach("victim", bridge_config(self.node, isDefaultGateway=True))
        leased = bridge_config(self.node, name="leased", isDefaultGateway=True, antispoof=True) | {"ipam": {"type": "program"}}
        self.leased = self.attach("leased", leased, CNI_PATH=self.node.directory)
        self.settled = self.attach("settled", bridge_config(self.node, name="settled", subnets=["10.88.1.0/24"], antispoof=True))

    @staticmethod
    def discovery(container, source="0.0.0.0", mac=None):
        """A datagram to where a DHCP server listens."""
        return f.in_frame(mac or container.mac, f.BROADCAST, f.udp(source, "255.255.255.255", 67))

    def test_a_lease_is_looked_for_and_renewed(self):
        asked = [self.discovery(self.leased), self.discovery(self.leased, self.leased.v4)]
        self.assertEqual(self.deliver(self.leased, self.victim, *asked), asked)

    def test_from_another_mac_it_is_not(self):
        self.assertEqual(self.deliver(self.leased, self.victim, self.discovery(self.leased, mac=OTHERS_MAC)), [])

    def test_who_has_an_address_from_the_start_looks_for_none(self):
        lie, last = self.discovery(self.settled), self.discovery(self.settled, self.settled.v4)
        for told in (lie, last):
            self.settled.wire.send(told)
        self.assertNotIn(lie, self.victim.wire.receive_until(last))

    def test_nobody_asks_for_the_address_of_another(self):
        """Who is just asking for it takes it for taken (RFC 5227)."""
        own, others = (f.arp(self.leased.mac, f.BROADCAST, 1, "0.0.0.0", about) for about in (self.leased.v4, self.victim.v4))
        self.assertEqual(self.deliver(self.leased, self.victim, own, others), [own])


class TunedMacTest(FramesCase):
    """Type tuning behind what binds a port to its MAC."""

    def attach_tuned(self, config, plugin="patchcord"):
        """The container, attached and then tuned; what the two results were."""
        self.config, self.plugin = config, self.node.plugin(plugin)
        self.container = self.node.container("tuned")
        self.first = self.node.add(config, self.container, plugin=self.plugin)
        self.chained = {"cniVersion": "1.0.0", "name": config["name"], "type": "tuning", "mac": NEW_MAC, "prevResult": self.first}
        self.result = self.tune("ADD")
        return self.end(self.container)

    def tune(self, command, **keys):
        return self.node.call(command, {**self.chained, **keys}, self.container, plugin=self.node.plugin("tuning"))

    def elements(self):
        return self.node.on_host("nft", "list", "ruleset").count(NEW_MAC)

    def on_a_bridge(self, plugin="patchcord", **keys):
        self.make_node()
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, **keys)
        victim = self.attach("victim", config | {"name": "other", "antispoof": False})
        return self.attach_tuned(config | ({"type": "bridge"} if plugin == "bridge" else {}), plugin), victim

    def assert_follows(self, tuned, victim):
        self.assertEqual(tuned.mac, NEW_MAC)
        truth, lie = (f.in_frame(mac, victim.mac, f.udp(tuned.v4, victim.v4, 7)) for mac in (NEW_MAC, OTHERS_MAC))
        self.assertEqual(self.deliver(tuned, victim, truth, lie), [truth])

    def test_antispoof_follows(self):
        tuned, victim = self.on_a_bridge(antispoof=True)
        self.assert_follows(tuned, victim)
        new_own = f.in_frame(NEW_MAC, victim.mac, f.udp(NEW_LINK_LOCAL, victim.link_local, 7))
        another = f.in_frame(NEW_MAC, victim.mac, f.udp("fe80::1234", victim.link_local, 7))
        self.assertEqual(self.deliver(tuned, victim, new_own, another), [new_own])

    def test_macspoofchk_follows(self):
        self.assert_follows(*self.on_a_bridge(plugin="bridge", macspoofchk=True))

    def test_a_routed_container_has_the_link_local_address_of_its_new_mac(self):
        self.make_node()
        self.attach_tuned(routed_config(self.node, subnets=DUAL_ROUTED, antispoof=True))
        self.assertIn(NEW_LINK_LOCAL, self.node.on_host("nft", "list", "set", "inet", "patchcord", "sources6"))
        self.tune("DEL")
        self.assertNotIn(NEW_LINK_LOCAL, self.node.on_host("nft", "list", "set", "inet", "patchcord", "sources6"))

    def test_check_and_reconcile_know_it(self):
        self.on_a_bridge(antispoof=True)
        self.tune("CHECK", prevResult=self.result)
        self.node.on_host("nft", "flush", "set", "bridge", "patchcord", "macs")
        with self.assertRaises(PluginError) as caught:
            self.tune("CHECK", prevResult=self.result)
        self.assertIn("set bridge patchcord macs is missing", str(caught.exception))
        self.node.reconcile()
        self.tune("CHECK", prevResult=self.result)
        self.node.check(self.config, self.container, self.result)

    def test_a_del_takes_it_back(self):
        self.on_a_bridge(antispoof=True)
        self.tune("DEL")
        self.assertEqual(self.elements(), 0)
        self.node.check(self.config, self.container, self.first)

    def test_nothing_stays_in_whichever_order_they_are_deleted(self):
        self.on_a_bridge(antispoof=True)
        self.node.delete(self.config, self.container)
        self.tune("DEL")
        self.assertEqual(self.elements(), 0)

    def test_a_failed_add_takes_it_back(self):
        self.on_a_bridge(antispoof=True)
        self.tune("DEL")
        with self.assertRaises(PluginError):
            self.tune("ADD", sysctl={"net.ipv4.conf.IFNAME.none_such": "1"})
        self.assertEqual(self.elements(), 0)

    def test_where_nothing_binds_a_mac_nobody_speaks_to_netfilter(self):
        self.on_a_bridge()
        self.assertEqual(self.node.on_host("nft", "list", "ruleset"), "")


if __name__ == "__main__":
    unittest.main()
