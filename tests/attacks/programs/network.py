"""Tries to reach addresses and names outside the box; by default none can be."""

import socket
import sys
from pathlib import Path

PORT = int(sys.argv[1])  # where the service listens, on the host
ADDRESSES = (
    "169.254.169.254", "100.100.100.200", "172.17.0.1", "172.17.0.2", "172.18.0.1", "10.0.0.1",
    "192.168.0.1", "1.1.1.1", "255.255.255.255", "224.0.0.1",
)  # fmt: skip

interfaces = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
if interfaces != ["lo"]:
    print("interfaces:", interfaces)
if len(Path("/proc/net/route").read_text().splitlines()) > 1:
    print("has a route")

for address in (*ADDRESSES, "127.0.0.1"):
    for port in (PORT, 22, 53, 80, 443, 2375, 2376, 5000):
        with socket.socket() as tcp:
            tcp.settimeout(0.5)
            try:
                tcp.connect((address, port))
            except OSError:
                continue
            print("reached", address, port)
    if address != "127.0.0.1":
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                udp.sendto(b"\0", (address, 53))
            except OSError:
                continue
            print("sent a packet to", address)

for address in ("fe80::1", "fd00:ec2::254", "2606:4700:4700::1111"):
    with socket.socket(socket.AF_INET6) as tcp:
        tcp.settimeout(0.5)
        try:
            tcp.connect((address, 80))
        except OSError:
            continue
        print("reached", address)

for name in ("example.com", "host.docker.internal", "metadata.google.internal", "gateway"):
    try:
        print("found", name, socket.gethostbyname(name))
    except OSError:
        continue

# Processes of the same run may connect to each other.
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), timeout=1).close()
print("done")
