"""Continuous load while something breaks, and the answer to every request."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Self

import requests

from tests.support.server import Server

# Longer than any run, its time in the queue and a pause of the engine: then there is no answer.
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None if the connection was closed without an answer, 0 after a timeout."""

    status: int | None
    text: str
    seconds: float
    right: bool


class Load:
    """Clients that send one request after the other; a context manager."""

    def __init__(self, server: Server, clients: int = 4, script: str = "sleep 0.1") -> None:
        self.answers: list[Answer] = []
        self._server = server
        self._script = script
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(clients)
        ]

    def _ask(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self.answers.append(ask(self._server, f"{client}.{number}", self._script))
            if not self.answers[-1].right:
                time.sleep(0.1)

    @property
    def statuses(self) -> Counter[int | None]:
        return Counter(answer.status for answer in self.answers)

    @property
    def slowest(self) -> float:
        return max(answer.seconds for answer in self.answers)

    def check(self, *allowed: int | None) -> None:
        """Assert that every answer was right or had one of the `allowed` statuses."""
        wrong = [it for it in self.answers if not it.right and it.status not in allowed]
        assert wrong == [], wrong

    def since(self, answers: int) -> list[Answer]:
        return self.answers[answers:]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def ask(server: Server, word: str, script: str = "true") -> Answer:
    """Run a program that prints a word, and check its output."""
    started = time.monotonic()
    fields = {"filename": "a.sh", "content": f"{script}\necho {word}"}
    try:
        reply = requests.post(f"{server.url}/api/v1/run", data=fields, timeout=TIMEOUT_SECONDS)
    except requests.ReadTimeout:
        return Answer(0, "no answer", TIMEOUT_SECONDS, right=False)
    except requests.ConnectionError as error:
        return Answer(None, str(error), time.monotonic() - started, right=False)
    right = reply.status_code == 200 and reply.text == f"{word}\n"
    return Answer(reply.status_code, reply.text, time.monotonic() - started, right)
