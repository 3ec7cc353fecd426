"""Clients of Jupyter's server as they are, given nothing but this service's address and a token."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need_node_client, need_package, need_python_client
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import RUN

pytestmark = [pytest.mark.chaos, pytest.mark.engine, pytest.mark.timeout(1200)]

CLIENTS = ROOT / "tests" / "clients" / "jupyter"
OPEN_WEBUI = "0.12.4"


@pytest.fixture
def url(serve: Callable[..., Server]) -> Iterator[str]:
    need_package("jupyter")
    server = serve(dialects="jupyter,sandboxes", api_tokens=RUN, max_sandboxes_per_client=8)
    yield f"{server.url}/jupyter"
    headers = {"Authorization": f"token {RUN}"}
    assert server.get("/jupyter/api/kernels", headers=headers).json() == []


def printed(*command: str | Path) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_jupyter_kernel_client(url: str) -> None:
    python = need_python_client("jupyter-kernel-client", "jupyter-kernel-client==1.0.2")
    assert printed(python, CLIENTS / "kernel_client.py", url, RUN) == {
        "hello": ["Hello\n"],
        "state": ["42\n"],
        "error": ["ZeroDivisionError"],
        "plot": [["image/png", "text/plain"]],
        "variables": ["x"],
        "restarted": ["False\n"],
        "listed": [True],
        "left": [],
    }


def test_open_webui(url: str) -> None:
    python = need_python_client(
        "open-webui", "aiohttp", "pydantic", "python-engineio", "websockets"
    )
    folder = ROOT / "build" / "clients" / "open-webui" / OPEN_WEBUI
    modules = [f"open_webui/utils/{name}.py" for name in ("code_interpreter", "json_codec")]
    if not all((folder / each).exists() for each in modules):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder,
             f"open-webui=={OPEN_WEBUI}"],
            check=True,
        )  # fmt: skip
        (path,) = folder.glob("*.whl")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder, modules)
        path.unlink()
    found = printed(python, CLIENTS / "open_webui_interpreter.py", folder, url, RUN)
    assert found["plot"].pop("result").startswith("data:image/png;base64,iVBOR")
    assert "ZeroDivisionError" in found.pop("error")["stderr"]
    empty = {"stdout": "", "stderr": "", "result": ""}
    assert found == {
        "hello": empty | {"stdout": "Hello"},
        "stderr": empty | {"stderr": "err"},
        "value": empty | {"result": "42"},
        "plot": {"stdout": "", "stderr": ""},
        "together": ["0", "1", "2"],
    }


def test_smolagents(url: str) -> None:
    python = need_python_client("smolagents", "smolagents[docker]==1.26.0")
    page = ROOT / "docs" / "jupyter.md"
    assert printed(python, CLIENTS / "smolagents_executor.py", url, RUN, page) == {
        "logs": "step 6\n",
        "value": "42",
        "error": True,
        "answer": [{"sum": 13}, True],
    }


def test_jupyterlab_services(url: str) -> None:
    folder = need_node_client("jupyterlab-services", "@jupyterlab/services@7.6.6", "ws@8.23.0")
    script = folder / "services.mjs"  # Node.js looks for packages next to it
    script.write_bytes((CLIENTS / "services.mjs").read_bytes())
    assert printed("node", script, url, RUN) == {
        "default": "python3",
        "hello": ["ok", "Hello\n"],
        "value": ["ok", ["text/plain"]],
        "input": ["ok", "name? ", "Ada\n"],
        "interrupted": ["error", "begun\n", "KeyboardInterrupt"],
        "read": ["ok", "a,b\n1,2\n"],
        "listed": ["in.csv", "out.bin"],
        "bytes": "AP8=",
        "renamed": "new.csv",
        "left": ["out.bin"],
        "restarted": ["ok", "False\n"],
        "other": "to both\n",
        "dead": "dead",
        "running": 0,
    }


def test_autogen(url: str) -> None:
    python = need_python_client("autogen", "autogen-ext[docker-jupyter-executor]==0.7.5")
    host = url.removeprefix("http://")
    assert printed(python, CLIENTS / "autogen_executor.py", host, RUN) == {
        "hello": [0, "Hello\n\n42\n"],
        "error": 1,
        "files": [".png"],
        "restarted": [0, "False\n"],
    }
