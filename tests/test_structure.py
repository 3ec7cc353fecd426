"""The folders are the architecture: who may import what."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

# What a part of the package must never import, directly.
FORBIDDEN = {
    "api": ("docker", "prometheus_client"),
    "sandbox": (
        "flask",
        "werkzeug",
        "prometheus_client",
        "bitrun.api",
        "bitrun.execution.runner",
        "bitrun.service.service",
        "bitrun.telemetry.metrics",
        "bitrun.service.collectors",
    ),
    "jobs.py": ("bitrun", "flask", "docker"),
    "faults.py": ("bitrun", "flask", "docker"),
    "settings.py": ("bitrun", "flask", "docker"),
    "configuration.py": (
        "bitrun.api",
        "bitrun.sandbox",
        "bitrun.service.service",
        "flask",
        "docker",
    ),
    "catalogue.py": ("bitrun.api", "bitrun.sandbox", "flask", "docker"),
    "runner.py": ("bitrun.api", "bitrun.telemetry.metrics", "flask", "docker"),
    "planning.py": ("bitrun.api", "bitrun.sandbox", "flask", "docker"),
    "builds.py": ("bitrun", "flask", "docker"),
    "progress.py": ("bitrun.api", "bitrun.sandbox", "flask", "docker"),
}
DOCKER_SEAM = {ROOT / "bitrun" / "sandbox" / name for name in ("engine.py", "connection.py")}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_point_downwards(part: str) -> None:
    place = ROOT / "bitrun" / part
    files = [place] if place.is_file() else list(place.rglob("*.py"))
    assert files
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in imported(path)
        for package in FORBIDDEN[part]
        if within(name, package)
    }
    assert wrong == set()


def test_the_client_stands_alone() -> None:
    """It can be taken out of here: of ours it imports nothing but itself."""
    files = list((ROOT / "bitrun" / "client").rglob("*.py"))
    assert files
    assert {
        name
        for path in files
        for name in imported(path)
        if within(name, "bitrun") and not within(name, "bitrun.client")
    } == set()


def test_one_seam_knows_docker() -> None:
    users = {
        path
        for path in (ROOT / "bitrun").rglob("*.py")
        if any(within(name, "docker") for name in imported(path))
    }
    assert users == DOCKER_SEAM
