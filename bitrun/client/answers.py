"""From what came over the wire to an answer, or to the error that it means."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from bitrun.client.calls import Call, read_progress
from bitrun.client.errors import BitRunError, Failed, Unreachable, Unreadable, refusal
from bitrun.client.results import Progress

Report = Callable[[Progress], None]
Answer = TypeVar("Answer")

STREAM = "application/x-ndjson"


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what httpx2 raises into an error of ours."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Unreachable(f"{url} does not answer in time") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(f"{url} can't be reached: {error}") from error


def answer(call: Call[Answer], response: httpx2.Response) -> Answer:
    """Read a whole answer.

    Raises:
        BitRunError: it is a refusal, or none of BitRun's.
    """
    with _understanding(response.url):
        body = response.json()
        if not response.is_success:
            raise refused(response.status_code, body, response.headers)
        return call.read(body)


class BuildStream:
    """A build's stream, read line by line; `answer` is there after the last of them."""

    def __init__(self, call: Call[Answer], response: httpx2.Response, report: Report) -> None:
        self._call = call
        self._url = response.url
        self._report = report
        self._answer: Any = None

    def feed(self, line: str) -> None:
        """Take a line.

        Raises:
            Failed: the build did.
        """
        with _understanding(self._url):
            told = json.loads(line)
            progress = read_progress(told)
            if progress is not None:
                self._report(progress)
            elif "message" in told:
                raise Failed(told["message"])
            else:
                self._answer = self._call.read(told)

    @property
    def answer(self) -> Any:
        if self._answer is None:
            raise Unreachable(f"The answer of {self._url} broke off")
        return self._answer


def is_stream(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith(STREAM)


def refused(status: int, body: Any, headers: Mapping[str, str]) -> BitRunError:
    """Turn an error's answer into the error; v1 calls the sentence another name than v2 does."""
    sentence = body["error"] if "error" in body else body["message"]
    return refusal(status, str(sentence), headers.get("Retry-After"))


@contextmanager
def _understanding(url: object) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"What answers at {url} is not BitRun") from error
