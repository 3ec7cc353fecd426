"""JSON in parts is that of Flask."""

import json
from typing import Any

import pytest
from flask import Flask, jsonify

from bitrun.api.http import large_json
from bitrun.api.http.large_json import Parts

TEXTS = ["", "a", 'a"\\\n\0\x7f', "ä€\N{GRINNING FACE}\ufffd"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"b": 1, "a": None, "c": {"z": [1, {"y": "x"}], "b": {}}},
        {"text": "a", "number": 1.5, "true": True},
    ],
)
def test_as_flask_writes_it(value: dict[str, Any]) -> None:
    with Flask(__name__).app_context():
        plain = jsonify(value)
        parted = large_json.reply(value | {"parts": Parts(lambda: TEXTS)})
        assert large_json.reply(value).get_data() == plain.get_data()
        assert not parted.is_sequence
        assert parted.content_type == plain.content_type
        assert (
            b"".join(parted.iter_encoded()) == jsonify(value | {"parts": "".join(TEXTS)}).get_data()
        )


def test_parts_are_made_when_they_are_sent() -> None:
    made = []

    def parts() -> Any:
        for number in range(3):
            made.append(number)
            yield "x"

    with Flask(__name__).app_context():
        sent = iter(large_json.reply({"a": {"b": Parts(parts)}}).iter_encoded())
        read = b""
        while not read.endswith(b"x"):
            read += next(sent)
        assert made == [0]
        assert json.loads(read + b"".join(sent)) == {"a": {"b": "xxx"}}
