"""Turns HTTP responses into results or errors."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from bitrun.client import batches
from bitrun.client.batches import BatchResult, Judged, OnJudged
from bitrun.client.calls import Call, read_progress, read_verdict
from bitrun.client.errors import BitRunError, Failed, Refused, Unreachable, Unreadable, make_error
from bitrun.client.results import Output, Progress, Stage, Verdict
from bitrun.client.sandbox_calls import OnOutput

Report = Callable[[Progress], None]
Answer = TypeVar("Answer")

STREAM = "application/x-ndjson"
BINARY = "application/octet-stream"


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
        if call.is_binary and response.is_success:
            return _read_bytes(call, response)
        body = response.json()
        if not response.is_success:
            raise response_error(response.status_code, body, response.headers)
        return call.read(body)


def _read_bytes(call: Call[Answer], response: httpx2.Response) -> Answer:
    if response.headers.get("Content-Type") != BINARY:
        raise Refused(f"{response.url.path.rpartition('/files/')[2]} is a folder")
    return call.read(response.content)


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


class CommandStream:
    """Parser of a command's stream of lines; `answer` is available after the last line."""

    def __init__(self, url: object, on_output: OnOutput | None) -> None:
        self._url = url
        self._on_output = on_output
        self._streams = {"stdout": "", "stderr": ""}
        self._output = ""
        self._verdict: Verdict | None = None

    def feed(self, line: str) -> None:
        """Parse a line.

        Raises:
            Refused: the command ended without a verdict; the text says why.
        """
        with _format_errors(self._url):
            payload = json.loads(line)
            if payload["type"] == "exit":
                self._verdict = read_verdict(payload)
                return
            if payload["type"] == "error":
                raise Refused(payload["message"])
            output = Output("run", payload["stream"], payload["data"])
            self._streams[output.stream] += output.text
            self._output += output.text
        if self._on_output is not None:
            self._on_output(output)  # its errors are not those of the format

    @property
    def answer(self) -> Stage:
        if self._verdict is None:
            raise Unreachable(f"The answer of {self._url} broke off")
        streams = self._streams
        return Stage("run", streams["stdout"], streams["stderr"], self._output, self._verdict)


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
