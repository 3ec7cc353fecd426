"""The tools, for any transport."""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    CallToolResult,
    InputRequiredResult,
    Tool,
)
from pydantic import Field, ValidationError

from bitrun import __version__
from bitrun.client import AsyncClient, BitRunError, RunOptions
from bitrun.mcp import sandbox_tools
from bitrun.mcp.answer import READ_ONLY, answer, refusals
from bitrun.mcp.content import describe_files, file_content, missing_files, split_files
from bitrun.mcp.limits import (
    DEFAULT_SECONDS,
    MAX_MEGABYTES,
    MAX_SECONDS,
    choose_seconds,
    put_limits,
)
from bitrun.mcp.output import MEGABYTE, Languages, RunOutput, list_runtimes, max_seconds, run_output
from bitrun.mcp.program import ToolFile, read_program
from bitrun.mcp.sandbox_tools import add_sandbox_tools
from bitrun.mcp.wording import describe_languages, describe_result

_NOT_FOUND = 404
_MAX_SHOWN = 60  # characters of a value in a refusal
_INSTRUCTIONS = """\
Runs programs in throwaway containers, by default without a network. Nothing is kept from one
run_code to the next: send all files that a program needs with each call. Where the service has
sandboxes, create_sandbox makes a container that stays, for work of several steps."""


def make_server(client: AsyncClient) -> MCPServer:
    """Make a server whose tools use this client of a service."""
    server = _Server(client)
    add_sandbox_tools(server, client)

    @server.tool(structured_output=True, annotations=READ_ONLY)
    async def list_languages() -> Annotated[CallToolResult, Languages]:
        """List the languages that can run: versions, other names, limits, libraries."""
        with refusals():
            found = list_runtimes(await client.runtimes(), await client.packages())
        return answer(describe_languages(found.languages), found)

    @server.tool(structured_output=True, annotations=READ_ONLY)
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
                le=MAX_SECONDS,
                allow_inf_nan=False,
                description="Limit of wall time, a number above 0; list_languages has the most of "
                f"each language. Default: {DEFAULT_SECONDS:g}, or the most if that is less.",
            ),
        ] = None,
        memory_mb: Annotated[
            int | None,
            Field(
                gt=0,
                le=MAX_MEGABYTES,
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
            options["memory"] = memory_mb * MEGABYTE
        with refusals():
            seconds = choose_seconds(timeout_seconds, language, await client.runtimes())
            if seconds is not None:
                options["timeout"] = seconds
            result = await client.run(language, code, **options)
        missing = missing_files(result, output_files)
        text = "\n\n".join([describe_result(result), *describe_files(result, missing)])
        shown, _ = split_files(result)
        return answer(text, run_output(result, missing), *map(file_content, shown))

    return server


class _Server(MCPServer):
    """Refuses unknown arguments, and says in sentences what does not fit.

    The SDK ignores what a tool does not know, and passes on the errors of its validation.
    """

    def __init__(self, client: AsyncClient) -> None:
        super().__init__(
            "bitrun", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING"
        )
        self._client = client

    async def list_tools(self) -> list[Tool]:
        """List the tools with the limits that the service has now."""
        has_sandboxes = await self._has_sandboxes()
        tools = [
            tool.model_copy(deep=True)
            for tool in await super().list_tools()
            if has_sandboxes or tool.name not in sandbox_tools.NAMES
        ]
        maxima = await self._find_maxima()
        for tool in tools:
            tool.input_schema["additionalProperties"] = False
            if maxima and tool.name == "run_code":
                put_limits(tool.input_schema["properties"]["timeout_seconds"], maxima)
        return tools

    async def _has_sandboxes(self) -> bool:
        """Whether the service offers sandboxes; true if it does not answer."""
        try:
            await self._client.sandboxes()
        except BitRunError as error:
            return error.status != _NOT_FOUND
        return True

    async def _find_maxima(self) -> set[float]:
        """Return the seconds that languages may take; none if the service does not answer."""
        try:
            runtimes = await self._client.runtimes()
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
