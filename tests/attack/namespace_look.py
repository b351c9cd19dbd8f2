"""What is in a network namespace, object by object, and by a glance whether anything has changed there."""

import ctypes
import ipaddress
import json
import re
import socket
import struct
import threading

# Of a namespace, in one go. What differs by itself (counters, timers, what is learnt) is left out below.
LOOK = r"""
ip -j -d addr; echo @@
for family in -4 -6; do ip -j $family route show table all; echo @@; ip -j $family rule; echo @@; done
ip -j neigh show nud permanent; echo @@; ip -j neigh show proxy; echo @@
tc -j qdisc; echo @@
nft -j list ruleset; echo @@
cd /proc/sys/net && grep -s . ipv4/ip_forward ipv4/conf/*/forwarding ipv4/conf/*/proxy_arp ipv4/conf/*/rp_filter ipv4/conf/*/route_localnet \
  ipv4/conf/*/arp_accept ipv6/conf/*/accept_ra ipv6/conf/*/forwarding ipv6/conf/*/proxy_ndp ipv6/conf/*/disable_ipv6
true
"""


LINK_MEMBERS = ("ifindex", "mtu", "operstate", "group", "address", "master", "ifalias", "link_netnsid", "link_index", "altnames",
                "promiscuity", "txqlen")
PORT_MEMBERS = ("state", "isolated", "guard", "root_block", "hairpin", "learning", "flood", "neigh_suppress")
ROUTE_PASSING = ("expires", "flags", "metrics", "cache")


def look_into(node, namespace, where):
    done = node.run_in(namespace, "sh", "-c", LOOK)
    *documents, settings = done.stdout.split("@@\n")
    links, routes4, rules4, routes6, rules6, permanent, proxies, qdiscs, rules = (json.loads(text) if text.strip() else [] for text in documents)
    seen = {}
    for link in links:
        name = link["ifname"]
        if not name:
            continue
        info = link.get("linkinfo", {})
        port = info.get("info_slave_data", {})
        flags = sorted(set(link["flags"]) - {"LOWER_UP", "NO-CARRIER"})
        seen[(where, "link", name)] = plain({key: link.get(key) for key in LINK_MEMBERS} | {"flags": flags, "kind": info.get("info_kind")} |
                                            {f"port {key}": port[key] for key in PORT_MEMBERS if key in port})
        for address in link["addr_info"]:
            if "local" in address:
                seen[(where, "address", name, f"{address['local']}/{address['prefixlen']}")] = address["scope"]
    for family, routes in (("4", routes4), ("6", routes6)):
        for route in routes:
            key = tuple(str(route.get(part, "")) for part in ("type", "table", "dst", "dev", "metric", "gateway"))
            seen[(where, "route", family, *key)] = plain({name: value for name, value in route.items() if name not in ROUTE_PASSING})
    seen |= {(where, "rule", plain(rule)): "" for rule in rules4 + rules6}
    seen |= {(where, "neighbour", entry.get("dev"), entry["dst"]): entry.get("lladdr", "proxy") for entry in permanent + proxies}
    for qdisc in qdiscs:
        seen[(where, "qdisc", qdisc["dev"], qdisc["kind"], qdisc.get("parent", "root"))] = plain(qdisc.get("options"))
    seen |= look_at_rules(rules, where)
    seen |= {(where, "setting", *line.rsplit(":", 1)[:1]): line.rsplit(":", 1)[1] for line in settings.splitlines()}
    return seen


def look_at_rules(ruleset, where):
    """Elements by their text; a chain's rules by their order among those that stay."""
    seen = {}
    for entry in ruleset.get("nftables", []):
        kind, item = next(iter(entry.items()))
        if kind == "metainfo":
            continue
        place = (item.get("family"), item.get("table", item.get("name")), item.get("chain", item.get("name")))
        if kind in ("set", "map"):
            seen |= {(where, "element", *place, plain(element)): "" for element in item.get("elem", [])}
            continue
        text = re.sub(r'"(packets|bytes|handle)": \d+', "", plain(item))
        number = sum(1 for key in seen if key[:6] == (where, kind, *place, text)) if kind == "rule" else 0
        seen[(where, kind, *place, text, number)] = ""
    return seen


def plain(value):
    return json.dumps(value, sort_keys=True)


def in_namespace(path, work):
    """What a thread of its own, which has that network namespace, makes of it."""
    outcome = []

    def enter():
        with open(path, "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        outcome.append(work())
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return outcome[0]


class Glance:
    """Whether anything has changed in a namespace, by a socket that was opened there: all its dumps cost less than one process."""

    # Links, addresses, routes, neighbours, queues: request, size of the header behind the netlink header, attributes that change by themselves.
    DUMPS = ((18, 16, (7, 23, 26, 35, 47, 48, 52)), (22, 8, (6,)), (26, 12, (12,)), (30, 12, (3, 4)), (38, 20, (3, 7)))

    def __init__(self, path):
        self.socket = in_namespace(path, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
        self.last = None

    def close(self):
        self.socket.close()

    def has_changed(self):
        seen = [self.dump(*each) for each in self.DUMPS]
        changed, self.last = seen != self.last, seen
        return changed

    def neighbours(self):
        """(Address, MAC) of whom the namespace knows just now."""
        found = [dict(attributes(body[12:])) for body in self.messages(30, 12)]
        return {(str(ipaddress.ip_address(entry[1])), entry[2].hex(":")) for entry in found if 1 in entry and len(entry.get(2, b"")) == 6}

    def dump(self, request, size, passing):
        # A neighbour's state passes.
        return sorted((body[:0 if request == 30 else size], [pair for pair in attributes(body[size:]) if pair[0] not in passing])
                      for body in self.messages(request, size))

    def messages(self, request, size):
        self.socket.send(struct.pack("=IHHII", 16 + size, request, 0x301, 1, 0) + bytes(size))
        while True:
            data = self.socket.recv(1 << 17)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind in (2, 3):
                    return
                yield data[16:length]
                data = data[(length + 3) & ~3:]


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind, data[4:length]
        data = data[(max(length, 4) + 3) & ~3:]
