"""Fields of requests that nothing reads, since a misspelt limit is none.

Clients of others may send more than the service knows. Such a request runs, and its reply names the
fields: in the header that `register` adds, and in JSON as `warnings`.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from flask import Flask, Request, Response, g

from bitrun.api.http.json_body import parse_object, require_json
from bitrun.model.errors import RequestError
from bitrun.model.nearest import choices, suggestion

HEADER = "X-BitRun-Warnings"

_MAX_NAMED = 8
_MAX_NAME = 64  # characters
# The names are the client's, and are part of a header.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class UnknownFields:
    """The unknown fields of one request; the first of them have a sentence each."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._refusal = ""  # the first sentence, with a similar name or all that there are
        self._count = 0

    def add(self, names: Iterable[str], known: Collection[str], place: str = "") -> None:
        """Add the names that are not known; `place` precedes them, such as `files[0].`."""
        for name in names:
            if name not in known:
                self._count += 1
                if len(self._sentences) < _MAX_NAMED:
                    shown = _UNSAFE.sub("?", name[:_MAX_NAME])
                    similar = suggestion(name, known)
                    sentence = f"Unknown field: {place}{shown}"
                    if not self._sentences:
                        self._refusal = sentence + (similar or choices(known))
                    self._sentences.append(sentence + similar)

    def refuse(self) -> None:
        """Refuse the request, if it has any.

        Raises:
            RequestError: the text names the first one, and what there is.
        """
        if self._sentences:
            raise RequestError(self._refusal)

    def reply(self) -> dict[str, Any]:
        """Return what a reply has in addition, to name them: the field `warnings`, or nothing."""
        unnamed = self._count - len(self._sentences)
        more = [f"Unknown fields: {unnamed} more"] if unnamed else []
        return {"warnings": self._sentences + more} if self._count else {}

    def warn(self) -> dict[str, Any]:
        """Have the header of the response name them, too; return `reply()`."""
        reply = self.reply()
        g.warnings = reply.get("warnings", ())
        return reply


def read_object(request: Request, body: bytes, known: Collection[str]) -> dict[str, Any]:
    """Parse a body that must be JSON as an object; the header names its fields that are not known.

    Raises:
        UnsupportedMediaType: it is declared as something else.
        RequestError: as `parse_object`.
    """
    require_json(request)
    fields = parse_object(body)
    unknown = UnknownFields()
    unknown.add(fields, known)
    unknown.warn()
    return fields


def register(app: Flask) -> None:
    """Add the header to the replies of requests with warnings."""

    @app.after_request
    def name_unknown_fields(response: Response) -> Response:
        if warnings := g.get("warnings"):
            response.headers[HEADER] = ", ".join(warnings)
        return response
