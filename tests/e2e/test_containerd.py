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

    def check_nothing_is_left(self, containers):
        secrets = [address_of(container.result) for container in containers]
        secrets += [container.cni_id for container in containers]
        self.assert_no_traces(secrets)
        self.assert_only_processes("containerd")


if __name__ == "__main__":
    unittest.main()
