"""Turns HTTP responses into results or errors."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from bitrun.client import batches
from bitrun.client.batches import BatchResult, Judged, OnJudged
from bitrun.client.calls import Call, read_progress
from bitrun.client.errors import BitRunError, Failed, Unreachable, Unreadable, make_error
from bitrun.client.results import Progress

Report = Callable[[Progress], None]
Answer = TypeVar("Answer")

STREAM = "application/x-ndjson"


@contextmanager
def connection_errors(url: str) -> Iterator[None]:
    """Translate what httpx2 raises into `Unreachable`."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Unreachable(f"{url} does not answer in time") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(f"{url} can't be reached: {error}") from error


def read_response(call: Call[Answer], response: httpx2.Response) -> Answer:
    """Read a complete response.

    Raises:
        BitRunError: it is an error, or not a response of BitRun.
    """
    with _format_errors(response.url):
        body = response.json()
        if not response.is_success:
            raise response_error(response.status_code, body, response.headers)
        return call.read(body)


class BuildStream:
    """Parser of a build's stream of lines; `answer` is available after the last line."""

    def __init__(self, call: Call[Answer], response: httpx2.Response, report: Report) -> None:
        self._call = call
        self._url = response.url
        self._report = report
        self._answer: Any = None

    def feed(self, line: str) -> None:
        """Parse a line.

        Raises:
            Failed: the build failed.
        """
        with _format_errors(self._url):
            payload = json.loads(line)
            progress = read_progress(payload)
            if progress is not None:
                self._report(progress)
            elif "message" in payload:
                raise Failed(payload["message"])
            else:
                self._answer = self._call.read(payload)

    @property
    def answer(self) -> Any:
        if self._answer is None:
            raise Unreachable(f"The answer of {self._url} broke off")
        return self._answer


class BatchStream:
    """Parser of a batch's stream of lines; `answer` is available after the last line."""

    def __init__(self, url: object, on_judged: OnJudged) -> None:
        self._url = url
        self._on_judged = on_judged
        self._head: dict[str, Any] = {}
        self._runs: dict[int, Judged] = {}
        self._answer: BatchResult | None = None

    def feed(self, line: str) -> None:
        """Parse a line.

        Raises:
            Failed: an error has ended the batch.
        """
        with _format_errors(self._url):
            payload = json.loads(line)
            if "index" in payload:
                judged = batches.read_run(payload)
                self._runs[judged.index] = judged
            elif "accepted" in payload:
                self._answer = batches.read_batch(self._head, self._runs, payload)
                return
            elif "language" in payload:
                self._head = payload
                return
            else:
                raise Failed(payload["message"])
        self._on_judged(judged)  # its errors are not those of the format

    @property
    def answer(self) -> BatchResult:
        if self._answer is None:
            raise Unreachable(f"The answer of {self._url} broke off")
        return self._answer


def is_stream(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith(STREAM)


def response_error(status: int, body: Any, headers: Mapping[str, str]) -> BitRunError:
    """Turn an error response into an error; its sentence has another key in v1 than in v2.

    Where Piston fixes the sentence, `detail` says what is possible instead.
    """
    sentence = body["error"] if "error" in body else body.get("detail", body["message"])
    return make_error(status, str(sentence), headers.get("Retry-After"))


def read_refusal(response: httpx2.Response) -> BitRunError:
    """Read the error that a service answers instead of a stream."""
    with _format_errors(response.url):
        return response_error(response.status_code, response.json(), response.headers)


@contextmanager
def _format_errors(url: object) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"What answers at {url} is not BitRun") from error
