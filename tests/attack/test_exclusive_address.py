"""One address, two containers: whoever has the host's route has it, and nobody else is told so."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "process"))

import patience
from fake_node import Node, PluginError, ShippedBinaryCase

# An ADD's record is put in its place by a rename, here a second later.
LATE = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", "inject=rename:delay_enter=1000000")
ADDRESSES = {"IPv4": ("10.77.0.5/24", "10.77.0.5/32"), "IPv6": ("fd77::5/64", "fd77::5/128")}


class ExclusiveAddressTest(ShippedBinaryCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)

    @staticmethod
    def config(address, name="fixed", **keys):
        gateway = {"gateway": "fd77::1" if ":" in address else "10.77.0.1"} if keys.get("type") == "ptp" else {}
        return {"cniVersion": "1.0.0", "name": name, "type": "patchcord", "mode": "routed",
                "ipam": {"type": "static", "addresses": [{"address": address} | gateway]}} | keys

    def refused(self, config, container, **options):
        before = self.node.snapshot(container)
        with self.assertRaises(PluginError) as caught:
            self.node.add(config, container, **options)
        self.assertEqual(caught.exception.code, 103, caught.exception.msg)
        self.assertEqual(self.node.snapshot(container), before)
        return caught.exception.msg

    def owner_of(self, destination):
        family = "-6" if ":" in destination else "-4"
        routes = self.node.ip_json(self.node.host, family, "route", "show", destination)
        return [route["dev"] for route in routes]

    def test_of_two_at_once_one_is_told_success(self):
        for family, (address, destination) in ADDRESSES.items():
            for number in range(4):
                with self.subTest(family=family, number=number):
                    self.race(address, destination, (self.config(address), self.config(address, name="fixed2")))

    def race(self, address, destination, configs):
        containers = [self.node.container(f"r{len(self.node.namespaces)}") for _ in configs]
        started = [self.node.start("ADD", config, container, self.node.path_of(container))
                   for config, container in zip(configs, containers)]
        outcomes = []
        for process in started:
            try:
                outcomes.append(self.node.finish(process)["interfaces"][0]["name"])
            except PluginError as error:
                self.assertEqual(error.code, 103, error.msg)
        self.assertEqual(len(outcomes), 1, address)
        self.assertEqual(self.owner_of(destination), outcomes)
        for config, container in zip(configs, containers):
            self.node.delete(config, container)
            self.node.remove_container(container)
        self.assertEqual(self.owner_of(destination), [])

    def test_an_add_that_is_still_at_work_has_it(self):
        for family, (address, destination) in ADDRESSES.items():
            with self.subTest(family=family):
                config = self.config(address)
                a, b = self.node.container("a" + family), self.node.container("b" + family)
                first = self.node.start("ADD", config, a, self.node.path_of(a), prefix=LATE)
                patience.until(lambda destination=destination: self.owner_of(destination))
                with self.assertRaises(PluginError) as caught:
                    self.node.add(config, b)
                self.assertEqual(caught.exception.code, 103)
                host_end = self.node.finish(first)["interfaces"][0]["name"]
                self.assertEqual(self.owner_of(destination), [host_end])

    def test_a_record_that_is_lost_is_no_death(self):
        for family, (address, destination) in ADDRESSES.items():
            with self.subTest(family=family):
                config = self.config(address)
                a, b = self.node.container("a" + family), self.node.container("b" + family)
                host_end = self.node.add(config, a)["interfaces"][0]["name"]
                shutil.rmtree(self.node.state)
                self.assertIn(f"patchcord fixed/{a}/eth0", self.refused(config, b))
                self.assertEqual(self.owner_of(destination), [host_end])
                self.node.delete(config, a)
                self.node.add(config, b)

    def test_a_draft_of_a_killed_add_is_no_death_of_the_pair_that_it_made(self):
        config = self.config("10.77.0.5/24")
        a, b = self.node.container("a"), self.node.container("b")
        host_end = self.node.add(config, a)["interfaces"][0]["name"]
        records = os.path.join(self.node.state, "attachments", "fixed")
        os.rename(os.path.join(records, f"{a}:eth0"), os.path.join(records, f".{a}:eth0"))
        self.refused(config, b)
        self.assertEqual(self.owner_of("10.77.0.5/32"), [host_end])

    def test_a_container_that_is_gone_has_nothing(self):
        config = self.config("10.77.0.5/24")
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(config, a)
        self.node.remove_container(a)
        # The kernel takes its time to take a namespace down.
        patience.until(lambda: not self.owner_of("10.77.0.5/32"))
        self.node.add(config, b)

    def test_a_link_of_its_own_by_ptp(self):
        address, destination = ADDRESSES["IPv4"]
        config = self.config(address, type="ptp", name="links")
        a, b = self.node.container("a"), self.node.container("b")
        host_end = self.node.add(config, a, plugin=self.node.plugin("ptp"))["interfaces"][0]["name"]
        shutil.rmtree(self.node.state)
        self.refused(config, b, plugin=self.node.plugin("ptp"))
        self.refused(self.config(address), b)
        self.assertEqual(self.owner_of(destination), [host_end])

    def test_an_address_of_the_host_is_nobody_elses(self):
        for family, (address, destination) in ADDRESSES.items():
            with self.subTest(family=family):
                self.node.on_host("ip", "addr", "add", destination, "dev", "lo")
                self.assertIn("is an address of the host itself", self.refused(self.config(address), self.node.container("a" + family)))

    def test_a_route_of_somebody_elses_of_another_metric_is_a_claim(self):
        for family, (address, destination) in ADDRESSES.items():
            with self.subTest(family=family):
                link = "up" + family[-1]
                self.node.on_host("ip", "link", "add", link, "type", "veth", "peer", "name", link + "p")
                self.node.on_host("ip", "link", "set", link, "up")
                self.node.on_host("ip", "route", "add", destination, "dev", link, "metric", "77")
                self.assertIn(f"through {link} already", self.refused(self.config(address), self.node.container("a" + family)))

    def test_a_blackhole_is_a_claim(self):
        self.node.on_host("ip", "route", "add", "blackhole", "10.77.0.5/32")
        self.refused(self.config("10.77.0.5/24"), self.node.container("a"))

    def test_reconcile_takes_it_from_nobody(self):
        """The first one's route was taken away by hand, and the second one has the address since."""
        config = self.config("10.77.0.5/24")
        a, b = self.node.container("a"), self.node.container("b")
        self.node.add(config, a)
        self.node.on_host("ip", "route", "del", "10.77.0.5/32")
        host_end = self.node.add(config, b)["interfaces"][0]["name"]
        os.unlink(os.path.join(self.node.state, "attachments", "fixed", f"{b}:eth0"))
        self.node.run_in(self.node.host, self.node.plugin("patchcord"), "reconcile", check=False)
        self.assertEqual(self.owner_of("10.77.0.5/32"), [host_end])


if __name__ == "__main__":
    unittest.main()
