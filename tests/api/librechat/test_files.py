"""Files of LibreChat's Code API: names, bounds, whose they are, and what is told of them."""

import hashlib
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from bitrun.execution.uploads import is_id
from tests.api.librechat.test_exec import call, content, run, upload
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN

KIB = 1024


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="librechat", api_tokens=f"{RUN} {ADMIN}", run_timeout=30_000)


def multipart(*parts: tuple[str, bytes]) -> dict[str, Any]:
    """Return a body of parts with these dispositions, as no library would write it."""
    lines = b"".join(
        b"--x\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n"
        for head, data in parts
    )
    headers = {"X-API-Key": RUN, "Content-Type": "multipart/form-data; boundary=x"}
    return {"data": lines + b"--x--\r\n", "headers": headers}


def send(server: Server, path: str, **options: Any) -> Any:
    return requests.post(f"{server.url}/librechat/v1/{path}", timeout=60, **options)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("data.csv", "data.csv"),
        ("pptx/scripts/a.py", "pptx/scripts/a.py"),
        ("Größe 1 🦊.csv", "Größe 1 🦊.csv"),
        ("a\\\\b.txt", "a/b.txt"),
        ("./a//b/../c.txt", "a/c.txt"),
        ("%2e%2e%2fa", "%2e%2e%2fa"),
        ("a;b=c.txt", "a;b=c.txt"),
        ("-rf", "-rf"),
        (".hidden", ".hidden"),
        ("", "file"),
    ],
)
def test_names(server: Server, sent: str, kept: str) -> None:
    body = multipart((f'name="file"; filename="{sent}"', b"1"))
    (file,) = send(server, "upload", **body).json()["files"]
    assert file["filename"] == kept
    assert is_id(file["fileId"])


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "C:\\\\x", "a/..", "..", "a/", "x" * 300])
def test_names_that_lead_out(server: Server, name: str) -> None:
    bad, good = f'name="file"; filename="{name}"', 'name="file"; filename="ok.txt"'
    response = send(server, "upload", **multipart((good, b"1"), (bad, b"2")))
    assert response.status_code == 400
    assert "name" in response.json()["error"]
    reply = send(server, "upload/batch", **multipart((bad, b"2"), (good, b"1"))).json()
    assert (reply["message"], reply["succeeded"], reply["failed"]) == ("partial_success", 1, 1)
    assert [each["status"] for each in reply["files"]] == ["error", "success"]
    (left,) = call(server, "GET", f"files/{reply['storage_session_id']}").json()
    assert left.endswith(".txt")


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("upload", {"json": {}}, "Files are sent as multipart/form-data"),
        ("upload", {"data": {"kind": "user"}}, "Files are sent as multipart/form-data"),
        ("upload", multipart(('name="id"', b"1")), "The body has no file"),
        ("upload/batch", multipart(('name="id"', b"1")), "The body has no file"),
        ("upload", multipart(('name="kind"', b"x")), "kind must be one of user, agent, skill"),
        ("upload", multipart(('name="id"', b"x" * 1025)), "A field beside the files may have 1024"),
    ],
)
def test_refusals(server: Server, path: str, body: dict[str, Any], sentence: str) -> None:
    body = {"headers": {"X-API-Key": RUN}} | body
    response = send(server, path, **body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(sentence)


def test_nothing_is_left_of_an_upload_that_fails(
    share: Callable[..., Server], tmp_path: Path
) -> None:
    server = share(
        dialects="librechat", api_tokens=RUN, workdir_size=128 * KIB,
        upload_bytes_per_client=256 * KIB, upload_folder=tmp_path / "uploads",
    )  # fmt: skip
    files = [("file", ("a", b"1")), ("file", ("b", b"x" * 129 * KIB))]
    response = call(server, "POST", "upload", files=files)
    assert response.status_code == 413
    assert response.json() == {"error": f"An upload may have {128 * KIB} bytes at most"}
    upload(server, *((str(number), b"") for number in range(4)))  # as many as there is room for
    reply = call(server, "POST", "upload/batch", files=files)
    assert reply.status_code == 400
    assert reply.json()["message"] == "error"
    assert "Your uploads may take" in reply.json()["error"]


def test_more_than_two_hundred_files(share: Callable[..., Server]) -> None:
    server = share(dialects="librechat", api_tokens=RUN)
    files = [("file", (f"f{number}.txt", b"1")) for number in range(202)]
    reply = call(server, "POST", "upload/batch", files=files).json()
    assert (reply["succeeded"], reply["failed"], reply["maxFiles"]) == (200, 2, 200)
    assert reply["filesLimitReached"] is True
    group = reply["storage_session_id"]
    named = [
        {"id": each["fileId"], "storage_session_id": group, "name": each["filename"]}
        for each in reply["files"][:200]
    ]
    code = "import os; print(len(os.listdir('/mnt/data')))"
    assert run(server, code, files=named)["stdout"] == "201\n"


def test_what_is_told_of_a_file(server: Server) -> None:
    (file,) = upload(server, ("plots/A 1.png", b"12345"), read_only="true")
    group, file_id = file["storage_session_id"], file["id"]
    assert call(server, "GET", f"files/{group}").json() == [f"{group}/{file_id}.png"]
    (summary,) = call(server, "GET", f"files/{group}?detail=summary").json()
    assert summary.keys() == {"name", "size", "lastModified", "etag"}
    assert summary["size"] == 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", summary["lastModified"])
    age = time.time() - datetime.fromisoformat(summary["lastModified"]).timestamp()
    assert -1 < age < 60
    (full,) = call(server, "GET", f"files/{group}?detail=full&kind=user&id=1").json()
    assert full["metadata"]["original-filename"] == "plots/A 1.png"
    assert full["name"].split("/")[1].split(".")[0] == file_id  # as clients of before 2026 do
    (normal,) = call(server, "GET", f"files/{group}?detail=normalized").json()
    assert normal | {"lastModified": ""} == {
        "id": file_id, "name": "plots/A 1.png", "storage_session_id": group, "size": 5,
        "contentType": "image/png", "lastModified": "", "read_only": True,
    }  # fmt: skip
    found = call(server, "GET", f"sessions/{group}/objects/{file_id}").json()
    assert (found["originalFilename"], found["readOnly"]) == ("plots/A 1.png", True)
    response = call(server, "GET", f"download/{group}/{file_id}?kind=user&id=1")
    assert response.content == b"12345"
    headers = response.headers
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''plots%2FA%201.png"
    assert (headers["Content-Type"], headers["Content-Length"]) == ("image/png", "5")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_bytes_come_back(server: Server, size: int) -> None:
    sent = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (file,) = upload(server, ("a.bin", sent))
    assert content(server, file) == sent
    code = "import hashlib; print(hashlib.sha256(open('a.bin', 'rb').read()).hexdigest())"
    assert run(server, code, files=[file])["stdout"] == hashlib.sha256(sent).hexdigest() + "\n"


def test_a_file_that_is_deleted(server: Server) -> None:
    file, other = upload(server, ("a", b"1"), ("b", b"2"))
    path = f"files/{file['storage_session_id']}/{file['id']}"
    assert call(server, "DELETE", path).json() == {
        "message": "File deleted successfully",
        "session_id": file["storage_session_id"], "fileId": file["id"],
    }  # fmt: skip
    assert call(server, "DELETE", path).status_code == 404
    assert content(server, other) == b"2"


@pytest.mark.attack(
    "request", "ids of files of another client, or of another of its runs", "404, as none at all"
)
def test_the_files_of_others(server: Server) -> None:
    (file,) = upload(server, ("secret.txt", b"secret"))
    (own,) = upload(server, ("own.txt", b"own"))
    group, file_id = file["storage_session_id"], file["id"]
    strange = own["storage_session_id"]
    for key, session in ((ADMIN, group), (RUN, strange), (RUN, "a" * 21)):
        for method, path in (
            ("GET", f"download/{session}/{file_id}"),
            ("GET", f"sessions/{session}/objects/{file_id}"),
            ("DELETE", f"files/{session}/{file_id}"),
        ):
            response = call(server, method, path, key)
            assert response.status_code == 404, (key, path)
            assert response.json().keys() == {"error"}
    assert call(server, "GET", f"files/{group}", ADMIN).status_code == 404
    body = {"lang": "py", "code": "print(open('secret.txt').read())", "files": [file]}
    reply = call(server, "POST", "exec", ADMIN, json=body).json()
    assert "There is no upload" in reply["stderr"]
    body["files"] = [file | {"storage_session_id": strange}]
    assert "There is no upload" in call(server, "POST", "exec", json=body).json()["stderr"]
    assert content(server, file) == b"secret"
    for path in (f"download/{group}/1234", "files/..", f"sessions/x/objects/{file_id}"):
        assert call(server, "GET", path).status_code in (400, 404)
