"""The tools of sandboxes over MCP, by both ways, with the SDK's own client."""

import base64
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from mcp import Client
from mcp.types import ImageContent

from bitrun.mcp.sandbox_tools import NAMES
from tests.mcp.test_mcp import BOTH, PNG, call, over_http, use
from tests.support.server import Server


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Any:
    return request.param


async def structured(client: Client, tool: str, **arguments: Any) -> Any:
    """Call a tool, check its structured result against its schema, and return it."""
    tools = {each.name: each for each in (await client.list_tools()).tools}
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found.content
    jsonschema.validate(found.structured_content, tools[tool].output_schema or False)
    return found.structured_content


@pytest.mark.also_engine
def test_work_of_several_steps(server: Server, connect: Any) -> None:
    async def work(client: Client) -> None:
        made = await structured(
            client, "create_sandbox", language="bash", files={"data/in.csv": "a,b\n1,2\n"}
        )
        box = made["sandbox"]
        assert box in (await call(client, "list_sandboxes"))[1]

        ended = await structured(
            client, "run_command", sandbox=box, command="wc -l < in.csv; exit 3", folder="data"
        )
        assert (ended["ok"], ended["exit_code"], ended["stdout"]) == (False, 3, "2\n")
        failed, text = await call(client, "run_command", sandbox=box, command="cat", stdin="hi")
        assert not failed
        assert text.endswith("stdout:\nhi")
        failed, text = await call(
            client, "run_command", sandbox=box, command="sleep 9", timeout_seconds=0.3
        )
        assert not failed
        assert "Time limit exceeded: 300 ms of wall time" in text

        picture = {
            "name": "plot.png",
            "content": base64.b64encode(PNG).decode(),
            "encoding": "base64",
        }
        await structured(client, "write_files", sandbox=box, files=[picture])
        (content,) = (
            await client.call_tool("read_file", {"sandbox": box, "path": "plot.png"})
        ).content
        assert isinstance(content, ImageContent)
        assert base64.b64decode(content.data) == PNG
        listed = await structured(client, "list_files", sandbox=box)
        assert [(each["name"], each["kind"]) for each in listed["entries"]] == [
            ("data", "folder"),
            ("plot.png", "file"),
        ]
        await structured(client, "delete_sandbox", sandbox=box)
        failed, text = await call(client, "run_command", sandbox=box, command="true")
        assert failed
        assert "ended" in text

    use(connect, server, work)


def test_refusals(server: Server) -> None:
    async def work(client: Client) -> None:
        for tool, arguments, sentence in (
            ("create_sandbox", {"language": "cobolt"}, "No language is called cobolt"),
            ("create_sandbox", {"languag": "bash"}, "There is no argument languag; did you mean"),
            (
                "create_sandbox",
                {"language": "bash", "allowed_domains": ["pypi.org"]},
                "lists no hosts in BITRUN_EGRESS: leave the hosts out",
            ),
            ("run_command", {"sandbox": "x", "command": "true"}, "There is no such sandbox"),
            ("read_file", {"sandbox": "y", "path": "a"}, "There is no such sandbox"),
        ):
            failed, text = await call(client, tool, **arguments)
            assert failed
            assert sentence in text, text
        box = (await structured(client, "create_sandbox", language="bash"))["sandbox"]
        failed, text = await call(client, "read_file", sandbox=box, path="none")
        assert failed
        assert "none" in text
        failed, text = await call(client, "run_cell", sandbox=box, code="1")
        assert failed
        assert "kernel" in text
        await structured(client, "delete_sandbox", sandbox=box)

    use(over_http, server, work)


def test_a_service_without_sandboxes_has_no_tools_for_them(serve: Callable[..., Server]) -> None:
    async def work(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"list_languages", "run_code"}
        assert names.isdisjoint(NAMES)
        failed, text = await call(client, "run_code", language="bash", code="echo 1")
        assert not failed
        assert text.endswith("stdout:\n1\n")

    use(over_http, serve(dialects="mcp"), work)


def test_a_call_counts_once(serve: Callable[..., Server]) -> None:
    """Its inner requests are part of it: a client with one place can use it."""

    async def work(client: Client) -> None:
        failed, text = await call(client, "run_code", language="bash", code="echo 1")
        assert not failed, text

    use(over_http, serve(max_runs_per_client=1), work)


def test_others_do_not_see_a_sandbox(serve: Callable[..., Server]) -> None:
    tokens = ("first-token-of-20-letters", "second-token-of-20-letters")
    server = serve(api_tokens=" ".join(tokens))
    found: list[str] = []

    async def make(client: Client) -> None:
        found.append((await structured(client, "create_sandbox", language="bash"))["sandbox"])

    async def look(client: Client) -> None:
        assert (await call(client, "list_sandboxes"))[1] == "There are none."
        failed, text = await call(client, "run_command", sandbox=found[0], command="true")
        assert failed
        assert "There is no such sandbox" in text

    async def end(client: Client) -> None:
        await structured(client, "delete_sandbox", sandbox=found[0])

    use(over_http, server, make, tokens[0])
    use(over_http, server, look, tokens[1])
    use(over_http, server, end, tokens[0])
