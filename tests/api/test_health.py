"""Is it alive, is it ready."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bitrun.model.errors import EngineUnavailable
from bitrun.service import readiness as readiness_module
from bitrun.service.readiness import Readiness, State
from tests.support.piston import package, write_catalogue
from tests.support.server import Server


@pytest.mark.also_engine
def test_ready(server: Server) -> None:
    assert server.get("/healthz").json() == {"alive": True}
    response = server.get("/readyz")
    assert response.status_code == 200
    assert response.json()["ready"] is True
    assert response.json()["runtimes"] >= 7
    assert response.json()["not_installed"] == []


def test_without_an_engine(serve_without_engine: Callable[..., Server]) -> None:
    server = serve_without_engine()
    assert server.get("/healthz").status_code == 200
    response = server.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "missing": ["engine"],
        "message": "The Docker engine does not answer",
    }


def test_without_a_package(serve: Callable[..., Server], tmp_path: Path) -> None:
    languages = write_catalogue(tmp_path, package("tool", "test-not-installed"))
    response = serve(languages=languages, images=tmp_path).get("/readyz")
    assert response.status_code == 503
    assert response.json()["missing"] == ["runtime"]


@pytest.mark.also_engine
def test_one_that_is_missing_keeps_nobody_from_the_others(serve: Callable[..., Server]) -> None:
    response = serve(packages="bash, nosuchpackage").get("/readyz")
    assert response.status_code == 200
    assert response.json()["not_installed"] == ["nosuchpackage"]


def test_many_probes_are_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def check() -> State:
        asked.append(time.monotonic())
        return State((), runtimes=len(asked))

    readiness = Readiness(check)
    assert [readiness.state().runtimes for _ in range(5)] == [1] * 5
    monkeypatch.setattr(readiness_module, "_CACHE_SECONDS", 0.0)
    assert readiness.state().runtimes == 2


def test_an_engine_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness_module, "_TIMEOUT_SECONDS", 0.05)
    asked = []

    def check() -> State:
        asked.append(time.monotonic())
        time.sleep(0.5)
        return State(())

    readiness = Readiness(check)
    began = time.monotonic()
    assert [readiness.state().missing for _ in range(3)] == [("engine",)] * 3
    assert time.monotonic() - began < 0.4
    assert len(asked) == 1
    time.sleep(0.6)
    assert readiness.state().missing == ()


def test_a_fault_is_an_answer() -> None:
    def check() -> State:
        raise EngineUnavailable("away")

    assert Readiness(check).state().missing == ("engine",)
