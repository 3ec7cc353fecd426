"""`bitrun tokens create`: what goes to which stream."""

import pytest
from typer.testing import CliRunner

from bitrun.cli.app import app


def test_the_secret_goes_to_stderr_and_its_hash_to_stdout() -> None:
    result = CliRunner().invoke(app, ["tokens", "create", "alice", "--role", "admin"])
    assert result.exit_code == 0
    name, role, digest = result.stdout.split()
    assert (name, role) == ("alice", "admin")
    assert digest.startswith("sha256:")
    secret = result.stderr.splitlines()[1]
    assert secret.startswith("bitrun_")
    assert secret not in result.stdout


@pytest.mark.parametrize("arguments", [["9lives"], ["alice", "--role", "root"], []])
def test_an_invalid_name_or_role_creates_nothing(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["tokens", "create", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
