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
# The names that the plugin under test answers to, and those of the chain that
# it does not yet: these members are Debian's in every flavour.
REPLACED_NAMES = ("bridge", "ptp", "loopback", "host-local", "static", "portmap")
BORROWED_NAMES = ("firewall", "tuning", "bandwidth")

MODES = ("bridge", "routed")
NETWORK_NAMES = {"bridge": "pcbr", "routed": "pcrt"}
SUBNETS = {"bridge": "10.88.0.0/24", "routed": "10.89.0.0/24"}

# Where the fake host keeps reservations; the path is private to each test.
RESERVATIONS_DIR = "/var/lib/cni/networks"


def flavour():
    if os.environ.get("PATCHCORD_E2E_REFERENCE") == "1":
        return "reference"
    if os.environ.get("PATCHCORD_E2E_DROPIN") == "1":
        return "dropin"
    return "patchcord"


def conflist(mode, cni_version="1.0.0", publish_ports=False):
    """The configuration of the network of that mode, ready for json.dumps.

    publish_ports: the network is to carry out the portMappings capability.
    """
    plugins = [_patchcord(mode) if flavour() == "patchcord" else _reference(mode)]
    if publish_ports and flavour() == "patchcord":
        plugins[0]["capabilities"] = {"portMappings": True}
    elif publish_ports:
        plugins.append({"type": "portmap", "capabilities": {"portMappings": True}})
    return {
        "cniVersion": cni_version,
        "name": NETWORK_NAMES[mode],
        "plugins": plugins,
    }


def podman_conflist():
    """A network as `podman network create` would have written it."""
    if flavour() == "patchcord":
        network = conflist("bridge", cni_version="0.4.0", publish_ports=True)
        network["plugins"][0] |= {"hairpinMode": True}
        return network
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


def write_conflist(host, network, directory="/etc/cni/net.d"):
    """Puts the network where runtimes on the host look; returns the path."""
    path = os.path.join(host.path_of(directory), f"10-{network['name']}.conflist")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(network, file, indent=2)
    return path


def fill_plugin_dir(directory):
    """Makes the plugin directory of a node that runs the plugin under test."""
    # A copy: a rebuild that happens while the tests run must not matter.
    binary = shutil.copy(PLUGIN_UNDER_TEST, os.path.join(directory, "patchcord"))
    if flavour() == "dropin":
        for name in REPLACED_NAMES:
            os.link(binary, os.path.join(directory, name))
    borrowed = BORROWED_NAMES + (("portmap",) if flavour() == "reference" else ())
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
