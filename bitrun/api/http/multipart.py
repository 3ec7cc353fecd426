"""Multipart bodies (RFC 7578), read part by part in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    NEED_DATA,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
)

from bitrun.model.errors import RequestError

TYPE = "multipart/form-data"

_MAX_HEADERS = 1 << 18  # bytes of a part's headers, together with the chunk that they end in


@dataclass(frozen=True, slots=True)
class Part:
    """A part: `filename` is None for a field. `chunks` gives its bytes, before the next part."""

    name: str
    filename: str | None
    chunks: Iterator[bytes]


def is_multipart(request: Request) -> bool:
    return request.mimetype == TYPE


def read_parts(request: Request, chunks: Iterable[bytes], max_parts: int) -> Iterator[Part]:
    """Split a body that comes in `chunks` into its parts.

    Raises:
        RequestError: it is no such body, cut off, has more parts, or one with too large headers.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary:
        raise RequestError(f"A body of {TYPE} needs a boundary in its Content-Type")
    events = _events(boundary, chunks, max_parts)
    for event in events:
        if isinstance(event, (Field, File)):
            filename = event.filename if isinstance(event, File) else None
            yield Part(event.name or "", filename, _content(events))


def _content(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
            if not event.more_data:
                return


def _events(boundary: str, chunks: Iterable[bytes], max_parts: int) -> Iterator[Event]:
    try:
        decoder = MultipartDecoder(boundary.encode(), _MAX_HEADERS, max_parts=max_parts)
        for chunk in chain(chunks, (None,)):
            decoder.receive_data(chunk)
            while (event := decoder.next_event()) is not NEED_DATA:
                yield event
                if isinstance(event, Epilogue):
                    return
    except RequestEntityTooLarge as error:
        raise RequestError(
            f"A multipart body may have {max_parts} parts, each with {_MAX_HEADERS} bytes of head"
        ) from error
    except ValueError as error:
        raise RequestError(f"The multipart body is invalid or cut off: {error}") from error
