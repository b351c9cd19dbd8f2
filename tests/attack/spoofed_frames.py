"""What a container may say on a bridge, and what it may not: each frame by name."""

import struct

import frames as f

LIES = []  # (name, what makes the frame of attacker, victim and gateway)
TRUTHS = []  # (name, what makes it of speaker and listener)
STRANGER = "02:00:00:00:00:77"


def lie(name):
    def register(make):
        LIES.append((name, make))
        return make
    return register


def truth(name):
    def register(make):
        TRUTHS.append((name, make))
        return make
    return register


def false_advertisement(a, v, g):
    """That the gateway is here."""
    return f.in_frame(a.mac, v.mac, f.advertisement(a.link_local, v.v6, g.v6, a.mac))


def false_arp(a, v, g):
    return f.arp(a.mac, v.mac, 2, g.v4, v.v4)


def false_datagram(a, v, g):
    return f.in_frame(a.mac, v.mac, f.udp(g.v4, v.v4, 7))


def false_datagram6(a, v, g):
    return f.in_frame(a.mac, v.mac, f.udp(g.v6, v.v6, 7))


def false_router(a, *before):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.router_advertisement(a.link_local, "2001:db8:bad::", a.mac, before))


WRAPPINGS = {
    "nothing": lambda frame: frame,
    "a tag of VLAN 0": lambda frame: f.tagged(frame, (f.DOT1Q, 0)),
    "a tag of VLAN 0 with a priority": lambda frame: f.tagged(frame, (f.DOT1Q, 0, 5)),
    "a service tag of VLAN 0": lambda frame: f.tagged(frame, (f.DOT1AD, 0)),
    "a tag of VLAN 5": lambda frame: f.tagged(frame, (f.DOT1Q, 5)),
    "a service tag of VLAN 5": lambda frame: f.tagged(frame, (f.DOT1AD, 5)),
    "two tags of VLAN 0": lambda frame: f.tagged(frame, (f.DOT1Q, 0), (f.DOT1Q, 0)),
    "a service tag around a tag": lambda frame: f.tagged(frame, (f.DOT1AD, 0), (f.DOT1Q, 0)),
    "three tags": lambda frame: f.tagged(frame, (f.DOT1AD, 0), (f.DOT1Q, 0), (f.DOT1Q, 0)),
    "an old tag (0x9100)": lambda frame: f.tagged(frame, (0x9100, 0)),
    "SNAP": f.in_snap,
    "SNAP in a tag": lambda frame: f.tagged(f.in_snap(frame), (f.DOT1Q, 0)),
}
CLAIMS = {"advertisement": false_advertisement, "ARP": false_arp, "IPv4": false_datagram, "IPv6": false_datagram6,
          "router advertisement": lambda a, v, g: false_router(a)}

for _claim, _make in CLAIMS.items():
    for _wrapping, _wrap in WRAPPINGS.items():
        lie(f"{_claim} in {_wrapping}")(lambda a, v, g, make=_make, wrap=_wrap: wrap(make(a, v, g)))

for _name, _make in {"IPv4": false_datagram, "IPv6": false_datagram6}.items():
    lie(f"{_name} in PPPoE")(lambda a, v, g, make=_make: f.in_pppoe(make(a, v, g)))
    lie(f"{_name} in PPPoE in a tag")(lambda a, v, g, make=_make: f.tagged(f.in_pppoe(make(a, v, g)), (f.DOT1Q, 0)))


@lie("own address in another VLAN")
def _(a, v, g):
    return f.tagged(f.in_frame(a.mac, v.mac, f.udp(a.v4, v.v4, 7)), (f.DOT1Q, 7))


@lie("raw 802.3")
def _(a, v, g):
    return f.packed_mac(v.mac) + f.packed_mac(a.mac) + struct.pack("!H", 30) + b"\xff\xff" + bytes(44)


@lie("PPPoE discovery")
def _(a, v, g):
    return f.frame(a.mac, f.BROADCAST, 0x8863, struct.pack("!BBHH", 0x11, 0x09, 0, 4) + b"\x01\x01\x00\x00" + bytes(40))


@lie("MPLS")
def _(a, v, g):
    return f.frame(a.mac, v.mac, 0x8847, struct.pack("!I", 0x00010140) + f.udp(g.v4, v.v4, 7))


@lie("reverse ARP")
def _(a, v, g):
    return f.frame(a.mac, f.BROADCAST, 0x8035, false_arp(a, v, g)[14:])


@lie("STP where the bridge speaks none")
def _(a, v, g):
    return f.bridge_protocol_unit(a.mac)


# -- neighbour discovery

@lie("solicitation that says whose address the gateway's is")
def _(a, v, g):
    return f.in_frame(a.mac, v.mac, f.solicitation(g.v6, v.v6, v.v6, a.mac))


@lie("duplicate address detection of another's address")
def _(a, v, g):
    group = f.solicited_node(v.v6)
    return f.in_frame(a.mac, f.group_mac(group), f.solicitation("::", group, v.v6))


@lie("the same in a tag")
def _(a, v, g):
    group = f.solicited_node(v.v6)
    return f.tagged(f.in_frame(a.mac, f.group_mac(group), f.solicitation("::", group, v.v6)), (f.DOT1Q, 0))


@lie("duplicate address detection of another's link-local address")
def _(a, v, g):
    group = f.solicited_node(v.link_local)
    return f.in_frame(a.mac, f.group_mac(group), f.solicitation("::", group, v.link_local))


@lie("advertisement of another's address to all")
def _(a, v, g):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.advertisement(a.link_local, f.ALL_NODES, v.v6, a.mac))


@lie("advertisement from nobody")
def _(a, v, g):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.advertisement("::", f.ALL_NODES, v.v6, a.mac))


@lie("advertisement behind options")
def _(a, v, g):
    body = struct.pack("!I", 0x20000000) + f.packed(g.v6) + f.target_option(a.mac)
    return f.in_frame(a.mac, v.mac, f.icmp6(a.link_local, v.v6, 136, body, ((f.DESTINATION_OPTIONS, f.PADDING),)))


@lie("redirect")
def _(a, v, g):
    return f.in_frame(a.mac, v.mac, f.redirect(a.link_local, v.v6, a.link_local, "2001:db8::1"))


@lie("redirect in a tag behind options")
def _(a, v, g):
    packet = f.redirect(a.link_local, v.v6, a.link_local, "2001:db8::1", ((f.HOP_BY_HOP, f.PADDING), (f.DESTINATION_OPTIONS, f.PADDING)))
    return f.tagged(f.in_frame(a.mac, v.mac, packet), (f.DOT1Q, 0))


for _name, _before in {"behind a hop-by-hop header": ((f.HOP_BY_HOP, f.PADDING),),
                       "behind two headers": ((f.HOP_BY_HOP, f.PADDING), (f.DESTINATION_OPTIONS, f.PADDING)),
                       "as the one fragment of a packet": ((f.FRAGMENT, f.fragment_header(0, 0)),),
                       "as a first fragment": ((f.FRAGMENT, f.fragment_header(0, 1)),),
                       "as a fragment behind options": ((f.HOP_BY_HOP, f.PADDING), (f.FRAGMENT, f.fragment_header(0, 1)))}.items():
    lie(f"router advertisement {_name}")(lambda a, v, g, before=_before: false_router(a, *before))


@lie("listener query")
def _(a, v, g):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.listener_query(a.link_local))


@lie("IGMP query")
def _(a, v, g):
    return f.in_frame(a.mac, "01:00:5e:00:00:01", f.group_query(a.v4))


# -- ARP

@lie("ARP probe of another's address")
def _(a, v, g):
    return f.arp_probe(a.mac, v.v4)


@lie("ARP announcement of another's address")
def _(a, v, g):
    return f.arp(a.mac, f.BROADCAST, 1, v.v4, v.v4)


@lie("ARP with another's MAC inside")
def _(a, v, g):
    return f.arp(a.mac, v.mac, 2, a.v4, v.v4, sender_mac=STRANGER)


@truth("ARP probe of the own address")
def _(a, v):
    return f.arp_probe(a.mac, a.v4)


@truth("ARP announcement")
def _(a, v):
    return f.arp(a.mac, f.BROADCAST, 1, a.v4, a.v4)


@truth("duplicate address detection of the own address")
def _(a, v):
    group = f.solicited_node(a.v6)
    return f.in_frame(a.mac, f.group_mac(group), f.solicitation("::", group, a.v6))


@truth("duplicate address detection of the own link-local address")
def _(a, v):
    group = f.solicited_node(a.link_local)
    return f.in_frame(a.mac, f.group_mac(group), f.solicitation("::", group, a.link_local))


@truth("advertisement of the own address")
def _(a, v):
    return f.in_frame(a.mac, f.group_mac(f.ALL_NODES), f.advertisement(a.v6, f.ALL_NODES, a.v6, a.mac))


@truth("solicitation of a neighbour")
def _(a, v):
    return f.in_frame(a.mac, f.group_mac(f.solicited_node(v.v6)), f.solicitation(a.v6, f.solicited_node(v.v6), v.v6, a.mac))


@truth("listener report from nobody")
def _(a, v):
    return f.in_frame(a.mac, f.group_mac("ff02::16"), f.listener_report("::", f.solicited_node(a.v6)))


@truth("listener report")
def _(a, v):
    return f.in_frame(a.mac, f.group_mac("ff02::16"), f.listener_report(a.link_local, f.solicited_node(a.v6)))


@truth("router solicitation")
def _(a, v):
    return f.in_frame(a.mac, f.group_mac(f.ALL_ROUTERS), f.icmp6(a.link_local, f.ALL_ROUTERS, 133, bytes(4) + f.source_option(a.mac)))


@truth("datagram")
def _(a, v):
    return f.in_frame(a.mac, v.mac, f.udp(a.v4, v.v4, 7))


@truth("datagram of IPv6")
def _(a, v):
    return f.in_frame(a.mac, v.mac, f.udp(a.v6, v.v6, 7))
