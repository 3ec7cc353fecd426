"""The submissions of the client that sends a request: accepted, found, waited for, deleted."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from flask import Response, after_this_request, request
from werkzeug.exceptions import NotFound

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import client_connection
from bitrun.api.judge0.languages import Languages
from bitrun.api.judge0.reply import NoText, Replies
from bitrun.api.judge0.request import Reader
from bitrun.api.judge0.submission import MEMORY_FACTOR, Submission, pack
from bitrun.api.judge0.work import KIND, QUEUE
from bitrun.model.errors import ClientUnidentified
from bitrun.service.service import Service
from bitrun.store.store import Record

TOKEN_HEADERS = ("X-Auth-Token", "X-Auth-User")


Reply = TypeVar("Reply")


class Submissions:
    """The submissions of the clients of this application."""

    def __init__(
        self,
        service: Service,
        auth: Auth,
        bodies: Bodies,
        languages: Languages,
        replies: Replies,
    ) -> None:
        self.settings = service.settings
        self.replies = replies
        self.bodies = bodies
        self._service = service
        self._auth = auth
        self._reader = Reader(languages, service.callbacks, service.settings)

    def read(self, body: Any) -> Submission:
        return self._reader.read(body, is_base64=flag("base64_encoded"))

    def granted(self, held: ExitStack) -> str:
        """Authorize a request that makes submissions, while `held` is; return their owner.

        Raises:
            ClientUnidentified: the client can't be identified.
            TokenRequired, TooManyRequests: as `Auth.granted`.
        """
        owner = held.enter_context(self._auth.granted(request, more=auth_tokens()))
        if owner is None:
            raise ClientUnidentified("Submissions")
        return owner

    def owner(self) -> str | None:
        return self._auth.owner(request, auth_tokens())

    def accept(self, owner: str, submissions: Sequence[Submission]) -> list[str]:
        """Put submissions into the queue, all of them or none; return their tokens.

        Raises:
            QueueFull, StoreFull: as `Store.add`.
            RequestError, TooManyRequests: as `Auth.count_runs`.
        """
        self._auth.count_runs(request, sum(each.runs for each in submissions), auth_tokens())
        expires = time.time() + self.settings.submission_ttl
        records = [
            Record(KIND, str(uuid.uuid4()), owner, pack(each), expires, queue=QUEUE)
            for each in submissions
        ]
        self._service.store.add(records, evict=True)
        self._service.work.added(QUEUE)
        return [record.key for record in records]

    def find(self, owner: str | None, token: str) -> Record | None:
        return None if owner is None else self._service.store.get(KIND, owner, token)

    def result(self, owner: str, token: str) -> Record:
        """Wait for the result of a submission.

        Raises:
            ClientDisconnected: the client has hung up.
            NotFound: it was deleted meanwhile.
        """
        self._service.work.wait(QUEUE, KIND, owner, token, client_connection(request))
        [record] = self.each(owner, [token])
        if record is None:
            raise NotFound
        return record

    def each(self, owner: str | None, tokens: Sequence[str]) -> Iterator[Record | None]:
        """Give the records of tokens, within the memory budget until the last was read.

        For a moment, so the client's half of the budget, which its submissions may take while they
        are judged, does not count.
        """
        with self.bodies.budget.reserve(0, client_connection(request)) as held:
            for token in tokens:
                record = self.find(owner, token)
                if record is not None:
                    held.resize(held.size + MEMORY_FACTOR * len(record.content))
                yield record

    def sent(self, reply: Reply) -> Reply:
        """Return a reply, whose memory is held until it has been sent.

        Raises:
            Busy: the budget has no room for it.
        """
        held = ExitStack()
        held.enter_context(self.bodies.reserve(request, _size(reply)))
        after_this_request(partial(_close_with, held))
        return reply

    def written(
        self,
        owner: str | None,
        tokens: Sequence[str],
        fields: tuple[str, ...],
        subject: str = "one or more submissions",
    ) -> list[dict[str, Any] | None]:
        """Write fields of submissions; None for one that the owner has not.

        Raises:
            NoText: one is no UTF-8, and base64 is not wanted; the text has the `subject`.
        """
        is_base64 = flag("base64_encoded")
        try:
            found = [
                None if record is None else self.replies.write(record, fields, is_base64=is_base64)
                for record in self.each(owner, tokens)
            ]
        except NoText as error:
            raise NoText(subject) from error
        return self.sent(found)

    def page(self, owner: str | None, page: int, per_page: int) -> tuple[list[str], int]:
        """Return the tokens of a page of an owner's submissions, and their number."""
        if owner is None:
            return [], 0
        store = self._service.store
        tokens = store.newest(KIND, owner, per_page, (page - 1) * per_page)
        return tokens, store.count(KIND, owner)

    def delete(self, owner: str | None, record: Record) -> bool:
        return owner is not None and self._service.store.delete(KIND, owner, record.key)


def _size(reply: Any) -> int:
    """Return the characters of all texts of a reply."""
    if isinstance(reply, dict):
        return sum(map(_size, reply.values()))
    if isinstance(reply, list):
        return sum(map(_size, reply))
    return len(reply) if isinstance(reply, str) else 0


def _close_with(held: ExitStack, response: Response) -> Response:
    response.call_on_close(held.close)
    return response


def auth_tokens() -> tuple[str, ...]:
    """Return the tokens that Judge0's clients send besides `Authorization`, also in the address."""
    places = (request.headers, request.args)
    return tuple(place.get(name, "") for place in places for name in TOKEN_HEADERS)


def flag(name: str) -> bool:
    return request.args.get(name) == "true"
