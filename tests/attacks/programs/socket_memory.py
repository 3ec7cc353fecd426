"""Sockets whose queues are as full as they get, one kind of queue by argument, until the memory ends.

On cgroup v1 the kernel charges none of them, and on v2 not those of netlink and of errors.
"""

import ctypes
import errno
import socket
import struct
import sys
import time

LOOPBACK = ("127.0.0.1", 0)
NO_LINGER = struct.pack("ii", 1, 0)
SO_TIMESTAMPING, TX_SCHED_AND_SOFTWARE = 37, 1 << 8 | 1 << 1
UDP_ENCAP, UDP_ENCAP_ESPINUDP, TCP_ULP = 100, 2, 31
NETLINK_ROUTE, RTM_GETLINK, NLM_F_REQUEST = 0, 18, 1
REQUEST = struct.pack("IHHIIBxHiII", 32, RTM_GETLINK, NLM_F_REQUEST, 1, 0, 0, 0, 1, 0, 0)

libc = ctypes.CDLL(None)
kept = []
server = socket.create_server(LOOPBACK, backlog=4096)


def enlarge(it):
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        it.setsockopt(socket.SOL_SOCKET, option, 1 << 24)
    it.setblocking(False)


def send_until_full(it, data, attempts=3000):
    try:
        for _ in range(attempts):
            it.send(data, socket.MSG_EOR)
    except BlockingIOError:
        pass


def connection():
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    enlarge(client)
    enlarge(accepted)
    return client, accepted


def tcp():
    ends = connection()
    for end in ends:
        send_until_full(end, bytes(1 << 20))
    kept.extend(ends)


def segments():
    client, accepted = connection()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    send_until_full(client, b"x")
    kept.extend((client, accepted))


def reset():
    """A socket that was reset keeps what it has received, and is in no table."""
    client, accepted = connection()
    send_until_full(client, bytes(1 << 20))
    time.sleep(0.001)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    client.close()
    kept.append(accepted)


def backlog():
    """Connections that nobody accepts need no descriptor."""
    if len(kept) % 4000 == 0:
        kept.append(socket.create_server(LOOPBACK, backlog=4096))
        backlog.address = kept[-1].getsockname()
    client = socket.create_connection(backlog.address)
    client.send(bytes(60_000))
    client.close()
    kept.append(None)


def udp():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    enlarge(receiver)
    receiver.bind(LOOPBACK)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    for _ in range(6):
        sender.send(bytes(60_000))
    kept.append(receiver)
    return sender, receiver


def disconnected():
    """A UDP socket keeps what it has received as it is disconnected, and is in no table."""
    sender, receiver = udp()
    receiver.connect(sender.getsockname())
    libc.connect(receiver.fileno(), bytes(16), 16)  # to the family AF_UNSPEC


def netlink():
    it = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    enlarge(it)
    it.bind((0, 0))
    for _ in range(300):
        it.send(REQUEST)
    kept.append(it)


def refused(option, value, level=socket.SOL_SOCKET, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
    it = socket.socket(family, kind)
    try:
        it.setsockopt(level, option, value)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"


def options():
    """Options that take kernel memory, a socket filter, time stamps, IPv6 multicast; IPv4 multicast, encapsulation, protocols above TCP."""
    instruction = ctypes.create_string_buffer(bytes([6]) + bytes(7))  # return 0
    filter_of_one = struct.pack("H6xP", 1, ctypes.addressof(instruction))
    print(
        refused(26, filter_of_one),
        refused(51, filter_of_one),
        refused(26, filter_of_one, family=socket.AF_UNIX),
        refused(SO_TIMESTAMPING, TX_SCHED_AND_SOFTWARE),
        refused(socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::1:2") + bytes([1, 0, 0, 0]),
                socket.IPPROTO_IPV6, socket.AF_INET6),
        refused(socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.0.0.1") + socket.inet_aton("127.0.0.1"), socket.IPPROTO_IP),
        refused(UDP_ENCAP, UDP_ENCAP_ESPINUDP, socket.IPPROTO_UDP),
        refused(TCP_ULP, b"tls", socket.IPPROTO_TCP, kind=socket.SOCK_STREAM),
    )  # fmt: skip


make = globals()[sys.argv[1]]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 1
made = 0
try:
    while made < count:
        make()
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno])
if count > 1:
    time.sleep(1)  # until the sum is checked
    print(made)
