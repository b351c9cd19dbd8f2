"""Runs a program as on a kernel without netfilter's part of netlink: without_netfilter.py PROGRAM...

A filter of system calls (seccomp) refuses the socket, with the error that such a kernel gives. It is inherited, also by what is executed.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, DOMAIN, PROTOCOL = 0, 16, 32  # where struct seccomp_data has them
SOCKET = {"x86_64": 41, "aarch64": 198}
AF_NETLINK, NETLINK_NETFILTER = 16, 12


def refuse():
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in (
        (LOAD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 0, 5, SOCKET[platform.machine()]),
        (LOAD, 0, 0, DOMAIN), (JUMP_IF_EQUAL, 0, 3, AF_NETLINK),
        (LOAD, 0, 0, PROTOCOL), (JUMP_IF_EQUAL, 0, 1, NETLINK_NETFILTER),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.EPROTONOSUPPORT),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW)))
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    refuse()
    os.execv(sys.argv[1], sys.argv[1:])
