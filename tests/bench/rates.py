#!/usr/bin/python3
"""Measures what type bandwidth lets through, with real TCP and UDP traffic, in network namespaces of its own (root).

Bytes that arrive are counted over a window that begins when the burst is used up, so that a machine that is busy elsewhere changes
little. Prints one line a measurement and exits with 1 where one is off by more than 5 %, where a round trip under load takes longer than
the configured latency (and a packet's own time on the wire) allows, or where exempt traffic is limited.
"""

import argparse
import ctypes
import json
import os
import re
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))
from fake_node import Node, bridge_config  # noqa: E402

HEADERS = {"tcp": 14 + 20 + 32, "udp": 14 + 20 + 8}  # bytes; what the kernel counts besides the payload
PAYLOAD = {"tcp": 1448, "udp": 1400}
TOLERANCE = 0.05
LATENCY = 25  # ms


def in_namespace(namespace, make):
    """Calls make() in a namespace; the sockets that it opens stay there."""
    result = []

    def run():
        with open(f"/var/run/netns/{namespace}", "rb") as file:
            # Of this thread only. (Python has os.setns from 3.12 on.)
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(make())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


class Traffic:
    """Sends from one namespace to another, as much as there is room for, and counts what arrives."""

    def __init__(self, protocol, source, target, address, rate):
        self.protocol, self.rate, self.stop = protocol, rate, threading.Event()
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        self.receiver = in_namespace(target, lambda: self.listen(kind))
        self.sender = in_namespace(source, lambda: socket.socket(socket.AF_INET, kind))
        self.sender.connect((address, self.receiver.getsockname()[1]))
        if protocol == "tcp":
            listener, (self.receiver, _) = self.receiver, self.receiver.accept()
            listener.close()
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    @staticmethod
    def listen(kind):
        receiver = socket.socket(socket.AF_INET, kind)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind(("0.0.0.0", 0))
        if kind == socket.SOCK_STREAM:
            receiver.listen(1)
        return receiver

    def send(self):
        data = bytes(1 << 16) if self.protocol == "tcp" else bytes(PAYLOAD["udp"])
        self.sender.settimeout(0.5)
        # UDP at one and a half times the rate: more would only burn the processor.
        pause = 0 if self.protocol == "tcp" else PAYLOAD["udp"] * 8 / (self.rate * 1.5)
        due = time.monotonic()
        while not self.stop.is_set():
            try:
                self.sender.send(data)
            except (BlockingIOError, socket.timeout):
                continue
            except OSError:
                return
            # Some at once, since a sleep takes longer than a packet; what was late by more is not caught up with.
            due = max(due + pause, time.monotonic() - 0.05)
            if (early := due - time.monotonic()) > 0.002:
                time.sleep(early)

    def receive(self, seconds):
        """Payload bytes that arrive, and how long that took exactly."""
        begin, count = time.monotonic(), 0
        while (left := begin + seconds - time.monotonic()) > 0:
            if select.select([self.receiver], [], [], left)[0]:
                count += len(self.receiver.recv(1 << 18))
        return count, time.monotonic() - begin

    def measure(self, warm_up, window):
        self.receive(warm_up)
        count, seconds = self.receive(window)
        packets = count / PAYLOAD[self.protocol]
        return (count + packets * HEADERS[self.protocol]) * 8 / seconds

    def close(self):
        self.stop.set()
        self.receiver.close()
        self.sender.close()
        self.thread.join()


def attach(node, container, **limits):
    config = {**bridge_config(node, isGateway=True), "type": "bridge"}
    result = node.add(config, container, plugin=node.plugin("bridge"))
    chained = {"cniVersion": "1.0.0", "name": config["name"], "type": "bandwidth", "prevResult": result, **limits}
    node.add(chained, container, plugin=node.plugin("bandwidth"))
    return result["ips"][0]["address"].split("/")[0]


def sides(node, container, address, direction):
    return (node.host, container, address) if direction == "ingress" else (container, node.host, "10.88.0.1")


def limits_of(rate):
    burst = max(rate // 50, 8 * 16_000)  # 20 ms, or 16 kB
    return {"ingressRate": rate, "ingressBurst": burst, "egressRate": rate, "egressBurst": burst, "latency": LATENCY}


def round_trip(node, source, address, count=30):
    """The longest but one of some pings, in milliseconds; one may have waited for the processor."""
    text = node.run_in(source, "ping", "-n", "-i", "0.1", "-c", str(count), "-W", "5", address, check=False).stdout
    times = sorted(float(match) for match in re.findall(r"time=([\d.]+)", text))
    return times[-2] if len(times) > count // 2 else None


def measure_rates(rate, window, report):
    for direction in ("ingress", "egress"):
        for protocol in ("tcp", "udp"):
            with Node() as node:
                container = node.container("c")
                address = attach(node, container, **limits_of(rate))
                traffic = Traffic(protocol, *sides(node, container, address, direction), rate)
                try:
                    seen = traffic.measure(1.5, window)
                    report(f"{rate / 1e6:g} Mbit/s {direction} {protocol}", f"{seen / 1e6:.3f} Mbit/s", abs(seen / rate - 1) <= TOLERANCE)
                finally:
                    traffic.close()


def measure_round_trips(rate, report):
    # Besides the queue: five packets at the least, the one under way, and the echo itself in the other direction.
    allowed = max(LATENCY, 5 * 1514 * 8 / rate * 1000) + 2 * 1514 * 8 / rate * 1000 + 5
    for direction in ("ingress", "egress"):
        with Node() as node:
            container = node.container("c")
            address = attach(node, container, **limits_of(rate))
            source, target, to = sides(node, container, address, direction)
            traffic = Traffic("tcp", source, target, to, rate)
            drain = threading.Thread(target=traffic.receive, args=(8,))
            drain.start()
            try:
                time.sleep(1)
                longest = round_trip(node, source, to)
                good = longest is not None and longest <= allowed
                report(f"{rate / 1e6:g} Mbit/s {direction} round trip under load", f"{longest} ms, at most {allowed:.1f}", good)
            finally:
                drain.join()
                traffic.close()


def measure_exempt(window, report):
    rate = 1_000_000
    for direction in ("ingress", "egress"):
        with Node() as node:
            container = node.container("c")
            address = attach(node, container, **limits_of(rate), unshapedSubnets=["10.88.0.0/24"])
            traffic = Traffic("tcp", *sides(node, container, address, direction), rate)
            try:
                seen = traffic.measure(0.5, window)
                report(f"{direction} exempt from 1 Mbit/s", f"{seen / 1e6:.0f} Mbit/s", seen > 50 * rate)
            finally:
                traffic.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="1,10,100", help="Mbit/s")
    parser.add_argument("--window", type=float, default=5, help="seconds that are counted")
    arguments = parser.parse_args()
    failures = []

    def report(what, seen, good):
        print(f"{'ok  ' if good else 'FAIL'} {what}: {seen}", flush=True)
        if not good:
            failures.append(what)

    for rate in (int(float(text) * 1e6) for text in arguments.rates.split(",")):
        measure_rates(rate, arguments.window, report)
        measure_round_trips(rate, report)
    measure_exempt(2, report)
    print(json.dumps({"failed": failures}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
