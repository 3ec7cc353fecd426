"""Engines reached over TCP, with and without TLS, by `DOCKER_HOST`."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import MonitoredServer
from tests.chaos.load import ask
from tests.chaos.own_engine import OwnEngine
from tests.support.needs import need
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.mark.parametrize("secured", [False, True], ids=["tcp", "tls"])
def test_runs(
    secured: bool,
    tmp_path: Path,
    new_engine: Callable[..., OwnEngine],
    serve_on: Callable[..., MonitoredServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    flags = ["--tls=false"]
    if secured:
        make_certificate(tmp_path)
        flags = ["--tlsverify"]
        flags += [f"--tls{name}={tmp_path}/{name}.pem" for name in ("cacert", "cert", "key")]
        (tmp_path / "ca.pem").symlink_to("cacert.pem")
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    engine = new_engine(f"--host={address}", *flags)
    monkeypatch.setenv("DOCKER_HOST", address)

    warm, cold = serve_on(engine.client, pool_size=2), serve_on(engine.client, pool_size=0)
    for server in (warm, cold):
        for number in range(3):
            assert ask(server, f"{number}").right


def make_certificate(folder: Path) -> None:
    """Make a self-signed certificate for both server and client."""
    subprocess.run(
        [
            need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "1", "-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "cacert.pem").write_bytes((folder / "cert.pem").read_bytes())
