"""The base of all end-to-end tests."""

import os
import shutil
import signal
import unittest

import conflists
from commands import PATH, slowness, wait_until
from fakehost import FakeHost, NODE_ADDRESS, OUTSIDE_ADDRESS, UPLINK_ADDRESS
from machine import MachineState
from traces import links, traces

NODE_HTTP_PORT = 8080
ALWAYS_NEEDED = ("ip", "tc", "nft", "iptables", "nsenter", "unshare",
                 "busybox", "ps")


class E2ECase(unittest.TestCase):
    """Gives each test a fake host, and checks that the machine stays as it was."""

    # Programs (or files) that a test class needs beyond the common ones.
    needs = ()
    # The reference's names that a test class calls whatever the flavour, and
    # those of them that are to be the reference's own binaries.
    plugin_names = ()
    borrowed_names = ()

    @classmethod
    def setUpClass(cls):
        # A job that is told to end must still clean up, as one interrupted does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)

    def setUp(self):
        self._require(ALWAYS_NEEDED + tuple(self.needs))
        machine = MachineState()
        self.addCleanup(self._check_machine, machine)
        self.host = self.enterContext(self._fake_host())

    def _require(self, needed):
        if conflists.flavour() == "reference":
            needed += (os.path.join(conflists.REFERENCE_DIR, "bridge"),)
        else:
            needed += (conflists.PLUGIN_UNDER_TEST,)
        needed += tuple(os.path.join(conflists.REFERENCE_DIR, name)
                        for name in self.borrowed_names)
        missing = [name for name in needed
                   if not (shutil.which(name, path=PATH) or os.path.isdir(name))]
        if not missing:
            return
        message = f"not installed: {', '.join(missing)} (see tests/e2e/README.md)"
        if os.environ.get("PATCHCORD_E2E_ALLOW_SKIP") == "1":
            self.skipTest(message)
        self.fail(message)

    @classmethod
    def _fake_host(cls):
        if conflists.flavour() == "reference":
            return FakeHost(plugin_dir=conflists.REFERENCE_DIR)
        names = conflists.REPLACED_NAMES if conflists.flavour() == "dropin" else cls.plugin_names
        ours = [name for name in names if name not in cls.borrowed_names]
        # Clients also look into the reference plugins' directory. Hide it, or
        # a name that ours does not answer to would go unnoticed.
        hidden = conflists.REFERENCE_DIR
        return FakeHost(hidden_dir=hidden if os.path.isdir(hidden) else None,
                        fill_plugin_dir=lambda directory: conflists.fill_plugin_dir(
                            directory, ours, cls.borrowed_names))

    def _check_machine(self, before):
        wait_until(lambda: not before.traces(),
                   lambda: f"the machine to be as before, yet: {before.traces()}",
                   tries=5)

    # -- what a container must be able to do ----------------------------------

    def serve(self, place, text, prefix=()):
        """Answers HTTP with text at place, address:port, or port. prefix: of the
        server's command line."""
        root = self.host.path(f"www-{text}")
        os.makedirs(root)
        with open(os.path.join(root, "index.html"), "w", encoding="utf-8") as page:
            page.write(text + "\n")
        self.host.spawn(*prefix, "busybox", "httpd", "-f", "-h", root, "-p", place,
                        log=self.host.path(f"httpd-{text}.log"))

    def serve_on_node(self, text):
        """Answers on the fake host's own address."""
        self.serve(f"{NODE_ADDRESS}:{NODE_HTTP_PORT}", text)
        self.assert_fetches(self.host.run, f"http://{NODE_ADDRESS}:{NODE_HTTP_PORT}/", text)

    def add_outside(self, text):
        """Another machine, which answers too; returns a function that runs commands there."""
        namespace = self.host.add_outside()
        self.serve(f"{OUTSIDE_ADDRESS}:80", text, ["nsenter", f"--net={namespace}"])
        self.assert_fetches(self.host.run, f"http://{OUTSIDE_ADDRESS}/", text)
        return self.host.inside(namespace)

    def assert_pings(self, run, address):
        """run is a function that runs a command where the ping starts."""
        for _ in range(3):
            done = run("busybox", "ping", "-c", "1", "-W", "2", address, check=False)
            if done.returncode == 0:
                return
        self.fail(self._unreached(f"no answer from {address}", done))

    def assert_fetches(self, run, url, text):
        """Fetches url by run and expects text; waits for the server to be up."""
        def fetch():
            # Not `wget -T`: with it, busybox 1.35 dies of a segmentation fault.
            return run("busybox", "timeout", "2", "busybox", "wget", "-q", "-O", "-", url,
                       check=False)

        wait_until(lambda: fetch().stdout.strip() == text,
                   lambda: self._unreached(f"{url} to answer '{text}'", fetch()))

    def assert_reaches_node(self, run, text):
        self.assert_pings(run, NODE_ADDRESS)
        self.assert_fetches(run, f"http://{NODE_ADDRESS}:{NODE_HTTP_PORT}/", text)

    def assert_reaches_outside(self, run, text):
        """Which takes masquerading: the other machine knows no way back."""
        self.assert_fetches(run, f"http://{OUTSIDE_ADDRESS}/", text)

    def assert_published(self, port, text, outside, pods):
        """text is the answer on the node's port to the node itself, to another
        machine, and to the pods, of which one may be the server."""
        self.assert_fetches(self.host.run, f"http://127.0.0.1:{port}/", text)
        for run in (self.host.run, *(pod.exec for pod in pods)):
            self.assert_fetches(run, f"http://{NODE_ADDRESS}:{port}/", text)
        self.assert_published_at(UPLINK_ADDRESS, port, text, outside, pods)

    def assert_published_at(self, address, port, text, outside, pods):
        for run in (self.host.run, outside, *(pod.exec for pod in pods)):
            self.assert_fetches(run, f"http://{address}:{port}/", text)

    def assert_not_published(self, port, outside):
        for run in (self.host.run, outside):
            done = run("busybox", "timeout", str(round(2 * slowness())), "busybox", "wget", "-q", "-O", "-",
                       f"http://{UPLINK_ADDRESS}:{port}/", check=False)
            self.assertIn("refused", done.stderr, self._unreached("a refusal", done))

    def _unreached(self, target, done):
        return (f"{target}; the last try ended with {done.returncode}: "
                f"{done.stdout}{done.stderr}\n{self.host.describe()}")

    # -- what an attachment must look like ------------------------------------

    def addresses_in(self, namespace_path, ifname="eth0"):
        """The (MAC, {addresses as CIDR text}) of a link, link-local ones apart."""
        link, = self.host.json("nsenter", f"--net={namespace_path}",
                               "ip", "-j", "address", "show", "dev", ifname)
        return link["address"], {
            f"{info['local']}/{info['prefixlen']}"
            for info in link["addr_info"] if info["scope"] != "link"}

    def assert_result_is_true(self, result, namespace_path, ifname="eth0"):
        """The result of ADD says exactly what is inside the namespace."""
        mac, addresses = self.addresses_in(namespace_path, ifname)
        inside = [entry for entry in result["interfaces"] if entry.get("sandbox")]
        self.assertEqual([(entry["name"], entry["mac"]) for entry in inside],
                         [(ifname, mac)])
        self.assertEqual({entry["address"] for entry in result["ips"]}, addresses)
        for entry in result["ips"]:
            self.assertEqual(result["interfaces"][entry["interface"]], inside[0])

    def assert_limited(self, result, ingress, egress):
        """The host end and the ifb have a bucket each, with the rate in bit/s, and
        traffic has gone through both."""
        names = {entry["name"] for entry in result["interfaces"]}
        for kind, rate in (("veth", ingress), ("ifb", egress)):
            link, = names.intersection(links(self.host, kind))
            qdiscs = self.host.json("tc", "-s", "-j", "qdisc", "show", "dev", link)
            bucket, = (qdisc for qdisc in qdiscs if qdisc["kind"] == "tbf")
            self.assertEqual(bucket["options"]["rate"] * 8, rate)
            self.assertGreater(bucket["packets"], 0)

    # -- what must be gone ----------------------------------------------------

    def assert_no_traces(self, secrets=()):
        """Waits a little: the kernel removes a dead namespace in its own time."""
        wait_until(lambda: not traces(self.host, secrets),
                   lambda: f"no traces, yet: {traces(self.host, secrets)}\n"
                           f"{self.host.describe()}")

    def assert_only_processes(self, *expected):
        """By name, and apart from the servers and probes of this class."""
        def others():
            return [name for name in self.host.processes() if name != "busybox"]

        wait_until(lambda: others() == sorted(expected),
                   lambda: f"no processes but {expected}, yet: {others()}")


def address_of(result):
    """The first address of a result, without the prefix length."""
    return result["ips"][0]["address"].split("/")[0]
