"""Containers of containerd, attached by ctr, which runs the plugins itself."""

import unittest

import image
from conflists import conflist, write_conflist
from containerd import Containerd
from e2e_case import E2ECase, address_of


class ContainerdTest(E2ECase):
    needs = ("containerd", "ctr", "runc", "containerd-shim-runc-v2")

    def test_bridge_mode(self):
        self.check_life_of_two_containers("bridge")

    def test_routed_mode(self):
        self.check_life_of_two_containers("routed")

    def test_published_port(self):
        """ctr hands on no capabilities: the network says which port it is."""
        outside = self.add_outside("outside")
        mapping = {"HostPort": 18080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}
        write_conflist(self.host, conflist("bridge", capabilities=["portMappings"],
                                           runtime_config={"portMappings": [mapping]}))
        containerd = Containerd(self.host)
        server = containerd.run("server", "bridge", *image.serve("server", 80))
        # And for the next container nothing. ctr reads the network for each, and
        # has kept for the first one's end what it read then.
        write_conflist(self.host, conflist("bridge", capabilities=["portMappings"]))
        client = containerd.run("client", "bridge", "sleep", "3600")

        self.assert_published("18080", "server", outside, [client, server])

        for container in (server, client):
            container.remove()
            self.assertEqual(container.messages(), "")
        self.check_nothing_is_left([server, client], ["18080"])
        self.assert_not_published("18080", outside)

    def check_life_of_two_containers(self, mode):
        write_conflist(self.host, conflist(mode))
        self.serve_on_node("node")
        containerd = Containerd(self.host)
        containers = [containerd.run(name, mode, *image.serve(name, 80))
                      for name in ("red", "blue")]

        self.check_addresses(containers)
        self.check_reachability(*containers)

        for container in containers:
            container.remove()
            self.assertEqual(container.messages(), "")
        self.check_nothing_is_left(containers)

    def check_addresses(self, containers):
        for container in containers:
            self.assert_result_is_true(container.result, container.namespace_path)
        self.assertNotEqual(*(address_of(container.result) for container in containers))

    def check_reachability(self, red, blue):
        for here, there in ((red, blue), (blue, red)):
            address = address_of(there.result)
            self.assert_pings(here.exec, address)
            self.assert_fetches(here.exec, f"http://{address}/", there.name)
            self.assert_reaches_node(here.exec, "node")
            self.assert_pings(self.host.run, address)
            self.assert_fetches(self.host.run, f"http://{address}/", there.name)

    def check_nothing_is_left(self, containers, secrets=()):
        secrets = [*secrets]
        secrets += [address_of(container.result) for container in containers]
        secrets += [container.cni_id for container in containers]
        self.assert_no_traces(secrets)
        self.assert_only_processes("containerd")


if __name__ == "__main__":
    unittest.main()
