"""Real packets from any namespace, and whoever takes and answers them: what a walk's verdict is compared with."""

import contextlib
import ctypes
import errno
import os
import select
import socket
import struct
import threading

from patience import answer_time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TRIES = 8  # a tenth of a second each, on a machine that has nothing else to do: less than TCP waits before it sends again
IP_RECVERR, IPV6_RECVERR = 11, 25
TOLD = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EINVAL, errno.ENONET, errno.EPROTO, errno.EHOSTDOWN)


@contextlib.contextmanager
def inside(path):
    """The calling thread, which must not be anybody else's, in a network namespace."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(path, "rb") as there:
        if LIBC.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), path)
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


def without_interface(value):
    """Of in_pktinfo and in6_pktinfo: the route decides by which interface the answer leaves."""
    return b"\0" * 4 + value[4:] if len(value) == 12 else value[:16] + b"\0" * 4


class Servers:
    """Sockets that answer, in any namespaces: TCP takes each connection, UDP sends each datagram back."""

    def __init__(self):
        self.sockets = []
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def listen(self, path, kind, port, address="::"):
        with inside(path):
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        self.sockets.append(made)

    def _serve(self):
        while not self.ended:
            ready, _, _ = select.select(self.sockets, [], [], 0.1)
            for each in ready:
                with contextlib.suppress(OSError):
                    self._answer(each)

    @staticmethod
    def _answer(each):
        if each.type & socket.SOCK_STREAM and not each.type & socket.SOCK_DGRAM:
            each.accept()[0].close()
            return
        # From the address that was asked: of several the kernel would choose another one.
        option = (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, socket.IPV6_PKTINFO) if each.family == socket.AF_INET6 else (socket.IPPROTO_IP, 8, 8)
        data, extra, _, peer = each.recvmsg(64, 256)
        told = [(level, kind, without_interface(value)) for level, kind, value in extra if (level, kind) == (option[0], option[2])]
        each.sendmsg([data], told, 0, peer)

    def __enter__(self):
        for each in self.sockets:
            if each.type & socket.SOCK_DGRAM:
                if each.family == socket.AF_INET6:
                    each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                else:
                    each.setsockopt(socket.IPPROTO_IP, 8, 1)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for each in self.sockets:
            each.close()


class Attempt:
    """One packet on its way."""

    def __init__(self, path, packet, number, bound):
        self.packet, self.number = packet, number
        self.verdict = None
        family = socket.AF_INET6 if ":" in packet["destination"] else socket.AF_INET
        self.is_echo = packet["protocol"] == "icmp"
        v4 = family == socket.AF_INET
        kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "icmp": socket.SOCK_RAW}[packet["protocol"]]
        protocol = (socket.IPPROTO_ICMP if v4 else socket.IPPROTO_ICMPV6) if self.is_echo else 0
        with inside(path):
            self.socket = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        self.socket.setsockopt(socket.IPPROTO_IP if v4 else socket.IPPROTO_IPV6, IP_RECVERR if v4 else IPV6_RECVERR, 1)
        try:
            if bound:
                self.socket.bind((packet["source"], 0))
            self.socket.connect((packet["destination"], packet.get("destinationPort", 0)))
            if packet["protocol"] != "tcp":
                self.socket.send(self._payload(v4) if self.is_echo else b"x")
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error.errno)

    def _payload(self, v4):
        head = struct.pack("!BBHHH", 8 if v4 else 128, 0, 0, self.number, 1)
        words = struct.unpack("!4H", head)
        total = sum(words)
        total = (total & 0xffff) + (total >> 16)
        return head[:2] + struct.pack("!H", ~total & 0xffff if v4 else 0) + head[4:]

    def _fail(self, code):
        """What one's own rules drop one is told of as not permitted: that is a drop."""
        if code != errno.EPERM and code not in TOLD:
            raise OSError(code, os.strerror(code), str(self.packet))
        self.verdict = "dropped" if code == errno.EPERM else "refused"

    def look(self):
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(code)
        elif self.packet["protocol"] == "tcp":
            self.verdict = "passes"
        else:
            self._receive()

    def _receive(self):
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(2048)
            if not self.is_echo:
                self.verdict = "passes"
                return
            if self.socket.family == socket.AF_INET:
                data = data[(data[0] & 15) * 4:]
            if data[0] in (0, 129) and struct.unpack("!H", data[4:6])[0] == self.number:
                self.verdict = "passes"


def send_all(attempts):
    """Waits for all of them together; whoever hears nothing was dropped."""
    for _ in range(TRIES):
        waiting = [each for each in attempts if each.verdict is None]
        if not waiting:
            break
        poll_once(waiting)
    for each in attempts:
        each.verdict = each.verdict or "dropped"
        each.socket.close()


def poll_once(waiting):
    poll = select.poll()
    for each in waiting:
        poll.register(each.socket, select.POLLOUT if each.packet["protocol"] == "tcp" else select.POLLIN)
    by_number = {each.socket.fileno(): each for each in waiting}
    for number, _ in poll.poll(100 * answer_time()):
        by_number[number].look()
