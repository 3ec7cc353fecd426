"""The store: bounded in bytes, the least recently used go first, and no trouble of a disk matters."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.execution.compiling.store import Store

BLOCK = 4096


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(parent: Path) -> Iterator[Store]:
    """Return a store with room for three entries of a block."""
    store = Store(3 * BLOCK)
    yield store
    store.close()
    assert list(parent.iterdir()) == []


def read(store: Store, key: str) -> bytes | None:
    file = store.open(key)
    if file is None:
        return None
    with file:
        return file.read()


def path_of(parent: Path, key: str) -> Path:
    (folder,) = parent.iterdir()
    return folder / key


def test_what_is_kept_is_found(store: Store, parent: Path) -> None:
    assert read(store, "a") is None
    assert store.put("a", [b"one", b"two"])
    assert read(store, "a") == b"onetwo"
    assert read(store, "b") is None
    assert stat.S_IMODE(path_of(parent, "a").stat().st_mode) == 0o600


def test_nothing_is_on_disk_before_the_first_entry(store: Store, parent: Path) -> None:
    assert list(parent.iterdir()) == []


def test_the_least_recently_used_goes(store: Store, parent: Path) -> None:
    for key in "abc":
        store.put(key, [key.encode()])
    assert read(store, "a") == b"a"
    store.put("d", [b"d"])
    assert [key for key in "abcd" if key in store] == ["a", "c", "d"]
    assert not path_of(parent, "b").exists()
    stats = store.stats()
    assert (stats.bytes, stats.entries, stats.evictions) == (3 * BLOCK, 3, 1)


def test_a_large_one_takes_the_place_of_several(store: Store) -> None:
    for key in "abc":
        store.put(key, [b"x"])
    assert store.put("d", [bytes(BLOCK + 1)])
    assert [key for key in "abcd" if key in store] == ["c", "d"]
    assert store.stats().bytes == 3 * BLOCK


def test_one_that_is_too_large_takes_no_place(store: Store) -> None:
    store.put("a", [b"x"])
    assert not store.put("b", [bytes(3 * BLOCK + 1)])
    assert "a" in store
    assert "b" not in store


def test_an_entry_stays_as_it_is(store: Store) -> None:
    store.put("a", [b"first"])
    assert store.put("a", [b"second"])
    assert read(store, "a") == b"first"
    assert store.stats().entries == 1


def test_an_eviction_takes_nothing_from_a_reader(store: Store) -> None:
    store.put("a", [b"a"])
    file = store.open("a")
    assert file is not None
    with file:
        for key in "bcd":
            store.put(key, [b"x"])
        assert "a" not in store
        assert file.read() == b"a"


def test_a_file_that_is_gone_is_no_entry(store: Store, parent: Path) -> None:
    store.put("a", [b"a"])
    path_of(parent, "a").unlink()
    assert read(store, "a") is None
    assert store.stats().bytes == 0
    assert store.put("a", [b"a"])


def fill_disk(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    """Have so many files not fit on the disk."""
    left = iter(range(failures))
    real = os.fdopen

    def fdopen(descriptor: int, *options: Any) -> Any:
        if next(left, None) is not None:
            os.close(descriptor)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, *options)

    monkeypatch.setattr(os, "fdopen", fdopen)


def test_on_a_full_disk_others_make_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in "ab":
        store.put(key, [b"x"])
    fill_disk(monkeypatch, 1)
    assert store.put("c", [b"c"])
    assert [key for key in "abc" if key in store] == ["b", "c"]


def test_on_a_full_disk_nothing_may_be_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a", [b"x"])
    fill_disk(monkeypatch, 2)
    assert not store.put("b", [b"b"])
    assert store.stats().bytes == 0


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    store = Store(BLOCK)
    assert not store.put("a", [b"a"])
    assert read(store, "a") is None
    store.close()
