"""The tools, for any transport."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol, Unpack

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from bitrun import __version__
from bitrun.client import BitRunError, Result, RunOptions, Runtime
from bitrun.mcp.wording import describe_result, describe_runtimes

_MEGABYTE = 1024 * 1024
# A service's own limits are lower, and differ between languages.
_MAX_SECONDS = 1_000_000
_MAX_MEGABYTES = 1_000_000
_INSTRUCTIONS = """\
Runs programs in throwaway containers without a network. Nothing is kept from one run to the next:
send all files that a program needs with each call."""


class Runs(Protocol):
    """Runs programs for the tools: an `AsyncClient`, or the service itself."""

    async def runtimes(self) -> Sequence[Runtime]: ...

    async def run(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Result: ...


def make_server(runs: Runs) -> MCPServer:
    server = MCPServer(
        "bitrun", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING"
    )
    read_only = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(structured_output=False, annotations=read_only)
    async def list_languages() -> str:
        """List the languages that can run, with their versions and other names."""
        try:
            return describe_runtimes(await runs.runtimes())
        except BitRunError as error:
            raise ToolError(_advise(error)) from error

    @server.tool(structured_output=False, annotations=read_only)
    async def run_code(  # noqa: PLR0917  the parameters of the tool
        language: Annotated[str, Field(description="A name or alias from list_languages.")],
        code: Annotated[
            str | None, Field(description="The program; leave it out if files hold it.")
        ] = None,
        files: Annotated[
            Mapping[str, str] | None,
            Field(
                description="Text files by relative name, beside the program. Without code the "
                "first of them is the program."
            ),
        ] = None,
        stdin: Annotated[str, Field(description="All of the program's standard input.")] = "",
        args: Annotated[Sequence[str], Field(description="Command line arguments.")] = (),
        version: Annotated[
            str, Field(description="A SemVer range such as 3.x; the newest match runs.")
        ] = "*",
        timeout_seconds: Annotated[
            float | None,
            Field(
                gt=0,
                le=_MAX_SECONDS,
                allow_inf_nan=False,
                description="Lowers the limit of wall time.",
            ),
        ] = None,
        memory_mb: Annotated[
            int | None, Field(gt=0, le=_MAX_MEGABYTES, description="Lowers the memory limit.")
        ] = None,
    ) -> str:
        """Run a program once, in a fresh container, and report how it ended and what it wrote."""
        if code is None and not files:
            raise ToolError(
                "There is nothing to run: pass code, or files whose first is the program."
            )
        options = RunOptions(version=version, files=files or {}, stdin=stdin, args=args)
        if timeout_seconds is not None:
            options["timeout"] = timeout_seconds
        if memory_mb is not None:
            options["memory"] = memory_mb * _MEGABYTE
        try:
            return describe_result(await runs.run(language, code, **options))
        except BitRunError as error:
            raise ToolError(_advise(error)) from error

    return server


def _advise(error: BitRunError) -> str:
    text = str(error).rstrip(".")
    if text.startswith("No language is called"):
        return f"{text}. Call list_languages for all of them."
    return f"{text}."
