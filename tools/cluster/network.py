"""The switch that connects the machines: a bridge, with a port for each that can be cut."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from tools.cluster.machine import Machine

# A documentation network: nothing on this machine has a route into it that would be hidden.
NETWORK = IPv4Network("192.0.2.0/24")
OWN = NETWORK[254]  # the tool's own address, where the clients are
_BRIDGE = "switch"
_ADDRESS = "02:00:00:00:00:fe"


def create() -> None:
    """Create the bridge in the current network namespace, with the tool's own address."""
    _ip("link set lo up")
    # By default its address is the lowest of its ports': it would change with a machine that ends,
    # and the others would send their answers to the old one.
    _ip(f"link add {_BRIDGE} address {_ADDRESS} type bridge")
    _ip(f"addr add {OWN}/{NETWORK.prefixlen} dev {_BRIDGE}")
    _ip(f"link set {_BRIDGE} up")


def name_machines(name: str, machines: int, folder: Path) -> None:
    """Give so many machines one name, as an operator's name server would.

    It holds in this mount namespace, and in those of machines that are switched on later. Clients
    try one address after the other.
    """
    hosts = folder / "hosts"
    names = "".join(f"{NETWORK[number]} {name}\n" for number in range(1, machines + 1))
    hosts.write_text(f"127.0.0.1 localhost\n{names}")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


def plug_in(machine: Machine) -> None:
    """Give a machine that is switched on its network card, connected to the switch."""
    _ip(f"link add {machine.name} type veth peer name eth0 netns {machine.pid}")
    _ip(f"link set {machine.name} master {_BRIDGE} up")
    inside = ["nsenter", f"--target={machine.pid}", "--net"]
    _ip(f"addr add {machine.address}/{NETWORK.prefixlen} dev eth0", inside)
    _ip("link set eth0 up", inside)


@contextmanager
def cut_off(machine: Machine) -> Iterator[None]:
    """Let nothing pass from and to a machine, without a word to anyone."""
    # A port that is down would be seen by nobody but the switch, as a cable cut behind it.
    _ip(f"link set {machine.name} down")
    try:
        yield
    finally:
        _ip(f"link set {machine.name} up")


def _ip(command: str, prefix: Sequence[str] = ()) -> None:
    subprocess.run([*prefix, "ip", *command.split()], check=True)
