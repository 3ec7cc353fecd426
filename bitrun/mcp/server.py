"""The tools, for any transport."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Protocol, Unpack

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    CallToolResult,
    ContentBlock,
    InputRequiredResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, Field, ValidationError

from bitrun import __version__
from bitrun.client import BitRunError, Package, Result, RunOptions, Runtime
from bitrun.mcp.content import describe_files, file_content, split_files
from bitrun.mcp.limits import DEFAULT_SECONDS, choose_seconds, put_limits
from bitrun.mcp.output import Languages, RunOutput, list_runtimes, max_seconds, run_output
from bitrun.mcp.program import ToolFile, read_program
from bitrun.mcp.wording import describe_languages, describe_result

_MEGABYTE = 1024 * 1024
# A service's own limits are lower, and differ between languages.
_MAX_SECONDS = 1_000_000
_MAX_MEGABYTES = 1_000_000
_MAX_SHOWN = 60  # characters of a value in a refusal
_INSTRUCTIONS = """\
Runs programs in throwaway containers, by default without a network. Nothing is kept from one run to
the next: send all files that a program needs with each call."""


class Runs(Protocol):
    """Runs programs for the tools: an `AsyncClient`, or the service itself."""

    async def runtimes(self) -> Sequence[Runtime]: ...

    async def packages(self) -> Sequence[Package]: ...

    async def run(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Result: ...


def make_server(runs: Runs) -> MCPServer:
    server = _Server(runs)
    read_only = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(structured_output=True, annotations=read_only)
    async def list_languages() -> Annotated[CallToolResult, Languages]:
        """List the languages that can run: versions, other names, limits, libraries."""
        try:
            found = list_runtimes(await runs.runtimes(), await runs.packages())
        except BitRunError as error:
            raise ToolError(_advise(error)) from error
        return _result(describe_languages(found.languages), found)

    @server.tool(structured_output=True, annotations=read_only)
    async def run_code(  # noqa: PLR0917  the parameters of the tool
        language: Annotated[str, Field(description="A name or alias from list_languages.")],
        code: Annotated[
            str | None, Field(description="The program; leave it out if files hold it.")
        ] = None,
        files: Annotated[
            Mapping[str, str] | Sequence[ToolFile] | None,
            Field(
                description="Files beside the program: an object from relative names to texts, or "
                "a list of objects with name, content and encoding, utf8 or base64."
            ),
        ] = None,
        entry: Annotated[
            str | None,
            Field(
                description="The name of the program: the one of files that runs, if there are "
                "several and no code; with code, the name that its file gets."
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
                description="Limit of wall time, a number above 0; list_languages has the most of "
                f"each language. Default: {DEFAULT_SECONDS:g}, or the most if that is less.",
            ),
        ] = None,
        memory_mb: Annotated[
            int | None,
            Field(
                gt=0,
                le=_MAX_MEGABYTES,
                description="Limit of memory, a whole number up to that of list_languages, which "
                "is the default.",
            ),
        ] = None,
        output_files: Annotated[
            Sequence[str],
            Field(
                description="Files that the program makes, to be shown: a list of patterns such as "
                "plot.png, *.csv or out/**."
            ),
        ] = (),
    ) -> Annotated[CallToolResult, RunOutput]:
        """Run a program once, in a fresh container, and report how it ended and what it wrote."""
        code, contents = read_program(code, files, entry)
        options = RunOptions(
            version=version, files=contents, stdin=stdin, args=args, output_files=output_files
        )
        if memory_mb is not None:
            options["memory"] = memory_mb * _MEGABYTE
        try:
            seconds = choose_seconds(timeout_seconds, language, await runs.runtimes())
            if seconds is not None:
                options["timeout"] = seconds
            result = await runs.run(language, code, **options)
        except BitRunError as error:
            raise ToolError(_advise(error)) from error
        text = "\n\n".join([describe_result(result), *describe_files(result)])
        shown, _ = split_files(result)
        return _result(text, run_output(result), *map(file_content, shown))

    return server


class _Server(MCPServer):
    """Refuses unknown arguments, and says in sentences what does not fit.

    The SDK ignores what a tool does not know, and passes on the errors of its validation.
    """

    def __init__(self, runs: Runs) -> None:
        super().__init__(
            "bitrun", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING"
        )
        self._runs = runs

    async def list_tools(self) -> list[Tool]:
        """List the tools with the limits that the service has now."""
        tools = [tool.model_copy(deep=True) for tool in await super().list_tools()]
        maxima = await self._find_maxima()
        for tool in tools:
            tool.input_schema["additionalProperties"] = False
            if maxima and "timeout_seconds" in tool.input_schema["properties"]:
                put_limits(tool.input_schema["properties"]["timeout_seconds"], maxima)
        return tools

    async def _find_maxima(self) -> set[float]:
        """Return the seconds that languages may take; none if the service does not answer."""
        try:
            runtimes = await self._runs.runtimes()
        except BitRunError:
            return set()
        return {seconds for each in runtimes if (seconds := max_seconds(each)) is not None}

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        tool = next((each for each in await super().list_tools() if each.name == name), None)
        if tool is not None:
            _refuse_unknown(arguments, tool.input_schema["properties"])
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if tool is not None and isinstance(cause, ValidationError):
                properties = tool.input_schema["properties"]
                raise ToolError(_misfit(arguments, cause, properties)) from cause
            # Without the SDK's words before it.
            raise (cause if isinstance(cause, ToolError) else error) from None


def _refuse_unknown(arguments: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in arguments:
        if name not in known:
            similar = get_close_matches(name[:_MAX_SHOWN], known, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(known)}."
            raise ToolError(f"There is no argument {name[:_MAX_SHOWN]}; {hint}")


def _misfit(
    arguments: Mapping[str, Any], error: ValidationError, properties: Mapping[str, Any]
) -> str:
    """Say of the first argument that does not fit what it is, and what it should be."""
    name = str(error.errors()[0]["loc"][0])
    description = properties[name]["description"]
    if name not in arguments:
        return f"{name} is missing: {description}"
    return f"{name} can't be {json.dumps(arguments[name])[:_MAX_SHOWN]}: {description}"


def _result(text: str, output: BaseModel, *files: ContentBlock) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text), *files],
        structured_content=output.model_dump(mode="json"),
    )


def _advise(error: BitRunError) -> str:
    text = str(error).rstrip(".")
    if text.startswith("No language is called"):
        return f"{text}. Call list_languages for all of them."
    return f"{text}."
