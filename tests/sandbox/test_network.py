"""Every box has a network of its own, with nothing in it, that no other box ever sees."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from bitrun.model.result import Result
from bitrun.sandbox.box_maker import NETWORK
from tests.support.piston import execute, package, request, write_catalogue
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


@pytest.fixture
def without_network(docker_client: docker.APIClient) -> Iterator[docker.APIClient]:
    def remove() -> None:
        for network in docker_client.networks(names=[f"^{NETWORK}$"]):
            docker_client.remove_network(network["Id"])

    remove()
    yield docker_client
    remove()


@pytest.mark.engine
def test_the_catalogue_gives_a_network(
    without_network: docker.APIClient, serve: Callable[..., Server], tmp_path: Path
) -> None:
    path = write_catalogue(
        tmp_path, package("open", "bash", network=True), package("closed", "python")
    )
    server = serve(languages=path)
    for _ in range(2):  # the network is made once
        assert execute(server, request("open", _INTERFACES)).json()["run"]["stdout"] == "eth0 lo\n"
    (made,) = without_network.networks(names=[f"^{NETWORK}$"])
    assert made["Options"] == {"com.docker.network.bridge.enable_icc": "false"}
    assert execute(server, request("closed", _INTERFACES)).json()["run"]["stdout"] == "lo\n"


@pytest.mark.engine
@pytest.mark.attack("request", "asks for a network", "gets none: only the catalogue gives one")
def test_no_request_gives_a_network(server: Server) -> None:
    asked = {"network": True, "network_disabled": False, "network_mode": "host"}
    body = request("bash", _INTERFACES) | asked
    assert execute(server, body).json()["run"]["stdout"] == "lo\n"
