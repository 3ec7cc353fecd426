"""docker-py's client, configured for this service. Only the room `engine` uses it."""

import json
from socket import socket
from typing import Any

import docker
import requests
import urllib3
from docker import errors
from docker.transport import UnixHTTPAdapter
from docker.utils import kwargs_from_env

_MAX_IDLE_CONNECTIONS = 16  # kept for the next calls; more are opened on demand
_JSON = {"Content-Type": "application/json"}
# Without it the engine would not keep stdin open beside the output.
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Client(docker.APIClient):
    """A client of the engine that the environment names. Threads may share it.

    The calls that every box needs bypass requests: docker-py takes a millisecond of processor time
    for a call, two thirds of it in requests. Both paths share the connections.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(
            version="auto",
            timeout=timeout,  # type: ignore[arg-type]  # the stubs require int
            max_pool_size=_MAX_IDLE_CONNECTIONS,
            **kwargs_from_env(),
        )
        adapter: Any = self.get_adapter(self.base_url)
        if isinstance(adapter, UnixHTTPAdapter):
            adapter = _SinglePoolAdapter(
                f"http+unix://{adapter.socket_path}",
                timeout,  # type: ignore[arg-type]
                max_pool_size=_MAX_IDLE_CONNECTIONS,
            )
            self.mount("http+docker://", adapter)
        self._call_timeout = urllib3.Timeout(timeout)
        self._pool: urllib3.HTTPConnectionPool = adapter.get_connection_with_tls_context(
            requests.Request("POST", self.base_url).prepare(), self.verify, cert=self.cert
        )

    @property
    def trust_env(self) -> bool:
        """Whether requests reads proxies, netrc and certificates from the environment: never.

        They are not meant for the engine: REQUESTS_CA_BUNDLE would replace the engine's own
        authority, and the look-up takes a millisecond of processor time per call. A property,
        because an attribute could not be set before docker-py's first call in its constructor.
        """
        return False

    @trust_env.setter
    def trust_env(self, _: bool) -> None:
        """Ignore the value that the constructor of requests sets."""

    def call(self, path: str, body: object = None) -> Any:
        """Send a POST request and return the decoded answer, None if it is empty.

        Raises:
            docker.errors.APIError: the engine answered with an error.
            urllib3.exceptions.HTTPError: the engine did not answer.
        """
        answer = self._post_directly(path, _JSON, b"" if body is None else json.dumps(body))
        return json.loads(answer.data) if answer.data else None

    def call_for_socket(self, path: str) -> socket:
        """Send a POST request that upgrades its connection to a bidirectional stream.

        Raises the same exceptions as `call`.
        """
        answer = self._post_directly(path, _UPGRADE, b"", preload_content=False)
        # Detach the socket from its connection, which would close it; neither urllib3 nor
        # http.client has a public way.
        connection = answer._connection  # type: ignore[attr-defined]  # noqa: SLF001
        sock: socket = connection.sock
        connection.sock = None
        answer.close()
        return sock

    def _post_directly(
        self, path: str, headers: dict[str, str], body: bytes | str, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        answer = self._pool.urlopen(
            "POST", f"/v{self.api_version}{path}", body, headers,
            retries=False, redirect=False, timeout=self._call_timeout, **options,
        )  # fmt: skip
        if answer.status >= requests.codes.bad_request:
            raise _api_error(answer)
        return answer


class _SinglePoolAdapter(UnixHTTPAdapter):
    """Uses one connection pool for all requests.

    docker-py's own adapter has a pool per URL, and every container has its own URLs: no connection
    would ever be reused.
    """

    def get_connection(self, url: str | bytes, proxies: Any = None) -> Any:  # noqa: ARG002
        return super().get_connection("http+docker://localhost", proxies)


def _api_error(answer: urllib3.BaseHTTPResponse) -> errors.APIError:
    """Return the exception that docker-py would raise."""
    try:
        message = json.loads(answer.data)["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.data.decode(errors="replace")
    error_type = errors.NotFound if answer.status == requests.codes.not_found else errors.APIError
    return error_type(message, explanation=message)
