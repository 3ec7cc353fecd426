"""Clients that send one request after the other, and keep what became of every one.

For tests that break something meanwhile: of one service (`tests/chaos`), and of a cluster
(`tools/cluster`).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import requests

_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; `wrong` says what is wrong with it, and is empty if nothing is.

    `status` is None if the connection ended without an answer, 0 after a timeout; `ended` is the
    time by the monotonic clock.
    """

    word: str
    status: int | None
    text: str
    wrong: str
    ended: float
    seconds: float

    @property
    def right(self) -> bool:
        return not self.wrong


def answer_to(
    word: str,
    request: Callable[[], requests.Response],
    complaint: Callable[[requests.Response], str],
) -> Answer:
    """Make a request, whose answer should have a word in it, and check it."""
    started = time.monotonic()
    status: int | None
    try:
        reply = request()
    except requests.ReadTimeout:
        status, text = 0, ""
        wrong = "no answer"
    except requests.RequestException as error:
        status, text = None, str(error)
        cause = error.args[0] if error.args else error
        wrong = f"connection: {type(cause).__name__}"
    else:
        status, text, wrong = reply.status_code, reply.text, complaint(reply)
    ended = time.monotonic()
    return Answer(word, status, text, wrong, ended, ended - started)


class Load:
    """So many clients at once, until the block ends; a context manager.

    `ask` gets a word that is no other request's, and returns the answer.
    """

    def __init__(self, ask: Callable[[str], Answer], clients: int) -> None:
        self.answers: list[Answer] = []
        self._ask = ask
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(number,)) for number in range(clients)
        ]

    def _repeat(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self.answers.append(answer := self._ask(f"{client}.{number}"))
            if not answer.right:
                self._over.wait(_RETRY_SECONDS)

    @property
    def statuses(self) -> Counter[int | None]:
        return Counter(answer.status for answer in self.answers)

    @property
    def wrong(self) -> Counter[str]:
        return Counter(answer.wrong for answer in self.answers if answer.wrong)

    @property
    def slowest(self) -> float:
        return max((answer.seconds for answer in self.answers), default=0.0)

    def check(self, *allowed: int | None) -> None:
        """Assert that every answer was right or had one of the `allowed` statuses."""
        wrong = [it for it in self.answers if not it.right and it.status not in allowed]
        assert wrong == [], wrong

    def since(self, answers: int) -> list[Answer]:
        return self.answers[answers:]

    def rate(self, seconds: float) -> float:
        """Wait for this long, and return the right answers a second that came in that time."""
        started = time.monotonic()
        time.sleep(seconds)
        right = [it for it in list(self.answers) if it.ended >= started and it.right]
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
