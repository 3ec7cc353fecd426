"""Files of a sandbox: single ones by the supervisor, folders by the box's own find, tar and rm.

Whatever these find was made by the client's programs, and they run as its programs do.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits
from bitrun.execution.sandboxes.sandbox import Sandbox
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import (
    Busy,
    CommandInterrupted,
    RequestError,
    SandboxFileNotFound,
)
from bitrun.model.job import File, Job
from bitrun.model.output import Stream
from bitrun.model.output_files import DropReason, Hold, OutputFile, OutputLimits
from bitrun.model.result import Outcome, Verdict

_FIELDS = 5
_FIND, _FORMAT = ("find", "-H", "{}"), r"%y\t%m\t%s\t%T@\t"
_LIST = (*_FIND, "-mindepth", "1", "-maxdepth", "1", "-printf", rf"{_FORMAT}%P\0")
_FIND_ONE = (*_FIND, "-maxdepth", "0", "-printf", rf"{_FORMAT}%f\0")
_LIST_BYTES = 8 << 20  # of a listing
_MAX_SHOWN = 100  # characters of a path in a refusal
_PACK = ("tar", "-c", "-C", "{}", ".")
_UNPACK = ("sh", "-c", 'mkdir -p -- "$1" && tar -x -C "$1"', "sh", "{}")
_APPEND = ("sh", "-c", 'cat >>"$1"', "sh", "{}")
_MAKE_FOLDER = ("mkdir", "-p", "--", "{}")
_COPY = ("cp", "-rT", "--", "{}", "{}")
_MOVE = ("mv", "-nT", "--", "{}", "{}")
_DELETE = ("sh", "-c", 'ls -d -- "$1" >/dev/null && rm -rf -- "$1"', "sh", "{}")

# Seconds since the epoch that every client can write as a date: of the years 1000 to 9999.
_FIRST_TIME, _LAST_TIME = -30_610_224_000.0, 253_402_300_799.0

_KINDS = {"f": "file", "d": "folder", "l": "link"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder: `kind` is `file`, `folder`, `link` or `other`; `size` in bytes.

    `modified_at` are seconds since the epoch, within the years 1000 to 9999. Bytes of the name that
    are no UTF-8 are U+FFFD.
    """

    name: str
    kind: str
    mode: int
    size: int
    modified_at: float


class SandboxFiles:
    """The files of one sandbox; paths are relative to its work directory, "." is that itself."""

    def __init__(
        self, sandbox: Sandbox, settings: Settings, connection: ClientConnection | None
    ) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._connection = connection

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Write a file; missing folders are made.

        Raises:
            FileRejected: it can't be written.
        """
        self._sandbox.write([File(path, content, mode)])

    def read(self, path: str, hold: Hold) -> OutputFile | None:
        """Return a file; None if there is none of this path.

        Raises:
            RequestError: it can't be sent.
            Busy: `hold` has no memory for it.
        """
        largest = self._settings.max_output_file_size
        collected = self._sandbox.collect(_literal(path), OutputLimits(1, largest, largest), hold)
        for dropped in collected.dropped:
            if dropped.reason is DropReason.BUSY:
                raise Busy
            raise RequestError(f"{path} can't be sent: {dropped.message}")
        return collected.files[0] if collected.files else None

    def list(self, path: str) -> list[Entry]:
        """List a folder, in the order of the names.

        Raises:
            SandboxFileNotFound: there is no such folder.
        """
        return sorted(self._entries(_LIST, path), key=lambda entry: entry.name)

    def find(self, path: str) -> Entry | None:
        """Return the entry of one path, of a link that of what it leads to; None without one."""
        try:
            return next(self._entries(_FIND_ONE, path), None)
        except SandboxFileNotFound:
            return None

    def pack(self, path: str) -> Iterator[bytes]:
        """Return a folder as a tar archive, in pieces as they come.

        Raises:
            SandboxFileNotFound: there is no such folder.
        """
        pieces = self._stdout(_PACK, path, 4 * self._settings.workdir_size)
        return chain((next(pieces),), pieces)

    def unpack(self, path: str, archive: bytes) -> None:
        """Unpack a tar archive into a folder, which is made if it is missing.

        Raises:
            RequestError: it is none, or does not fit.
        """
        self._run(_UNPACK, path, stdin=archive)

    def append(self, path: str, content: bytes) -> None:
        """Write at the end of a file.

        Raises:
            RequestError: it can't be written.
        """
        self._run(_APPEND, path, stdin=content)

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it, unless it is there.

        Raises:
            RequestError: it can't be made.
        """
        self._run(_MAKE_FOLDER, path)

    def copy(self, path: str, new: str) -> None:
        """Copy a file, or a folder with all that is in it.

        Raises:
            RequestError: it can't be copied.
        """
        self._run(_COPY, path, new)

    def move(self, path: str, new: str) -> None:
        """Rename a file or a folder; what is there already is never replaced.

        Raises:
            RequestError: it can't be moved.
        """
        self._run(_MOVE, path, new)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it.

        Raises:
            SandboxFileNotFound: there is none.
        """
        try:
            self._run(_DELETE, path)
        except RequestError as error:
            raise SandboxFileNotFound(path) from error

    def _entries(self, command: Sequence[str], path: str) -> Iterator[Entry]:
        found = b"".join(self._stdout(command, path, _LIST_BYTES))
        try:
            entries = [
                _entry(line) for line in found.split(b"\0") if line.count(b"\t") >= _FIELDS - 1
            ]
        except ValueError as error:  # a program of the sandbox has written it, not find
            raise CommandInterrupted(f"{path} can't be listed") from error
        return iter(entries)

    def _run(self, command: Sequence[str], *paths: str, stdin: bytes = b"") -> None:
        job = self._job(command, paths, self._settings.output_limit, stdin)
        result = self._sandbox.run(job, self._connection, is_counted=False).last
        if result.verdict.failed:
            text = result.stderr.decode("utf-8", "replace").strip()
            raise RequestError(text or f"It has ended with {result.verdict.outcome}")

    def _stdout(self, command: Sequence[str], path: str, limit: int) -> Iterator[bytes]:
        stderr = b""
        job = self._job(command, (path,), limit)
        for _, event in self._sandbox.stream(job, self._connection, is_counted=False):
            if isinstance(event, Verdict):
                # It may have been unable to read what is closed to it: what it can is there.
                if event.outcome is Outcome.EXIT and b"No such file" in stderr:
                    raise SandboxFileNotFound(path)
                if event.outcome not in (Outcome.OK, Outcome.EXIT):
                    raise RequestError(f"{path} can't be sent: {event.outcome}")
            elif event[0] is Stream.STDOUT:
                yield event[1]
            else:
                stderr += event[1]

    def _job(
        self, command: Sequence[str], paths: Sequence[str], output: int, stdin: bytes = b""
    ) -> Job:
        # An option is none behind a dot.
        left = iter(paths)
        argv = [f"./{next(left)}" if each == "{}" else each for each in command]
        return build_job(
            Target.of(self._sandbox.runtime),
            self._settings,
            command=argv,
            stdin=stdin,
            limits={
                "run": RequestedLimits(
                    wall_ms=self._settings.sandbox_timeout,
                    output=output,
                    memory=self._sandbox.limits.memory,
                    has_cpu_limit=False,
                )
            },
        )


def read_path(path: str) -> str:
    """Check the path of a file or folder, relative to the work directory; "." is that itself.

    Raises:
        RequestError: it is none, or leaves the directory.
    """
    if "\0" in path:
        raise RequestError("A path can't hold a NUL")
    normal = posixpath.normpath(path or ".")
    if normal.startswith("/") or normal.split("/")[0] == "..":
        raise RequestError(f"The path must stay within the work directory: {path[:_MAX_SHOWN]}")
    return normal


def _literal(path: str) -> str:
    """Return the pattern that matches this path only."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _entry(line: bytes) -> Entry:
    kind, mode, size, modified, name = line.decode("utf-8", "replace").split("\t", _FIELDS - 1)
    modified_at = min(_LAST_TIME, max(_FIRST_TIME, float(modified)))  # in this order for a NaN
    return Entry(name, _KINDS.get(kind, "other"), int(mode, 8), int(size), modified_at)
