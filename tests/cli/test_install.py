from pathlib import Path

import pytest

from bitrun.cli.install import main


def test_unknown_package_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["intercal"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("There is no package intercal; there are: ")
    assert "python" in told


def test_faulty_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BITRUN_PORT", "none")
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("BITRUN_PORT: ")


def test_faulty_catalogue_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    catalogue = tmp_path / "languages.yml"
    catalogue.write_text("packages: []\n")
    monkeypatch.setenv("BITRUN_LANGUAGES", str(catalogue))
    assert main([]) == 1
    assert capsys.readouterr().err.startswith(f"{catalogue}: packages: ")


def test_dead_engine_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("The Docker engine does not answer: ")
