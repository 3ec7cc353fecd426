"""Continuous load on a service while something breaks, and the answer to every request."""

import requests

from tests.support import load
from tests.support.load import Answer, answer_to
from tests.support.server import Server

# Longer than any run, its time in the queue and a pause of the engine: then there is no answer.
TIMEOUT_SECONDS = 60.0


class Load(load.Load):
    """Clients that run one program after the other; a context manager."""

    def __init__(self, server: Server, clients: int = 4, script: str = "sleep 0.1") -> None:
        super().__init__(lambda word: ask(server, word, script), clients)


def ask(server: Server, word: str, script: str = "true") -> Answer:
    """Run a program that prints a word, and check its output."""
    fields = {"filename": "a.sh", "content": f"{script}\necho {word}"}

    def complaint(reply: requests.Response) -> str:
        is_right = reply.status_code == requests.codes.ok and reply.text == f"{word}\n"
        return "" if is_right else f"{reply.status_code} {reply.text[:200]}"

    return answer_to(
        word,
        lambda: requests.post(f"{server.url}/api/v1/run", data=fields, timeout=TIMEOUT_SECONDS),
        complaint,
    )
