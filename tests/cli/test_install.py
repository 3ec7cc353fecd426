"""`bitrun install`, up to where the engine is needed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bitrun.cli.app import app


def install(*names: str) -> str:
    """Install what can't be; return the error message."""
    result = CliRunner().invoke(app, ["install", *names])
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def test_an_unknown_package_is_answered_with_the_known_ones() -> None:
    message = install("intercal")
    assert message.startswith("bitrun: There is no package intercal; there are: ")
    assert "python" in message


def test_a_misspelt_package_is_answered_with_the_nearest() -> None:
    assert install("python3") == "bitrun: There is no package python3; did you mean python?\n"


def test_an_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_PORT", "none")
    assert install().startswith("bitrun: BITRUN_PORT: ")


def test_an_invalid_catalogue_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    catalogue = tmp_path / "languages.yml"
    catalogue.write_text("packages: []\n")
    monkeypatch.setenv("BITRUN_LANGUAGES", str(catalogue))
    assert install().startswith(f"bitrun: {catalogue}: packages: ")


def test_an_unreachable_engine_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert install().startswith("bitrun: The Docker engine does not answer: ")
