"""Raw frames, built byte by byte, and sockets that send and see them in the namespaces of a node."""

import ctypes
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "process"))

import patience  # noqa: E402

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86dd
DOT1Q, DOT1AD = 0x8100, 0x88a8
ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
BROADCAST = "ff:ff:ff:ff:ff:ff"
# Addresses that a bridge does not forward (IEEE 802.1D, table 7-10), or only where nobody speaks STP.
STP_GROUP, LACP_GROUP, EAPOL_GROUP, LLDP_GROUP = (f"01:80:c2:00:00:{last}" for last in ("00", "02", "03", "0e"))

_libc = ctypes.CDLL(None, use_errno=True)


def socket_in(namespace, *arguments):
    """A socket stays in the namespace that it was made in."""
    with open("/proc/self/ns/net", "rb") as home, open(f"/var/run/netns/{namespace}", "rb") as there:
        _enter(there)
        try:
            return socket.socket(*arguments)
        finally:
            _enter(home)


def _enter(namespace):
    if _libc.setns(namespace.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def heard_by(listener, tries=patience.TRIES):
    """The next datagram that a socket gets."""
    listener.settimeout(patience.answer_time())
    for _ in range(tries):
        try:
            return listener.recvfrom(99)[0]
        except TimeoutError:
            pass
    raise AssertionError("nothing was heard")


class Wire:
    """An interface of a namespace, as one sees it who may open packet sockets there."""

    def __init__(self, namespace, interface="eth0"):
        self.socket = socket_in(namespace, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(263, 8, struct.pack("i", 1))  # SOL_PACKET, PACKET_AUXDATA: where the kernel puts a frame's outer tag
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((interface, 0))
        self.socket.settimeout(patience.answer_time())

    def close(self):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, tries=patience.TRIES):
        """The next frame that comes in, without its outer tag. None where none comes."""
        while tries > 0:
            try:
                frame, _, _, where = self.socket.recvmsg(65536, 256)
            except TimeoutError:
                tries -= 1
                continue
            if where[2] != socket.PACKET_OUTGOING:
                return frame
        return None

    def receive_until(self, last):
        """Everything that comes in before that frame does: what was sent before it by the same way is among it, or does not come."""
        frames = []
        while True:
            frame = self.receive()
            if frame is None:
                raise AssertionError("what nobody holds back did not come")
            if frame == last:
                return frames
            frames.append(frame)


def packed_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def group_mac(group):
    """The Ethernet address of an IPv6 multicast group."""
    return "33:33:" + packed(group)[-4:].hex(":")


def solicited_node(address):
    return socket.inet_ntop(socket.AF_INET6, packed("ff02::1:ff00:0")[:13] + packed(address)[13:])


def frame(source, destination, ethertype, payload):
    return packed_mac(destination) + packed_mac(source) + struct.pack("!H", ethertype) + payload


def tagged(untagged, *tags):
    """The same frame in tags, the outermost first, each (ethertype, VLAN, and where it has one its priority)."""
    inside = b"".join(struct.pack("!HH", ethertype, vlan | (priority[0] << 13 if priority else 0)) for ethertype, vlan, *priority in tags)
    return untagged[:12] + inside + untagged[12:]


def in_snap(untagged):
    """The same in IEEE 802.2 LLC with SNAP (RFC 1042): a length where the type was."""
    content = b"\xaa\xaa\x03\x00\x00\x00" + untagged[12:]
    return untagged[:12] + struct.pack("!H", len(content)) + content


def in_pppoe(untagged):
    """The same IP packet in a PPPoE session (RFC 2516)."""
    protocol = 0x0021 if untagged[12:14] == b"\x08\x00" else 0x0057
    content = struct.pack("!H", protocol) + untagged[14:]
    return untagged[:12] + struct.pack("!HBBHH", 0x8864, 0x11, 0, 1, len(content)) + content


def checksum(data):
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


# -- ARP

def arp(source, destination, operation, sender, target, sender_mac=None, target_mac="00:00:00:00:00:00"):
    content = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + packed_mac(sender_mac or source) + packed(sender)
    return frame(source, destination, ARP, content + packed_mac(target_mac) + packed(target))


def arp_probe(source, about):
    """RFC 5227: who has it, asked by somebody who has no address."""
    return arp(source, BROADCAST, 1, "0.0.0.0", about)


# -- IP

def ipv4(protocol, source, destination, payload, ttl=64):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0) + packed(source) + packed(destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(next_header, source, destination, payload, hop_limit=255):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit) + packed(source) + packed(destination) + payload


def udp(source, destination, port, payload=b"?"):
    """A datagram, with the IP header that it needs."""
    length = 8 + len(payload)
    pseudo = packed(source) + packed(destination) + struct.pack("!HH" if ":" not in source else "!II", *((17, length) if ":" not in source else (length, 17)))
    header = struct.pack("!HHH", port, port, length)
    whole = header + struct.pack("!H", checksum(pseudo + header + b"\0\0" + payload)) + payload
    return ipv6(17, source, destination, whole) if ":" in source else ipv4(17, source, destination, whole)


def ip_type(packet):
    return IPV6 if packet[0] >> 4 == 6 else IPV4


def in_frame(source, destination, packet):
    return frame(source, destination, ip_type(packet), packet)


def icmp6(source, destination, kind, body, before=(), hop_limit=255):
    """`before` are extension headers, each (its number, its bytes after the first two, which this fills in)."""
    message = struct.pack("!BBH", kind, 0, 0) + body
    pseudo = packed(source) + packed(destination) + struct.pack("!II", len(message), 58)
    message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
    following, numbers = message, 58
    for number, rest in reversed(before):
        if number == FRAGMENT:
            following = struct.pack("!BB", numbers, 0) + rest + following
        else:
            following = struct.pack("!BB", numbers, (len(rest) + 2) // 8 - 1) + rest + following
        numbers = number
    return ipv6(numbers, source, destination, following, hop_limit)


HOP_BY_HOP, DESTINATION_OPTIONS, FRAGMENT = 0, 60, 44
PADDING = b"\x01\x04\x00\x00\x00\x00"
ROUTER_ALERT = b"\x05\x02\x00\x00\x01\x00"  # of MLD (RFC 2711)


def fragment_header(offset, more, number=7):
    return struct.pack("!HI", offset | more, number)


def source_option(mac):
    return b"\x01\x01" + packed_mac(mac)


def target_option(mac):
    return b"\x02\x01" + packed_mac(mac)


def advertisement(source, destination, about, mac):
    """Of a neighbour: unsolicited, overriding (RFC 4861, 4.4)."""
    return icmp6(source, destination, 136, struct.pack("!I", 0x20000000) + packed(about) + target_option(mac))


def solicitation(source, destination, about, mac=None):
    return icmp6(source, destination, 135, bytes(4) + packed(about) + (source_option(mac) if mac else b""))


def router_advertisement(source, prefix, mac, before=(), destination=ALL_NODES):
    """A default router for half an hour, with a prefix to form addresses of (RFC 4861, 4.2)."""
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 1800, 1800, 0) + packed(prefix)
    return icmp6(source, destination, 134, struct.pack("!BBHII", 64, 0, 1800, 0, 0) + source_option(mac) + option, before)


def redirect(source, destination, target, about, before=()):
    return icmp6(source, destination, 137, bytes(4) + packed(target) + packed(about), before)


def listener_query(source):
    """MLD version 2, general (RFC 3810)."""
    return icmp6(source, ALL_NODES, 130, struct.pack("!HH", 1000, 0) + bytes(16) + b"\x02\x7d\x00\x00", ((HOP_BY_HOP, ROUTER_ALERT),), 1)


def listener_report(source, group):
    body = struct.pack("!HH", 0, 1) + struct.pack("!BBH", 4, 0, 0) + packed(group)
    return icmp6(source, "ff02::16", 143, body, ((HOP_BY_HOP, ROUTER_ALERT),), 1)


def group_query(source):
    """IGMP version 2, general (RFC 2236)."""
    body = struct.pack("!BBH", 0x11, 10, 0) + bytes(4)
    return ipv4(2, source, "224.0.0.1", body[:2] + struct.pack("!H", checksum(body)) + body[4:], 1)


# -- what switches say to each other

def bridge_protocol_unit(source, priority=0):
    """STP: a root that everybody would have to follow (IEEE 802.1D, 9.3.1)."""
    identity = struct.pack("!H", priority) + packed_mac(source)
    content = b"\x42\x42\x03" + bytes(5) + identity + bytes(4) + identity + struct.pack("!HHHHH", 0x8001, 0, 20 << 8, 2 << 8, 15 << 8)
    return packed_mac(STP_GROUP) + packed_mac(source) + struct.pack("!H", len(content)) + content


def link_layer_discovery(source):
    """LLDP (IEEE 802.1AB): chassis and port are the MAC, two minutes."""
    mac = packed_mac(source)
    return frame(source, LLDP_GROUP, 0x88cc, b"\x02\x07\x04" + mac + b"\x04\x07\x03" + mac + b"\x06\x02\x00\x78\x00\x00")
