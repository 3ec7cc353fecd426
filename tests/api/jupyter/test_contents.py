"""The files of kernels, by Jupyter's contents API."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.jupyter import JupyterClient, catalogue
from tests.support.server import Server


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return catalogue(tmp_path_factory.mktemp("languages"))


class Files:
    """The files of one kernel."""

    def __init__(self, client: JupyterClient, kernel_id: str) -> None:
        self.id = kernel_id
        self.client = client

    def call(self, method: str, path: str = "", **options: Any) -> requests.Response:
        return self.client.call(method, f"/api/contents/{self.id}{path}", **options)

    def get(self, path: str = "", **query: Any) -> dict[str, Any]:
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def names(self, path: str = "") -> list[str]:
        return [each["name"] for each in self.get(path)["content"]]

    def put(self, path: str, content: Any, **fields: Any) -> requests.Response:
        model = {"type": "file", "format": "text", "content": content} | fields
        return self.call("PUT", path, json=model)


@pytest.fixture
def files(share: Callable[..., Server], languages: Path) -> Iterator[Files]:
    client = JupyterClient(share(languages=languages, dialects="jupyter sandboxes"))
    with client.kernel("echo") as kernel_id:
        yield Files(client, kernel_id)


def test_a_file_in_and_out(files: Files) -> None:
    made = files.put("/data/in.csv", "a,é\n")
    assert made.status_code == 201
    assert (
        made.json().items()
        >= {
            "name": "in.csv",
            "path": f"{files.id}/data/in.csv",
            "type": "file",
            "size": 5,
            "content": None,
            "format": None,
        }.items()
    )
    assert files.put("/data/in.csv", "b\n").status_code == 200
    found = files.get("/data/in.csv")
    assert (found["content"], found["format"], found["mimetype"]) == ("b\n", "text", "text/csv")
    download = files.client.call("GET", f"/files/{files.id}/data/in.csv")
    assert download.content == b"b\n"
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["X-Content-Type-Options"] == "nosniff"


def test_bytes_in_parts(files: Files) -> None:
    content = bytes(range(256)) * 4000
    pieces = [content[start : start + 400_000] for start in range(0, len(content), 400_000)]
    for number, piece in enumerate(pieces, start=1):
        chunk = number if piece is not pieces[-1] else -1
        encoded = base64.b64encode(piece).decode()
        answer = files.put("/large.bin", encoded, format="base64", chunk=chunk)
        assert answer.status_code in (200, 201)
    found = files.get("/large.bin")
    assert found["format"] == "base64"
    assert base64.b64decode(found["content"]) == content


def test_folders(files: Files) -> None:
    root = files.client.call("GET", "/api/contents").json()
    assert (root["path"], root["writable"]) == ("", False)
    assert [each["path"] for each in root["content"]] == [files.id]
    files.put("/d/a.txt", "a")
    files.put("/.hidden", "a")
    assert files.call("PUT", "/e", json={"type": "directory"}).json()["type"] == "directory"
    assert files.names() == ["d", "e"]
    (entry,) = files.get("/d")["content"]
    assert (entry["path"], entry["size"], entry["content"]) == (f"{files.id}/d/a.txt", 1, None)
    assert files.get("/d", content=0)["content"] is None
    assert files.get("", type="directory")["format"] == "json"


def test_a_notebook(files: Files) -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    files.put("/n.ipynb", notebook, type="notebook", format="json")
    found = files.get("/n.ipynb")
    assert (found["type"], found["format"], found["content"]) == ("notebook", "json", notebook)


@pytest.mark.parametrize("depth", [150, 400, 900, 100_000])
def test_a_notebook_that_is_nested_deeply(files: Files, depth: int) -> None:
    deep = '{"a":' + "[" * depth + "]" * depth + "}"
    files.put("/n.ipynb", deep)
    answer = files.call("GET", "/n.ipynb")
    body = f'{{"type": "notebook", "content": {deep}}}'
    saved = files.call("PUT", "/m.ipynb", data=body)
    expected = (200, 201) if depth == 150 else (400, 400)
    assert (answer.status_code, saved.status_code) == expected, answer.text


def test_times_beyond_all_dates(files: Files) -> None:
    sandboxes = f"{files.client.url.removesuffix('/jupyter')}/api/v3/sandboxes"
    (sandbox,) = requests.get(sandboxes, timeout=60).json()
    command = "touch -d @99999999999999 a.txt; touch -d @-99999999999999 b.txt"
    url = f"{sandboxes}/{sandbox['id']}/exec"
    assert requests.post(url, json={"command": command}, timeout=60).json()["code"] == 0
    times = {each["name"]: each["last_modified"][:4] for each in files.get()["content"]}
    assert times == {"a.txt": "9999", "b.txt": "1000"}


def test_new_files_get_free_names(files: Files) -> None:
    def create(**fields: Any) -> str:
        answer = files.call("POST", "", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["name"])

    assert [create(), create(), create(ext=".py")] == [
        "untitled.txt",
        "untitled1.txt",
        "untitled.py",
    ]
    assert [create(type="notebook"), create(type="directory")] == [
        "Untitled.ipynb",
        "Untitled Folder",
    ]
    assert files.get("/Untitled.ipynb")["content"]["nbformat"] == 4
    files.put("/d/a.csv", "1")
    assert create(copy_from=f"{files.id}/d/a.csv") == "a-Copy1.csv"
    assert create(copy_from=f"/{files.id}/d") == "d-Copy1"
    assert files.get("/d-Copy1/a.csv")["content"] == "1"


def test_a_file_is_renamed(files: Files) -> None:
    files.put("/a", "1")
    files.put("/b", "2")
    answer = files.call("PATCH", "/a", json={"path": f"{files.id}/b"})
    assert answer.status_code == 409
    answer = files.call("PATCH", "/a", json={"path": f"{files.id}/c"})
    assert (answer.status_code, answer.json()["path"]) == (200, f"{files.id}/c")
    assert files.names() == ["b", "c"]
    assert files.call("PATCH", "/a", json={"path": f"{files.id}/d"}).status_code == 404


def test_a_file_is_deleted(files: Files) -> None:
    files.put("/d/-f", "")
    assert files.call("DELETE", "/d/-f").status_code == 204
    assert files.call("DELETE", "/d/-f").status_code == 404
    assert files.call("DELETE", "/d").status_code == 204
    assert files.names() == []


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/none", None, 404),
        ("GET", "/%2e%2e/a", None, 400),
        ("GET", "?type=file", None, 400),
        ("GET", "/d?type=file", None, 400),
        ("GET", "/d/a?type=directory", None, 400),
        ("GET", "/d/a?format=x", None, 400),
        ("PUT", "", {"type": "file", "content": ""}, 400),
        ("PUT", "/a", {"content": 5}, 400),
        ("PUT", "/a%00b", {"content": ""}, 400),
        ("PUT", f"/{'n' * 300}", {"content": ""}, 400),
        ("PUT", "/d/a/b", {"content": ""}, 400),
        ("POST", "", {"copy_from": "/etc/passwd"}, 400),
        ("POST", "", {"copy_from": "../../etc/passwd"}, 400),
        ("POST", "", {"copy_from": "ID/../../etc/passwd"}, 400),
        ("POST", "", {"copy_from": "ID/none"}, 400),
        ("POST", "", {"ext": "/../../a"}, 201),
        ("POST", "", {"ext": "\0"}, 400),
        ("POST", "", {"ext": "\ud800"}, 400),
        ("PATCH", "/d", {}, 400),
        ("PATCH", "/d", {"path": "a"}, 400),
        ("PATCH", "/d", {"path": "ID/\ud800"}, 400),
        ("PATCH", "/d", {"path": "ID/../../tmp/a"}, 400),
        ("PATCH", "/d", {"path": "ID"}, 400),
        ("PATCH", "/d", {"path": "ID/d/e"}, 400),
        ("PATCH", "", {"path": "ID/d"}, 400),
        ("DELETE", "", None, 400),
    ],
)
def test_what_is_refused(
    files: Files, method: str, path: str, sent: dict[str, Any] | None, status: int
) -> None:
    files.put("/d/a", "")
    if sent is not None:
        sent = {
            name: value.replace("ID", files.id) if isinstance(value, str) else value
            for name, value in sent.items()
        }
    answer = files.call(method, path, json=sent)
    assert answer.status_code == status, answer.text
    if status != 201:
        assert answer.json()["message"]


def test_the_root_holds_no_files(files: Files) -> None:
    for method, path in (("PUT", "a.ipynb"), ("GET", "a.ipynb"), ("DELETE", "a.ipynb")):
        answer = files.client.call(method, f"/api/contents/{path}", json={"content": ""})
        assert answer.status_code == 404
    answer = files.client.call("POST", "/api/contents", json={})
    assert (answer.status_code, "kernel" in answer.json()["message"]) == (400, True)


def test_links_lead_nowhere_out_of_the_sandbox(
    share: Callable[..., Server], languages: Path
) -> None:
    client = JupyterClient(share(languages=languages, dialects="jupyter"))
    with client.kernel("python3") as kernel_id:
        with client.channels(kernel_id) as channels:
            channels.execute("import os\nos.symlink('/etc/passwd', 'link'); os.mkfifo('pipe')")
        for name in ("link", "pipe"):
            answer = client.call("GET", f"/api/contents/{kernel_id}/{name}")
            assert (answer.status_code, "only regular files" in answer.text) == (400, True)
