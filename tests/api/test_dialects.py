"""The dialects that a service has: by default, by the setting, and those that are off."""

import re
from collections.abc import Callable, Iterator

import pytest

from bitrun.api.app import create_app
from bitrun.api.dialects import DIALECTS
from bitrun.config import settings
from bitrun.config.settings import Settings, SettingsError
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support.paths import ROOT
from tests.support.server import Server


def served(*names: str) -> set[str]:
    """Return the names of the dialects that have routes in an application."""
    app = create_app(Service(configuration.read(Settings(dialects=names))))
    rules = [rule.rule for rule in app.url_map.iter_rules()]
    return {each.name for each in DIALECTS if any(map(each.owns, rules))}


def test_the_settings_know_every_dialect() -> None:
    assert tuple(dialect.name for dialect in DIALECTS) == settings.DIALECTS


@pytest.mark.parametrize("names", [(), ("v1",), ("mcp", "codapi"), settings.DIALECTS])
def test_only_those_of_the_setting_have_routes(names: tuple[str, ...]) -> None:
    assert served(*names) == set(names)


def test_no_two_share_a_prefix() -> None:
    for dialect in DIALECTS:
        assert [each for each in DIALECTS if each.owns(dialect.prefix)] == [dialect]


def test_an_unknown_name_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_DIALECTS", "v1, judge1")
    with pytest.raises(SettingsError) as error:
        settings.load()
    known = ", ".join(settings.DIALECTS)
    assert f"BITRUN_DIALECTS: there is no dialect called judge1; there are: {known}" in (
        str(error.value)
    )


def test_of_a_service(share: Callable[..., Server]) -> None:
    server = share(dialects="v1, codapi")
    assert server.get("/api/v1/config").status_code == 200
    assert server.get("/api/v2/runtimes").status_code == 404
    assert server.get("/codapi/v1/exec").status_code == 405
    paths = server.get("/openapi.json").json()["paths"]
    assert {"/api/v1/run", "/codapi/v1/exec", "/readyz"} <= paths.keys()
    assert not [path for path in paths if path.startswith(("/api/v2", "/mcp"))]
    assert "/codapi/v1/exec" in server.get("/docs").text


def test_the_playground_is_a_client_of_piston(share: Callable[..., Server]) -> None:
    server = share(dialects="v1", playground="true")
    response = server.get("/", headers={"Accept": "text/html"})
    assert response.json()["message"].startswith("BitRun v")


def tables() -> Iterator[str]:
    text = (ROOT / "docs" / "dialects.md").read_text()
    yield from re.findall(r"^\| `([a-z0-9]+)` \|", text, re.MULTILINE)


def test_every_dialect_is_in_the_overview() -> None:
    assert tuple(tables()) == settings.DIALECTS
