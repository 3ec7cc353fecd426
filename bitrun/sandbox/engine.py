"""The one seam to docker-py: no other module imports it.

Every method answers with plain data or raises a fault of `bitrun.faults`, never an exception of
docker-py or requests. Tests that need a failure no engine can be made to show replace this class.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import docker
import requests
import urllib3
from docker import errors
from docker.utils import kwargs_from_env

from bitrun.faults import EngineFault, EngineUnavailable


class NotOnEngine(EngineFault):
    """The engine knows no such image or container."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.NotFound as error:
        raise NotOnEngine(str(error.explanation)) from error
    except errors.APIError as error:
        raise EngineFault(str(error.explanation or error)) from error
    except (
        errors.DockerException,  # how docker-py says that it can't ask for the engine's version
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise EngineUnavailable(f"The Docker engine does not answer: {error}") from error


class Engine:
    """The engine that `DOCKER_HOST` (and `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`) names.

    Threads may share it. It connects at its first use and again after an outage, so a service can
    start before its engine does.
    """

    def __init__(self, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connected: docker.APIClient | None = None

    def _client(self) -> docker.APIClient:
        with self._lock:
            if self._connected is None:
                self._connected = docker.APIClient(
                    version="auto",
                    timeout=self._timeout,
                    max_pool_size=64,
                    **kwargs_from_env(),
                )
            return self._connected

    def ping(self) -> None:
        """Return when the engine answers.

        Raises:
            EngineUnavailable: it does not.
        """
        with _translated():
            self._client().ping()

    # Containers

    def create(self, image: str, command: list[str], host: dict[str, Any], **options: Any) -> str:
        """Create a container whose stdin closes for good when its one client leaves.

        `host` holds docker-py's host options, `options` those of the container itself.

        Returns:
            The container's id.

        Raises:
            NotOnEngine: the image is not there.
        """
        with _translated():
            client = self._client()
            created = client.create_container(
                image,
                command,
                stdin_open=True,
                host_config=client.create_host_config(**host),
                use_config_proxy=False,
                **options,
            )
            return str(created["Id"])

    def attach(self, container: str) -> socket.socket:
        """Open the container's stdin and stdout as one socket.

        What is written to it is stdin; what is read are stdout and stderr in Docker's multiplexed
        format. Attached before the start, it misses nothing.
        """
        with _translated():
            raw = self._client().attach_socket(
                container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            # A Unix or TCP connection comes wrapped as an unbuffered reader; TLS comes bare.
            return raw if isinstance(raw, socket.socket) else raw._sock

    def start(self, container: str) -> None:
        with _translated():
            self._client().start(container)

    def remove(self, container: str) -> None:
        """Kill and remove a container. One that is already gone, or going, is no error."""
        with _translated():
            try:
                self._client().remove_container(container, force=True, v=True)
            except errors.NotFound:
                pass
            except errors.APIError as error:
                # 409: its own removal is under way.
                if error.status_code != requests.codes.conflict:
                    raise

    def containers(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        """List all containers, stopped ones too, that carry these labels, as the engine does."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with _translated():
            return list(self._client().containers(all=True, filters={"label": wanted}))
