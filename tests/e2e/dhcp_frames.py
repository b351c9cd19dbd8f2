"""Prints "listening", and then of each DHCP message that passes on an interface what it is, one a line."""

import socket
import sys

NAMES = {1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE"}
COOKIE = b"\x63\x82\x53\x63"
ETH_P_ALL = 3


def kind_of(frame):
    at = frame.find(COOKIE)
    if at < 0:
        return None
    options = frame[at + len(COOKIE):]
    while len(options) > 2 and options[0] != 255:
        if options[0] == 53:
            return NAMES.get(options[2])
        options = options[1:] if options[0] == 0 else options[2 + options[1]:]
    return None


def main():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as listener:
        listener.bind((sys.argv[1], 0))
        print("listening", flush=True)
        while True:
            kind = kind_of(listener.recv(4096))
            if kind:
                print(kind, flush=True)


if __name__ == "__main__":
    main()
