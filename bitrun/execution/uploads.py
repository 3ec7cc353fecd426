"""Uploads: files that a client sends once and names in many requests.

The folder is the whole store, without an index in memory: a service that replaces another one, at a
reload or a restart, finds what that one has stored, and so do services that share a folder.

    <folder>/lock                     held while uploads are counted and places are reserved
    <folder>/<client>/<id>/content    locked and of its reserved size while it is received
    <folder>/<client>/<id>/about      JSON, written last: without it the upload does not exist

An upload of a group is `<group>.<id>` in place of `<id>`.

Another store, such as S3, would replace this module: `Uploads` and `ClientUploads` are all that the
others know of it.
"""

import errno
import fcntl
import hashlib
import json
import mmap
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bitrun.config.settings import Settings
from bitrun.model.errors import (
    ClientUnidentified,
    RequestError,
    StorageError,
    UploadNotFound,
    UploadsFull,
    UploadTooLarge,
)
from bitrun.model.job import Content

# What an upload counts for at least, so that limits of bytes are limits of the number, too.
MIN_CHARGE = 1 << 16

# 126 bits. Clients of LibreChat take no ids of another length.
_ID_LENGTH = 21
_SEPARATOR = "."  # in no id
_ID = re.compile(rf"[A-Za-z0-9_-]{{{_ID_LENGTH}}}")
_MAX_NAME = 255  # bytes, Linux's NAME_MAX
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file; `size` in bytes, `stored` and `expires` in seconds since the epoch.

    `group` is the id of what it belongs to, such as the run that has made it; empty if to nothing.
    What programs make of a `read_only` one is of no interest to its client.
    """

    id: str
    name: str
    size: int
    stored: float
    expires: float
    group: str = ""
    read_only: bool = False


class Uploads:
    """The uploads of all clients. Threads and processes share it."""

    def __init__(self, settings: Settings) -> None:
        """Use the folder of these settings, which is created with the first upload."""
        self.folder = settings.upload_folder or default_folder()
        self.ttl = settings.upload_ttl
        self.max_total = settings.upload_bytes
        self.max_of_client = min(settings.upload_bytes_per_client, self.max_total)
        # A larger one could be put into no box.
        self.max_size = min(settings.workdir_size, self.max_of_client)
        self._charges: dict[str, dict[str, int]] = {}  # of complete entries, which never change

    def of(self, client: str | None) -> "ClientUploads":
        """Return the uploads of one client, by the name under which its used boxes are kept.

        Raises:
            ClientUnidentified: the client can't be identified.
        """
        if client is None:
            raise ClientUnidentified("Uploads")
        return ClientUploads(self, hashlib.sha256(client.encode()).hexdigest()[:32])

    def open(self, client: str | None, upload_id: str) -> tuple[Upload, Content]:
        """Return an upload of a client and its content, as `ClientUploads.open`.

        Raises:
            UploadNotFound: this client has none of that id.
            ClientUnidentified: as `of`.
        """
        return self.of(client).open(upload_id)

    def remove_expired(self) -> None:
        """Remove what has expired, and what a service left that ended while it received it."""
        with _storage_errors(self.folder):
            if not self.folder.is_dir():
                return
        with self.locked():
            for client in self._clients():
                for entry in client.iterdir():
                    if self._is_over(entry):
                        remove(entry)
                with suppress(OSError):
                    client.rmdir()  # if it is empty

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store, so that what is counted stays so."""
        with _storage_errors(self.folder):
            make_private(self.folder)
            with (self.folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield

    def charges(self) -> dict[str, int]:
        """Return the bytes that each client's uploads count for, those being received included.

        The store must be held.
        """
        known, self._charges = self._charges, {}
        charges = {}
        for client in self._clients():
            before = known.get(client.name, {})
            complete = self._charges[client.name] = {}
            charges[client.name] = 0
            for entry in entries(client):
                charge = before.get(entry.name)
                if charge is None:
                    charge, is_complete = _charge_of(entry)
                else:
                    is_complete = True
                if is_complete:
                    complete[entry.name] = charge
                charges[client.name] += charge
        return charges

    def _clients(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_dir()]

    def _is_over(self, entry: Path) -> bool:
        try:
            with (entry / "content").open("rb") as content:
                if not (entry / "about").exists():
                    fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    # Its receiver has given up the lock. Perhaps it was complete just now.
                    if not (entry / "about").exists():
                        return True
                return os.fstat(content.fileno()).st_mtime + self.ttl <= time.time()
        except BlockingIOError:
            return False  # it is being received
        except FileNotFoundError:
            return True  # its removal was cut off


class ClientUploads:
    """The uploads of one client; those of others do not exist for it."""

    def __init__(self, store: Uploads, client: str) -> None:
        self._store = store
        self.folder = store.folder / client

    def all(self, group: str = "") -> list[Upload]:
        """Return the uploads of a group, or of none, the oldest first."""
        found = []
        for entry in entries(self.folder):
            its_group, _, upload_id = entry.name.rpartition(_SEPARATOR)
            if its_group == group:
                with suppress(UploadNotFound):
                    found.append(self.find(upload_id, group))
        return sorted(found, key=lambda upload: upload.stored)

    def find(self, upload_id: str, group: str = "") -> Upload:
        """Return an upload.

        Raises:
            UploadNotFound: this client's group has none of that id; it may have expired.
        """
        upload = self._read(upload_id, group)
        if upload.expires <= time.time():
            raise UploadNotFound(upload_id)
        return upload

    def open(self, upload_id: str, group: str = "") -> tuple[Upload, Content]:
        """Return an upload and its content, which stays whatever becomes of the upload.

        It is mapped: the runs that use it at one time share its pages.

        Raises:
            UploadNotFound: as `find`.
        """
        upload = self.find(upload_id, group)
        try:
            with (self._entry(upload_id, group) / "content").open("rb") as content:
                if upload.size == 0:
                    return upload, b""
                return upload, mmap.mmap(content.fileno(), upload.size, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            raise UploadNotFound(upload_id) from error

    def delete(self, upload_id: str, group: str = "") -> Upload:
        """Remove an upload, and return what it was.

        Raises:
            UploadNotFound: as `find`.
        """
        upload = self.find(upload_id, group)
        remove(self._entry(upload_id, group))
        return upload

    def receive(
        self,
        name: str,
        chunks: Iterable[bytes],
        size: int | None = None,
        *,
        group: str = "",
        read_only: bool = False,
    ) -> Upload:
        """Store an upload whose bytes arrive; if they end by an exception, nothing is stored.

        Its size is reserved first: without `size` as much as the client may store.

        Raises:
            RequestError: the name is none for a file.
            UploadTooLarge: it does not fit into what one upload, or this client, may take.
            UploadsFull: all uploads together would take too much.
            StorageError: the folder can't be used.
        """
        _check_name(name)
        upload_id = random_id()
        entry = self._entry(upload_id, group)
        with _storage_errors(self.folder), self._reserved(entry, size) as (content, reserved):
            received = 0
            for chunk in chunks:
                received += len(chunk)
                if received > reserved:
                    raise UploadTooLarge(reserved)
                content.write(chunk)
            content.truncate(received)
            content.flush()
            draft = entry / "about.new"
            draft.write_text(json.dumps({"name": name, "read_only": read_only}))
            draft.rename(entry / "about")
            return self._read(upload_id, group)

    @contextmanager
    def _reserved(self, entry: Path, size: int | None) -> Iterator[tuple[BinaryIO, int]]:
        with self._store.locked():
            reserved = self._room(size)
            entry.mkdir(mode=0o700, parents=True)
            content = (entry / "content").open("wb")
            fcntl.flock(content, fcntl.LOCK_EX)
            # Nothing is allocated by it, but the size counts at once.
            content.truncate(reserved)
        with content:
            try:
                yield content, reserved
            except BaseException:
                remove(entry)
                raise

    def _room(self, size: int | None) -> int:
        """Return how many bytes an upload may take now, of which at least `size` are needed."""
        store = self._store
        if size is not None and size > store.max_size:
            raise UploadTooLarge(store.max_size)
        wanted = MIN_CHARGE if size is None else max(size, MIN_CHARGE)
        charges = store.charges()
        left_of_client = store.max_of_client - charges.get(self.folder.name, 0)
        if wanted > left_of_client:
            raise UploadTooLarge(store.max_of_client, of_client=True)
        left = store.max_total - sum(charges.values())
        if wanted > left:
            raise UploadsFull(store.max_total)
        return min(store.max_size, left_of_client, left) if size is None else size

    def _read(self, upload_id: str, group: str) -> Upload:
        entry = self._entry(upload_id, group)
        try:
            about = json.loads((entry / "about").read_text())
            content = (entry / "content").stat()
        except FileNotFoundError as error:
            raise UploadNotFound(upload_id) from error
        stored = content.st_mtime
        return Upload(upload_id, size=content.st_size, stored=stored, group=group,
                      expires=stored + self._store.ttl, **about)  # fmt: skip

    def _entry(self, upload_id: str, group: str) -> Path:
        if not is_id(upload_id) or (group and not is_id(group)):
            raise UploadNotFound(upload_id)
        return self.folder / (f"{group}{_SEPARATOR}{upload_id}" if group else upload_id)


def random_id() -> str:
    """Return a new id, of an upload or of a group."""
    return secrets.token_urlsafe(_ID_LENGTH)[:_ID_LENGTH]


def is_id(text: str) -> bool:
    """Whether a text could be an id."""
    return _ID.fullmatch(text) is not None


def default_folder() -> Path:
    """Return a folder of this user among the temporary ones."""
    return Path(tempfile.gettempdir(), f"bitrun-uploads-{os.getuid()}")


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing if there is none."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _charge_of(entry: Path) -> tuple[int, bool]:
    """Return the bytes that an entry counts for, and whether it is complete."""
    is_complete = (entry / "about").exists()  # first: then its size is the last one
    try:
        return max((entry / "content").stat().st_size, MIN_CHARGE), is_complete
    except FileNotFoundError:
        return 0, False


def remove(entry: Path) -> None:
    (entry / "about").unlink(missing_ok=True)  # first: from now on there is no such upload
    shutil.rmtree(entry, ignore_errors=True)


def make_private(folder: Path) -> None:
    """Make a folder of this user, or check that it is one.

    Raises:
        StorageError: another user could read it or put something into it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StorageError(f"{folder} must be a folder that this user owns and no other can enter")


def _check_name(name: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise RequestError("The name of the upload is no valid Unicode") from error
    if not 0 < size <= _MAX_NAME or "\0" in name:
        raise RequestError(f"The name of an upload has 1 to {_MAX_NAME} bytes")


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "is full" if error.errno in _NO_ROOM else f"can't be used: {error.strerror}"
        raise StorageError(f"The folder of uploads {folder} {reason}") from error
