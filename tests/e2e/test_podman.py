"""Containers of podman, whose CNI backend writes and reads conflists 0.4.0."""

import json
import unittest

import image
from conflists import NETWORK_NAMES, conflist, podman_conflist, write_conflist
from e2e_case import E2ECase
from podman import Podman
from traces import cached_result

NETWORK = NETWORK_NAMES["bridge"]


class PodmanTest(E2ECase):
    needs = ("podman", "conmon", "runc")

    def setUp(self):
        super().setUp()
        write_conflist(self.host, podman_conflist())
        self.podman = Podman(self.host)

    def test_two_containers_in_bridge_mode(self):
        self.check_two_containers(NETWORK)

    def test_two_containers_in_routed_mode(self):
        write_conflist(self.host, conflist("routed", cni_version="0.4.0"))
        self.check_two_containers(NETWORK_NAMES["routed"])

    def test_pod_of_three_containers(self):
        """Three containers share the namespace and the address of the first."""
        first = self.podman.run("one", NETWORK, *image.serve("one", 8000))
        pod = [first] + [
            self.podman.run(name, f"container:{first.id}", *image.serve(name, port))
            for name, port in (("two", 8001), ("three", 8002))]
        address = self.address_of(first, NETWORK)

        for member in pod:
            self.assertEqual(self.addresses_in(member.namespace_path),
                             self.addresses_in(first.namespace_path))
        for port, server in zip((8000, 8001, 8002), pod):
            self.assert_fetches(self.host.run, f"http://{address}:{port}/", server.name)
            for member in pod:
                self.assert_fetches(member.exec, f"http://127.0.0.1:{port}/", server.name)

        self.remove_and_check(reversed(pod), [address, first.id])

    def test_published_port(self):
        """The port is open on the node's addresses while the container lives."""
        outside = self.add_outside("outside")
        server = self.podman.run("server", NETWORK, *image.serve("server", 80),
                                 options=["--publish=18080:80"])
        client = self.podman.run("client", NETWORK, "sleep", "3600")

        self.assert_published("18080", "server", outside, [client, server])

        secrets = ["18080", server.id, client.id]
        secrets += [self.address_of(each, NETWORK) for each in (server, client)]
        self.remove_and_check([server, client], secrets)
        self.assert_not_published("18080", outside)

    def test_published_port_of_a_container_with_two_networks(self):
        """podman hands the mapping to both; the container is one owner of the port."""
        outside = self.add_outside("outside")
        text = json.dumps(podman_conflist())
        for here, there in ((f'"{NETWORK}"', '"other"'), ("pcbr0", "pcbr7"), ("10.88.", "10.97.")):
            text = text.replace(here, there)
        write_conflist(self.host, json.loads(text))
        server = self.podman.run("server", f"{NETWORK},other", *image.serve("server", 80),
                                 options=["--publish=18080:80"])
        client = self.podman.run("client", NETWORK, "sleep", "3600")

        self.assert_published("18080", "server", outside, [client, server])

        # The first one's mapping goes with its network, and the second one's answers.
        self.podman.podman("network", "disconnect", NETWORK, server.name)
        self.assert_fetches(self.host.run, "http://127.0.0.1:18080/", "server")

        secrets = ["18080", server.id, client.id]
        self.remove_and_check([server, client], secrets)
        self.assert_not_published("18080", outside)

    def test_chosen_addresses(self):
        """podman asks for them by IP and MAC in CNI_ARGS, also on a reload."""
        ip, mac = "10.88.0.77", "02:00:00:00:00:77"
        container = self.podman.run("chosen", NETWORK, *image.serve("chosen", 80),
                                    options=[f"--ip={ip}", f"--mac-address={mac}"])
        self.assertEqual(self.address_of(container, NETWORK), ip)
        self.assertEqual(container.attachment(NETWORK)["MacAddress"], mac)

        self.podman.podman("network", "reload", container.name)
        self.assertEqual(self.address_of(container, NETWORK), ip)
        self.assertEqual(container.attachment(NETWORK)["MacAddress"], mac)
        self.assert_fetches(self.host.run, f"http://{ip}/", "chosen")

        self.remove_and_check([container], [ip, container.id])

    def check_two_containers(self, network):
        self.serve_on_node("node")
        red, blue = (self.podman.run(name, network, *image.serve(name, 80))
                     for name in ("red", "blue"))
        addresses = {each.name: self.address_of(each, network) for each in (red, blue)}

        for here, there in ((red, blue), (blue, red)):
            address = addresses[there.name]
            self.assert_pings(here.exec, address)
            self.assert_fetches(here.exec, f"http://{address}/", there.name)
            self.assert_reaches_node(here.exec, "node")
            self.assert_pings(self.host.run, address)

        self.remove_and_check([red, blue], [*addresses.values(), red.id, blue.id])

    def address_of(self, container, network):
        """The container's address, if podman, the plugin and the kernel agree."""
        facts = container.attachment(network)
        mac, addresses = self.addresses_in(container.namespace_path)
        self.assertEqual(facts["MacAddress"], mac)
        self.assertEqual({f"{facts['IPAddress']}/{facts['IPPrefixLen']}"}, addresses)
        result = cached_result(self.host, network, container.id)
        self.assert_result_is_true(result, container.namespace_path)
        return facts["IPAddress"]

    def remove_and_check(self, containers, secrets):
        for container in containers:
            container.remove()
        self.assert_no_traces(secrets)
        self.assert_only_processes()


if __name__ == "__main__":
    unittest.main()
