"""Requests and engine operations alongside the runs: lists of packages, changes of an image."""

import threading
from collections.abc import Iterator

import docker

from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, WrongAnswer

GROUP = "alongside the runs"


def attempts(client: ApiClient, engine: docker.APIClient, image: str) -> Iterator[Attempt]:
    """Yield requests for the lists, and a renaming of `image`, which causes engine events."""
    runtimes_at_start = client.send("GET", "/api/v2/runtimes").json()
    rename_lock = threading.Lock()

    def runtimes() -> None:
        answer = client.send("GET", "/api/v2/runtimes").json()
        if answer != runtimes_at_start:
            raise WrongAnswer(f"other runtimes than at the start: {answer}")

    def packages() -> None:
        answer = client.send("GET", "/api/v2/packages").json()
        if not any(package["installed"] for package in answer):
            raise WrongAnswer("no package is installed any more")

    def rename() -> None:
        with rename_lock:
            engine.tag(image, "bitrun-soak", "alongside")
            engine.remove_image("bitrun-soak:alongside", noprune=True)

    yield Attempt(GROUP, "the list of runtimes", runtimes)
    yield Attempt(GROUP, "the list of packages", packages)
    yield Attempt(GROUP, "an image gets another name and loses it", rename)
