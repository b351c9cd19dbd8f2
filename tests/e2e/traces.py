"""Finds what attachments have left behind on a fake host."""

import json
import os
import re

from conflists import RESERVATIONS_DIR

# Kept by design, see docs/host-objects.md: where the allocator goes on, and what is only locked.
LASTING_FILES = ("last_reserved_ip", "lock")


def traces(host, secrets=(), own_namespaces=()):
    """One line for each thing found.

    secrets: texts (addresses, container ids) that must not occur in any
    firewall rule, route or neighbour.
    own_namespaces: paths of namespaces that the test itself has mounted.
    """
    found = [f"veth {name}" for name in veths(host)]
    found += [f"reservation {path}" for path in reservations(host)]
    found += [f"record {path}" for path in records(host)]
    found += [f"cached result {path}" for path in _files(host.path_of("/var/lib/cni/results"))]
    found += [f"namespace mount {path}" for path in _namespace_mounts(host)
              if path not in own_namespaces]
    found += [f"{secret} in {where}" for secret in secrets
              for where in _mentions(host, secret)]
    return found


def veths(host):
    links = host.json("ip", "-j", "link", "show", "type", "veth")
    return [link["ifname"] for link in links if link]


def reservations(host):
    return _files(host.path_of(RESERVATIONS_DIR))


def records(host):
    # Beside the records there are locks, and the index of reservations, which are no traces of an attachment.
    return _files(host.path_of("/run/patchcord/attachments"))


def cached_result(host, network, container_id, ifname="eth0"):
    """The result of the last ADD as libcni, inside any runtime, has kept it."""
    path = f"/var/lib/cni/results/{network}-{container_id}-{ifname}"
    with open(host.path_of(path), encoding="utf-8") as file:
        return json.load(file)["result"]


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
                 "routes": ["ip", "route", "show", "table", "all"],
                 "neighbours": ["ip", "neigh", "show", "proxy"]}
    # Only as a whole: 10.88.0.2 is not 10.88.0.20.
    pattern = re.compile(rf"(?<![\w.]){re.escape(secret)}(?![\w.])")
    return [name for name, argv in questions.items()
            if pattern.search(host.output(*argv))]
