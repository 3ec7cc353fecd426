"""Fields of v1 from all the bodies that are accepted."""

import io
import json
from contextlib import closing
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from bitrun.api.v1.fields import Fields, read_fields
from bitrun.model.errors import RequestError


def read(query: str = "", **options: Any) -> Fields:
    environ = EnvironBuilder(method="POST", query_string=query, **options).get_environ()
    with closing(Request(environ)) as request:
        return read_fields(request, request.get_data(cache=False))[0]


def read_json(value: object) -> Fields:
    return read(data=json.dumps(value), content_type="application/json")


def test_no_body() -> None:
    assert read() == Fields()


def test_a_form() -> None:
    fields = read(data={"filename": "a.rb", "content": "p 1&2", "other": "x"})
    assert fields == Fields(filename="a.rb", content="p 1&2")


def test_bytes_of_a_form_are_kept() -> None:
    assert read(data=b"content=%ff\xfe%C3%A4").content == "\udcff\udcfeä"


def test_any_other_type_is_a_form() -> None:
    assert read(data=b"content=x", content_type="text/plain").content == "x"


def test_parts_that_are_files() -> None:
    fields = read(data={"filename": "a.rb", "content": (io.BytesIO(b"p \xff"), "a.rb")})
    assert fields == Fields(filename="a.rb", content="p \udcff")


def test_the_body_wins_over_the_query_string() -> None:
    fields = read("content=query&clean=1", data={"content": "body"})
    assert fields == Fields(content="body", clean="1")


def test_json() -> None:
    fields = read_json(
        {"filename": "a.rb", "memory_limit": 7, "clean": True, "unbuffered": 1, "env": None, "x": 1}
    )
    assert fields == Fields(filename="a.rb", memory_limit="7", clean="1", unbuffered="1")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "Invalid JSON: an object is expected"),
        ({"content": 7}, "Invalid content: text is expected"),
        ({"content": ["x"]}, "Invalid content: text is expected"),
        ({"memory_limit": 1.5}, "Invalid memory_limit: text is expected"),
    ],
)
def test_json_that_can_not_be_used(value: object, sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_json(value)
    assert str(refused.value) == sentence


def test_many_fields() -> None:
    assert read("&".join(["content=x"] * 64)).content == "x"
    with pytest.raises(RequestError, match=r"^At most 64 fields are possible$"):
        read("&".join(["content=x"] * 65))
