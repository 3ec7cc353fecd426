"""The calls of sandboxes: requests and responses.

No I/O, so the clients for threads and for asyncio share it.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict
from urllib.parse import quote

from bitrun.client.calls import (
    Call,
    FileContent,
    check_names,
    file,
    milliseconds,
    number,
    read_result,
    texts,
)
from bitrun.client.errors import Refused
from bitrun.client.results import Output, Result, Stage

PATH = "/api/v3/sandboxes"

OnOutput = Callable[[Output], None]

# Seconds without data that a command may take, if its time limit is the service's.
_LONGEST_COMMAND = 3600.0
_GRACE = 30.0  # seconds from a time limit to its answer

_BAD_REQUEST = 400  # as the service answers


class SandboxOptions(TypedDict, total=False):
    """Options of a sandbox.

    `version` is a SemVer range; `package` is the id of a package, such as `python-science`. `files`
    are there from the beginning, `env` are environment variables of all commands. `memory` is
    bytes, files included. It ends after `minutes` without use. `allowed_domains` are the hosts that
    its programs may reach, of those that the service allows; by default none.
    """

    version: str
    package: str
    files: Mapping[str, FileContent]
    env: Mapping[str, str]
    memory: int
    minutes: int
    allowed_domains: Sequence[str]


class CommandOptions(TypedDict, total=False):
    """Options of a command in a sandbox.

    `cwd` is the folder to run in, by default the work directory. `timeout` is wall time in seconds,
    `output` limits each stream in bytes.
    """

    stdin: str
    cwd: str
    env: Mapping[str, str]
    timeout: float
    output: int


class ProgramOptions(TypedDict, total=False):
    """Options of a program in a sandbox, as those of a run."""

    files: Mapping[str, FileContent]
    stdin: str
    args: Sequence[str]
    compile_args: Sequence[str]
    env: Mapping[str, str]
    timeout: float
    output: int


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """A sandbox as the service describes it.

    It ends at `expires_at` unless it is used. `memory` is bytes. `allowed_domains` are the hosts
    that its programs may reach.
    """

    id: str
    language: str
    version: str
    package: str
    created_at: datetime
    last_active_at: datetime
    expires_at: datetime
    memory: int
    allowed_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxEntry:
    """An entry of a folder: `kind` is `file`, `folder`, `link` or `other`; `size` in bytes."""

    name: str
    kind: str
    mode: int
    size: int
    modified_at: datetime


def create(language: str | None, options: SandboxOptions) -> Call[SandboxInfo]:
    check_names(options, SandboxOptions)
    body: dict[str, Any] = {}
    if language is not None:
        body["language"] = language
    for name in ("version", "package"):
        if name in options:
            body[name] = options[name]
    if files := options.get("files"):
        body["files"] = [file(name, content) for name, content in files.items()]
    if env := options.get("env"):
        body["env"] = dict(env)
    if (memory := number("memory", options.get("memory"))) is not None:
        body["memory"] = memory
    if (minutes := options.get("minutes")) is not None:
        body["expires_after"] = {"anchor": "last_active_at", "minutes": minutes}
    if domains := options.get("allowed_domains"):
        listed = texts("allowed_domains", domains)
        body["network_policy"] = {"type": "allowlist", "allowed_domains": listed}
    return Call("POST", PATH, read_info, body)


def find(sandbox_id: str) -> Call[SandboxInfo]:
    return Call("GET", sandbox_path(sandbox_id), read_info)


def all_own() -> Call[tuple[SandboxInfo, ...]]:
    return Call("GET", PATH, lambda answer: tuple(map(read_info, answer)))


def delete(sandbox_id: str) -> Call[None]:
    return Call("DELETE", sandbox_path(sandbox_id), nothing)


def command(sandbox_id: str, command: str | Sequence[str], options: CommandOptions) -> Call[Stage]:
    check_names(options, CommandOptions)
    body = {"command": command if isinstance(command, str) else list(command)}
    body |= _common(options)
    if "cwd" in options:
        body["cwd"] = options["cwd"]
    path = f"{sandbox_path(sandbox_id)}/exec"
    # Its response comes as a stream.
    return Call("POST", path, nothing, body, timeout=_timeout(options))  # type: ignore[arg-type]


def program(sandbox_id: str, code: str | None, options: ProgramOptions) -> Call[Result]:
    check_names(options, ProgramOptions)
    files = [file(name, content) for name, content in options.get("files", {}).items()]
    if code is not None:
        files.insert(0, {"content": code})
    body: dict[str, Any] = {"files": files} | _common(options)
    for name in ("args", "compile_args"):
        if name in options:
            body[name] = texts(name, options[name])
    path = f"{sandbox_path(sandbox_id)}/run"
    return Call("POST", path, read_result, body, timeout=_timeout(options))


def write(sandbox_id: str, path: str, content: str | bytes, mode: int | None) -> Call[None]:
    query = "" if mode is None else f"?mode={mode:o}"
    data = content.encode() if isinstance(content, str) else content
    return Call("PUT", _file(sandbox_id, path) + query, nothing, content=data)


def read(sandbox_id: str, path: str) -> Call[bytes]:
    return Call("GET", _file(sandbox_id, path), bytes, is_binary=True)


def list_folder(sandbox_id: str, path: str) -> Call[tuple[SandboxEntry, ...]]:
    folder = _file(sandbox_id, path).rstrip("/")
    return Call("GET", f"{folder}/", lambda answer: tuple(map(_read_entry, answer["entries"])))


def remove(sandbox_id: str, path: str) -> Call[None]:
    return Call("DELETE", _file(sandbox_id, path), nothing)


def read_info(answer: Mapping[str, Any]) -> SandboxInfo:
    return SandboxInfo(
        answer["id"],
        answer["language"],
        answer["version"],
        answer["package"],
        read_time(answer["created_at"]),
        read_time(answer["last_active_at"]),
        read_time(answer["expires_at"]),
        answer["memory"],
        tuple(answer.get("network_policy", {}).get("allowed_domains", ())),
    )


def _read_entry(entry: Mapping[str, Any]) -> SandboxEntry:
    return SandboxEntry(
        entry["name"],
        entry["kind"],
        int(entry["mode"], 8),
        entry["size"],
        read_time(entry["modified_at"]),
    )


def read_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _common(options: CommandOptions | ProgramOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "stdin" in options:
        found["stdin"] = options["stdin"]
    if env := options.get("env"):
        found["env"] = dict(env)
    if (timeout := milliseconds("timeout", options.get("timeout"))) is not None:
        found["timeout"] = timeout
    if (output := number("output", options.get("output"))) is not None:
        found["output_limit"] = output
    return found


def _timeout(options: CommandOptions | ProgramOptions) -> float:
    return options.get("timeout", _LONGEST_COMMAND) + _GRACE


def sandbox_path(sandbox_id: str) -> str:
    return f"{PATH}/{quote(sandbox_id, safe='')}"


def _file(sandbox_id: str, path: str) -> str:
    return f"{sandbox_path(sandbox_id)}/files/{quote(_within(path))}"


def _within(path: str) -> str:
    """Return a path that no URL's dots lead out of the sandbox, as into another one.

    Raises:
        Refused: it leaves the work directory.
    """
    normal = posixpath.normpath(path or ".")
    if normal.startswith("/") or normal.split("/")[0] == "..":
        raise Refused(f"The path must stay within the work directory: {path}", _BAD_REQUEST)
    end = "/" if path.endswith("/") and normal != "." else ""
    return "" if normal == "." else f"{normal}{end}"


def nothing(_: Any) -> None:
    """Read an answer that has nothing for the caller."""
