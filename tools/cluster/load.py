"""Clients that run programs through HAProxy without a pause, and check every answer."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests

# Longer than the longest wait for a place, the run, and as much again at another node.
TIMEOUT_SECONDS = 90.0
_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Front:
    """Where the cluster is, and how to get in."""

    url: str
    token: str
    authority: Path

    def request(
        self, method: str, path: str, timeout: float = TIMEOUT_SECONDS, **options: object
    ) -> requests.Response:
        """Make a request on a connection of its own."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if (request_id := options.pop("request_id", None)) is not None:
            headers["X-Request-Id"] = str(request_id)
        return requests.request(
            method,
            f"{self.url}{path}",
            headers=headers,
            verify=str(self.authority),
            timeout=timeout,
            **options,  # type: ignore[arg-type]  # passed on as they are
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request; `wrong` says what is wrong with it, and is empty if nothing is.

    `ended` is the time by the monotonic clock, `seconds` how long it took.
    """

    request_id: str
    wrong: str
    ended: float
    seconds: float


class Load:
    """Clients that send one program after the other; a context manager.

    Args:
        front: where to send them.
        name: the start of all request ids.
        clients: how many send at once.
        sleep: how long programs sleep on average, in seconds; no two the same, since runs that
            end together would make the rate a matter of chance.
    """

    def __init__(self, front: Front, name: str, clients: int, sleep: float) -> None:
        self.answers: list[Answer] = []
        self._front = front
        self._name = name
        self._sleep = sleep
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(clients)
        ]

    def _ask(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            seconds = self._sleep * random.uniform(0.75, 1.25)  # noqa: S311
            answer = sleep_and_echo(self._front, f"{self._name}-{client}.{number}", seconds)
            self.answers.append(answer)
            if answer.wrong:
                self._over.wait(_RETRY_SECONDS)

    @property
    def wrong(self) -> Counter[str]:
        return Counter(answer.wrong for answer in self.answers if answer.wrong)

    @property
    def slowest(self) -> float:
        return max((answer.seconds for answer in self.answers), default=0.0)

    def rate(self, seconds: float) -> float:
        """Wait for this long, and return the runs a second that ended well in that time."""
        started = time.monotonic()
        time.sleep(seconds)
        right = [it for it in list(self.answers) if it.ended >= started and not it.wrong]
        return len(right) / (time.monotonic() - started)

    def wait_for(self, answers: int, timeout: float = 120) -> None:
        """Wait until so many more answers are there."""
        goal, deadline = len(self.answers) + answers, time.monotonic() + timeout
        while len(self.answers) < goal and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def sleep_and_echo(front: Front, request_id: str, seconds: float) -> Answer:
    """Run a program that sleeps and prints its request's id, and check the answer."""
    body = {
        "language": "bash",
        "version": "*",
        "files": [{"content": f"sleep {seconds:.3f}; echo {request_id}"}],
    }
    return _timed(request_id, lambda: _complaint(front, request_id, body))


def _timed(request_id: str, ask: Callable[[], str]) -> Answer:
    started = time.monotonic()
    wrong = ask()
    ended = time.monotonic()
    return Answer(request_id, wrong, ended, ended - started)


def _complaint(front: Front, request_id: str, body: object) -> str:
    try:
        reply = front.request("POST", "/api/v2/execute", request_id=request_id, json=body)
    except requests.Timeout:
        return "no answer"
    except requests.ConnectionError as error:
        return f"connection: {type(error.args[0]).__name__}" if error.args else "connection"
    if reply.status_code != requests.codes.ok:
        return f"{reply.status_code} {reply.text[:200]}"
    if (output := reply.json()["run"]["output"]) != f"{request_id}\n":
        return f"wrong output: {output!r}"
    if (returned := reply.headers.get("X-Request-Id")) != request_id:
        return f"wrong request id: {returned}"
    return ""
