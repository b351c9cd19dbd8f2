"""Attachments made by libcni, the library inside containerd, CRI-O and podman."""

import json
import os
import tempfile
import unittest

from commands import PATH, run_command
from conflists import NETWORK_NAMES, PLUGIN_UNDER_TEST, conflist, portmap_is_borrowed, write_conflist
from e2e_case import E2ECase, address_of
from fakehost import NODE_ADDRESS
from traces import cached_result, traces

DRIVER_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libcni-driver")
GO_PATH = "/usr/share/gocode"  # where Debian's packages of Go source are
GO_CACHE = os.path.join(os.path.dirname(PLUGIN_UNDER_TEST), "go-cache")  # with Go's own library, which takes half a minute
LIBCNI_SOURCE = f"{GO_PATH}/src/github.com/containernetworking/cni/libcni"

CONTAINER_ID = "4f2a9c6e-libcni"
CNI_ARGS = f"IgnoreUnknown=1;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID={CONTAINER_ID}"


class LibcniTest(E2ECase):
    needs = ("go", LIBCNI_SOURCE)

    def setUp(self):
        super().setUp()
        self.driver = self.build_driver_once()

    # -- the whole life of an attachment --------------------------------------

    def test_bridge_mode(self):
        self.check_two_lives("bridge")

    def test_routed_mode(self):
        self.check_two_lives("routed")

    def check_two_lives(self, mode):
        """The second life finds nothing of the first, and so goes the same way."""
        path = write_conflist(self.host, conflist(mode))
        namespace = self.host.add_namespace("container")
        for _ in range(2):
            validated, added, checked = self.drive(path, "validate,add,check", namespace)
            self.assert_succeeded(validated, added, checked)
            self.assert_result_is_true(added["result"], namespace)
            self.assert_pings(self.host.run, address_of(added["result"]))

            self.assert_succeeded(*self.drive(path, "del,del", namespace))
            self.assert_nothing_is_left(added["result"], namespace)
        self.assert_succeeded(*self.drive(path, "add,check,del,del", namespace))

    # -- DEL with less than ADD knew ------------------------------------------

    def test_del_without_namespace_in_bridge_mode(self):
        self.check_del_without_namespace("bridge")

    def test_del_without_namespace_in_routed_mode(self):
        self.check_del_without_namespace("routed")

    def check_del_without_namespace(self, mode):
        """The namespace went first, and with it the kernel took the veth."""
        path = write_conflist(self.host, conflist(mode))
        namespace = self.host.add_namespace("container")
        added, = self.drive(path, "add", namespace)
        self.assert_succeeded(added)
        self.host.run("ip", "netns", "del", "container")

        self.assert_succeeded(*self.drive(path, "del,del", ""))
        self.assert_no_traces([address_of(added["result"]), CONTAINER_ID])

    def test_del_of_what_was_never_added(self):
        for mode in ("bridge", "routed"):
            path = write_conflist(self.host, conflist(mode))
            namespace = self.host.add_namespace(mode)
            self.assert_succeeded(*self.drive(path, "del", namespace))

    # -- CHECK ----------------------------------------------------------------

    def test_check_notices_a_missing_address(self):
        for mode in ("bridge", "routed"):
            with self.subTest(mode=mode):
                path = write_conflist(self.host, conflist(mode))
                namespace = self.host.add_namespace(mode)
                self.assert_succeeded(*self.drive(path, "add,check", namespace))
                self.host.inside(namespace)("ip", "address", "flush", "dev", "eth0")

                checked, deleted = self.drive(path, "check,del", namespace)
                self.assertIn("error", checked)
                self.assert_succeeded(deleted)

    # -- capabilities ---------------------------------------------------------

    def test_port_mappings_as_the_convention_spells_them(self):
        self.check_port_mapping({"hostPort": 18080, "containerPort": 80, "protocol": "tcp"})

    def test_port_mappings_as_containerd_spells_them(self):
        self.check_port_mapping({"HostPort": 18080, "ContainerPort": 80,
                                 "Protocol": "tcp", "HostIP": ""})

    def check_port_mapping(self, mapping):
        path = write_conflist(self.host, conflist("bridge", capabilities=["portMappings"]))
        namespace = self.host.add_namespace("container")
        capabilities = {"portMappings": [mapping]}
        added, = self.drive(path, "add", namespace, capabilities)
        self.assert_succeeded(added)

        self.serve("80", "mapped", ["nsenter", f"--net={namespace}"])
        self.assert_fetches(self.host.run, f"http://{NODE_ADDRESS}:18080/", "mapped")

        if portmap_is_borrowed():
            # Its CHECK demands an IPv6 chain that its ADD does not make, and
            # its DEL leaves the rules unless it is told the ports once more.
            self.assert_succeeded(*self.drive(path, "del", namespace, capabilities))
        else:
            self.assert_succeeded(*self.drive(path, "check", namespace, capabilities))
            self.assert_succeeded(*self.drive(path, "del,del", namespace))
        self.assert_nothing_is_left(added["result"], namespace, "18080")

    def test_bandwidth_as_the_convention_spells_it(self):
        self.check_bandwidth({"ingressRate": 20_000_000, "ingressBurst": 1_000_000,
                              "egressRate": 10_000_000, "egressBurst": 1_000_000})

    def test_bandwidth_as_containerd_spells_it(self):
        """The burst is what it gives to every pod with limits."""
        self.check_bandwidth({"IngressRate": 20_000_000, "IngressBurst": 2**32 - 1,
                              "EgressRate": 10_000_000, "EgressBurst": 2**32 - 1})

    def check_bandwidth(self, limits):
        path = write_conflist(self.host, conflist("bridge", capabilities=["bandwidth"]))
        namespace = self.host.add_namespace("container")
        capabilities = {"bandwidth": limits}
        self.assert_succeeded(*self.drive(path, "add,check", namespace, capabilities))
        result = cached_result(self.host, NETWORK_NAMES["bridge"], CONTAINER_ID)
        self.serve("80", "limited", ["nsenter", f"--net={namespace}"])
        self.assert_fetches(self.host.run, f"http://{address_of(result)}/", "limited")
        self.assert_limited(result, ingress=20_000_000, egress=10_000_000)

        self.assert_succeeded(*self.drive(path, "del,del", namespace))
        self.assert_nothing_is_left(result, namespace)

    # -- the means ------------------------------------------------------------

    _driver = None

    @classmethod
    def build_driver_once(cls):
        """Not in setUpClass: that runs before it is known whether Go is there."""
        if cls._driver is None:
            place = tempfile.TemporaryDirectory(prefix="pc-libcni-driver.")
            cls.addClassCleanup(place.cleanup)
            cls._driver = os.path.join(place.name, "libcni-driver")
            run_command(
                ["go", "build", "-buildvcs=false", "-o", cls._driver, "."],
                cwd=DRIVER_SOURCE,
                env={"PATH": PATH, "HOME": place.name, "GOCACHE": GO_CACHE,
                     "GO111MODULE": "off", "GOPATH": GO_PATH})
        return cls._driver

    def drive(self, conflist_path, operations, namespace, capabilities=None):
        """Runs the operations; returns what the driver says of each."""
        done = self.host.run(
            self.driver, "-conflist", conflist_path, "-netns", namespace,
            "-container-id", CONTAINER_ID, "-operations", operations,
            "-capability-args", json.dumps(capabilities or {}),
            "-cni-args", CNI_ARGS, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def assert_succeeded(self, *outcomes):
        for outcome in outcomes:
            if "error" in outcome:
                self.fail(f"{outcome}\n{self.host.describe()}")

    def assert_nothing_is_left(self, result, namespace, *secrets):
        """At once, not soon: DEL has returned and the namespace is still there."""
        self.assertEqual([], traces(
            self.host, [address_of(result), CONTAINER_ID, *secrets]))
        links = self.host.json("nsenter", f"--net={namespace}", "ip", "-j", "link")
        self.assertEqual(["lo"], [link["ifname"] for link in links])
        self.assert_only_processes()


if __name__ == "__main__":
    unittest.main()
