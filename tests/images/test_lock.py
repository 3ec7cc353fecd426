"""The lock for changes of images: who shares it, and where its file may be."""

import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from bitrun.images import lock
from bitrun.images.lock import images_lock
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folders for the file: the one of the machine, and the temporary one."""
    shared, temporary = tmp_path / "shared", tmp_path / "temporary"
    shared.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(lock, "_SHARED_FOLDER", shared)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return shared, temporary


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


class Holder:
    """A thread that takes the lock and keeps it."""

    def __init__(self, engine_id: str) -> None:
        self._release = threading.Event()
        self.entered = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(engine_id,), daemon=True)
        self._thread.start()

    def _hold(self, engine_id: str) -> None:
        with images_lock(engine_id):
            self.entered.set()
            self._release.wait(10)

    def release(self) -> None:
        self._release.set()
        self._thread.join(10)


def test_one_engine_has_one_lock_and_another_has_another() -> None:
    first = Holder("ONE")
    assert first.entered.wait(5)
    second, other = Holder("ONE"), Holder("TWO")
    assert other.entered.wait(5)
    assert not second.entered.wait(0.2)
    first.release()
    assert second.entered.wait(5)
    second.release()
    other.release()


def test_a_wait_is_reported() -> None:
    first = Holder("ONE")
    assert first.entered.wait(5)
    reported: list[str] = []

    def report(line: str) -> None:
        reported.append(line)
        first.release()

    with images_lock("ONE", report):
        pass
    assert reported == ["Waiting for another installation on this machine to end"]
    with images_lock("ONE", report):
        pass
    assert len(reported) == 1


def test_another_process_waits(folders: tuple[Path, Path]) -> None:
    code = (
        "import pathlib, sys; from bitrun.images import lock;"
        "lock._SHARED_FOLDER = pathlib.Path(sys.argv[1]);"
        "lock.images_lock('ONE').__enter__()"
    )
    first = Holder("ONE")
    assert first.entered.wait(5)
    other = subprocess.Popen([sys.executable, "-c", code, str(folders[0])], cwd=ROOT)
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(2)
    first.release()
    assert other.wait(10) == 0


def test_other_users_can_lock_the_file_but_not_write(folders: tuple[Path, Path]) -> None:
    before = os.umask(0o077)
    try:
        with images_lock("ONE"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(only_file(folders[0]).stat().st_mode) == 0o644


def test_an_existing_file_is_opened_without_o_creat(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it, `fs.protected_regular` refuses the files of others, to root as well."""
    with images_lock("ONE"):
        pass
    flags: list[int] = []
    real = os.open

    def recorded(path: Path, flag: int, mode: int = 0o777) -> int:
        flags.append(flag)
        return real(path, flag, mode)

    monkeypatch.setattr(os, "open", recorded)
    with images_lock("ONE"):
        pass
    assert [flag & (os.O_CREAT | os.O_ACCMODE) for flag in flags] == [os.O_RDONLY]
    assert list(folders[1].iterdir()) == []


def test_a_machine_without_the_folder(folders: tuple[Path, Path]) -> None:
    folders[0].rmdir()
    with images_lock("ONE"):
        assert only_file(folders[1]).name.startswith("bitrun-images-")


@pytest.mark.parametrize("kind", ["link", "dangling link", "socket"])
def test_what_another_user_has_put_there(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing is opened through a link, and nothing is created at its end."""
    with images_lock("ONE"):
        pass
    planted, target = only_file(folders[0]), tmp_path / "target"
    planted.unlink()
    with ExitStack() as stack:
        if kind == "socket":
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            monkeypatch.chdir(planted.parent)
            server.bind(planted.name)  # the path of a socket is limited to 107 bytes
        else:
            planted.symlink_to(target)
            if kind == "link":
                target.touch()
        with images_lock("ONE"):
            assert only_file(folders[1]).name == planted.name
        assert target.exists() == (kind == "link")


def test_a_fifo_does_not_block(folders: tuple[Path, Path]) -> None:
    with images_lock("ONE"):
        pass
    planted = only_file(folders[0])
    planted.unlink()
    os.mkfifo(planted)
    holder = Holder("ONE")
    assert holder.entered.wait(5)
    holder.release()


def test_without_any_file_there_is_no_lock(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        folder.rmdir()
    with images_lock("ONE"), images_lock("ONE"):
        pass
