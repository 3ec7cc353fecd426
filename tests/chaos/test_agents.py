"""What an agent does in its first hour: read a table, fix errors, install a package, plot.

By smolagents as it is and by MCP, with kernels of the package `jupyter`, whose build takes minutes the first time,
and packages from PyPI by the allow-list.
"""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import yaml
from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent

from tests.mcp.test_mcp import over_http, over_stdio, use
from tests.support.needs import need_python_client
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(3600)]

REGISTRY = ("pypi.org", "files.pythonhosted.org")
TABLE = "city,country,people\nA,X,3\nB,X,4\nC,Y,5\n"


@pytest.fixture(scope="module")
def network() -> dict[str, Any]:
    """Return settings with which programs reach PyPI, after what they need is built."""
    # Where a mirror stands in for a registry, its address may be a private one.
    found = {socket.gethostbyname(each) for each in REGISTRY}
    mirrors = [each for each in found if not ip_address(each).is_global]
    settings = {"egress": " ".join((*REGISTRY, *mirrors))}
    if "PIP_CERT" in os.environ:
        settings["build_ca_bundle"] = os.environ["PIP_CERT"]
    environment = {f"BITRUN_{name.upper()}": value for name, value in settings.items()}
    subprocess.run(
        [sys.executable, "-m", "bitrun", "install", "jupyter"],
        env=os.environ | environment, check=True,
    )  # fmt: skip
    return settings


def test_an_agent_of_smolagents(
    network: dict[str, Any], serve: Callable[..., Server], tmp_path: Path
) -> None:
    python = need_python_client("smolagents", "smolagents[docker]==1.26.0")
    # As docs/jupyter.md has it.
    catalogue = yaml.safe_load((ROOT / "config" / "languages.yml").read_text())
    (package,) = (each for each in catalogue["packages"] if each["name"] == "jupyter")
    package["languages"][0]["network"] = True
    languages = tmp_path / "languages.yml"
    languages.write_text(yaml.safe_dump(catalogue))
    server = serve(dialects="jupyter,sandboxes", api_tokens=RUN, languages=languages, **network)
    done = subprocess.run(
        [python, ROOT / "tests" / "clients" / "jupyter" / "smolagents_agent.py",
         f"{server.url}/jupyter", RUN, ROOT / "docs" / "jupyter.md", tmp_path / "plot.png"],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["steps"] == 5
    first, second = found["errors"]
    assert "KeyError" in first
    assert "tabulate" in second
    with PIL.Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == (640, 480)
    headers = {"Authorization": f"token {RUN}"}
    assert server.get("/jupyter/api/kernels", headers=headers).json() == []


@pytest.mark.parametrize("connect", [over_stdio, over_http])
def test_an_agent_by_mcp(
    network: dict[str, Any], serve: Callable[..., Server], connect: Any
) -> None:
    async def work(client: Client) -> None:
        (refusal,) = (
            await client.call_tool(
                "create_sandbox", {"package": "jupyter", "allowed_domains": ["example.org"]}
            )
        ).content
        assert isinstance(refusal, TextContent)
        assert "example.org is not among the hosts that are possible here: pypi.org" in refusal.text
        made = await client.call_tool(
            "create_sandbox",
            {
                "package": "jupyter",
                "files": {"cities.csv": TABLE},
                "allowed_domains": list(REGISTRY),
            },
        )
        box = structure(made)["sandbox"]

        async def run(code: str) -> CallToolResult:
            return await client.call_tool("run_cell", {"sandbox": box, "code": code})

        read = "import pandas as pd\nframe = pd.read_csv('cities.csv')\n"
        failed = await run(f"{read}frame.groupby('state')['people'].sum()")
        assert "The cell failed with KeyError: 'state'" in text(failed)
        group = "sums = frame.groupby('country', as_index=False)['people'].sum()"
        show = "print(sums.to_markdown(index=False))"
        failed = await run(f"{group}\n{show}")
        assert "`Import tabulate` failed" in text(failed)
        installed = await run("!pip install --quiet tabulate==0.10.0")
        assert structure(installed)["ok"], text(installed)
        shown = await run(show)
        assert "| Y         |        5 |" in text(shown)
        plot = (
            "import matplotlib.pyplot as plt\nplt.bar(sums['country'], sums['people'])\n"
            "plt.savefig('plot.png')\nplt.show()"
        )
        *_, picture = (await run(plot)).content
        assert size(picture)[0] > 300
        (saved,) = (
            await client.call_tool("read_file", {"sandbox": box, "path": "plot.png"})
        ).content
        assert size(saved) == (640, 480)
        await client.call_tool("delete_sandbox", {"sandbox": box})

    server = serve(admin_tokens=ADMIN, **network)
    use(connect, server, work, ADMIN)


def structure(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    found: dict[str, Any] | None = result.structured_content
    assert found is not None
    return found


def text(result: CallToolResult) -> str:
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


def size(content: object) -> tuple[int, int]:
    assert isinstance(content, ImageContent)
    return PIL.Image.open(BytesIO(base64.b64decode(content.data))).size
