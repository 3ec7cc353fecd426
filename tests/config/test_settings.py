import re

import pytest

from bitrun.config import settings
from bitrun.config.settings import Settings, SettingsError
from tests.support.paths import ROOT


def test_defaults_are_the_closed_ones() -> None:
    defaults = Settings()
    assert defaults.host == "127.0.0.1"
    assert defaults.allowed_images == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "high"), ("PORT", "70000"), ("THREADS", "0"), ("V1_TIMEOUT", "0"),
        ("RUN_TIMEOUT", "-1"), ("RUN_MEMORY_LIMIT", "1000"), ("MAX_BODY", "0"), ("CPUS", "0"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"BITRUN_{name}", value)
    with pytest.raises(SettingsError, match=f"BITRUN_{name}: Input should be"):
        settings.load()


def test_lists_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_PACKAGES", "python, ruby  gcc")
    assert settings.load().packages == ("python", "ruby", "gcc")


def test_tokens_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_API_TOKENS", "very-secret")
    assert "very-secret" not in repr(settings.load())


def test_every_setting_is_documented() -> None:
    documented = re.findall(
        r"^\| `BITRUN_([A-Z0-9_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    assert sorted(documented) == sorted(name.upper() for name in Settings.model_fields)
