"""How the tests speak Piston's API."""

from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.scale import scaled
from tests.support.server import Server

PREFIXES = ("/api/v2", "/api/v2/piston")


def call(
    server: Server, method: str, path: str, body: Any = None, **options: Any
) -> requests.Response:
    """Send a body as JSON, or as it stands where it is bytes.

    Packages are changed as an operator on the machine does, whose requests have an Origin.
    """
    if path.endswith("/packages"):
        options["headers"] = {"Origin": server.url} | options.get("headers", {})
    if isinstance(body, bytes):
        headers = {"Content-Type": "application/json"} | options.pop("headers", {})
        options |= {"data": body, "headers": headers}
    elif body is not None:
        options["json"] = body
    return requests.request(method, server.url + path, timeout=scaled(60), **options)


def execute(server: Server, body: Any) -> requests.Response:
    return call(server, "POST", "/api/v2/execute", body)


def request(language: str, *contents: str, **fields: Any) -> dict[str, Any]:
    """Make the body of a request with nameless files."""
    files = [{"content": content} for content in contents]
    return {"language": language, "version": "*", "files": files} | fields


def reply(server: Server, language: str, *contents: str, **fields: Any) -> dict[str, Any]:
    """Execute what must be executed, and return the whole reply."""
    response = execute(server, request(language, *contents, **fields))
    assert response.status_code == 200, response.text
    body = response.json()
    assert isinstance(body, dict)
    return body


def run(server: Server, language: str, *contents: str, **fields: Any) -> dict[str, Any]:
    """Return the reply's run stage."""
    stage = reply(server, language, *contents, **fields)["run"]
    assert isinstance(stage, dict)
    return stage


def message(response: requests.Response) -> str:
    """Return an error's sentence, after a look at all that every error has in common."""
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert body.keys() - {"detail"} == {"message"}
    assert isinstance(body["message"], str)
    assert "Traceback" not in body["message"]
    return body["message"]


def package(name: str, build: str, **language: Any) -> dict[str, Any]:
    """Write a catalogue's entry of one language that uses an image of another's."""
    languages = [{"name": name, "run": "bash %s"} | language]
    return {
        "name": name,
        "build": build,
        "version": "0.0.0",
        "version_command": "true",
        "languages": languages,
    }


def write_catalogue(folder: Path, *packages: dict[str, Any]) -> Path:
    path = folder / "languages.yml"
    path.write_text(yaml.safe_dump({"packages": list(packages)}))
    return path
