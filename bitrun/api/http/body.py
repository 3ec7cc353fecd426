"""Bodies of requests: read after the token was checked, and within the memory budget."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from bitrun.api.http.auth import CLIENT, GRANTED
from bitrun.api.http.connection import client_connection
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.memory_budget import MemoryBudget, Reservation
from bitrun.config.settings import Settings
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import BodyTooLarge, Busy
from bitrun.model.job import Job
from bitrun.model.output_files import Hold

# Bytes of memory for a byte of body while it is parsed: itself, and in the worst case text of four
# bytes a character once as a whole and once as values, and the values as bytes.
PARSE_FACTOR = 10

# Bytes of memory for a byte of output: itself, a byte of a length where a program writes single
# bytes to both streams in turn, and what is allocated in advance of both.
OUTPUT_FACTOR = 3

# Bytes of memory for a byte of a file that a program has made: itself, and the pieces in which it
# came. Its reply is written in parts.
FILE_FACTOR = 2

_FIRST_READ = 1 << 16  # of a body that does not say how long it is
CHUNK = 1 << 16


def read_stream(stream: Any, size: int) -> bytes:
    """Read from the server's stream of a body.

    Raises:
        ClientDisconnected: the body is cut off.
    """
    try:
        data: bytes = stream.read(size)
    except (OSError, ValueError) as error:
        raise ClientDisconnected from error
    return data


def receive_chunks(request: Request) -> Iterator[bytes]:
    """Read a body of any size as it arrives.

    Raises:
        ClientDisconnected: it is cut off.
    """
    stream, received = request.environ["wsgi.input"], 0
    while chunk := read_stream(stream, CHUNK):
        received += len(chunk)
        yield chunk
    if received < (request.content_length or 0):
        raise ClientDisconnected


class Body:
    """The body of one request, until it is taken."""

    def __init__(self, raw: bytes, reservation: Reservation) -> None:
        self._raw = raw
        self._reservation = reservation

    def take(self) -> bytes:
        """Return the body and keep no reference, so that it is freed once it is parsed."""
        raw, self._raw = self._raw, b""
        return raw

    def keep(self, size: int, output: int = 0) -> None:
        """Hold only what jobs take from now on: `size` bytes of files, and of stdin in two copies.

        And `output` bytes that they may write beyond the default limits.

        Raises:
            Busy: the budget has no room for so much output now.
        """
        self._reservation.resize(min(2 * size, self._reservation.size) + OUTPUT_FACTOR * output)

    def keep_file(self, size: int) -> bool:
        """Hold in addition a file of this size that a program has made; False without room."""
        return _grow(self._reservation, FILE_FACTOR * size)

    def keep_reply(self, size: int) -> bool:
        """Hold in addition what so many bytes of output take in a reply; False without room."""
        return _grow(self._reservation, PARSE_FACTOR * size)


class Bodies:
    """Reads the bodies of all requests of a process."""

    def __init__(self, settings: Settings) -> None:
        self._max_size = settings.max_body
        self._output_limit = settings.output_limit
        self.budget = MemoryBudget(settings.body_memory, settings.queue_timeout)

    @contextmanager
    def read(self, request: Request, factor: int = PARSE_FACTOR) -> Iterator[Body]:
        """Read a body; its share of the budget is held while the block runs.

        `factor` are bytes of memory for a byte of it. A request that is part of another one holds
        nothing by itself.

        Raises:
            BodyTooLarge: it is larger than `max_body`.
            Busy: the budget has had no room for it in time.
            ClientDisconnected: the client hung up while it waited.
        """
        length = request.content_length
        if length is not None and length > self._max_size:
            raise BodyTooLarge(length, self._max_size)
        if GRANTED in request.environ:
            factor = 0
        size = factor * (_FIRST_READ if length is None else length)
        with self.reserve(request, size) as reservation:
            # No name for the bytes here: this frame lives as long as the run.
            yield Body(self._receive(request, reservation, factor), reservation)

    def read_json(self, request: Request) -> dict[str, Any]:
        """Read a JSON object whose values are used at once: none of the budget is held for them.

        Raises:
            RequestError: it is none.
            BodyTooLarge, Busy, ClientDisconnected: as `read`.
        """
        with self.read(request) as body:
            return parse_object(body.take())

    def reserve(self, request: Request, size: int = 0) -> AbstractContextManager[Reservation]:
        """Hold bytes of the budget for a request, as `MemoryBudget.reserve`."""
        client = request.environ.get(CLIENT)
        return self.budget.reserve(size, client_connection(request), client)

    @contextmanager
    def hold_output(
        self, job: Job, connection: ClientConnection | None, client: str
    ) -> Iterator[Hold]:
        """Hold what the output of one of many jobs takes beyond the default limits.

        Its output is kept, and copied where it is compared or checked. Yields what holds its files
        in addition.

        Raises:
            Busy, ClientDisconnected: as `MemoryBudget.reserve`.
        """
        beyond = job.output_beyond(self._output_limit)
        size = (OUTPUT_FACTOR + 2) * beyond
        with self.budget.reserve(size, connection, client) as reservation:
            yield lambda size: _grow(reservation, FILE_FACTOR * size)

    def _receive(self, request: Request, reservation: Reservation, factor: int) -> bytes:
        if request.content_length is None:
            return self._read_chunked(request, reservation, factor)
        return request.get_data(cache=False)

    def _read_chunked(self, request: Request, reservation: Reservation, factor: int) -> bytes:
        # From the server's own stream: of a body without a Content-Length, werkzeug's keeps what
        # is within the limit and drops the rest.
        stream = request.environ["wsgi.input"]
        raw = read_stream(stream, min(_FIRST_READ, self._max_size + 1))
        if len(raw) == _FIRST_READ:
            reservation.resize(factor * self._max_size)
            raw += read_stream(stream, self._max_size + 1 - len(raw))
        if len(raw) > self._max_size:
            raise BodyTooLarge(None, self._max_size)
        return raw


def _grow(reservation: Reservation, size: int) -> bool:
    """Hold more; False without room."""
    try:
        reservation.resize(reservation.size + size)
    except Busy:
        return False
    return True
