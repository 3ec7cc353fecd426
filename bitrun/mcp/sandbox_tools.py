"""The tools of sandboxes: state, files and kernels that stay between calls."""

from collections.abc import Awaitable, Sequence
from typing import Annotated, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult
from pydantic import Field

from bitrun.client import (
    AsyncClient,
    AsyncSandbox,
    CellOptions,
    CommandOptions,
    OutputFile,
    SandboxOptions,
)
from bitrun.mcp.answer import READ_ONLY, answer, refusals
from bitrun.mcp.content import MAX_FILES_SIZE, file_content
from bitrun.mcp.limits import MAX_MEGABYTES, MAX_SECONDS
from bitrun.mcp.output import MEGABYTE
from bitrun.mcp.program import ToolFile, read_files
from bitrun.mcp.sandbox_output import (
    CellOutput,
    CommandOutput,
    Done,
    FileList,
    SandboxList,
    SandboxOutput,
    cell_output,
    cell_pictures,
    command_output,
    describe_cell,
    describe_command,
    describe_entries,
    describe_sandbox,
    file_list,
    sandbox_output,
)

NAMES = frozenset(
    {
        "create_sandbox", "list_sandboxes", "delete_sandbox", "run_command", "run_cell",
        "write_files", "read_file", "list_files",
    }
)  # fmt: skip

_MAX_MINUTES = 1_000_000

Value = TypeVar("Value")

Id = Annotated[str, Field(description="The id that create_sandbox has returned.")]
Seconds = Annotated[
    float | None,
    Field(
        gt=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        description="Limit of wall time, a number above 0. Default: the most that the service "
        "allows, two minutes unless it is configured otherwise.",
    ),
]


def add_sandbox_tools(server: MCPServer, client: AsyncClient) -> None:
    """Add the tools to a server."""
    _add_life(server, client)
    _add_runs(server, client)
    _add_files(server, client)


def _add_life(server: MCPServer, client: AsyncClient) -> None:
    @server.tool(structured_output=True)
    async def create_sandbox(  # noqa: PLR0917  the parameters of the tool
        language: Annotated[
            str | None, Field(description="A name from list_languages, such as python.")
        ] = None,
        package: Annotated[
            str | None,
            Field(
                description="A package in place of a language, such as python-science for numpy, "
                "pandas and matplotlib, or jupyter for run_cell."
            ),
        ] = None,
        files: Annotated[
            dict[str, str] | Sequence[ToolFile],
            Field(
                description="Files to begin with: an object from relative names to texts, or a "
                "list of objects with name, content and encoding, utf8 or base64."
            ),
        ] = (),
        minutes: Annotated[
            int | None,
            Field(ge=1, le=_MAX_MINUTES, description="It ends after so long without use."),
        ] = None,
        memory_mb: Annotated[
            int | None,
            Field(
                gt=0,
                le=MAX_MEGABYTES,
                description="Limit of memory, files included. Default: the most.",
            ),
        ] = None,
        allowed_domains: Annotated[
            Sequence[str],
            Field(
                description="Hosts that its programs may reach, such as pypi.org for pip install, "
                "of those that the service allows; a refusal names them. Default: none."
            ),
        ] = (),
    ) -> Annotated[CallToolResult, SandboxOutput]:
        """Create a container of your own that stays: files, commands and kernels in it.

        Use it for work of several steps; run_code is for a single program.
        """
        options = SandboxOptions(files=read_files(files))
        if package is not None:
            options["package"] = package
        if minutes is not None:
            options["minutes"] = minutes
        if memory_mb is not None:
            options["memory"] = memory_mb * MEGABYTE
        if allowed_domains:
            options["allowed_domains"] = allowed_domains
        with refusals():
            sandbox = await client.sandbox(language, **options).create()
            output = sandbox_output(await sandbox.info())
        return answer(describe_sandbox(output), output)

    @server.tool(structured_output=True, annotations=READ_ONLY)
    async def list_sandboxes() -> Annotated[CallToolResult, SandboxList]:
        """List your sandboxes."""
        found = [sandbox_output(each) for each in await _refused(client.sandboxes())]
        text = "\n".join(map(describe_sandbox, found)) or "There are none."
        return answer(text, SandboxList(sandboxes=found))

    @server.tool(structured_output=True)
    async def delete_sandbox(sandbox: Id) -> Annotated[CallToolResult, Done]:
        """End a sandbox, with all that is in it."""
        await _refused((await _open(client, sandbox)).delete())
        return answer("It has ended.", Done())


def _add_runs(server: MCPServer, client: AsyncClient) -> None:
    @server.tool(structured_output=True)
    async def run_command(
        sandbox: Id,
        command: Annotated[
            str,
            Field(
                description="A command of the shell, such as python3 main.py or pip list. What it "
                "leaves in the background with & goes on."
            ),
        ],
        stdin: Annotated[str, Field(description="All of its standard input.")] = "",
        folder: Annotated[
            str | None, Field(description="Where it runs. Default: the work directory.")
        ] = None,
        timeout_seconds: Seconds = None,
    ) -> Annotated[CallToolResult, CommandOutput]:
        """Run a command in a sandbox, and report how it ended and what it wrote."""
        options = CommandOptions(stdin=stdin)
        if folder is not None:
            options["cwd"] = folder
        if timeout_seconds is not None:
            options["timeout"] = timeout_seconds
        found = await _open(client, sandbox)
        stage = await _refused(found.exec(command, **options))
        return answer(describe_command(stage), command_output(stage))

    @server.tool(structured_output=True)
    async def run_cell(
        sandbox: Id,
        code: Annotated[str, Field(description="The code, as in a cell of a notebook.")],
        kernel: Annotated[
            str | None,
            Field(description="A kernel or its language. Default: the first of the package."),
        ] = None,
        timeout_seconds: Seconds = None,
    ) -> Annotated[CallToolResult, CellOutput]:
        """Run code in a Jupyter kernel of a sandbox, which keeps its variables between calls.

        Plots come as pictures. The sandbox needs a package with kernels, such as jupyter.
        """
        options = CellOptions()
        if kernel is not None:
            options["kernel"] = kernel
        if timeout_seconds is not None:
            options["timeout"] = timeout_seconds
        found = await _open(client, sandbox)
        cell = await _refused(found.run_cell(code, **options))
        output = cell_output(cell)
        return answer(describe_cell(cell, output), output, *cell_pictures(cell))


def _add_files(server: MCPServer, client: AsyncClient) -> None:
    @server.tool(structured_output=True)
    async def write_files(
        sandbox: Id,
        files: Annotated[
            dict[str, str] | Sequence[ToolFile],
            Field(
                description="An object from relative paths to texts, or a list of objects with "
                "name, content and encoding, utf8 or base64."
            ),
        ],
    ) -> Annotated[CallToolResult, Done]:
        """Write files into a sandbox; missing folders are made."""
        contents = read_files(files)
        found = await _open(client, sandbox)
        for path, content in contents.items():
            await _refused(found.write(path, content))
        return answer(f"Written: {', '.join(contents)}", Done())

    @server.tool(annotations=READ_ONLY)
    async def read_file(
        sandbox: Id, path: Annotated[str, Field(description="Relative to the work directory.")]
    ) -> CallToolResult:
        """Read a file of a sandbox: a picture as a picture, a text shortened in the middle."""
        content = await _refused((await _open(client, sandbox)).read(path))
        if len(content) > MAX_FILES_SIZE:
            raise ToolError(
                f"{path} has {len(content)} bytes, and an answer at most {MAX_FILES_SIZE}: read a "
                "part of it by run_command."
            )
        return CallToolResult(content=[file_content(OutputFile(path, content))])

    @server.tool(structured_output=True, annotations=READ_ONLY)
    async def list_files(
        sandbox: Id,
        folder: Annotated[str, Field(description="Default: the work directory.")] = "",
    ) -> Annotated[CallToolResult, FileList]:
        """List a folder of a sandbox."""
        entries = await _refused((await _open(client, sandbox)).list(folder))
        return answer(describe_entries(entries), file_list(entries))


async def _open(client: AsyncClient, sandbox_id: str) -> AsyncSandbox:
    return await _refused(client.open_sandbox(sandbox_id).create())


async def _refused(call: Awaitable[Value]) -> Value:
    with refusals():
        return await call
