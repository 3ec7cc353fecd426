"""Every box has a network of its own, with nothing in it, that no other box ever sees."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bitrun.model.result import Result
from tests.support.piston import execute, request
from tests.support.server import Server

# Listens on all there is to listen on, and stays while others try to get in.
_LISTEN = """
import os, socket, time
tcp = socket.create_server(("0.0.0.0", 4711))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\\0meeting")
abstract.listen()
print(os.readlink("/proc/self/ns/net"), flush=True)
time.sleep(4)
"""

# Finds the same places free, and nobody at them.
_LOOK = """
import os, socket
print(os.readlink("/proc/self/ns/net"))
for family, address in ((socket.AF_INET, ("127.0.0.1", 4711)), (socket.AF_UNIX, "\\0meeting")):
    with socket.socket(family) as one:
        print(one.connect_ex(address))
    with socket.socket(family) as one:
        one.bind(address)
print(open("/proc/net/unix").read().count("meeting"))
print(*(line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]))
"""

_REFUSED = "111"


@pytest.mark.engine
@pytest.mark.attack(
    "program",
    "meets another run at a port, an abstract socket or an address, at the same time or after it",
    "every box has a network namespace of its own with nothing but its own loopback",
)
def test_nothing_of_a_run_meets_another(run: Callable[..., Result]) -> None:
    def python(script: str) -> list[str]:
        result = run("python", "python3", "-c", script, wall_ms=10_000)
        assert result.last.verdict.code == 0, result.last.output
        return result.last.output.decode().splitlines()

    with ThreadPoolExecutor(4) as threads:
        listening = [threads.submit(python, _LISTEN) for _ in range(2)]
        beside = [threads.submit(python, _LOOK) for _ in range(2)]
    after = [python(_LOOK) for _ in range(2)]
    together = [look.result() for look in beside]
    for look in together + after:
        assert look[1:3] == [_REFUSED, _REFUSED]
        assert look[3] == "0"
        assert look[4:] == ["lo"]
    # Only of those that ran together: the kernel gives a number again once it is free.
    namespaces = {one[0] for one in together + [listen.result() for listen in listening]}
    assert len(namespaces) == 4


_INTERFACES = "cut -d: -f1 /proc/net/dev | tail -n +3 | xargs -n1 | sort | xargs"


@pytest.mark.engine
@pytest.mark.attack("request", "asks for a network", "gets none")
def test_no_request_gives_a_network(server: Server) -> None:
    asked = {"network": True, "network_disabled": False, "network_mode": "host"}
    body = request("bash", _INTERFACES) | asked
    assert execute(server, body).json()["run"]["stdout"] == "lo\n"
