"""reconcile: what records say and the kernel lacks is put back, and nothing else is touched."""

import fcntl
import itertools
import os
import subprocess
import unittest

from fake_node import DUAL_BRIDGE, DUAL_ROUTED, Node, bridge_config, routed_config
from patience import until

RIGHT, RESTORED, AMISS, GONE, BUSY = range(5)


class ReconcileTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    def reconcile(self, *options):
        return {line["key"].split("/")[1]: line for line in self.node.reconcile(*options)}

    def attach(self, config, name, **options):
        container = self.node.container(name)
        return container, self.node.add(config, container, **options)

    def go_through(self, config, damages, container, result):
        """Each damage is seen by CHECK's eyes, named, put back whole, and then there is nothing left to do."""
        before = self.node.snapshot(container)
        for damage in damages:
            where = " ".join(damage[1:])
            self.node.run_in(damage[0], *damage[1:])
            seen = self.reconcile("--dry-run")[container]
            self.assertEqual(seen["outcome"], AMISS, where)
            self.assertEqual(seen["restored"], [], where)
            done = self.reconcile()[container]
            self.assertEqual((done["outcome"], done["problems"]), (RESTORED, []), where)
            self.assertTrue(done["restored"], where)
            self.assertEqual(self.without_changing(self.node.snapshot(container)), self.without_changing(before), where)
            self.node.check(config, container, result)
            self.assertEqual(self.reconcile()[container]["outcome"], RIGHT, where)

    @staticmethod
    def without_changing(snapshot):
        """A bridge that was made anew has another index and another MAC; the rest must be the same, to the word."""
        return {key: sorted(value.splitlines()) if isinstance(value, str) else value for key, value in snapshot.items()}

    def host_end(self, container):
        return [link["ifname"] for link in self.node.ip_json(self.node.host, "link", "show", "type", "veth")
                if f"/{container}/" in link.get("ifalias", "")][0]

    def test_bridge(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True, hairpinMode=True)
        container, result = self.attach(config, "a")
        veth, host = self.host_end(container), self.node.host
        self.go_through(config, [
            (host, "ip", "link", "set", veth, "nomaster"),
            (host, "ip", "link", "set", veth, "down"),
            (host, "bridge", "link", "set", "dev", veth, "hairpin", "off"),
            (host, "ip", "addr", "del", "10.88.0.1/24", "dev", "pcbr0"),
            (host, "ip", "addr", "del", "fd00:88::1/64", "dev", "pcbr0"),
            (host, "sysctl", "-qw", "net.ipv4.ip_forward=0"),
            (host, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=0"),
            (container, "ip", "route", "del", "default"),
            (container, "ip", "-6", "route", "del", "default"),
            (container, "ip", "route", "change", "default", "via", "10.88.0.9"),
            (container, "ip", "route", "flush", "dev", "eth0"),
            (container, "ip", "-6", "route", "del", "fd00:88::/64", "dev", "eth0"),
            (container, "ip", "addr", "del", "10.88.0.2/24", "dev", "eth0"),
            (container, "ip", "addr", "del", "fd00:88::2/64", "dev", "eth0"),
            (container, "ip", "link", "set", "eth0", "down"),
        ], container, result)

    def test_promiscuous_mode_and_isolation(self):
        config = bridge_config(self.node, promiscMode=True, portIsolation=True)
        container, result = self.attach(config, "a")
        self.go_through(config, [
            (self.node.host, "ip", "link", "set", "pcbr0", "promisc", "off"),
            (self.node.host, "ip", "link", "set", "pcbr0", "down"),
            (self.node.host, "bridge", "link", "set", "dev", self.host_end(container), "isolated", "off"),
        ], container, result)

    def test_routed(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED)
        container, result = self.attach(config, "a")
        veth, host = self.host_end(container), self.node.host
        self.go_through(config, [
            (host, "ip", "route", "del", "10.89.0.2"),
            (host, "ip", "-6", "route", "del", "fd00:89::2"),
            (host, "ip", "link", "set", veth, "down"),
            (host, "ip", "addr", "del", "fe80::1/64", "dev", veth),
            (host, "sysctl", "-qw", f"net.ipv4.conf.{veth}.proxy_arp=0"),
            (host, "sysctl", "-qw", f"net.ipv4.conf.{veth}.rp_filter=0"),
            (host, "sysctl", "-qw", f"net.ipv6.conf.{veth}.proxy_ndp=0"),
            (container, "ip", "neigh", "del", "169.254.1.1", "dev", "eth0"),
            (container, "ip", "neigh", "change", "fe80::1", "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent"),
            (container, "ip", "route", "del", "default"),
            (container, "ip", "link", "set", "eth0", "down"),
        ], container, result)

    def test_ptp(self):
        config = routed_config(self.node, subnets=DUAL_ROUTED, type="ptp")
        del config["mode"]
        container, result = self.attach(config, "a", plugin=self.node.plugin("ptp"))
        veth, host = self.host_end(container), self.node.host
        self.go_through(config, [
            (host, "ip", "route", "del", "10.89.0.2"),
            (host, "ip", "addr", "del", "10.89.0.1/32", "dev", veth),
            (host, "ip", "addr", "del", "fd00:89::1/128", "dev", veth),
            (host, "ip", "link", "set", veth, "down"),
            (container, "ip", "route", "flush", "dev", "eth0"),
            (container, "ip", "link", "set", "eth0", "down"),
        ], container, result)

    def test_a_bridge_that_was_deleted_comes_back_with_all_its_ports(self):
        config = bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True)
        containers = dict(self.attach(config, name) for name in ("a", "b", "c"))
        self.node.on_host("ip", "link", "del", "pcbr0")
        outcomes = {line["outcome"] for line in self.reconcile().values()}
        self.assertEqual(outcomes, {RESTORED})
        first, second, third = containers
        for container, result in containers.items():
            self.node.check(config, container, result)
        self.assertTrue(self.node.reaches(first, "10.88.0.1", count=2))
        self.assertTrue(self.node.reaches(second, "10.88.0.4", count=2))
        self.assertEqual({line["outcome"] for line in self.reconcile().values()}, {RIGHT})

    def test_what_is_right_is_not_touched(self):
        configs = [(bridge_config(self.node, subnets=DUAL_BRIDGE, isDefaultGateway=True), "a"),
                   (routed_config(self.node, subnets=DUAL_ROUTED), "b")]
        containers = [self.attach(config, name)[0] for config, name in configs]
        before = self.node.snapshot(*containers)
        listeners = [Listener(self, namespace) for namespace in (self.node.host, *containers)]
        self.assertEqual({line["outcome"] for line in self.reconcile().values()}, {RIGHT})
        self.assertEqual([listener.heard() for listener in listeners], [[], [], []])
        self.assertEqual(self.node.snapshot(*containers), before)

    def test_a_pair_that_is_gone_is_told_and_not_made_up(self):
        config = bridge_config(self.node)
        container, _ = self.attach(config, "a")
        self.node.on_host("ip", "link", "del", self.host_end(container))
        line = self.reconcile()[container]
        self.assertEqual(line["outcome"], AMISS)
        self.assertRegex(line["problems"][0], "^the veth pair veth[0-9a-f]+ of container .* is gone and cannot be put back; delete the "
                                              "attachment and add it again$")

    def test_a_container_that_is_gone_or_whose_path_leads_elsewhere_is_left(self):
        config = routed_config(self.node)
        container, _ = self.attach(config, "a")
        self.node.remove_container(container)
        self.assertEqual(self.reconcile()[container]["outcome"], GONE)
        container, _ = self.attach(config, "b")
        # As long as the namespace is held, the kernel gives its number to no other one.
        with open(self.node.path_of(container), encoding="ascii"):
            self.node.remove_container(container)
            self.node.container("b")
            before = self.node.snapshot(container)
            line = self.reconcile()[container]
            self.assertEqual((line["outcome"], line["restored"]), (GONE, []))
            self.assertEqual(line["problems"], [f"its network namespace is not at {self.node.path_of(container)} any more"])
            self.assertEqual(self.node.snapshot(container), before)

    def test_a_busy_attachment_and_one_whose_add_was_killed_are_left(self):
        config = routed_config(self.node)
        container, _ = self.attach(config, "a")
        self.node.on_host("ip", "route", "del", "10.89.0.2")
        draft = os.path.join(self.node.state, "attachments", "rt-net", f".{container}:eth0")
        with open(draft, "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            line = self.reconcile()[container]
            self.assertEqual((line["outcome"], line["restored"]), (BUSY, []))
            self.assertEqual(line["problems"], [f"another operation is at work on rt-net/{container}/eth0"])
            file.write("{\n")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)
            line = self.reconcile()[container]
            self.assertEqual((line["outcome"], line["problems"]), (BUSY, ["an ADD was killed at work on it; delete the attachment"]))
        os.unlink(draft)
        self.assertEqual(self.reconcile()[container]["outcome"], RESTORED)

    def test_the_lock_that_a_killed_one_left_is_removed(self):
        container, _ = self.attach(routed_config(self.node), "a")
        draft = os.path.join(self.node.state, "attachments", "rt-net", f".{container}:eth0")
        with open(draft, "w", encoding="ascii"):
            pass
        self.assertEqual(self.reconcile("--dry-run")[container]["outcome"], RIGHT)
        self.assertTrue(os.path.exists(draft))
        self.assertEqual(self.reconcile()[container]["outcome"], RIGHT)
        self.assertFalse(os.path.exists(draft))

    def test_a_route_of_another_owner_is_not_replaced(self):
        config = routed_config(self.node)
        container, _ = self.attach(config, "a")
        self.node.on_host("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
        self.node.on_host("ip", "link", "set", "other0", "up")
        self.node.on_host("ip", "route", "replace", "10.89.0.2/32", "dev", "other0")
        line = self.reconcile()[container]
        self.assertEqual(line["outcome"], AMISS)
        self.assertIn("the host has a route to 10.89.0.2/32 through other0 already", line["problems"])


class Listener:
    """Hears what changes in a namespace, of links, addresses and routes. The beginning and the end it knows by a change of the loopback's MTU."""

    def __init__(self, case, namespace):
        self.node, self.namespace = case.node, namespace
        self.path = os.path.join(case.node.directory, f"heard-{namespace}")
        with open(self.path, "wb") as file:
            process = subprocess.Popen(["nsenter", f"--net={self.node.path_of(namespace)}", "ip", "monitor", "link", "address", "route"], stdout=file)
        case.addCleanup(process.wait)
        case.addCleanup(process.kill)
        # Until it listens, it hears nothing.
        changes = itertools.cycle(("60001", "60002"))
        case.assertTrue(until(lambda: self.set_mtu(next(changes)) or self.lines()), "it listens to nothing")
        self.begin = self.end_at("60003")

    def set_mtu(self, mtu):
        self.node.run_in(self.namespace, "ip", "link", "set", "lo", "mtu", mtu)

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            return [line for line in file.read().splitlines() if not line.startswith(" ")]

    def end_at(self, mtu):
        """The number of the line that tells of it."""
        self.set_mtu(mtu)
        found = until(lambda: [number for number, line in enumerate(self.lines(), 1) if f"mtu {mtu} " in line])
        return found[-1]

    def heard(self):
        end = self.end_at("65536")
        return self.lines()[self.begin:end - 1]


if __name__ == "__main__":
    unittest.main()
