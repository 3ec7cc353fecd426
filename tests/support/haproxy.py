"""HAProxy as `deploy/swarm` configures it, on this machine."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

SWARM = ROOT / "deploy" / "swarm"
CONFIGURATION = (SWARM / "haproxy.cfg").read_text()
PLACES, QUEUE = 2, 3  # of a node, and in front of all


class Front:
    """HAProxy with the file as it is, but for addresses and a few changes.

    Args:
        folder: for the configuration, the certificate and the password.
        nodes: their ports.
        changes: what replaces parts of the configuration.
    """

    def __init__(self, folder: Path, nodes: Sequence[int], changes: Mapping[str, str]) -> None:
        self._nodes = nodes
        self._changes = changes
        self.http, self.https, self.statistics = free_port(), free_port(), free_port()
        self._folder = folder
        self.certificate = folder / "certificate.pem"
        self._make_certificate()
        self.command = ["haproxy", "-db", "-f", str(self._configure())]
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "RUNS_PER_NODE": str(PLACES),
            "QUEUE": str(QUEUE),
            "QUEUE_SECONDS": "20",
            "NODES": "127.0.0.1 192.0.2.0/24",
        }

    def _password(self) -> Path:
        path = self._folder / "password"
        path.write_text("Basic Yml0cnVuOng=\n")
        return path

    def _make_certificate(self) -> None:
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"],
            check=True, capture_output=True,
        )  # fmt: skip
        self.certificate.write_bytes(done.stdout)

    def _configure(self) -> Path:
        servers = "\n    ".join(
            f"server node{number} 127.0.0.1:{port}" for number, port in enumerate(self._nodes, 1)
        )
        changes = {
            "server-template node 1-100 tasks.bitrun:5000 resolvers swarm init-addr none": servers,
            "/run/secrets/certificate.pem": str(self.certificate),
            "/run/secrets/registry-authorization": str(self._password()),
            "server-template registry 1 tasks.registry:5000 resolvers swarm init-addr none": (
                f"server registry 127.0.0.1:{self._nodes[0]}"
            ),
            "bind :8443": f"bind 127.0.0.1:{self.https}",
            "bind :8080": f"bind 127.0.0.1:{self.http}",
            "bind :8405": f"bind 127.0.0.1:{self.statistics}",
        }
        text = CONFIGURATION
        for old, new in [*changes.items(), *self._changes.items()]:
            assert old in text, old
            text = text.replace(old, new)
        path = self._folder / "haproxy.cfg"
        path.write_text(text)
        return path

    @contextmanager
    def running(self, log: int | None = None) -> Iterator[int]:
        """Give the id of its process, whose log goes where `subprocess` takes it."""
        with subprocess.Popen(self.command, env=self.environment, stdout=log) as process:
            try:
                assert wait_until(lambda: listens(self.statistics), 20)
                yield process.pid
            finally:
                process.terminate()
