"""Finds what attachments have left behind on a fake host."""

import base64
import json
import os
import re

from conflists import RESERVATIONS_DIR

# Kept by design, see docs/host-objects.md: where the allocator goes on, and what is only locked.
LASTING_FILES = ("last_reserved_ip", "lock")


# Chains of the reference that are one attachment's: of ipMasq, and of portmap.
CHAINS_OF_ATTACHMENTS = re.compile(r"\bCNI-(?:DN-|SN-)?[0-9a-f]{16,}\b")


def traces(host, secrets=()):
    """One line for each thing found.

    secrets: texts (addresses, container ids) that must not occur in any
    firewall rule, route or neighbour.
    """
    found = [f"{kind} {name}" for kind in ("veth", "ifb") for name in links(host, kind)]
    found += [f"reservation {path}" for path in reservations(host)]
    found += [f"record {path}" for path in records(host)]
    found += [f"cached result {path}" for path in _files(host.path_of("/var/lib/cni/results"))]
    found += [f"namespace mount {path}" for path in _namespace_mounts(host)
              if path not in host.own_namespaces]
    found += [f"chain {name}" for name in chains_of_attachments(host)]
    found += [f"{secret} in {where}" for secret in secrets
              for where in _mentions(host, secret)]
    return found


def links(host, kind):
    found = host.json("ip", "-j", "link", "show", "type", kind)
    names = [link["ifname"] for link in found if link]
    return [name for name in names if name not in host.own_links]


def chains_of_attachments(host):
    return sorted(set(CHAINS_OF_ATTACHMENTS.findall(host.output("nft", "list", "ruleset"))))


def reservations(host):
    return _files(host.path_of(RESERVATIONS_DIR))


def records(host):
    """Of interfaces, of each member of a chain, and the reference's own."""
    # Beside them there are locks, and the index of reservations, which are no traces of an attachment.
    places = [f"/run/patchcord/{kind}" for kind in
              ("attachments", "portmap", "firewall", "tuning", "bandwidth")]
    return [path for place in (*places, "/run/cni/tuning")
            for path in _files(host.path_of(place))]


def cached_result(host, network, container_id, ifname="eth0"):
    """The result of the last ADD as libcni, inside any runtime, has kept it."""
    return _cached(host, network, container_id, ifname)["result"]


def cached_network(host, network, container_id, ifname="eth0"):
    """The network's configuration that this ADD was called with."""
    return json.loads(base64.b64decode(_cached(host, network, container_id, ifname)["config"]))


def cached_capabilities(host, network, container_id, ifname="eth0"):
    """The capability arguments that the runtime gave."""
    return _cached(host, network, container_id, ifname)["capabilityArgs"]


def _cached(host, network, container_id, ifname):
    path = f"/var/lib/cni/results/{network}-{container_id}-{ifname}"
    with open(host.path_of(path), encoding="utf-8") as file:
        return json.load(file)


def _files(directory):
    paths = (os.path.join(place, name)
             for place, _, names in os.walk(directory) for name in names)
    return [path for path in paths
            if not os.path.basename(path).startswith(LASTING_FILES)]


def _namespace_mounts(host):
    lines = host.output("cat", "/proc/self/mountinfo").splitlines()
    # The mount point is the fifth field, the kind follows the lone dash.
    return [line.split()[4] for line in lines
            if line.split(" - ")[1].split()[0] == "nsfs"]


def _mentions(host, secret):
    questions = {"rules": ["nft", "list", "ruleset"],
                 "iptables": ["iptables-save"],
                 "ip6tables": ["ip6tables-save"],
                 "routes": ["ip", "route", "show", "table", "all"],
                 "neighbours": ["ip", "neigh", "show", "proxy"]}
    # Only as a whole: 10.88.0.2 is not 10.88.0.20.
    pattern = re.compile(rf"(?<![\w.]){re.escape(secret)}(?![\w.])")
    return [name for name, argv in questions.items()
            if pattern.search(host.output(*argv))]
