"""Python client of the HTTP API: `Client` for threads, `AsyncClient` for asyncio.

with Client("http://127.0.0.1:5000") as client:
    print(client.run("python", "print(input()[::-1])", stdin="nuRtiB").stdout)
"""

from bitrun.client.background import AsyncBackgroundCommand, BackgroundCommand
from bitrun.client.background_calls import (
    BackgroundOptions,
    CommandInfo,
    CommandOutput,
    CommandStatus,
    TerminalOptions,
)
from bitrun.client.batches import (
    BatchOptions,
    BatchResult,
    Case,
    Compare,
    Judged,
    JudgeEnd,
    JudgeProgram,
    Reason,
)
from bitrun.client.calls import FileContent, RunOptions
from bitrun.client.cells import CellError, CellOptions, CellOutcome, CellResult, Display
from bitrun.client.clients import DEFAULT_URL, AsyncClient, Client
from bitrun.client.errors import (
    AlreadyInstalled,
    BitRunError,
    Busy,
    Failed,
    NotSaved,
    Refused,
    TokenRefused,
    Unreachable,
    Unreadable,
)
from bitrun.client.output_files import DroppedFile, OutputFile
from bitrun.client.results import (
    Ended,
    Event,
    Extension,
    Limit,
    Outcome,
    Output,
    Package,
    Progress,
    Result,
    Runtime,
    Stage,
    Started,
    TerminalSize,
    Upload,
    Verdict,
)
from bitrun.client.sandbox_calls import (
    CommandOptions,
    ProgramOptions,
    SandboxEntry,
    SandboxInfo,
    SandboxOptions,
)
from bitrun.client.sandboxes import AsyncSandbox, Sandbox
from bitrun.client.sessions import AsyncSession, Session

__all__ = [
    "DEFAULT_URL",
    "AlreadyInstalled",
    "AsyncBackgroundCommand",
    "AsyncClient",
    "AsyncSandbox",
    "AsyncSession",
    "BackgroundCommand",
    "BackgroundOptions",
    "BatchOptions",
    "BatchResult",
    "BitRunError",
    "Busy",
    "Case",
    "CellError",
    "CellOptions",
    "CellOutcome",
    "CellResult",
    "Client",
    "CommandInfo",
    "CommandOptions",
    "CommandOutput",
    "CommandStatus",
    "Compare",
    "Display",
    "DroppedFile",
    "Ended",
    "Event",
    "Extension",
    "Failed",
    "FileContent",
    "JudgeEnd",
    "JudgeProgram",
    "Judged",
    "Limit",
    "NotSaved",
    "Outcome",
    "Output",
    "OutputFile",
    "Package",
    "ProgramOptions",
    "Progress",
    "Reason",
    "Refused",
    "Result",
    "RunOptions",
    "Runtime",
    "Sandbox",
    "SandboxEntry",
    "SandboxInfo",
    "SandboxOptions",
    "Session",
    "Stage",
    "Started",
    "TerminalOptions",
    "TerminalSize",
    "TokenRefused",
    "Unreachable",
    "Unreadable",
    "Upload",
    "Verdict",
]
