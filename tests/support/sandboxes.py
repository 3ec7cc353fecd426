"""Sandboxes over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.support.server import Server

PREFIX = "/api/v3/sandboxes"


class HttpSandbox:
    """A sandbox of a service, by its id."""

    def __init__(self, server: Server, sandbox_id: str, token: str | None = None) -> None:
        self.id = sandbox_id
        self._url = f"{server.url}{PREFIX}/{sandbox_id}"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str = "", **options: Any) -> requests.Response:
        headers = self._headers | options.pop("headers", {})
        return requests.request(method, self._url + path, headers=headers, timeout=60, **options)

    def exec(self, command: str | list[str], **fields: Any) -> dict[str, Any]:
        answer = self.call("POST", "/exec", json={"command": command, **fields})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def sh(self, script: str, **fields: Any) -> str:
        """Run a script that ends well and is silent on stderr; return its stdout."""
        found = self.exec(script, **fields)
        assert (found["code"], found["stderr"]) == (0, ""), found
        return str(found["stdout"])

    def start(self, command: str | list[str], **fields: Any) -> str:
        """Start a command in the background, and return its id."""
        answer = self.call("POST", "/commands", json={"command": command, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ended(self, command_id: str) -> dict[str, Any]:
        """Wait for the end of a background command, and return what the service says of it."""
        while True:
            answer = self.call("GET", f"/commands/{command_id}?wait=20000")
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            if found["status"] != "running":
                return found

    def output(self, command_id: str, query: str = "") -> dict[str, Any]:
        answer = self.call("GET", f"/commands/{command_id}/output{query}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def has_no(self, pid: str) -> bool:
        return self.sh(f"kill -0 {pid} 2>/dev/null || echo gone") == "gone\n"

    def leave_a_command(self) -> str:
        """Hang up on a command that has begun; return the id of its process."""
        with self.call(
            "POST",
            "/exec",
            json={"command": "echo $$; exec sleep 600"},
            headers={"Accept": "application/x-ndjson"},
            stream=True,
        ) as answer:
            return str(json.loads(next(answer.iter_lines()))["data"]).strip()

    def put(self, path: str, content: bytes, **options: Any) -> requests.Response:
        return self.call("PUT", f"/files/{path}", data=content, **options)

    def get(self, path: str = "", **options: Any) -> requests.Response:
        return self.call("GET", f"/files/{path}", **options)

    def delete(self) -> requests.Response:
        return self.call("DELETE")


def create(server: Server, token: str | None = None, **fields: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"language": "bash"} | fields
    return requests.post(f"{server.url}{PREFIX}", json=body, headers=headers, timeout=60)


@contextmanager
def sandbox(server: Server, token: str | None = None, **fields: Any) -> Iterator[HttpSandbox]:
    answer = create(server, token, **fields)
    assert answer.status_code == 201, answer.text
    made = HttpSandbox(server, answer.json()["id"], token)
    try:
        yield made
    finally:
        made.delete()
