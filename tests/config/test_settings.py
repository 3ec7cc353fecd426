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
    ("name", "value", "sentence"),
    [
        ("PORT", "high", "a whole number is expected"),
        ("PORT", "70000", "at most 65535 is expected"),
        ("THREADS", "0", "at least 1 is expected"),
        ("V1_TIMEOUT", "0", "more than 0 is expected"),
        ("V1_TIMEOUT", "10s", "a number is expected"),
        ("RUN_MEMORY_LIMIT", "1000", "at least 6291456 is expected"),
        ("PLAYGROUND", "maybe", "true or false is expected"),
        ("METRICS", "on", "'closed' or 'open' is expected"),
        ("TRACES", "otel:4318", "http://HOST:4318/v1/traces is expected"),
        ("POOL_PINNED", "python", "python: a whole number is expected"),
        ("TRUSTED_PROXIES", "10.0.0.0/8 nginx", "entry 2: an address or a network is expected, such as 10.0.0.0/8"),
        ("STORE", "here.db", "the store is the absolute path of a file, or a Redis server such as redis://HOST:6379"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"BITRUN_{name}", value)
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert str(error.value) == f"BITRUN_{name}: {sentence}"


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("BITRUN_RUN_TIMOUT", "; did you mean BITRUN_RUN_TIMEOUT?"),
        ("bitrun_max_run", "; did you mean BITRUN_MAX_RUNS?"),
        ("BITRUN_TOKENS", "; did you mean BITRUN_API_TOKENS?"),
        ("BITRUN_SOMETHING_ELSE", ""),
    ],
)
def test_an_unknown_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, rest: str
) -> None:
    monkeypatch.setenv(name, "very-secret")
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert str(error.value) == f"{name}: there is no such setting{rest}"


@pytest.mark.parametrize(
    "origin",
    [
        "school.example", "*", "https://*", "https://school.example/", "https://school.example/lesson",
        "file:///home", "javascript://x", "https://a;script-src", "https://'none'", "https://a.",
        "https://[::1]", "null",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_named(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("BITRUN_EMBED_ORIGINS", f"https://school.example, {origin}")
    with pytest.raises(SettingsError, match=re.escape(f"{origin} is no origin")):
        settings.load()


def test_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = ("https://school.example", "http://localhost:8000", "http://127.0.0.1:80")
    monkeypatch.setenv("BITRUN_EMBED_ORIGINS", ", ".join(origins))
    assert settings.load().embed_origins == origins


def test_all_problems_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_PRT", "80")
    monkeypatch.setenv("BITRUN_PORT", "high")
    with pytest.raises(SettingsError, match=r"BITRUN_PRT: .*\nBITRUN_PORT: "):
        settings.load()


def test_variables_of_the_client_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BITRUN_URL", "BITRUN_TOKEN", "_BITRUN_COMPLETE", "BITRUNNER"):
        monkeypatch.setenv(name, "x")
    settings.load()


def test_every_variable_in_the_tree_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [ROOT / "Makefile", ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    files += [path for path in (ROOT / "deploy").iterdir() if path.is_file()]
    found = {
        name
        for path in files
        for name in re.findall(r"\bBITRUN_[A-Z0-9_]+", path.read_text("utf-8"))
    }
    for name in found - {f"BITRUN_{field.upper()}" for field in Settings.model_fields}:
        monkeypatch.setenv(name, "x")
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


def test_workers_count_a_rate_in_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_WORKERS", "2")
    settings.load()
    monkeypatch.setenv("BITRUN_RATE_LIMIT", "1/minute")
    with pytest.raises(SettingsError, match=r"BITRUN_REDIS: .*redis://HOST:6379, or"):
        settings.load()
    monkeypatch.setenv("BITRUN_REDIS", "redis://127.0.0.1:6379")
    settings.load()
    monkeypatch.delenv("BITRUN_REDIS")
    monkeypatch.setenv("BITRUN_WORKERS", "1")
    settings.load()


def test_workers_divide_what_they_cannot_share() -> None:
    whole = Settings(workers=3, pool_size=10, pool_memory=1 << 30, pool_pinned={"python": 4})
    part = whole.share()
    assert (whole.pool_places, part.pool_places, part.pool_pinned) == (10, 3, {"python": 2})
    assert 3 * part.body_memory <= whole.body_memory
    assert (part.max_runs, part.sessions) == (whole.max_runs, whole.sessions)
    assert Settings().share() == Settings()


def test_a_node_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_NODE_URL", "auto")
    monkeypatch.setenv("BITRUN_REDIS", "redis+unix:///run/redis")
    with pytest.raises(SettingsError, match=r"BITRUN_NODE_URL: .*shows no address"):
        settings.load()
    monkeypatch.setenv("BITRUN_REDIS", "redis://redis:6379")
    settings.load()


def test_the_store_is_where_the_setting_says() -> None:
    redis = "redis://127.0.0.1:6379"
    assert not Settings().store_url
    assert Settings(redis=redis).store_url == redis
    assert Settings(redis=redis, store="redis://other").store_url == "redis://other"
    assert not Settings(redis=redis, store="/var/lib/bitrun/store.db").store_url
    with pytest.raises(ValueError, match="absolute path of a file, or a Redis server"):
        Settings(store="store.db")
