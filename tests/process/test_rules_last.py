"""What a network's first container makes, and its last one takes away."""

import os
import subprocess
import unittest

from fake_node import PLUGIN
from patience import communicate
from rules_case import ALL_KEYS, RulesCase
from traffic import ports


class LastOfNetworkTest(RulesCase):
    """The chains of a network go with its last container; what all networks share stays, and there is no more of it however many there were."""

    def chains(self):
        return [line.split()[1] for line in self.ruleset().splitlines() if line.strip().startswith("chain masquerade-")]

    def network(self, number, make=None, **keys):
        made = (make or self.bridge)(**{**ALL_KEYS, **keys})
        return {**made, "name": f"net{number}", **({"bridge": f"pcbr{number}"} if made["mode"] == "bridge" else {})}

    def come_and_go(self, config, *names):
        containers = [self.add({**config, **(ports("8080:80") if name == "ported" else {})}, f"{config['name']}{name}")[0] for name in names]
        for container in containers:
            self.assertEqual(len(self.chains()), 1)
            self.node.delete(config, container)

    def test_nothing_is_left_of_networks_that_are_gone(self):
        for number, make in enumerate((self.bridge, self.routed), 8):
            self.come_and_go(self.network(number, make), "ported")
        shared = self.ruleset()
        self.assertNotIn("net8", shared)
        for number, make in enumerate((self.bridge, self.routed, self.bridge, self.routed), 1):
            self.come_and_go(self.network(number, make), "a", "ported")
            self.assertEqual(self.ruleset(), shared)

    def test_without_other_rules_one_that_no_packet_gets_to_is_all_that_stays(self):
        self.come_and_go(self.bridge(ipMasq=True), "a", "b")
        hook = "type nat hook postrouting priority 120; policy accept;"
        self.assertEqual(self.ruleset(), f"table inet patchcord {{\n\tchain masquerading {{\n\t\t{hook}\n\t\taccept\n\t\tmasquerade\n\t}}\n}}\n")

    def test_those_of_an_earlier_configuration_go_too(self):
        older, newer = self.network(1), self.network(1, ipMasqExclude=["192.0.2.0/24"])
        a, _ = self.add(older, "a")
        b, _ = self.add(newer, "b")
        self.node.delete(newer, a)
        self.assertEqual(len(self.chains()), 2)  # who has which is not looked for while there are others
        self.node.delete(newer, b)
        self.assertEqual(self.chains(), [])

    def test_those_of_others_stay(self):
        """Also of networks whose names begin as this one's, and what somebody has put into a set of ours."""
        names = ("net", "net-1", "net-12345678", "net-12345678-ipv4")
        for number, name in enumerate(names[1:]):
            self.add({**self.network(number), "name": name}, f"o{number}")
        others = self.ruleset()
        a, _ = self.add({**self.network(9), "name": "net"}, "a")
        self.assertEqual(len(self.chains()), 4)
        self.node.delete({"cniVersion": "1.0.0", "name": "net"}, a, netns="")
        self.assertEqual(self.ruleset(), others)
        a = self.add({**self.network(9), "name": "net"}, "b")[0]
        chain = next(name for name in self.chains() if name not in others)
        self.node.on_host("nft", f'add element inet patchcord {chain}-ipv4 {{ 192.0.2.9 comment "mine" }}')
        self.node.delete({"cniVersion": "1.0.0", "name": "net"}, a, netns="")
        self.assertIn(chain, self.chains())

    def test_a_del_without_a_record_gc_and_the_operators_gc_remove_them_too(self):
        config = self.network(1) | {"cniVersion": "1.1.0"}

        def del_without_record(container):
            subprocess.run(["rm", "-r", os.path.join(self.node.state, "attachments")], check=True)
            self.node.delete(config, container, netns="")

        def collect(_):
            self.node.call("GC", config | {"cni.dev/valid-attachments": []}, "", netns="", ifname="")

        def collect_what_a_killed_del_left(container):
            self.node.delete(config, container)
            self.node.on_host("nft", *self.empty_chain)
            collect(container)

        def collect_dead(container):
            self.node.remove_container(container, veths=0)
            self.node.on_host("env", f"PATCHCORD_STATE_DIR={self.node.state}", PLUGIN, "gc")

        for number, remove in enumerate((del_without_record, collect, collect_what_a_killed_del_left, collect_dead)):
            container, _ = self.add(config, f"a{number}")
            chain = self.chains()[0]
            self.empty_chain = (f"add set inet patchcord {chain}-ipv4 {{ type ipv4_addr; }}; add chain inet patchcord {chain};"
                                f"add rule inet patchcord {chain} ip saddr @{chain}-ipv4 masquerade",)
            remove(container)
            self.assertEqual((self.chains(), self.elements()), ([], []), remove.__name__)

    def test_the_last_del_does_not_wait_for_them(self):
        """What the kernel frees of them it frees while the links go, and in one go: all is removed in one transaction, before those."""
        a, _ = self.add(self.network(1), "a")
        lines = self.traced_delete(self.network(1), a)
        self.assertEqual(sum("NFNL_MSG_BATCH_BEGIN" in line for line in lines), 1)
        link = next(number for number, line in enumerate(lines) if "RTM_DELLINK" in line)
        chains = [number for number, line in enumerate(lines) if "NFT_MSG_DELCHAIN" in line]
        self.assertEqual(len(chains), 1)
        self.assertLess(chains[0], link)
        self.assertEqual(self.chains(), [])

    def traced_delete(self, config, container):
        trace = os.path.join(self.node.directory, "trace")
        self.node.delete(config, container, prefix=("strace", "-f", "-o", trace, "-e", "trace=sendmsg,sendto"))
        with open(trace, encoding="utf-8") as file:
            return [line for line in file if "NFT_MSG_" in line or "RTM_DELLINK" in line]

    def test_what_somebody_elses_rule_needs_stays_and_the_container_goes(self):
        config = self.network(1)
        a, _ = self.add(config, "a")
        chain = self.chains()[0]
        self.node.on_host("nft", f"add table inet patchcord; add chain inet patchcord foreign; add rule inet patchcord foreign ip saddr @{chain}-ipv4")
        tries = sum("NFNL_MSG_BATCH_BEGIN" in line for line in self.traced_delete(config, a))
        self.assertTrue(0 < tries < 8, tries)  # the ruleset is the same each time, so there is no use in going on
        self.assertEqual((self.chains(), self.elements(), self.node.veths()), ([chain], [], []))
        self.node.on_host("nft", "delete chain inet patchcord foreign")
        self.node.call("GC", config | {"cniVersion": "1.1.0", "cni.dev/valid-attachments": []}, "", netns="", ifname="")
        self.assertEqual(self.chains(), [])

    def test_a_first_add_that_fails_takes_them_away_again(self):
        self.come_and_go(self.network(1), "a")
        container = self.node.container("b")
        self.node.on_host("sysctl", "-qw", "net.ipv4.ip_forward=0")
        before = self.node.snapshot(container)
        config = self.network(1)
        # The result cannot be delivered, which is the last step of all.
        process = self.node.start("ADD", config, container, self.node.path_of(container), prefix=("sh", "-c", 'exec "$0" >/dev/full'))
        communicate(process)
        self.assertNotEqual(process.returncode, 0)
        after = self.node.snapshot(container)
        self.assertEqual(after[(self.node.host, "nft")], before[(self.node.host, "nft")])

    def test_adds_and_dels_of_the_last_ones_at_once(self):
        """A chain that a DEL takes away is there again for an ADD that counted on it."""
        config = self.network(1)
        containers = [self.node.container(f"a{number}") for number in range(6)]
        results, living = {}, set()
        for turn in range(12):
            running = []
            for number, container in enumerate(containers):
                if (turn + number) % 3 == 0 or container in living:
                    command = "DEL" if container in living else "ADD"
                    running.append((command, container, self.node.start(command, config, container, self.node.path_of(container))))
            for command, container, process in running:
                result = self.node.finish(process)
                living.symmetric_difference_update({container})
                results[container] = result
            for container in living:
                self.node.check(config, container, results[container])
            self.assertEqual(len(self.chains()), 1 if living else 0)
        for container in living:
            self.node.delete(config, container)
        self.assertEqual((self.chains(), self.elements()), ([], []))


if __name__ == "__main__":
    unittest.main()
