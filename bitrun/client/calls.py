"""The calls of the API: how to write each request and how to read its response.

No I/O, so the clients for threads and for asyncio share it.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from bitrun.client.errors import Refused
from bitrun.client.output_files import DroppedFile, OutputFile
from bitrun.client.results import (
    Extension,
    Limit,
    Outcome,
    Package,
    Progress,
    Result,
    Runtime,
    Stage,
    StageName,
    TerminalSize,
    Upload,
    Verdict,
)

Answer = TypeVar("Answer")

FileContent = str | bytes | Upload

# Numbers beyond these are mistakes, and some can't be written in JSON. The service's own limits are
# lower.
_MAX_SECONDS = 1_000_000
_MAX_NUMBER = (1 << 63) - 1

# Options of a run that are numbers, and their fields in a request.
_NUMBERS = {
    "memory": "run_memory_limit",
    "output": "run_output_limit",
    "stack": "run_stack_limit",
    "processes": "run_process_limit",
    "compile_memory": "compile_memory_limit",
    "compile_output": "compile_output_limit",
    "compile_stack": "compile_stack_limit",
    "compile_processes": "compile_process_limit",
}

_FILES = "/api/v2/files"

_STAGES: tuple[StageName, ...] = ("compile", "run")
_OUTCOMES = frozenset(Outcome)
_STATUSES = {None: Outcome.OK, "OL": Outcome.STDOUT, "EL": Outcome.STDERR}


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """A request to send. `read` turns the JSON of the response into the result.

    `json` or `content` is its body. `read` may raise KeyError, TypeError or ValueError. It gets
    bytes if the response `is_binary`. `timeout`, in seconds without data, replaces that of the
    client. With `with_origin` the request names the service's own address as its Origin: a service
    without tokens lets only such requests change packages.
    """

    method: str
    path: str
    read: Callable[[Any], Answer]
    json: Mapping[str, Any] | None = None
    content: bytes | None = None
    with_origin: bool = False
    is_binary: bool = False
    timeout: float | None = None


class RunOptions(TypedDict, total=False):
    """Options of a run.

    `version` is a SemVer range; the newest installed match runs. `files` are in the program's
    folder; without code, the first of them is the program. Text files are compiled, bytes are data,
    as are uploads.
    `timeout` (wall time) and `cpu_time` limit the run stage, in seconds, `memory` in bytes; those
    with `compile_` limit the compile stage. `output` limits each stream and `stack` the
    stack of each process, in bytes, `processes` the number of processes and threads.
    `Runtime.limits` has the defaults and the maxima. An `unbuffered` program writes each line at
    its end, as those of sessions do. `compile_args` are arguments of the compiler, `env` are
    environment variables of both. A `fresh` run gets a new box, where the service reuses them,
    and no cached compilation.
    `output_files` are patterns of files to send back: `*`, `?` and `[...]` within a name, `**` for
    any folders.
    """

    version: str
    files: Mapping[str, FileContent]
    stdin: str
    unbuffered: bool
    fresh: bool
    args: Sequence[str]
    compile_args: Sequence[str]
    env: Mapping[str, str]
    timeout: float
    cpu_time: float
    memory: int
    output: int
    stack: int
    processes: int
    compile_timeout: float
    compile_cpu_time: float
    compile_memory: int
    compile_output: int
    compile_stack: int
    compile_processes: int
    output_files: Sequence[str]


def run(language: str, code: str | None, options: RunOptions) -> Call[Result]:
    return Call("POST", "/api/v2/execute", read_result, job(language, code, **options))


def runtimes() -> Call[tuple[Runtime, ...]]:
    return Call("GET", "/api/v2/runtimes", lambda answer: tuple(map(read_runtime, answer)))


def extensions() -> Call[Mapping[str, Extension]]:
    return Call("GET", "/api/v1/config", _read_extensions)


def packages() -> Call[tuple[Package, ...]]:
    return Call("GET", "/api/v2/packages", lambda answer: tuple(map(read_package, answer)))


def upload(name: str, content: bytes) -> Call[Upload]:
    return Call("POST", f"{_FILES}?name={quote(name, safe='')}", _read_upload, content=content)


def uploads() -> Call[tuple[Upload, ...]]:
    return Call("GET", _FILES, lambda answer: tuple(map(_read_upload, answer)))


def find_upload(upload_id: str) -> Call[Upload]:
    return Call("GET", f"{_FILES}/{quote(upload_id, safe='')}", _read_upload)


def delete_upload(upload_id: str) -> Call[Upload]:
    return Call("DELETE", f"{_FILES}/{quote(upload_id, safe='')}", _read_upload)


def install(name: str, version: str) -> Call[Package]:
    body = {"language": name, "version": version}
    return Call("POST", "/api/v2/packages", _read_changed(installed=True), body, with_origin=True)


def uninstall(name: str, version: str) -> Call[Package]:
    body = {"language": name, "version": version}
    return Call(
        "DELETE", "/api/v2/packages", _read_changed(installed=False), body, with_origin=True
    )


def job(language: str, code: str | None = None, **options: Unpack[RunOptions]) -> dict[str, Any]:
    """Write a job as `execute` and the `init` message of `connect` take it.

    Raises:
        Refused: a limit is no possible time or size.
        TypeError: there is no such option.
    """
    return write_job(language, code, options, RunOptions)


def write_job(
    language: str, code: str | None, options: RunOptions, kind: type[RunOptions]
) -> dict[str, Any]:
    """Write the part of a job that all calls share; `kind` has all options of the call."""
    check_names(options, kind)
    files = [file(name, content) for name, content in options.get("files", {}).items()]
    if code is not None:
        files.insert(0, {"content": code})
    limits = {
        "run_timeout": milliseconds("timeout", options.get("timeout")),
        "run_cpu_time": milliseconds("cpu_time", options.get("cpu_time")),
        "compile_timeout": milliseconds("compile_timeout", options.get("compile_timeout")),
        "compile_cpu_time": milliseconds("compile_cpu_time", options.get("compile_cpu_time")),
    } | {field: number(name, options.get(name)) for name, field in _NUMBERS.items()}
    body: dict[str, Any] = {
        "language": language,
        "version": options.get("version", "*"),
        "files": files,
        "stdin": options.get("stdin", ""),
        "args": texts("args", options.get("args", ())),
    }
    # Piston does not know the following.
    if options.get("unbuffered"):
        body["unbuffered"] = True
    if options.get("fresh"):
        body["fresh"] = True
    if output_files := options.get("output_files"):
        body["output_files"] = texts("output_files", output_files)
    if compile_args := options.get("compile_args"):
        body["compile_args"] = texts("compile_args", compile_args)
    if env := options.get("env"):
        body["env"] = dict(env)
    return body | {name: value for name, value in limits.items() if value is not None}


def texts(name: str, value: Iterable[str]) -> list[str]:
    """List texts; one text alone would be taken for its characters."""
    if isinstance(value, str):
        raise TypeError(f"{name} is a list of texts: [{value!r}], not {value!r}")
    return list(value)


def session(
    language: str, code: str | None, tty: TerminalSize | None, options: RunOptions
) -> dict[str, Any]:
    """Write a job as the `init` message of `connect` takes it.

    A `timeout` of -1 stands for the longest time that a session may take.
    """
    if is_longest := options.get("timeout") == -1:
        options = options.copy()
        del options["timeout"]
    fields = job(language, code, **options)
    if is_longest:
        fields["run_timeout"] = -1
    return fields if tty is None else fields | {"tty": tty._asdict()}


def read_result(answer: Mapping[str, Any]) -> Result:
    """Read the response of `execute`, whose `run` is a copy of `compile` if compiling failed."""
    found = [read_stage(name, answer[name]) for name in _STAGES if name in answer]
    if not found[0].verdict.ok:
        del found[1:]
    return Result(
        answer["language"],
        answer["version"],
        tuple(found),
        read_files(answer),
        read_dropped_files(answer),
    )


def read_files(answer: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    return tuple(map(read_file, answer.get("files", ())))


def read_dropped_files(answer: Mapping[str, Any]) -> tuple[DroppedFile, ...]:
    return tuple(map(read_dropped, answer.get("files_dropped", ())))


def read_file(entry: Mapping[str, Any]) -> OutputFile:
    content = entry["content"]
    is_text = entry["encoding"] == "utf8"
    return OutputFile(
        entry["name"], content.encode() if is_text else base64.b64decode(content, validate=True)
    )


def read_dropped(entry: Mapping[str, Any]) -> DroppedFile:
    return DroppedFile(entry["name"], entry["reason"], entry["message"])


def read_verdict(stage: Mapping[str, Any]) -> Verdict:
    return Verdict(
        outcome=_read_outcome(stage),
        code=stage["code"],
        signal=stage["signal"],
        status=stage["status"],
        message=stage["message"],
        detail=stage.get("detail", stage["message"]),  # Piston has none
        oom_killed=stage.get("oom_killed", False),
        wall_ms=stage["wall_time"],
        cpu_ms=stage["cpu_time"],
        memory=stage["memory"],
    )


def _read_outcome(stage: Mapping[str, Any]) -> Outcome:
    """Read the word that BitRun adds; without a known one, as from Piston, compute it."""
    word = stage.get("verdict")
    return Outcome(word) if word in _OUTCOMES else _compute_outcome(stage)


def _compute_outcome(stage: Mapping[str, Any]) -> Outcome:
    status = stage["status"]
    if status in _STATUSES:
        return _STATUSES[status]
    if status == "TO":
        # Only the sentence says which of the two times it was.
        is_wall_time = "wall clock" in (stage["message"] or "")
        return Outcome.WALL_TIME if is_wall_time else Outcome.CPU_TIME
    if stage.get("oom_killed", False):
        return Outcome.MEMORY
    return Outcome.EXIT if stage["signal"] is None else Outcome.SIGNAL


def read_progress(payload: Mapping[str, Any]) -> Progress | None:
    """Read an object of a build's stream; None for the last one, which is the result."""
    if "line" not in payload:
        return None
    return Progress(payload["line"], payload.get("step"), payload.get("steps"))


def file(name: str, content: FileContent) -> dict[str, str]:
    if isinstance(content, Upload):
        return {"name": name, "upload": content.id}
    if isinstance(content, str):
        return {"name": name, "content": content}
    return {"name": name, "content": base64.b64encode(content).decode(), "encoding": "base64"}


def milliseconds(name: str, seconds: float | None) -> int | None:
    if seconds is None:
        return None
    if not 0 <= seconds <= _MAX_SECONDS:  # or not a number
        raise Refused(f"{name} must be a number of seconds from 0 to {_MAX_SECONDS}")
    # 0 would stand for the default of the service.
    return max(1, round(seconds * 1000))


def number(name: str, value: Any) -> int | None:
    # -1 stands for the most that the service allows.
    if value is not None and not -1 <= value <= _MAX_NUMBER:
        unit = "processes" if name.endswith("processes") else "bytes"
        raise Refused(f"{name} must be a number of {unit} up to {_MAX_NUMBER}")
    number: int | None = value
    return number


def read_stage(name: StageName, stage: Mapping[str, Any]) -> Stage:
    return Stage(
        name,
        stage["stdout"],
        stage["stderr"],
        stage["output"],
        read_verdict(stage),
        stage.get("cached", False),
    )


def check_names(options: Mapping[str, object], kind: type) -> None:
    """Refuse an unknown option as Python refuses an unknown keyword argument."""
    known: frozenset[str] = kind.__optional_keys__  # type: ignore[attr-defined]
    for name in options:
        if name not in known:
            similar = get_close_matches(name, known, n=1, cutoff=0.7)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            raise TypeError(f"There is no option {name}{hint}")


def read_runtime(entry: Mapping[str, Any]) -> Runtime:
    limits = {
        name: Limit(limit["default"], limit["maximum"])
        for name, limit in entry.get("limits", {}).items()  # Piston has none
    }
    return Runtime(
        entry["language"], entry["version"], tuple(entry["aliases"]), entry.get("runtime"), limits
    )


def _read_upload(entry: Mapping[str, Any]) -> Upload:
    expires_at = datetime.fromisoformat(entry["expires_at"])
    return Upload(entry["id"], entry["name"], entry["size"], expires_at)


def read_package(entry: Mapping[str, Any]) -> Package:
    return Package(
        entry["language"],
        entry["language_version"],
        entry["installed"],
        tuple(entry.get("libraries", ())),  # Piston has none
    )


def _read_extensions(answer: Mapping[str, Any]) -> Mapping[str, Extension]:
    return {
        extension.removeprefix("."): Extension(
            entry["language"], entry["package"], entry["installed"]
        )
        for extension, entry in answer.items()
    }


def _read_changed(*, installed: bool) -> Callable[[Any], Package]:
    return lambda answer: Package(answer["language"], answer["version"], installed)
