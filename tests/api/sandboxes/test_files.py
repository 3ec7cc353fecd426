"""Files of a sandbox, over HTTP."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server


@pytest.fixture
def box(server: Server) -> Iterator[HttpSandbox]:
    with sandbox(server) as made:
        yield made


@pytest.mark.also_engine
def test_a_file_in_and_out(box: HttpSandbox) -> None:
    content = bytes(range(256)) * 5000
    answer = box.put("data/in [1]*.bin", content, params={"mode": "755"})
    assert answer.json() == {"path": "data/in [1]*.bin", "size": len(content)}
    assert box.sh("stat -c '%s %a' data/*") == f"{len(content)} 755\n"
    found = box.get("data/in [1]*.bin")
    assert found.content == content
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert found.headers["X-File-Mode"] == "0755"


def test_a_part_of_a_file(box: HttpSandbox) -> None:
    box.put("a", b"0123456789")
    part = box.get("a", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"


@pytest.mark.also_engine
def test_a_listing(box: HttpSandbox) -> None:
    box.sh("mkdir d; echo abc >d/f; chmod 640 d/f; ln -s f d/l; touch -d @5 d/f; mkfifo d/p")
    listing = box.get("d").json()
    assert listing["path"] == "d"
    entries = {each["name"]: each for each in listing["entries"]}
    assert entries["f"] == {
        "name": "f", "kind": "file", "mode": "0640", "size": 4, "modified_at": 5.0,
    }  # fmt: skip
    assert {name: each["kind"] for name, each in entries.items()} == {
        "f": "file", "l": "link", "p": "other",
    }  # fmt: skip
    assert [each["name"] for each in box.get().json()["entries"]] == ["d"]
    assert [each["name"] for each in box.call("GET", "/files").json()["entries"]] == ["d"]


@pytest.mark.also_engine
def test_a_folder_as_tar(box: HttpSandbox) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("sub/a.txt")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    headers = {"Content-Type": "application/x-tar"}
    assert box.put("in", packed.getvalue(), headers=headers).status_code == 200
    assert box.sh("cat in/sub/a.txt") == "abc"
    answer = box.get("in", headers={"Accept": "application/x-tar"})
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        member = archive.extractfile("./sub/a.txt")
        assert member is not None
        assert member.read() == b"abc"
    assert box.put("in", b"no tar", headers=headers).status_code == 400


def test_a_file_is_deleted(box: HttpSandbox) -> None:
    box.sh("mkdir d; echo >d/-f")
    assert box.call("DELETE", "/files/d/-f").json() == {"path": "d/-f", "deleted": True}
    assert box.call("DELETE", "/files/d/-f").status_code == 404
    assert box.call("DELETE", "/files/d").status_code == 200
    assert box.sh("ls") == ""


def test_what_is_not_there(box: HttpSandbox) -> None:
    for headers in ({}, {"Accept": "application/x-tar"}):
        answer = box.get("none/a", headers=headers)
        assert answer.status_code == 404
        assert answer.json()["message"] == "There is no file or folder none/a in the sandbox"


def test_what_can_not_be_sent(box: HttpSandbox) -> None:
    box.sh("ln -s /etc/passwd link; mkfifo pipe")
    for name in ("link", "pipe"):
        answer = box.get(name)
        assert (answer.status_code, "only regular files" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("%2e%2e/a", "must stay within the work directory"),
        ("a/%2e%2e/%2e%2e/b", "must stay within the work directory"),
        ("a%00b", "can't hold a NUL"),
        ("a/", "The path of a file is required"),
        ("n" * 300, "too long a name"),
    ],
)
def test_paths_that_are_refused(box: HttpSandbox, path: str, sentence: str) -> None:
    answer = box.put(path, b"")
    assert (answer.status_code, sentence in answer.json()["message"]) == (400, True)


def test_modes_that_are_refused(box: HttpSandbox) -> None:
    for mode in ("9", "1777", "-1", "x"):
        assert box.put("a", b"", params={"mode": mode}).status_code == 400


def test_a_disk_that_is_full(box: HttpSandbox) -> None:
    box.exec("head -c 100M /dev/zero >full")
    answer = box.put("a", bytes(1 << 20))
    assert (answer.status_code, "does not fit" in answer.json()["message"]) == (400, True)
    assert box.sh("rm full; echo room") == "room\n"
