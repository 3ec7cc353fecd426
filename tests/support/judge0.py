"""A client of the dialect of Judge0."""

import base64
import io
import zipfile
from typing import Any

import requests

from tests.support.server import Server
from tests.support.waiting import wait_until

URL = "/judge0"


def call(server: Server, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{server.url}{URL}{path}", timeout=120, **options)


def submit(server: Server, query: str = "", **fields: Any) -> requests.Response:
    return call(server, "POST", f"/submissions?{query}", json=fields)


def token_of(server: Server, **fields: Any) -> str:
    response = submit(server, **fields)
    assert response.status_code == 201, response.text
    reply = response.json()
    assert reply.keys() == {"token"}
    return str(reply["token"])


def judged(server: Server, query: str = "", **fields: Any) -> dict[str, Any]:
    """Wait for the result of a submission."""
    response = submit(server, f"wait=true&{query}", **fields)
    assert response.status_code == 201, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def problems(server: Server, query: str = "", **fields: Any) -> dict[str, list[str]]:
    response = submit(server, query, **fields)
    assert response.status_code == 422, response.text
    found = response.json()
    assert isinstance(found, dict)
    return found


def get(server: Server, token: str, query: str = "") -> dict[str, Any]:
    response = call(server, "GET", f"/submissions/{token}?{query}")
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def result(server: Server, token: str, query: str = "") -> dict[str, Any]:
    """Ask until a submission is judged."""
    assert wait_until(lambda: get(server, token, "fields=status_id")["status_id"] > 2, 60)
    return get(server, token, query)


def packed(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def archive(files: dict[str, str]) -> str:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in files.items():
            found.writestr(name, content)
    return packed(stream.getvalue())
