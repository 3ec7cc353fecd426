"""Cells of the client, with threads and with asyncio, in kernels that are scripts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.client import CellOutcome, Refused
from tests.support import kernels
from tests.support.both import BOTH
from tests.support.server import Server


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kernels.catalogue(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(params=BOTH)
def client(
    share: Callable[..., Server], languages: Path, request: pytest.FixtureRequest
) -> Iterator[Any]:
    with request.param(share(languages=languages).url) as client:
        yield client


def test_cells(client: Any) -> None:
    with client.sandbox("jupyter", files=kernels.files()) as sandbox:
        made = sandbox.run_cell("hello", kernel="echo", timeout=50, output=1000)
        assert (made.stdout, made.stderr, made.ok) == ("hello", "", True)
        assert (made.kernel, made.execution_count, made.error) == ("echo", 1, None)
        assert (made.results, made.text) == ((), None)
        sandbox.interrupt_cell("echo")
        sandbox.restart_kernel("echo")
        assert sandbox.run_cell("again", kernel="echo").execution_count == 1
        died = sandbox.run_cell("die", kernel="echo")
        assert (died.outcome, died.ok) == (CellOutcome.DIED, False)
        assert "has ended" in (died.message or "")
        with pytest.raises(Refused, match="it sent a frame"):
            sandbox.run_cell("1", kernel="garbage")
        with pytest.raises(TypeError, match="no option kernl; did you mean kernel"):
            sandbox.run_cell("1", kernl="echo")
