"""A body is let go once it is taken, though the block that reads it goes on."""

import sys
from contextlib import closing

from flask import Request
from werkzeug.test import EnvironBuilder

from bitrun.api.http.body import Bodies
from bitrun.config.settings import Settings


def test_nothing_else_refers_to_a_body_that_was_taken() -> None:
    environ = EnvironBuilder(method="POST", data=b"x" * 100_000).get_environ()
    with closing(Request(environ)) as request, Bodies(Settings()).read(request) as body:
        raw = body.take()
        assert len(raw) == 100_000
        assert sys.getrefcount(raw) == 2  # the name, and the argument of this call


def test_files_of_a_reply_are_held_as_far_as_there_is_room() -> None:
    bodies = Bodies(Settings(body_memory=10_000_000))
    environ = EnvironBuilder(method="POST", data=b"x" * 100).get_environ()
    with closing(Request(environ)) as request, bodies.read(request) as body:
        body.keep(100)
        with bodies.budget.reserve(9_000_000):
            assert body.keep_file(400_000)
            assert not body.keep_file(400_000)
            assert body.keep_file(0)
        assert body.keep_file(400_000)
        assert bodies.budget.used > 1_600_000
    assert bodies.budget.used == 0
