"""The user at the other end of a connection on this machine."""

import ipaddress
import os
import sys
from pathlib import Path

_TABLES = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
_LOCAL, _REMOTE, _UID = 1, 2, 7  # columns of the kernel's table


def is_operator(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Whether the process that has connected from `peer` to `own` is root's or of our own user.

    A proxy that does not say for whom it asks is neither, where it drops its privileges, as nginx,
    Caddy and HAProxy do. Both addresses are those of one loopback connection.
    """
    uid = _uid(peer, own)
    return uid is not None and uid in (0, os.geteuid())


def _uid(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """Look the peer's socket up, whose local address is the remote one here."""
    version = ipaddress.ip_address(peer[0]).version
    local, remote = _entry(*peer[:2]), _entry(*own[:2])
    try:
        lines = _TABLES[version].read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    for columns in map(str.split, lines):
        if columns[_LOCAL] == local and columns[_REMOTE] == remote:
            return int(columns[_UID])
    return None


def _entry(address: str, port: int) -> str:
    """Write an address as the kernel does: words of four bytes, in the processor's byte order."""
    packed = ipaddress.ip_address(address).packed
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"
