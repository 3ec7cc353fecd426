"""JupyterLab in a real browser, with this service as its gateway: a plot, input, an interrupt."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.needs import need, need_package, need_python_client
from tests.support.ports import free_port, listens
from tests.support.server import Server
from tests.support.tokens import RUN
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.engine, pytest.mark.timeout(1200)]

CELLS = (
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "print('Hello', input('name? '))",
    "print('begun', flush=True)\nwhile True: pass",
    "print('after', 6 * 7)",
)


def notebook() -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for source in CELLS
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


@contextmanager
def jupyterlab(gateway: str, folder: Path) -> Iterator[str]:
    """Start JupyterLab with a gateway, and yield its address."""
    python = need_python_client("jupyterlab", "jupyterlab==4.6.6")
    (folder / "a.ipynb").write_text(json.dumps(notebook()))
    port = free_port()
    home = {"HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder / ".jupyter")}
    lab = subprocess.Popen(
        [
            python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--gateway-url={gateway}",
            f"--GatewayClient.auth_token={RUN}", f"--ServerApp.port={port}",
            f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=",
        ],
        env=os.environ | home,
    )  # fmt: skip
    try:
        assert wait_until(lambda: listens(port), 120)
        yield f"http://127.0.0.1:{port}"
    finally:
        lab.terminate()
        lab.wait(60)


@contextmanager
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=need("chromium", "chromium"), args=["--no-sandbox"]
        )
        yield browser.new_page()
        browser.close()


def test_a_notebook(serve: Callable[..., Server], tmp_path: Path) -> None:
    need_package("jupyter")
    server = serve(dialects="jupyter", api_tokens=RUN)
    with jupyterlab(f"{server.url}/jupyter", tmp_path) as url, page() as opened:
        expect.set_options(timeout=120_000)
        opened.set_default_timeout(120_000)
        opened.goto(f"{url}/doc/tree/a.ipynb")
        cells = opened.locator(".jp-CodeCell")
        expect(cells).to_have_count(len(CELLS))
        expect(opened.get_by_role("button", name="Python 3 | Idle")).to_be_visible()

        def run(number: int) -> Any:
            cells.nth(number).locator(".cm-content").click()
            opened.keyboard.press("Control+Enter")
            return cells.nth(number).locator(".jp-OutputArea")

        expect(run(0).locator("img")).to_have_attribute(
            "src", re.compile("^data:image/png;base64,iVBOR")
        )
        output = run(1)
        output.locator("input").fill("Ada")
        output.locator("input").press("Enter")
        expect(output).to_contain_text("Hello Ada")
        output = run(2)
        expect(output).to_contain_text("begun")
        opened.keyboard.press("Escape")
        opened.keyboard.press("i")
        opened.keyboard.press("i")
        expect(output).to_contain_text("KeyboardInterrupt")
        expect(run(3)).to_contain_text("after 42")
    # JupyterLab has ended its kernel with itself.
    headers = {"Authorization": f"token {RUN}"}
    assert server.get("/jupyter/api/kernels", headers=headers).json() == []
