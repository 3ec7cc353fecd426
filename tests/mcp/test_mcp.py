"""The MCP server, over both ways, with the SDK's own client against a real service."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import jsonschema
import pytest
import requests
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)

from bitrun.mcp.sandbox_tools import NAMES
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import RUN


@asynccontextmanager
async def over_stdio(server: Server, token: str | None = None) -> AsyncIterator[Client]:
    environment = {"BITRUN_URL": server.url, "PYTHONPATH": str(ROOT)}
    if token is not None:
        environment["BITRUN_TOKEN"] = token
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "bitrun", "mcp"], env=environment
    )
    async with Client(command) as client:
        yield client


@asynccontextmanager
async def over_http(server: Server, token: str | None = None) -> AsyncIterator[Client]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=300) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
    ):
        yield client


# A process that imports the SDK takes a second of processor time.
BOTH = (pytest.param(over_stdio, marks=pytest.mark.engine), over_http)


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Any:
    return request.param


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Call a tool; return whether that failed, and what it said."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return bool(result.is_error), content.text


def use(
    connect: Any, server: Server, work: Callable[[Client], Coroutine[Any, Any, Any]], *token: str
) -> Any:
    async def main() -> Any:
        async with connect(server, *token) as client:
            return await work(client)

    return asyncio.run(main())


@pytest.mark.also_engine
def test_tools(server: Server, connect: Any) -> None:
    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() == {"list_languages", "run_code"} | NAMES
        assert tools["run_code"].input_schema["required"] == ["language"]
        failed, text = await call(client, "list_languages")
        assert not failed
        assert any(
            line.startswith("python 3.13") and "up to 3 s; up to 256 MB" in line
            for line in text.splitlines()
        )
        assert "with bits/stdc++.h" in text

        code = "import sys; from helper import name; print(input()[::-1], name, sys.argv[1:])"
        failed, text = await call(
            client, "run_code", language="py", code=code, version="3.x", stdin="nuRtiB\n",
            files={"helper.py": "name = 'here'"}, args=["a b"], timeout_seconds=3, memory_mb=64,
        )  # fmt: skip
        assert not failed
        assert text.startswith("The program ended well, with exit code 0.\n")
        assert text.endswith("stdout:\nBitRun here ['a b']\n")

        files = {"main.c": "int main(void) { return x; }"}
        failed, text = await call(client, "run_code", language="c", files=files)
        assert not failed  # the program's own fault is an answer
        assert text.startswith("Compiling failed, with exit code 1.")
        assert "undeclared" in text

        failed, text = await call(
            client, "run_code", language="bash", code="sleep 9", timeout_seconds=0.3
        )
        assert not failed
        assert text.startswith("The program failed: Time limit exceeded: 300 ms of wall time.")

    use(connect, server, work)


PNG = b"\x89PNG\r\n\x1a\n"


def test_files(server: Server, connect: Any) -> None:
    code = (
        "printf '\\x89PNG\\r\\n\\x1a\\n' >plot.png; echo 1,2 >t.csv; head -c 9 /dev/urandom >'x y';"
        " printf '\\xff' >>'x y'; mkfifo fifo; truncate -s 9M large"
    )

    async def work(client: Client) -> None:
        arguments = {"language": "bash", "code": code, "output_files": ["*"]}
        text, picture, table, blob = (await client.call_tool("run_code", arguments)).content
        assert isinstance(text, TextContent)
        assert "Files, below: plot.png (8 bytes), t.csv (4 bytes), x y (10 bytes)" in text.text
        assert "large: larger than an answer may be, 9437184 bytes" in text.text
        assert "fifo: It is a link, fifo" in text.text
        assert isinstance(picture, ImageContent)
        assert (picture.mime_type, base64.b64decode(picture.data)) == ("image/png", PNG)
        assert isinstance(table, EmbeddedResource)
        assert isinstance(table.resource, TextResourceContents)
        assert (table.resource.uri, table.resource.text) == ("file:///t.csv", "1,2\n")
        assert isinstance(blob, EmbeddedResource)
        assert isinstance(blob.resource, BlobResourceContents)
        assert blob.resource.uri == "file:///x%20y"
        assert base64.b64decode(blob.resource.blob).endswith(b"\xff")

    use(connect, server, work)


def test_files_that_a_program_has_not_made(server: Server, connect: Any) -> None:
    async def ask(client: Client, *patterns: str) -> str:
        arguments = {"language": "bash", "code": "echo 1 >a", "output_files": patterns}
        result = await client.call_tool("run_code", arguments)
        assert isinstance(result.content[0], TextContent)
        assert result.structured_content is not None, result.content[0].text
        for line in result.structured_content["files_missing"]:
            assert line in result.content[0].text
        return "".join(result.structured_content["files_missing"])

    async def work(client: Client) -> None:
        assert await ask(client, "a", "*.png") == ""
        assert await ask(client, "a", "b.png") == "b.png: The program has not made such a file"
        assert await ask(client, "*.png") == "*.png: The program has not made such a file"

    use(connect, server, work)


def test_refusals_say_what_to_do(server: Server, connect: Any) -> None:
    async def work(client: Client) -> None:
        failed, text = await call(client, "run_code", language="pyton", code="x")
        assert text.endswith("did you mean python? Call list_languages for all of them.")
        failed, text = await call(client, "run_code", language="cobolt", code="x")
        assert failed
        assert text.startswith("No language is called cobolt: there are ")
        assert text.endswith(". Call list_languages for all of them.")
        failed, text = await call(client, "run_code", language="bash")
        assert failed
        assert text == "There is nothing to run: pass code, or files and their entry."
        failed, text = await call(
            client, "run_code", language="bash", code="x", timeout_seconds=9999
        )
        assert failed
        assert text == "timeout_seconds can't be 9999: bash may take 3 at most."
        for arguments, sentence in (
            ({"memory_mb": 0}, "memory_mb can't be 0: Limit of memory, a whole number up to"),
            ({"args": 5}, "args can't be 5: Command line arguments."),
            ({"files": [{"nam": "x"}]}, 'files can\'t be [{"nam": "x"}]: Files beside the program'),
            ({"timeout": 5}, "There is no argument timeout; did you mean timeout_seconds?"),
            ({"x": 5}, "There is no argument x; there are language, code, files, entry, stdin,"),
            ({"language": None}, "language can't be null: A name or alias from list_languages."),
        ):
            failed, text = await call(client, "run_code", **{"language": "bash"} | arguments)
            assert failed
            assert text.startswith(sentence)
        failed, text = await call(client, "run_code", code="x")
        assert text == "language is missing: A name or alias from list_languages."
        failed, text = await call(client, "list_languages", all=True)
        assert text.startswith("There is no argument all; ")

    use(connect, server, work)


def test_structured_output_and_files(server: Server, connect: Any) -> None:
    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        found = await client.call_tool("list_languages", {})
        jsonschema.validate(
            found.structured_content, tools["list_languages"].output_schema or False
        )
        (bash,) = [each for each in found.structured_content["languages"] if each["name"] == "bash"]
        assert (bash["aliases"], bash["max_seconds"], bash["max_memory_mb"]) == (["sh"], 3, 256)

        files = [
            {"name": "data", "content": "/w==", "encoding": "base64"},
            {"name": "main.py", "content": "print(open('data', 'rb').read())"},
        ]
        arguments = {"language": "python", "files": files, "entry": "main.py"}
        found = await client.call_tool("run_code", arguments)
        jsonschema.validate(found.structured_content, tools["run_code"].output_schema or False)
        assert found.structured_content["stdout"] == "b'\\xff'\n"
        assert found.structured_content["ok"]

    use(connect, server, work)


@pytest.mark.parametrize(("most", "default"), [(60_000, 30), (500, 0.5)])
def test_limits_in_the_schema(serve: Callable[..., Server], most: int, default: float) -> None:
    async def work(client: Client) -> None:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "run_code"]
        schema = tool.input_schema["properties"]["timeout_seconds"]
        assert (schema["default"], schema["anyOf"][0]["maximum"]) == (default, most / 1000)
        assert tool.input_schema["additionalProperties"] is False

    use(over_http, serve(run_timeout=most), work)


IMPOSSIBLE = [
    (name, number)
    for name in ("timeout_seconds", "memory_mb")
    for number in (1e308, 10**400, -1, 0, 1_000_001)
]


@pytest.mark.attack(
    "request", "numbers that are too large for an agent's limits", "refused in a sentence"
)
@pytest.mark.also_engine
def test_impossible_limits(server: Server) -> None:
    async def work(client: Client) -> None:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "run_code"]
        for name, number in IMPOSSIBLE:
            schema = tool.input_schema["properties"][name]["anyOf"][0]
            most = range(3, 3601) if name == "timeout_seconds" else (1_000_000,)
            assert schema["exclusiveMinimum"] == 0
            assert schema["maximum"] in most
            failed, text = await call(
                client, "run_code", language="bash", code="x", **{name: number}
            )
            assert failed, text
            assert name in text
            assert "Traceback" not in text

    use(over_http, server, work)


async def echo(client: Client) -> tuple[bool, str]:
    return await call(client, "run_code", language="bash", code="echo 1")


def test_tokens(serve: Callable[..., Server], connect: Any) -> None:
    failed, text = use(connect, serve(api_tokens=RUN), echo, RUN)
    assert not failed
    assert text.endswith("stdout:\n1\n")


@pytest.mark.engine
def test_stdio_without_a_token(serve: Callable[..., Server]) -> None:
    failed, text = use(over_stdio, serve(api_tokens=RUN), echo)
    assert failed
    assert "A token is needed" in text


def test_http_without_a_token(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=RUN)
    reply = requests.post(f"{server.url}/mcp", json={}, timeout=20)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "A token is needed" in reply.json()["message"]


def test_what_is_no_call(server: Server) -> None:
    url = f"{server.url}/mcp"
    for method in ("GET", "DELETE"):
        reply = requests.request(method, url, timeout=20)
        assert reply.status_code == 405
        assert "POST" in reply.headers["Allow"]
    accept = {"Accept": "application/json, text/event-stream"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert requests.post(url, json=call, headers=accept, timeout=20).status_code == 200
    for origin, status in ((server.url, 200), ("https://example.com", 403), ("null", 403)):
        headers = accept | {"Origin": origin}
        assert requests.post(url, json=call, headers=headers, timeout=20).status_code == status
    reply = requests.post(
        url, data="{", headers=accept | {"Content-Type": "application/json"}, timeout=20
    )
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == -32700
