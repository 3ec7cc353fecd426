"""A backend for LangChain's deep agents: their files and commands are in a sandbox.

It needs the extra `deepagents`. The agent's folder is the work directory of the sandbox, `/box`,
whose files have absolute paths; relative ones begin there. The sandbox needs a package with
python3, which the agent's tools for files use.

    with Client() as client, client.sandbox(package="python-science") as sandbox:
        agent = create_deep_agent(model=..., backend=DeepAgentsSandbox(sandbox))
"""

import base64
import posixpath

from deepagents.backends.protocol import (
    ExecuteResponse,
    FileDownloadResponse,
    FileOperationError,
    FileUploadResponse,
)
from deepagents.backends.sandbox import BaseSandbox

from bitrun.client.errors import BitRunError
from bitrun.client.results import Outcome, Stage
from bitrun.client.sandboxes import Sandbox

_FOLDER = "/box"
_NOT_FOUND = 404

# Of files outside the work directory, which the API of files does not reach.
_READ = ("sh", "-c", 'base64 -w 0 -- "$1"', "sh")
_WRITE = ("sh", "-c", 'mkdir -p -- "$(dirname -- "$1")" && base64 -d > "$1"', "sh")


class DeepAgentsSandbox(BaseSandbox):  # type: ignore[misc]
    """A deep agent's backend in a sandbox, which stays its owner's: this does not end it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def id(self) -> str:
        return self._sandbox.id

    def execute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        """Run a command of the shell; `timeout` is wall time in seconds.

        A command that exceeds a limit has exit code None, and the output ends with a sentence.
        """
        try:
            stage = (
                self._sandbox.exec(command)
                if timeout is None
                else self._sandbox.exec(command, timeout=timeout)
            )
        except BitRunError as error:
            return ExecuteResponse(output=str(error), exit_code=None, truncated=False)
        return _response(stage)

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        return [FileUploadResponse(path, self._write(path, content)) for path, content in files]

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        return [self._read(path) for path in paths]

    def _write(self, path: str, content: bytes) -> FileOperationError | str | None:
        inside = _inside(path)
        try:
            if inside is not None:
                self._sandbox.write(inside, content)
                return None
            packed = base64.b64encode(content).decode()
            stage = self._sandbox.exec([*_WRITE, path], stdin=packed)
        except BitRunError as error:
            return str(error)
        return None if stage.verdict.ok else _reason(stage)

    def _read(self, path: str) -> FileDownloadResponse:
        inside = _inside(path)
        try:
            if inside is not None:
                return FileDownloadResponse(path, self._sandbox.read(inside))
            stage = self._sandbox.exec([*_READ, path])
        except BitRunError as error:
            reason = "file_not_found" if error.status == _NOT_FOUND else str(error)
            return FileDownloadResponse(path, error=reason)
        if not stage.verdict.ok:
            return FileDownloadResponse(path, error=_reason(stage))
        return FileDownloadResponse(path, base64.b64decode(stage.stdout))


def _inside(path: str) -> str | None:
    """Return a path relative to the work directory; None for one elsewhere."""
    whole = posixpath.normpath(posixpath.join(_FOLDER, path))
    return whole.removeprefix(f"{_FOLDER}/") if whole.startswith(f"{_FOLDER}/") else None


def _response(stage: Stage) -> ExecuteResponse:
    verdict, output = stage.verdict, stage.output
    code = verdict.code
    if code is None:
        output = f"{output}\n{verdict.detail or verdict.message or verdict.outcome}".lstrip("\n")
    cut = verdict.outcome in (Outcome.STDOUT, Outcome.STDERR)
    return ExecuteResponse(output=output, exit_code=code, truncated=cut)


def _reason(stage: Stage) -> FileOperationError | str:
    known: dict[str, FileOperationError] = {
        "No such file": "file_not_found",
        "Permission denied": "permission_denied",
        "Read-only file system": "permission_denied",
        "Is a directory": "is_directory",
    }
    found = (reason for words, reason in known.items() if words in stage.stderr)
    return next(found, stage.stderr.strip() or str(stage.verdict.outcome))
