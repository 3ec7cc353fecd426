"""The files served for the playground, and that they are built from the sources."""

import gzip
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bitrun import __version__
from bitrun.api.playground import FOLDER
from tests.support.server import Server

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.builds
def test_the_served_files_are_built_from_the_sources(node_modules: Path, tmp_path: Path) -> None:
    for command in (["npx", "tsc"], ["node", "build.mjs", str(tmp_path / "built")]):
        done = subprocess.run(
            command, cwd=node_modules, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    built, served = contents(tmp_path / "built"), contents(FOLDER)
    assert sorted(built) == sorted(served), "make playground"
    assert built == served


@pytest.mark.engine
def test_a_browser_gets_the_page(server: Server) -> None:
    response = server.get("/", headers=BROWSER)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self' 'nonce-")
    assert "frame-ancestors 'none'" in policy
    nonces = set(re.findall(r"nonce[-=]\"?([\w-]+)", policy + response.text))
    assert len(nonces) == 1
    assert nonces.isdisjoint(
        re.findall(r"nonce-([\w-]+)", str(server.get("/", headers=BROWSER).headers))
    )


@pytest.mark.engine
def test_the_assets(server: Server) -> None:
    names = re.findall(
        r'(?:src|href)="playground/([^"]+-[^"]+)"', server.get("/", headers=BROWSER).text
    )
    assert len(names) >= 4
    for name in names:
        response = server.get(f"/playground/{name}")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content == (FOLDER / name).read_bytes()
        again = server.get(
            f"/playground/{name}", headers={"If-None-Match": response.headers["ETag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
    with requests.get(f"{server.url}/playground/{names[0]}", stream=True, timeout=10) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.raw.read()) == (FOLDER / names[0]).read_bytes()
    plain = server.get(f"/playground/{names[0]}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert server.get("/playground/licences.txt").headers["Cache-Control"] == "no-cache"
    for unknown in ("index.html", "nothing.js", "../settings.py", "..%2fsettings.py"):
        assert server.get(f"/playground/{unknown}").status_code == 404


def test_the_licences() -> None:
    text = (FOLDER / "licences.txt").read_text()
    for package in ("@codemirror/state", "@lezer/python", "@xterm/xterm", "style-mod"):
        assert re.search(rf"^{package} \d+\.\d+\.\d+ \(MIT\)$", text, re.MULTILINE)


@pytest.mark.engine
def test_it_can_be_switched_off(serve: Callable[..., Server]) -> None:
    server = serve(playground="false")
    assert server.get("/", headers=BROWSER).json() == {"message": f"BitRun v{__version__}"}
    assert server.get("/playground/server.json").status_code == 404


@pytest.mark.engine
def test_the_data_of_the_page(server: Server) -> None:
    data = server.get("/playground/server.json").json()
    assert data["wants_token"] is False
    (bash,) = (it for it in data["runtimes"] if it["language"] == "bash")
    assert bash["hello"] == {"name": "hello.sh", "content": 'echo "Hello, World!"\n'}
    assert bash["run_timeout"] == 120_000
    api = server.get("/api/v2/runtimes").json()
    assert [{key: it[key] for key in api[0]} for it in data["runtimes"]] == [
        {key: it[key] for key in api[0]} for it in api
    ]
