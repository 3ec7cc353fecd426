"""`bitrun serve`: what becomes of the process."""

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bitrun.cli.app import app


class Executed(Exception):
    """Instead of the new program."""


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    command: list[str] = []

    def execv(program: str, arguments: list[str]) -> None:
        assert program == sys.executable
        command.extend(arguments)
        raise Executed

    monkeypatch.setattr(os, "execv", execv)
    return command


def test_the_process_becomes_gunicorn_with_the_package_s_configuration(
    executed: list[str],
) -> None:
    result = CliRunner().invoke(app, ["serve"])
    assert isinstance(result.exception, Executed)
    assert executed[-5:-2] == ["-m", "gunicorn", "--config"]
    assert Path(executed[-2]).is_file()
    assert executed[-1] == "bitrun.server.wsgi:app"


def test_options_become_settings(executed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_HOST", "192.0.2.1")
    monkeypatch.setenv("BITRUN_PORT", "80")
    CliRunner().invoke(app, ["serve", "--host", "::1"])
    assert executed
    assert (os.environ["BITRUN_HOST"], os.environ["BITRUN_PORT"]) == ("::1", "80")
    CliRunner().invoke(app, ["serve", "--port", "8080"])
    assert os.environ["BITRUN_PORT"] == "8080"


def test_a_port_that_is_none_starts_nothing(executed: list[str]) -> None:
    assert CliRunner().invoke(app, ["serve", "--port", "70000"]).exit_code == 2
    assert not executed
