"""The network configurations of the tests, and the plugins that they name.

The same tests run against one of three sets of plugins, the flavour:

 patchcord  (default) the plugin under test by its own type name
 dropin     PATCHCORD_E2E_DROPIN=1: the plugin under test by the names of the
            reference plugins, with the reference's configurations
 reference  PATCHCORD_E2E_REFERENCE=1: the reference plugins of Debian; proves
            that the tests themselves and the machine are sound
"""

import json
import os
import shutil

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLUGIN_UNDER_TEST = os.environ.get(
    "PATCHCORD_BIN", os.path.join(REPOSITORY, "build", "patchcord"))
REFERENCE_DIR = "/usr/lib/cni"
# The names of the reference that the plugin under test answers to.
REPLACED_NAMES = ("bridge", "ptp", "loopback", "host-local", "static",
                  "portmap", "firewall", "tuning", "bandwidth")

MODES = ("bridge", "routed")
NETWORK_NAMES = {"bridge": "pcbr", "routed": "pcrt"}
SUBNETS = {"bridge": "10.88.0.0/24", "routed": "10.89.0.0/24"}

# What tuning is given to do; not what the kernel does by itself. Any namespace has
# these, and IFNAME is the container's interface.
TUNED_MAC = "02:00:00:00:00:79"
SYSCTLS = {"net.core.somaxconn": "509", "net.ipv4.conf.IFNAME.arp_notify": "1"}

# Which member of the reference's chain carries out a capability.
CAPABLE = {"portMappings": "portmap", "bandwidth": "bandwidth"}

# Where the fake host keeps reservations; the path is private to each test.
RESERVATIONS_DIR = "/var/lib/cni/networks"


def flavour():
    if os.environ.get("PATCHCORD_E2E_REFERENCE") == "1":
        return "reference"
    if os.environ.get("PATCHCORD_E2E_DROPIN") == "1":
        return "dropin"
    return "patchcord"


def conflist(mode, cni_version="1.0.0", capabilities=(), runtime_config=None):
    """The configuration of the network of that mode, ready for json.dumps.

    capabilities: what the network is to carry out.
    runtime_config: what of them, for a runtime that does not hand any on.
    """
    plugins = [_patchcord(mode) if flavour() == "patchcord" else _reference(mode)]
    if flavour() != "patchcord" and "portMappings" in capabilities:
        plugins[0]["hairpinMode"] = True  # as patchcord does for ports by itself
    for capability in capabilities:
        if flavour() != "patchcord":
            plugins.append({"type": CAPABLE[capability]})
        plugins[-1].setdefault("capabilities", {})[capability] = True
    if runtime_config:
        plugins[-1]["runtimeConfig"] = runtime_config
    return {
        "cniVersion": cni_version,
        "name": NETWORK_NAMES[mode],
        "plugins": plugins,
    }


def podman_conflist():
    """A network as `podman network create` would have written it."""
    if flavour() == "patchcord":
        return conflist("bridge", cni_version="0.4.0", capabilities=["portMappings"])
    return {
        "cniVersion": "0.4.0",
        "name": NETWORK_NAMES["bridge"],
        "plugins": [
            {"type": "bridge", "bridge": "pcbr0", "isGateway": True, "ipMasq": True,
             "hairpinMode": True, "ipam": _podman_ipam()},
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": "firewall", "backend": ""},
            {"type": "tuning"},
        ],
    }


def containerd_chain(for_one=True):
    """bridge, portmap, bandwidth and tuning, as nodes of containerd have them.

    for_one: with ports, limits and a MAC for the one container that is to come
    from ctr, which hands on no capabilities. They are spelt as containerd spells
    them for a pod: capitalised, with the burst that it always gives.
    """
    chain = [
        {"type": "bridge", "bridge": "pcbr0", "isGateway": True, "isDefaultGateway": True,
         "ipMasq": True, "hairpinMode": True, "ipam": _ipam("bridge")},
        {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        {"type": "tuning", "sysctl": SYSCTLS},
    ]
    if for_one:
        _, portmap, bandwidth, tuning = chain
        portmap["runtimeConfig"] = {"portMappings": [
            {"HostPort": 18080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]}
        bandwidth["runtimeConfig"] = {"bandwidth": {
            "IngressRate": 20_000_000, "IngressBurst": 2**32 - 1,
            "EgressRate": 10_000_000, "EgressBurst": 2**32 - 1}}
        tuning["mac"] = TUNED_MAC
    return {"cniVersion": "1.0.0", "name": NETWORK_NAMES["bridge"], "plugins": chain}


def chain_in_one(mode):
    """What containerd_chain does for all, by the plugin under test's own type."""
    plugin = _patchcord(mode) | {
        "ipMasq": True, "sysctl": SYSCTLS,
        "capabilities": {"portMappings": True, "bandwidth": True}}
    return {"cniVersion": "1.0.0", "name": NETWORK_NAMES[mode], "plugins": [plugin]}


def write_conflist(host, network, directory="/etc/cni/net.d"):
    """Puts the network where runtimes on the host look; returns the path."""
    path = os.path.join(host.path_of(directory), f"10-{network['name']}.conflist")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(network, file, indent=2)
    return path


def fill_plugin_dir(directory, names=(), borrowed=()):
    """Makes the plugin directory of a node that runs the plugin under test.

    names: of the reference, by which it is there besides its own.
    borrowed: names by which the reference's own binaries are there.
    """
    # A copy: a rebuild that happens while the tests run must not matter.
    binary = shutil.copy(PLUGIN_UNDER_TEST, os.path.join(directory, "patchcord"))
    for name in names:
        os.link(binary, os.path.join(directory, name))
    for name in borrowed:
        shutil.copy(os.path.join(REFERENCE_DIR, name), directory)


def portmap_is_borrowed():
    return flavour() == "reference"


def _patchcord(mode):
    plugin = {"type": "patchcord", "mode": mode, "ipam": _ipam(mode)}
    if mode == "bridge":
        plugin |= {"bridge": "pcbr0", "isGateway": True, "isDefaultGateway": True}
    return plugin


def _reference(mode):
    if mode == "routed":
        # ptp adds no default route by itself, the container needs one.
        ipam = _ipam(mode) | {"routes": [{"dst": "0.0.0.0/0"}]}
        return {"type": "ptp", "ipam": ipam}
    return {"type": "bridge", "bridge": "pcbr0", "isGateway": True,
            "isDefaultGateway": True, "ipam": _ipam(mode)}


def _ipam(mode):
    return {"type": "host-local", "dataDir": RESERVATIONS_DIR,
            "ranges": [[{"subnet": SUBNETS[mode]}]]}


def _podman_ipam():
    return {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}],
            "ranges": [[{"subnet": SUBNETS["bridge"], "gateway": "10.88.0.1"}]]}
