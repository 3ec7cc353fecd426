"""The store of uploads: whose they are, how long they last, what they may take."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.config.settings import Settings
from bitrun.execution.uploads import MIN_CHARGE, Uploads, default_folder, random_id
from bitrun.model.errors import (
    RequestError,
    StorageError,
    UploadNotFound,
    UploadsFull,
    UploadTooLarge,
)

KIB = 1024
TTL = 100


def store(folder: Path, **settings: Any) -> Uploads:
    return Uploads(Settings(upload_folder=folder / "uploads", upload_ttl=TTL, **settings))


def age(uploads: Uploads, upload_id: str, seconds: float) -> None:
    (content,) = uploads.folder.glob(f"*/{upload_id}/content")
    then = time.time() - seconds
    os.utime(content, (then, then))


def left(uploads: Uploads) -> list[str]:
    """Return what is in the folder, but for its lock."""
    return [path.name for path in uploads.folder.rglob("*") if path.name != "lock"]


@pytest.mark.parametrize("content", [b"", b"x", b"\0\xff" * 100_000])
def test_what_was_stored_comes_back(tmp_path: Path, content: bytes) -> None:
    mine = store(tmp_path).of("me")
    before = time.time()
    upload = mine.receive("Größe 1.csv", [content[:7], content[7:]])
    assert (upload.name, upload.size) == ("Größe 1.csv", len(content))
    assert before - 1 <= upload.expires - TTL <= time.time() + 1
    found, opened = mine.open(upload.id)
    assert (found, bytes(opened)) == (upload, content)
    assert mine.all() == [upload]


def test_groups(tmp_path: Path) -> None:
    mine = store(tmp_path).of("me")
    group, other = random_id(), random_id()
    alone, first = mine.receive("a", [b"1"]), mine.receive("b", [b"2"], group=group)
    second = mine.receive("c", [b"3"], group=group, read_only=True)
    assert [mine.all(), mine.all(group), mine.all(other)] == [[alone], [first, second], []]
    assert (second.group, second.read_only, first.read_only) == (group, True, False)
    for where in ("", other, "..", f"{group}.{first.id}"):
        for call in (mine.find, mine.open, mine.delete):
            with pytest.raises(UploadNotFound):
                call(first.id, where)
    assert bytes(mine.open(first.id, group)[1]) == b"2"
    mine.delete(first.id, group)
    assert mine.all(group) == [second]


def test_what_is_deleted_counts_no_more(tmp_path: Path) -> None:
    uploads = store(tmp_path, upload_bytes_per_client=3 * MIN_CHARGE)
    mine, again = uploads.of("me"), store(tmp_path).of("me")
    kept = [mine.receive("a", [b"x" * 100_000]), mine.receive("b", [])]
    for _ in range(3):
        with pytest.raises(UploadTooLarge, match="together"):
            mine.receive("c", [b""])
        again.delete(kept.pop().id)  # by another process
        kept.append(mine.receive("d", [b"x"]))


def test_it_survives_its_service(tmp_path: Path) -> None:
    upload = store(tmp_path).of("me").receive("a", [b"1"])
    assert store(tmp_path).of("me").find(upload.id) == upload


def test_it_is_its_clients_alone(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    upload = uploads.of("me").receive("a", [b"1"])
    other = uploads.of("someone")
    for call in (other.find, other.open, other.delete):
        with pytest.raises(UploadNotFound):
            call(upload.id)
    assert other.all() == []
    assert uploads.of("me").find(upload.id) == upload
    with pytest.raises(RequestError, match="can't be identified"):
        uploads.of(None)


@pytest.mark.parametrize("upload_id", ["", "a" * 21, "..", "../" * 7, "a" * 20 + "\0", "lock"])
def test_there_is_no_other(tmp_path: Path, upload_id: str) -> None:
    uploads = store(tmp_path)
    uploads.of("me").receive("a", [b"1"])
    with pytest.raises(UploadNotFound):
        uploads.of("me").open(upload_id)


def test_an_id_cannot_be_guessed(tmp_path: Path) -> None:
    mine = store(tmp_path).of("me")
    ids = {mine.receive("a", []).id for _ in range(5)}
    assert len({upload_id[:8] for upload_id in ids}) == 5
    assert {len(upload_id) for upload_id in ids} == {21}  # 126 bits


def test_it_expires(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    mine = uploads.of("me")
    old, new = mine.receive("old", [b"1"]), mine.receive("new", [b"2"])
    age(uploads, old.id, TTL + 1)
    with pytest.raises(UploadNotFound):
        mine.open(old.id)
    assert [upload.id for upload in mine.all()] == [new.id]
    uploads.remove_expired()
    assert set(left(uploads)) >= {new.id, "content", "about"}
    assert len(left(uploads)) == 4
    age(uploads, new.id, TTL + 1)
    uploads.remove_expired()
    assert left(uploads) == []


def test_what_is_open_stays(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    mine = uploads.of("me")
    upload = mine.receive("a", [b"1" * 5000])
    _, content = mine.open(upload.id)
    mine.delete(upload.id)
    assert bytes(content) == b"1" * 5000
    assert mine.all() == []
    with pytest.raises(UploadNotFound):
        mine.delete(upload.id)


def test_bounds(tmp_path: Path) -> None:
    uploads = store(
        tmp_path, upload_bytes=300 * KIB, upload_bytes_per_client=200 * KIB, workdir_size=128 * KIB
    )
    mine, yours = uploads.of("me"), uploads.of("you")
    with pytest.raises(UploadTooLarge, match=f"may have {128 * KIB} bytes"):
        mine.receive("a", [], 128 * KIB + 1)
    with pytest.raises(UploadTooLarge, match=f"may have {128 * KIB} bytes"):
        mine.receive("a", [b"x" * 128 * KIB, b"x"])
    with pytest.raises(UploadTooLarge, match="may have 3 bytes"):
        mine.receive("a", [b"xxxx"], 3)
    assert left(uploads) == [mine.folder.name]
    first = mine.receive("a", [b"x" * 128 * KIB])
    with pytest.raises(UploadTooLarge, match=f"may take {200 * KIB} bytes together"):
        mine.receive("b", [], 80 * KIB)
    mine.receive("b", [b"x"])  # which counts for more
    with pytest.raises(UploadTooLarge, match="together"):
        mine.receive("c", [b"x"])
    yours.receive("a", [b"x"])
    with pytest.raises(UploadsFull, match=f"keeps uploads of {300 * KIB} bytes"):
        yours.receive("b", [b"x"])
    mine.delete(first.id)
    yours.receive("b", [b"x"])


def test_no_bytes_for_uploads(tmp_path: Path) -> None:
    with pytest.raises(UploadTooLarge):
        store(tmp_path, upload_bytes=0).of("me").receive("a", [b"x"])


def test_what_is_received_counts_already(tmp_path: Path) -> None:
    uploads = store(tmp_path, upload_bytes_per_client=2 * MIN_CHARGE)
    mine = uploads.of("me")

    def chunks() -> Iterator[bytes]:
        yield b"x"
        with pytest.raises(UploadTooLarge, match="together"):
            mine.receive("b", [b"x"], MIN_CHARGE)
        uploads.remove_expired()  # which leaves it alone
        yield b"y"

    upload = mine.receive("a", chunks(), MIN_CHARGE + 1)
    assert (upload.size, bytes(mine.open(upload.id)[1])) == (2, b"xy")


def test_clients_at_once_stay_within_the_bounds(tmp_path: Path) -> None:
    uploads = store(tmp_path, upload_bytes=4 * MIN_CHARGE)
    results: list[str] = []

    def send(client: str) -> None:
        try:
            uploads.of(client).receive("a", [b"x"], 1)
            results.append("stored")
        except (UploadsFull, UploadTooLarge) as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=send, args=(str(number),)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["UploadsFull"] * 6 + ["stored"] * 4


def test_nothing_is_left_of_a_broken_upload(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    mine = uploads.of("me")

    def chunks() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionError

    with pytest.raises(StorageError):
        mine.receive("a", chunks())
    assert left(uploads) == [mine.folder.name]
    uploads.remove_expired()
    assert left(uploads) == []


def test_nothing_is_left_of_a_service_that_was_killed(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    mine = uploads.of("me")
    kept = mine.receive("a", [b"x"])
    entry = mine.folder / ("b" * 21)
    entry.mkdir()
    with (entry / "content").open("wb") as content:
        fcntl.flock(content, fcntl.LOCK_EX)
        uploads.remove_expired()
        assert entry.exists()
        with pytest.raises(UploadNotFound):
            mine.open(entry.name)
    uploads.remove_expired()
    assert not entry.exists()
    assert mine.all() == [kept]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    uploads = store(tmp_path)

    class Full(bytes):
        def __len__(self) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"uploads.* is full$"):
        uploads.of("me").receive("a", [Full()])


@pytest.mark.parametrize("name", ["", "a" * 256, "a\0b", "\udc80"])
def test_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="name"):
        store(tmp_path).of("me").receive(name, [b""])


def test_the_folder_is_private(tmp_path: Path) -> None:
    uploads = store(tmp_path)
    uploads.remove_expired()
    assert not uploads.folder.exists()
    uploads.folder.mkdir(mode=0o755)
    with pytest.raises(StorageError, match="no other can enter"):
        uploads.of("me").receive("a", [b""])
    uploads.folder.rmdir()
    uploads.folder.symlink_to(tmp_path)
    with pytest.raises(StorageError, match="no other can enter"):
        uploads.of("me").receive("a", [b""])
    uploads.folder.unlink()
    uploads.of("me").receive("a", [b""])
    assert uploads.folder.stat().st_mode & 0o777 == 0o700
    assert str(os.getuid()) in default_folder().name
