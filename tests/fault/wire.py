"""What is in a network namespace, read by netlink: quick enough to look after every single system call."""

import ctypes
import os
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter(path):
    with open(path, "rb") as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


# Message, family, size of its header, and the attributes that tell what is there and do not change by themselves.
DUMPS = {
    # Address, name, mtu, link, master, length of the queue, operstate, linkinfo (below), alias, sysctls (below), promiscuity.
    "links": (18, 0, 16, (1, 3, 4, 5, 10, 13, 16, 18, 20, 26, 30)),
    "ports": (18, 7, 16, (3, 10)),
    "addresses": (22, 0, 8, (1, 2, 3, 4, 8)),
    "routes": (26, 0, 12, (1, 4, 5, 6, 7, 8, 15)),
    "neighbours": (30, 0, 12, (1, 2)),
    "qdiscs": (38, 0, 20, (1, 2)),
}


class Wire:
    """A socket in a namespace; the calling thread is back in `home` afterwards."""

    def __init__(self, path, home):
        enter(path)
        try:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            self.socket.bind((0, 0))
            self.sysctls = {}
            for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/route_localnet", "ipv4/conf/all/arp_ignore",
                         "ipv4/ip_local_port_range", "core/somaxconn"):
                if os.path.exists(f"/proc/sys/net/{name}"):
                    self.sysctls[name] = open(f"/proc/sys/net/{name}", "rb", buffering=0)
        finally:
            enter(home)

    def close(self):
        self.socket.close()
        for file in self.sysctls.values():
            file.close()

    def dump(self, what):
        kind, family, header, kept = DUMPS[what]
        body = bytes([family]) + bytes(header - 1)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, 0x301, 1, 0) + body)
        found = []
        while True:
            data = self.socket.recv(1 << 18)
            while data:
                length, message = struct.unpack_from("=IH", data)
                if message in (2, 3):
                    return sorted(found)
                found.append(self.describe(what, data[16:length], header, kept))
                data = data[(length + 3) & ~3:]

    @staticmethod
    def describe(what, body, header, kept):
        fields = attributes(body[header:])
        if 18 in fields and what == "links":
            fields[18] = attributes(fields[18]).get(1, b"")  # the kind: the rest has timers
        if 26 in fields and what == "links":
            families = attributes(fields[26])  # of IPv4 and IPv6: what is below net/ipv4/conf and net/ipv6/conf
            fields[26] = attributes(families.get(2, b"")).get(1, b"") + attributes(families.get(10, b"")).get(2, b"")
        head = body[:header]
        if what == "links":
            # Up, broadcast, running, promiscuous, all multicast, multicast.
            head = head[:8] + struct.pack("=I", struct.unpack_from("=I", head, 8)[0] & 0x1343)
        if what == "routes" and fields.get(1, b"").startswith(b"\xff"):
            return "", b""  # to a multicast address: the kernel's own, for what it solicits
        if what == "neighbours":
            state = struct.unpack_from("=H", head, 8)[0]
            if not state & 0x80:
                return "", b""  # what the kernel learnt
        return what, repr((head.hex(), [(key, fields[key].hex()) for key in kept if key in fields])).encode()

    def snapshot(self):
        view = {what: [text for name, text in self.dump(what) if name] for what in DUMPS}
        for name, file in self.sysctls.items():
            file.seek(0)
            view[name] = file.read()
        return view


def difference(before, after):
    lines = []
    for key in before:
        if before[key] != after.get(key):
            if isinstance(before[key], list):
                lines += [f"{key}: - {item}" for item in before[key] if item not in after[key]]
                lines += [f"{key}: + {item}" for item in after[key] if item not in before[key]]
            else:
                lines.append(f"{key}: {before[key]} -> {after.get(key)}")
    return "\n".join(lines)
