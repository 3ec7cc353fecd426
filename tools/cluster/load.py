"""Clients that run programs through HAProxy without a pause, and check every answer."""

import random
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support import load
from tests.support.load import Answer, answer_to

# Longer than the longest wait for a place, the run, and as much again at another node.
TIMEOUT_SECONDS = 90.0
_CONNECT_SECONDS = 5.0  # to each address of the name


@dataclass(frozen=True, slots=True)
class Front:
    """Where the cluster is, and how to get in."""

    url: str
    token: str
    authority: Path

    def request(
        self, method: str, path: str, timeout: float = TIMEOUT_SECONDS, **options: object
    ) -> requests.Response:
        """Make a request on a connection of its own, to the first address that takes it."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if (request_id := options.pop("request_id", None)) is not None:
            headers["X-Request-Id"] = str(request_id)
        return requests.request(
            method,
            f"{self.url}{path}",
            headers=headers,
            verify=str(self.authority),
            timeout=(_CONNECT_SECONDS, timeout),
            **options,  # type: ignore[arg-type]  # passed on as they are
        )


class Load(load.Load):
    """Clients that send one program after the other; a context manager.

    Args:
        front: where to send them.
        name: the start of all request ids.
        clients: how many send at once.
        sleep: how long programs sleep on average, in seconds; no two the same, since runs that
            end together would make the rate a matter of chance.
    """

    def __init__(self, front: Front, name: str, clients: int, sleep: float) -> None:
        def ask(word: str) -> Answer:
            seconds = sleep * random.uniform(0.75, 1.25)  # noqa: S311
            return sleep_and_echo(front, f"{name}-{word}", seconds)

        super().__init__(ask, clients)


def sleep_and_echo(front: Front, request_id: str, seconds: float) -> Answer:
    """Run a program that sleeps and prints its request's id, and check the answer."""
    body = {
        "language": "bash",
        "version": "*",
        "files": [{"content": f"sleep {seconds:.3f}; echo {request_id}"}],
    }
    return answer_to(
        request_id,
        lambda: front.request("POST", "/api/v2/execute", request_id=request_id, json=body),
        lambda reply: _complaint(request_id, reply),
    )


def _complaint(request_id: str, reply: requests.Response) -> str:
    if reply.status_code != requests.codes.ok:
        return f"{reply.status_code} {reply.text[:200]}"
    if (output := reply.json()["run"]["output"]) != f"{request_id}\n":
        return f"wrong output: {output!r}"
    if (returned := reply.headers.get("X-Request-Id")) != request_id:
        return f"wrong request id: {returned}"
    return ""
