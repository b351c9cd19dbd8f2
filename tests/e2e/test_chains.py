"""The chains that podman writes and that nodes of containerd have, by the
reference's names: all of ours, and with the reference's members behind our bridge;
and as pods have them, by type patchcord too."""

import unittest

import image
from conflists import (REPLACED_NAMES, SYSCTLS, TUNED_MAC, chain_in_one, containerd_chain,
                       flavour, write_conflist)
from containerd import Containerd
from cri import Cri, PYTHON_GRPC
from e2e_case import E2ECase, address_of
from fakehost import UPLINK_ADDRESS6
from podman import DEFAULT_NETWORK, Podman
from traces import cached_capabilities, cached_network, cached_result

PORT = "18080"
PODMAN_CHAIN = ["bridge", "portmap", "firewall", "tuning"]


class ChainCase(E2ECase):
    plugin_names = REPLACED_NAMES

    def setUp(self):
        super().setUp()
        self.outside = self.add_outside("outside")

    def drop_forwarding(self):
        """As a node with Docker or ufw does; only type firewall gets containers through."""
        self.host.run("iptables", "-P", "FORWARD", "DROP")

    def assert_tuned(self, container):
        """By what the container's own processes see; the host's own are as they were."""
        self.assert_mac(container, TUNED_MAC)
        self.assert_sysctls(container)

    def assert_sysctls(self, container):
        for key, value in SYSCTLS.items():
            path = "/proc/sys/" + key.replace(".", "/").replace("IFNAME", "eth0")
            self.assertEqual(container.exec("cat", path).stdout.strip(), value, path)

    def assert_mac(self, container, mac):
        seen = container.exec("cat", "/sys/class/net/eth0/address").stdout.strip()
        self.assertEqual(seen, mac)

    def assert_host_is_untuned(self):
        for key, value in SYSCTLS.items():
            path = "/proc/sys/" + key.replace(".", "/").replace("IFNAME", "lo")
            self.assertNotEqual(self.host.output("cat", path).strip(), value, path)


class PodmanChainCase(ChainCase):
    needs = ("podman", "conmon", "runc")

    def setUp(self):
        super().setUp()
        self.podman = Podman(self.host)

    def run_server(self, network, *options):
        server = self.podman.run("server", network, *image.serve("server", 80),
                                 options=[f"--publish={PORT}:80", *options])
        chain = cached_network(self.host, network, server.id)
        self.assertEqual([plugin["type"] for plugin in chain["plugins"]], PODMAN_CHAIN)
        return server

    def run_client(self, network):
        return self.podman.run("client", network, "sleep", "3600")

    def remove_and_check(self, network, *containers, secrets=()):
        secrets = [PORT, *secrets] + [container.id for container in containers]
        secrets += [address_of(cached_result(self.host, network, container.id))
                    for container in containers]
        for container in containers:
            container.remove()
        self.assert_no_traces(secrets)
        self.assert_only_processes()
        self.assert_not_published(PORT, self.outside)


class PodmanChainTest(PodmanChainCase):
    def test_default_network(self):
        """The network that podman brings, on a node that drops what is forwarded."""
        self.drop_forwarding()
        server = self.run_server(DEFAULT_NETWORK)
        client = self.run_client(DEFAULT_NETWORK)

        if flavour() != "reference":  # whose firewall does not let new connections in
            self.assert_published(PORT, "server", self.outside, [client, server])
        for container in (server, client):
            self.assert_reaches_outside(container.exec, "outside")
        self.remove_and_check(DEFAULT_NETWORK, server, client)

    def test_tuned_network(self):
        """`podman network create`, and then the operator has given tuning something to do."""
        self.podman.podman("network", "create", "tuned")
        self.podman.tune("tuned", {"sysctl": SYSCTLS, "mac": TUNED_MAC})
        server = self.run_server("tuned")

        self.assert_tuned(server)
        self.assert_host_is_untuned()
        self.assertEqual(server.attachment("tuned")["MacAddress"], TUNED_MAC)
        self.assert_published(PORT, "server", self.outside, [server])
        self.remove_and_check("tuned", server)

    def test_dual_stack_network(self):
        """podman hands on two addresses as a capability, in the convention's spelling."""
        self.podman.podman("network", "create", "--subnet=10.97.0.0/24", "--subnet=fd97::/64",
                           "--ipv6", "dual")
        server = self.run_server("dual", "--ip=10.97.0.7", "--ip6=fd97::7")
        client = self.run_client("dual")

        self.assertEqual(self.addresses_in(server.namespace_path)[1],
                         {"10.97.0.7/24", "fd97::7/64"})
        for run in (self.host.run, client.exec):
            self.assert_fetches(run, "http://10.97.0.7/", "server")
            self.assert_fetches(run, "http://[fd97::7]/", "server")
        self.assert_published(PORT, "server", self.outside, [client, server])
        self.assert_published_at(f"[{UPLINK_ADDRESS6}]", PORT, "server", self.outside,
                                 [client, server])
        self.remove_and_check("dual", server, client, secrets=["10.97.0.7", "fd97::7"])

    def test_chosen_mac(self):
        """podman hands a MAC to the whole chain, in CNI_ARGS."""
        server = self.run_server(DEFAULT_NETWORK, "--mac-address=02:00:00:00:00:78")
        self.assert_mac(server, "02:00:00:00:00:78")
        self.assert_reaches_outside(server.exec, "outside")
        self.remove_and_check(DEFAULT_NETWORK, server)


class BorrowedChainTest(PodmanChainCase):
    """Our bridge and host-local, where the rest of the chain is the reference's."""

    borrowed_names = ("portmap", "firewall", "tuning")

    def test_default_network(self):
        server = self.run_server(DEFAULT_NETWORK)
        client = self.run_client(DEFAULT_NETWORK)
        # That they were at work: what only the reference makes.
        rules = self.host.output("iptables-save")
        self.assertIn("CNI-HOSTPORT-DNAT", rules)
        self.assertIn("CNI-FORWARD", rules)
        self.assert_published(PORT, "server", self.outside, [client, server])

        self.drop_forwarding()
        for container in (server, client):
            self.assert_reaches_outside(container.exec, "outside")
        self.remove_and_check(DEFAULT_NETWORK, server, client)


class ContainerdChainTest(ChainCase):
    needs = ("containerd", "ctr", "runc", "containerd-shim-runc-v2")

    def test_ports_limits_and_sysctls(self):
        """bridge, portmap, bandwidth and tuning."""
        write_conflist(self.host, containerd_chain())
        containerd = Containerd(self.host)
        server = containerd.run("server", "bridge", *image.serve("server", 80))
        # What was asked for one container must not be for the next: ctr reads
        # the network anew for each, and has kept what it read for the first.
        write_conflist(self.host, containerd_chain(for_one=False))
        client = containerd.run("client", "bridge", "sleep", "3600")

        self.assert_result_is_true(server.result, server.namespace_path)
        self.assert_tuned(server)
        self.assert_host_is_untuned()
        self.assert_published(PORT, "server", self.outside, [client, server])
        self.assert_reaches_outside(client.exec, "outside")
        self.assert_limited(server.result, ingress=20_000_000, egress=10_000_000)

        secrets = [PORT] + [address_of(each.result) for each in (server, client)]
        secrets += [each.cni_id for each in (server, client)]
        for container in (server, client):
            container.remove()
            self.assertEqual(container.messages(), "")
        if flavour() != "reference":  # which leaves rules and files when the namespace is gone
            self.assert_no_traces(secrets)
        self.assert_only_processes("containerd")
        self.assert_not_published(PORT, self.outside)


class CriChainTest(ChainCase):
    """Pods, as a kubelet has them made: containerd itself calls the plugins,
    loopback beside the chain, and hands on ports and limits."""

    needs = ("containerd", "ctr", "runc", "containerd-shim-runc-v2", PYTHON_GRPC)

    def test_chain(self):
        self.check_pods(containerd_chain(for_one=False))

    @unittest.skipIf(flavour() == "reference", "the reference has no such type")
    def test_type_patchcord_in_bridge_mode(self):
        self.check_pods(chain_in_one("bridge"))

    @unittest.skipIf(flavour() == "reference", "the reference has no such type")
    def test_type_patchcord_in_routed_mode(self):
        self.check_pods(chain_in_one("routed"))

    def check_pods(self, network):
        write_conflist(self.host, network)
        Containerd(self.host, cri=True)
        cri = Cri(self.host)
        self.addCleanup(cri.close)
        server = cri.run_pod("server", ports={int(PORT): 80}, annotations={
            "kubernetes.io/ingress-bandwidth": "20M", "kubernetes.io/egress-bandwidth": "10M"})
        server.run(*image.serve("server", 80))
        client = cri.run_pod("client").run("sleep", "3600")
        results = [cached_result(self.host, network["name"], pod.id)
                   for pod in (server, client)]

        # The spelling that makes this worth a test.
        given = cached_capabilities(self.host, network["name"], server.id)
        self.assertEqual(given["portMappings"][0]["HostPort"], int(PORT))
        self.assertEqual(given["bandwidth"]["IngressRate"], 20_000_000)

        for pod, result in zip((server, client), results):
            self.assertEqual(pod.address(), address_of(result))
            self.assertIn("LOOPBACK,UP", pod.exec("ip", "link", "show", "lo").stdout)
            self.assert_sysctls(pod)
            self.assert_reaches_outside(pod.exec, "outside")
        self.assert_published(PORT, "server", self.outside, [client, server])
        self.assert_limited(results[0], ingress=20_000_000, egress=10_000_000)

        for pod in (server, client):
            pod.remove()
        self.assert_no_traces([PORT, server.id, client.id, *map(address_of, results)])
        self.assert_only_processes("containerd")
        self.assert_not_published(PORT, self.outside)


if __name__ == "__main__":
    unittest.main()
