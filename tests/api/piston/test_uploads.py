"""Files beside JSON: multipart bodies, and uploads that requests name."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from bitrun.api.piston.files import MAX_UPLOADS
from tests.conftest import Serve
from tests.support.piston import PREFIXES, call, execute, message, request
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

MINE, OTHERS = "my-token-of-some-length", "other-token-of-some-length"
DATA = bytes(range(256)) * 1000
# Prints what the work directory has: names, sizes and sums.
LISTING = """import os
for name in sorted(os.listdir()):
    if name != "file0.code":
        content = open(name, "rb").read()
        print(name, len(content), sum(content))"""
LISTED = f"data.bin {len(DATA)} {sum(DATA)}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def uploads(serve: Serve, folder: Path) -> Server:
    return serve(upload_folder=folder)


def send(server: Server, content: Any = DATA, name: str = "data.bin", **options: Any) -> Any:
    response = call(server, "POST", "/api/v2/files", data=content, params={"name": name}, **options)
    assert response.status_code == 201, response.text
    return response.json()


def executed(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    run = response.json()["run"]
    assert run["stderr"] == ""
    stdout = run["stdout"]
    assert isinstance(stdout, str)
    return stdout


def with_upload(upload: Any, **fields: Any) -> dict[str, Any]:
    body = request("python", LISTING)
    body["files"].append({"upload": upload["id"]} | fields)
    return body


# Multipart bodies


def test_what_was_sent_is_no_file_that_the_program_made(uploads: Server) -> None:
    body = with_upload(send(uploads)) | {"output_files": ["**"]}
    body["files"][0]["content"] = "open('new', 'w').write('1')"
    assert [file["name"] for file in execute(uploads, body).json()["files"]] == ["new"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_files_beside_the_json(server: Server, prefix: str) -> None:
    parts = [
        ("request", (None, json.dumps(request("python", LISTING)))),
        ("files", ("data.bin", DATA)),
        ("files", ("empty", b"")),
    ]
    response = call(server, "POST", f"{prefix}/execute", files=parts)
    assert executed(response) == LISTED + "empty 0 0\n"


def test_files_beside_a_batch(server: Server) -> None:
    body = request("python", LISTING) | {"runs": [{"expected_output": LISTED}]}
    parts = [("files", ("data.bin", DATA)), ("request", (None, json.dumps(body)))]
    response = call(server, "POST", "/api/v2/execute/batch", files=parts)
    assert response.json()["accepted"], response.text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([("files", ("a", b""))], "A multipart body needs a part `request` with the JSON of the request"),
        ([("request", (None, "{"))], "The body is no JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ([("request", (None, "{}")), ("files", ("a", b""))], "language is required as a string"),
        (
            [("request", (None, json.dumps(request("python", LISTING)))), ("files", ("../a", b""))],
            "files[1].name must stay within the directory: ../a",
        ),
        (
            [("request", (None, json.dumps(request("python")))), ("files", ("a.py", b"1"))],
            "files must include at least one utf8 encoded file",
        ),
    ],
)  # fmt: skip
def test_what_multipart_bodies_are_refused_for(server: Server, parts: Any, text: str) -> None:
    response = call(server, "POST", "/api/v2/execute", files=parts)
    assert (response.status_code, message(response)) == (400, text)


@pytest.mark.attack(
    "request",
    "multipart bodies without a boundary, cut off, or of huge or many parts",
    "refused with 400",
)
@pytest.mark.parametrize("path", ["/api/v2/execute", "/api/v2/execute/batch", "/api/v2/files"])
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=files; filename=a\r\n\r\nb", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 300_000, 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 2000 + b"--x--", 400),
    ],
)  # fmt: skip
def test_hostile_multipart(uploads: Server, path: str, kind: str, body: bytes, status: int) -> None:
    response = call(uploads, "POST", path, data=body, headers={"Content-Type": kind})
    assert (response.status_code, message(response) != "") == (status, True)


@pytest.mark.parametrize("path", ["/api/v2/packages", "/api/v2/nothing"])
def test_other_calls_take_no_multipart(server: Server, path: str) -> None:
    assert call(server, "POST", path, files={"files": b""}).status_code == 415


# Uploads


@pytest.mark.also_engine
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_file_is_sent_once_and_used_twice(uploads: Server, prefix: str) -> None:
    response = call(
        uploads, "POST", f"{prefix}/files?name=data.bin", DATA, headers={"Content-Type": "text/csv"}
    )
    assert response.status_code == 201
    upload = response.json()
    assert (upload["name"], upload["size"]) == ("data.bin", len(DATA))
    left = datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(minutes=60)
    path = f"{prefix}/execute"
    assert executed(call(uploads, "POST", path, with_upload(upload))) == LISTED
    renamed = with_upload(upload, name="other")
    assert executed(call(uploads, "POST", path, renamed)) == LISTED.replace("data.bin", "other")


def test_an_upload_as_multipart(uploads: Server) -> None:
    response = call(
        uploads, "POST", "/api/v2/files", files=[("note", (None, "x")), ("f", ("data.bin", DATA))]
    )
    assert response.status_code == 201, response.text
    assert (
        executed(call(uploads, "POST", "/api/v2/execute", with_upload(response.json()))) == LISTED
    )
    response = call(uploads, "POST", "/api/v2/files", files=[("note", (None, "x"))])
    assert message(response) == "A multipart body needs a part that is a file"


def test_an_upload_without_a_length(uploads: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(DATA), 1000):
            yield DATA[start : start + 1000]

    assert send(uploads, chunks())["size"] == len(DATA)


def test_an_upload_in_a_session_and_in_a_batch(uploads: Server) -> None:
    upload = send(uploads)
    with Terminal(uploads) as terminal:
        terminal.send(type="init", **with_upload(upload))
        frames = terminal.rest()
    assert "".join(frame["data"] for frame in frames if frame["type"] == "data") == LISTED
    body = with_upload(upload) | {"runs": [{"expected_output": LISTED}] * 3}
    assert call(uploads, "POST", "/api/v2/execute/batch", body).json()["accepted"]
    files = [{"upload": upload["id"]}]
    body = request("python", LISTING) | {"runs": [{"files": files, "expected_output": LISTED}]}
    body["checker"] = {
        "language": "python",
        "files": [
            {"content": "import os; raise SystemExit('data.bin' not in os.listdir())"},
            *files,
        ],
    }
    assert call(uploads, "POST", "/api/v2/execute/batch", body).json()["accepted"]


def test_a_request_may_name_few_uploads_often(uploads: Server) -> None:
    sent = [send(uploads, b"1", f"{number}") for number in range(MAX_UPLOADS + 1)]
    body = request("python", "import os; print(len(os.listdir()))")
    again = [{"upload": sent[0]["id"], "name": f"again{number}"} for number in range(100)]
    body["files"] += [{"upload": each["id"]} for each in sent[:-1]] + again
    assert executed(execute(uploads, body)) == f"{1 + MAX_UPLOADS + 100}\n"
    body["files"].append({"upload": sent[-1]["id"]})
    response = execute(uploads, body)
    assert response.status_code == 400
    assert f"may name {MAX_UPLOADS} uploads" in message(response)


def test_uploads_are_listed_found_and_deleted(uploads: Server, folder: Path) -> None:
    first, second = send(uploads, b"1", "one"), send(uploads, b"22", "two")
    listed = call(uploads, "GET", "/api/v2/files").json()
    assert sorted(listed, key=lambda each: str(each["name"])) == [first, second]
    path = f"/api/v2/files/{first['id']}"
    assert call(uploads, "GET", path).json() == first
    assert call(uploads, "DELETE", path).json() == first
    for method in ("GET", "DELETE"):
        response = call(uploads, method, path)
        assert response.status_code == 404
        assert first["id"] in message(response)
    assert call(uploads, "POST", "/api/v2/execute", with_upload(first)).status_code == 404
    assert call(uploads, "GET", "/api/v2/files").json() == [second]
    assert len(list(folder.glob("*/*"))) == 1


@pytest.mark.attack("request", "an upload of another client, by its id", "404, as for any other id")
def test_uploads_are_their_clients(serve: Serve, folder: Path) -> None:
    server = serve(upload_folder=folder, api_tokens=f"{MINE} {OTHERS}")
    mine, others = ({"Authorization": f"Bearer {token}"} for token in (MINE, OTHERS))
    assert call(server, "POST", "/api/v2/files", b"x").status_code == 401
    upload = send(server, headers=mine)
    path = f"/api/v2/files/{upload['id']}"
    for method in ("GET", "DELETE"):
        assert call(server, method, path, headers=others).status_code == 404
    body = with_upload(upload)
    assert call(server, "POST", "/api/v2/execute", body, headers=others).status_code == 404
    assert call(server, "GET", "/api/v2/files", headers=others).json() == []
    assert executed(call(server, "POST", "/api/v2/execute", body, headers=mine)) == LISTED


def test_a_client_behind_an_unknown_proxy_has_none(uploads: Server) -> None:
    response = call(uploads, "POST", "/api/v2/files", b"x", headers={"Via": "1.1 proxy"})
    assert response.status_code == 400
    assert "BITRUN_TRUSTED_PROXIES" in message(response)


def test_an_upload_expires(serve: Serve, folder: Path) -> None:
    server = serve(upload_folder=folder, upload_ttl=1)
    path = f"/api/v2/files/{send(server)['id']}"
    assert wait_until(lambda: call(server, "GET", path).status_code == 404, 20)


@pytest.mark.attack(
    "request",
    "uploads of more bytes than one may have, or a client, or all",
    "refused with 413 or 507",
)
def test_bounds_of_uploads(serve: Serve, folder: Path) -> None:
    server = serve(
        upload_folder=folder, upload_bytes_per_client=100_000, upload_bytes=160_000,
        api_tokens=f"{MINE} {OTHERS}",
    )  # fmt: skip
    mine, others = ({"Authorization": f"Bearer {token}"} for token in (MINE, OTHERS))
    for content in (b"x" * 100_001, iter([b"x" * 100_001])):
        response = call(server, "POST", "/api/v2/files", data=content, headers=mine)
        assert response.status_code == 413
        assert message(response) == "An upload may have 100000 bytes at most"
    send(server, b"x" * 90_000, headers=mine)
    response = call(server, "POST", "/api/v2/files", data=b"x", headers=mine)
    assert (response.status_code, "together" in message(response)) == (413, True)
    response = call(server, "POST", "/api/v2/files", data=b"x" * 90_000, headers=others)
    assert (response.status_code, "160000 bytes" in message(response)) == (507, True)
    assert len(list(folder.glob("*/*"))) == 1
    send(server, b"x", headers=others)


def test_an_upload_larger_than_any_body(serve: Serve, folder: Path) -> None:
    server = serve(upload_folder=folder, max_body=10_000)
    assert executed(call(server, "POST", "/api/v2/execute", with_upload(send(server)))) == LISTED


@pytest.mark.attack("request", "an upload that breaks off", "nothing is left of it")
def test_a_client_that_hangs_up_leaves_nothing(uploads: Server, folder: Path) -> None:
    with socket.create_connection(("127.0.0.1", uploads.port), timeout=20) as client:
        client.sendall(
            b"POST /api/v2/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
            + DATA
        )
        assert wait_until(lambda: list(folder.glob("*/*/content")) != [], 20)
        assert call(uploads, "GET", "/api/v2/files").json() == []
    assert wait_until(lambda: list(folder.glob("*/*")) == [], 20)


@pytest.mark.parametrize("value", [None, 1, "", ["a"], {}])
def test_what_an_upload_is_named_by(uploads: Server, value: Any) -> None:
    response = call(uploads, "POST", "/api/v2/execute", with_upload({"id": value}))
    expected = (404, "There is no upload : send it again if it has expired")
    if value != "":
        expected = (400, "files[1].content is required as a string")
    assert (response.status_code, message(response)) == expected
