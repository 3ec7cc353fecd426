"""docker-py's client, as this service connects it: part of the seam, for `engine` alone."""

import json
from socket import socket
from typing import Any

import docker
import requests
import urllib3
from docker import errors
from docker.transport import UnixHTTPAdapter
from docker.utils import kwargs_from_env

_CONNECTIONS = 16  # kept for the next calls; more are made as they are needed
_JSON = {"Content-Type": "application/json"}
# Without it the engine would not keep the way in open beside the way out.
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Client(docker.APIClient):
    """Connected to the engine that the environment names; threads may share it.

    Besides docker-py's calls it has a shorter way for those that every box needs: of the
    millisecond of processor time that docker-py takes for one, two thirds are requests'. Both ways
    share the connections.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(
            version="auto",
            timeout=timeout,  # type: ignore[arg-type]  # the stubs know no fraction
            max_pool_size=_CONNECTIONS,
            **kwargs_from_env(),
        )
        adapter: Any = self.get_adapter(self.base_url)
        if isinstance(adapter, UnixHTTPAdapter):
            adapter = _OnePool(
                f"http+unix://{adapter.socket_path}",
                timeout,  # type: ignore[arg-type]
                max_pool_size=_CONNECTIONS,
            )
            self.mount("http+docker://", adapter)
        self._patience = urllib3.Timeout(timeout)
        self._pool: urllib3.HTTPConnectionPool = adapter.get_connection_with_tls_context(
            requests.Request("POST", self.base_url).prepare(), self.verify, cert=self.cert
        )

    @property
    def trust_env(self) -> bool:
        """Whether requests looks for proxies, netrc and authorities: none is meant for an engine.

        It would take REQUESTS_CA_BUNDLE even for the engine's own, and a millisecond of processor
        time for every call. An attribute could not say so in time for docker-py's first call.
        """
        return False

    @trust_env.setter
    def trust_env(self, _: bool) -> None:
        """Let the constructor of requests say otherwise."""

    def call(self, path: str, body: object = None) -> Any:
        """Make a POST and return its answer, None if that is empty.

        Raises:
            APIError: the engine refused.
            HTTPError: of urllib3, it did not answer.
        """
        answer = self._post_quickly(path, _JSON, b"" if body is None else json.dumps(body))
        return json.loads(answer.data) if answer.data else None

    def call_for_socket(self, path: str) -> socket:
        """Make a POST that turns its connection into a stream both ways. Raises as `call` does."""
        answer = self._post_quickly(path, _UPGRADE, b"", preload_content=False)
        # Taken out of its connection, which would close it; neither urllib3 nor http.client has
        # a name for that.
        connection = answer._connection  # type: ignore[attr-defined]  # noqa: SLF001
        sock: socket = connection.sock
        connection.sock = None
        answer.close()
        return sock

    def _post_quickly(
        self, path: str, headers: dict[str, str], body: bytes | str, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        answer = self._pool.urlopen(
            "POST", f"/v{self.api_version}{path}", body, headers,
            retries=False, redirect=False, timeout=self._patience, **options,
        )  # fmt: skip
        if answer.status >= requests.codes.bad_request:
            raise _refusal(answer)
        return answer


class _OnePool(UnixHTTPAdapter):
    """One pool of connections for the engine.

    docker-py's own adapter has one for each URL, and every container has URLs of its own: no
    connection would ever serve twice.
    """

    def get_connection(self, url: str | bytes, proxies: Any = None) -> Any:  # noqa: ARG002
        return super().get_connection("http+docker://localhost", proxies)


def _refusal(answer: urllib3.BaseHTTPResponse) -> errors.APIError:
    """Make what docker-py would raise."""
    try:
        told = json.loads(answer.data)["message"]
    except (ValueError, KeyError, TypeError):
        told = answer.data.decode(errors="replace")
    kind = errors.NotFound if answer.status == requests.codes.not_found else errors.APIError
    return kind(told, explanation=told)
