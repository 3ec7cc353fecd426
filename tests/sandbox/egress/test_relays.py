"""The two ends of a box's way to squid, each in a network namespace of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

UID, OTHER_UID = 20_001, 20_002
ADDRESS = "127.1.2.3"

# Says by which address it knows the client, then gives everything back.
_SQUID = """
import socket, sys, threading
def serve(client, address):
    with client:
        client.sendall(address[0].encode() + b"\\n")
        while data := client.recv(65536):
            client.sendall(data)
server = socket.create_server(("127.0.0.1", 3128), backlog=200)
print("listens", flush=True)
while True:
    threading.Thread(target=serve, args=server.accept(), daemon=True).start()
"""

# Sends on many connections at once, then closes its half, and reads to the end.
_CLIENT = """
import hashlib, os, socket, threading
def talk(size):
    with socket.create_connection(("127.0.0.1", 3128)) as server, server.makefile("rb") as answers:
        peers.add(answers.readline())
        data = os.urandom(size)
        def send():
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        threading.Thread(target=send).start()
        assert answers.read() == data
        done.append(size)
peers, done = set(), []
sizes = [2_000_000] * 3 + [1000] * 150 + [0]
threads = [threading.Thread(target=talk, args=(size,)) for size in sizes]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(done) == len(sizes), peers)
"""

# What a command leaves in the background ends with it, as with its box.
_IN_NAMESPACE = (
    "unshare",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "sh",
    "-c",
    'ip link set lo up; exec "$@"',
    "sh",
)


def start(*command: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.fixture
def gate(programs: Path, workdir: Path) -> Iterator[Path]:
    """Return the socket of a gate, behind which there is a squid of the test."""
    workdir.chmod(0o711)
    socket = workdir / "gate"
    script = f'{sys.executable} -c "$1" & exec "$2" "$3" {UID} {ADDRESS}'
    process = start(
        *_IN_NAMESPACE, "sh", "-c", script, "sh", _SQUID, programs / "egress" / "gate", socket
    )
    assert process.stdout is not None
    try:
        lines = {process.stdout.readline(), process.stdout.readline()}
        assert lines == {"listens\n", f"opened {socket}\n"}
        yield socket
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def in_box(*command: str | Path, uid: int = UID) -> "subprocess.CompletedProcess[str]":
    user = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    return subprocess.run(
        [*_IN_NAMESPACE, "timeout", "60", *user, *command],
        # Not the test's own Python, which another user may be unable to read.
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_bytes_go_both_ways(gate: Path, programs: Path) -> None:
    online = programs / "egress" / "online"
    done = in_box(online, gate, "python3", "-c", _CLIENT)
    assert (done.stdout, done.stderr) == (f"True {{b'{ADDRESS}\\n'}}\n", "")
    # A second command finds the way that the first has left.
    again = in_box(online, gate, "sh", "-c", f'"{online}" "{gate}" python3 -c "$1"', "sh", _CLIENT)
    assert again.stdout == done.stdout


def test_only_the_boxs_user_gets_through(gate: Path, programs: Path) -> None:
    script = (
        "import socket\n"
        "with socket.create_connection(('127.0.0.1', 3128)) as server:\n"
        "    try: print(server.recv(10))\n"
        "    except ConnectionError: print('refused')\n"
    )
    online = programs / "egress" / "online"
    assert in_box(online, gate, "python3", "-c", script).stdout == f"b'{ADDRESS}\\n'\n"
    other = in_box(online, gate, "python3", "-c", script, uid=OTHER_UID)
    assert other.stdout in ("b''\n", "refused\n")


def test_a_program_is_what_it_is_without(gate: Path, programs: Path) -> None:
    online = programs / "egress" / "online"
    # No child that it has not made, no descriptor but its streams, and its own exit code.
    script = (
        "import os, sys; print(open('/proc/thread-self/children').read().split(),"
        " len(os.listdir('/proc/self/fd'))); sys.exit(7)"
    )
    done = in_box(online, gate, "python3", "-c", script)
    plain = in_box("python3", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (7, plain.stdout, "")
    missing = in_box(online, gate, "no-such-program")
    assert (missing.returncode, missing.stderr) == (
        127,
        "no-such-program: No such file or directory\n",
    )
