"""Files of a sandbox: single ones by the supervisor, folders by the box's own find, tar and rm.

Whatever these find was made by the client's programs, and they run as its programs do.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits
from bitrun.execution.sandboxes.sandbox import Sandbox
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, RequestError, SandboxFileNotFound
from bitrun.model.job import File, Job
from bitrun.model.output import Stream
from bitrun.model.output_files import DropReason, Hold, OutputFile, OutputLimits
from bitrun.model.result import Outcome, Verdict

_FIELDS = 5
_LIST = (
    "find",
    "-H",
    "{}",
    "-mindepth",
    "1",
    "-maxdepth",
    "1",
    "-printf",
    r"%y\t%m\t%s\t%T@\t%P\0",
)
_LIST_BYTES = 8 << 20  # of a listing
_PACK = ("tar", "-c", "-C", "{}", ".")
_UNPACK = ("sh", "-c", 'mkdir -p -- "$1" && tar -x -C "$1"', "sh", "{}")
_DELETE = ("sh", "-c", 'ls -d -- "$1" >/dev/null && rm -rf -- "$1"', "sh", "{}")

_KINDS = {"f": "file", "d": "folder", "l": "link"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder: `kind` is `file`, `folder`, `link` or `other`; `size` in bytes.

    `modified_at` are seconds since the epoch. Bytes of the name that are no UTF-8 are U+FFFD.
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
        listing = b"".join(self._stdout(_LIST, path, _LIST_BYTES))
        entries = [
            _entry(line) for line in listing.split(b"\0") if line.count(b"\t") >= _FIELDS - 1
        ]
        return sorted(entries, key=lambda entry: entry.name)

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
        self._run(_UNPACK, path, archive)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it.

        Raises:
            SandboxFileNotFound: there is none.
        """
        try:
            self._run(_DELETE, path)
        except RequestError as error:
            raise SandboxFileNotFound(path) from error

    def _run(self, command: Sequence[str], path: str, stdin: bytes = b"") -> None:
        job = self._job(command, path, self._settings.output_limit, stdin)
        result = self._sandbox.run(job, self._connection, is_counted=False).last
        if result.verdict.failed:
            text = result.stderr.decode("utf-8", "replace").strip()
            raise RequestError(text or f"It has ended with {result.verdict.outcome}")

    def _stdout(self, command: Sequence[str], path: str, limit: int) -> Iterator[bytes]:
        stderr = b""
        job = self._job(command, path, limit)
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

    def _job(self, command: Sequence[str], path: str, output: int, stdin: bytes = b"") -> Job:
        # An option is none behind a dot.
        argv = [f"./{path}" if each == "{}" else each for each in command]
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


def _literal(path: str) -> str:
    """Return the pattern that matches this path only."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _entry(line: bytes) -> Entry:
    kind, mode, size, modified, name = line.decode("utf-8", "replace").split("\t", _FIELDS - 1)
    return Entry(name, _KINDS.get(kind, "other"), int(mode, 8), int(size), float(modified))
