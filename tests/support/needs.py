"""What single tests need of the machine besides the project's own requirements."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def need(program: str, *packages: str) -> str:
    """Return where a program is, which Debian's packages bring if it is missing."""
    if not shutil.which(program):
        done = subprocess.run(
            [ROOT / "scripts" / "apt-install", *packages],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.fail(f"{program} is needed. {done.stderr}", pytrace=False)
    found = shutil.which(program)
    assert found is not None
    return found


@cache
def need_package(name: str) -> None:
    """Install a package of the catalogue, once; its build may take minutes."""
    _install([sys.executable, "-m", "bitrun", "install", name])


def need_node_modules(folder: Path) -> None:
    """Install what a folder's lock file names, and Node.js to use it with."""
    need("node", "nodejs")
    need("npm", "nodejs", "npm")
    done = subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.fail(f"npm can't install. {done.stderr}{done.stdout}", pytrace=False)


def need_npm_package(name: str, version: str) -> Path:
    """Install a package from npm with all it needs, once for all runs; return the folder.

    For what is too large to be installed each time, and too large for a lock file of ours.
    """
    need("node", "nodejs")
    need("npm", "nodejs", "npm")
    folder = ROOT / "build" / "npm" / f"{name.replace('/', '-')}-{version}"
    if not (folder / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--save-exact",
             "--ignore-scripts", f"{name}@{version}"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.fail(f"npm can't install. {done.stderr}{done.stdout}", pytrace=False)
    return folder


def need_python_packages(requirements: Path, folder: Path) -> None:
    """Install what a file of requirements names, with its hashes, into a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
         "--requirement", requirements, "--target", folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.fail(f"pip can't install. {done.stderr}", pytrace=False)


def need_python_client(name: str, *requirements: str) -> Path:
    """Return a Python that has these packages, of an environment that is kept in `build`."""
    folder = ROOT / "build" / "clients" / name
    python, done = folder / "bin" / "python", folder / "requirements"
    wanted = "\n".join(requirements)
    if not done.exists() or done.read_text() != wanted:
        _install([sys.executable, "-m", "venv", "--clear", folder])
        _install([python, "-m", "pip", "install", "--quiet", *requirements])
        done.write_text(wanted)
    return python


def need_node_client(name: str, *packages: str) -> Path:
    """Return a folder with these packages of npm, which is kept in `build`."""
    need("node", "nodejs")
    need("npm", "nodejs", "npm")
    folder = ROOT / "build" / "clients" / name
    done = folder / "packages"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        _install(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *packages]
        )
        done.write_text(wanted)
    return folder


def _install(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{command[0]} can't install. {done.stderr}{done.stdout}", pytrace=False)
