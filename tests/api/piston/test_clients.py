"""Clients for Piston that others wrote, as they are, given nothing but this service's address."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pistonapi import PistonAPI
from pistonapi.exceptions import PistonError

from tests.support.needs import need_node_modules
from tests.support.paths import ROOT
from tests.support.piston import PREFIXES, call, message
from tests.support.server import Server

CLIENTS = ROOT / "tests" / "clients"


def printed(*command: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    """Run a client's program; what it prints is JSON."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    replies = json.loads(done.stdout)
    assert isinstance(replies, dict)
    return replies


def installed(server: Server) -> dict[str, str]:
    """Return the version of every language."""
    found = call(server, "GET", "/api/v2/runtimes").json()
    return {runtime["language"]: runtime["version"] for runtime in reversed(found)}


# From npm


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client in it, as locked."""
    folder = tmp_path_factory.mktemp("clients")
    for path in CLIENTS.iterdir():
        if path.suffix in (".json", ".mjs"):
            shutil.copy(path, folder)
    need_node_modules(folder)
    return folder


@pytest.mark.builds
@pytest.mark.also_engine
@pytest.mark.parametrize("slash", ["", "/"])
def test_piston_client(server: Server, modules: Path, slash: str) -> None:
    replies = printed("node", "piston-client.mjs", server.url + slash, cwd=modules)
    versions = installed(server)
    assert {each["language"]: each["version"] for each in reversed(replies["runtimes"])} == versions
    # It asks for the newest version by itself, and sends these arguments if given none.
    assert replies["short"]["version"] == versions["python"]
    assert replies["short"]["run"]["output"] == "żółć ['1', '2', '3']\n"
    assert replies["config"]["run"]["output"] == "5 ['a b', 'c'] typed\n"
    assert replies["compiled"]["compile"]["code"] == 0
    assert replies["compiled"]["run"]["code"] == 4
    assert replies["unknown"]["message"] == "python-1.0.0 runtime is unknown"
    text = "run_timeout cannot exceed the configured limit of 3000"
    assert replies["limit"]["message"] == text


# From PyPI


@pytest.mark.also_engine
@pytest.mark.parametrize("prefix", PREFIXES)
def test_aiopyston(server: Server, prefix: str) -> None:
    # Its own deprecated calls are no concern of these tests.
    client = (sys.executable, "-W", "ignore", CLIENTS / "aiopyston_client.py")
    replies = printed(*client, f"{server.url}{prefix}/")
    versions = installed(server)
    assert replies == {
        "versions": [f"python-{versions['python']}"],
        "languages": sorted(versions),
        "python": ["['a b'] typed\n", 3, versions["python"]],
        "compiled": [0, 4],
        "unknown": "refused: python-1.0.0 runtime is unknown",
        "limit": "refused: run_timeout cannot exceed the configured limit of 3000",
    }


def test_aiopyston_with_a_token(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens="a-secret-of-some-length")
    client = (sys.executable, "-W", "ignore", CLIENTS / "aiopyston_client.py")
    replies = printed(*client, f"{server.url}/api/v2/", "a-secret-of-some-length")
    assert replies["compiled"] == [0, 4]


@pytest.mark.also_engine
@pytest.mark.parametrize("prefix", PREFIXES)
def test_pistonapi(server: Server, prefix: str) -> None:
    client = PistonAPI(server.url + prefix)
    versions = installed(server)
    assert client.languages.keys() == versions.keys()
    assert client.runtimes["c++"]["runtime"] == "gcc"
    code = "import sys; print('żółć & = +', sys.argv[1:], input(), input())"
    output = client.execute("py", versions["python"], code, stdin="one\ntwo", args=["a b", "c&d"])
    assert output == "żółć & = + ['a b', 'c&d'] one two\n"
    assert client.execute("bash", "5.x", "echo $#; exit 2") == "0\n"
    assert client.execute("c", "*", "int main(") != ""
    for version in ("1.0.0", "latest"):
        with pytest.raises(PistonError, match=rf"^python-{version} runtime is unknown$"):
            client.execute("python", version, "x")
    with pytest.raises(PistonError, match=r"^version is required as a string$"):
        client.execute("python", "", "x")


# What is understood for their sake, and no more


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("text/plain;charset=UTF-8", "packages"),
        ("text/plain;charset=UTF-8", "execute/x"),
        ("text/plain; charset=utf-8", "execute"),
        ("text/plain", "execute"),
        ("application/x-www-form-urlencoded", "packages"),
    ],
)
def test_other_bodies_without_a_type_are_refused(server: Server, kind: str, path: str) -> None:
    body = b'{"language": "python", "version": "*", "files": [{"content": ""}], "x": "&timeout=1"}'
    response = call(server, "POST", f"/api/v2/{path}", body, headers={"Content-Type": kind})
    expected = (415, "requests must be of type application/json")
    assert (response.status_code, message(response)) == expected


def test_other_forms_are_refused(server: Server) -> None:
    form = {"language": "python", "version": "*", "files": "print()", "run_timeout": "100"}
    response = call(server, "POST", "/api/v2/execute", data=form)
    expected = (415, "requests must be of type application/json")
    assert (response.status_code, message(response)) == expected
