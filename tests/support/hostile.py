"""Requests of both dialects, and rows of the table of attacks."""

from typing import Any

import pytest

V1, V2 = "/api/v1/run", "/api/v2/execute"
KEYS = {V1: "error", V2: "message"}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
REFUSED = "refused with 400"


def attack(what: str, *values: Any, outcome: str = REFUSED) -> Any:
    return pytest.param(*values, id=what, marks=pytest.mark.attack("request", what, outcome))


def v1(**fields: Any) -> dict[str, Any]:
    return {"filename": "a.sh", "content": "echo ok"} | fields


def v2(**fields: Any) -> dict[str, Any]:
    return {"language": "bash", "version": "*", "files": [{"content": "echo ok"}]} | fields
