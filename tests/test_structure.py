"""The folders are the architecture: every module is in a room, and imports point downwards."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrun.config.settings import DIALECTS
from tests.support.paths import ROOT

PACKAGE = ROOT / "bitrun"

# Top down: a module may import from its own room and from those after it.
ROOMS = (
    "cli",
    "doctor",
    "server",
    "api",
    "service",
    "execution",
    "packages",
    "sandbox",
    "images",
    "engine",
    "callbacks",
    "store",
    "access",
    "cluster",
    "telemetry",
    "config",
    "model",
    "mcp",
    "client",
)
# Rooms that import of ours only what is named here, whatever their place.
APART = {"client": (), "mcp": ("client",), "model": ()}
# What a room may not import from below it.
CLOSED = {"api": ("sandbox", "engine")}
# The rooms that may import a library at all.
LIBRARIES = {
    "docker": ("engine",),
    "requests": ("engine",),
    "redis": ("cluster", "store"),
    "sqlite3": ("store",),
    "flask": ("api",),
    "werkzeug": ("api",),
    "gunicorn": ("server", "api"),
    "prometheus_client": ("telemetry", "service"),
    "typer": ("cli",),
    "jwt": ("access",),
    "cryptography": ("access",),
    "mcp": ("mcp", "cli"),
}
OUTSIDE = {"__init__.py", "__main__.py"}  # the package itself


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).as_posix() not in OUTSIDE
    ]


def imported(source: str) -> Iterator[str]:
    """Give the dotted names that a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(source: str) -> set[str]:
    names = (name.split(".") for name in imported(source))
    return {parts[1] for parts in names if parts[0] == "bitrun" and parts[1] in ROOMS}


def complaints(room: str, source: str) -> Iterator[str]:
    """Say which imports of a module in a room are not allowed."""
    for other in sorted(rooms_imported(source) - {room}):
        if room in APART:
            allowed = other in APART[room]
        else:
            allowed = ROOMS.index(other) > ROOMS.index(room) and other not in CLOSED.get(room, ())
        if not allowed:
            yield f"{room} may not import {other}"
    for name in imported(source):
        library = name.split(".")[0]
        if room not in LIBRARIES.get(library, (room,)):
            yield f"{room} may not import {library}"


def test_every_module_is_in_a_room() -> None:
    strangers = {path.name for path in modules() if room_of(path) not in ROOMS}
    assert strangers == set()
    folders = {
        path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert folders - {"static"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_downwards(room: str) -> None:
    paths = list((PACKAGE / room).rglob("*.py"))
    assert paths
    wrong = {
        str(path.relative_to(ROOT)): found
        for path in paths
        if (found := list(complaints(room, path.read_text(encoding="utf-8"))))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("room", "line", "complaint"),
    [
        (
            "sandbox",
            "from bitrun.execution.runner import Runner",
            "sandbox may not import execution",
        ),
        ("api", "from bitrun.sandbox.box import Box", "api may not import sandbox"),
        ("api", "from bitrun.engine import engine", "api may not import engine"),
        ("client", "import bitrun.model.signals", "client may not import model"),
        ("sandbox", "def f():\n    import docker", "sandbox may not import docker"),
        ("execution", "from bitrun.sandbox.box import Box", None),
    ],
)
def test_the_check_sees(room: str, line: str, complaint: str | None) -> None:
    assert list(complaints(room, line)) == ([complaint] if complaint else [])


def test_each_room_says_what_may_be_in_it() -> None:
    for room in (*ROOMS, "api/http", *(f"api/{name}" for name in DIALECTS), "sandbox/supervisor"):
        text = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), room


def test_the_map_names_every_room() -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))) or ""
    order = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    assert order == [room for room in ROOMS if room not in ("mcp", "client")]


def test_dialects_do_not_know_each_other_but_for_piston() -> None:
    """Some answer in Piston's words, too, and the tools of MCP are a client of the sandboxes."""
    for dialect in DIALECTS:
        others = {*DIALECTS} - {dialect, "piston"} - ({"sandboxes"} if dialect == "mcp" else set())
        for path in (PACKAGE / "api" / dialect).rglob("*.py"):
            names = imported(path.read_text(encoding="utf-8"))
            used = {name.split(".")[2] for name in names if name.startswith("bitrun.api.")}
            assert not used & others, path
