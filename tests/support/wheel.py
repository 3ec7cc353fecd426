"""The package as a wheel, installed beside the distributions that its metadata names, and no others."""

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

_BUILD = """\
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


def build(kind: str, source: Path, target: Path) -> Path:
    """Build with the setuptools of this environment: no network is needed."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, f"build_{kind}", str(target)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


def build_wheel(folder: Path) -> Path:
    """Build a wheel as a release is: from a source distribution, and that from the checkout.

    The tracked files are copied first, since a build leaves folders where it runs.
    """
    checkout = folder / "checkout"
    checkout.mkdir()
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    copied = subprocess.run(
        ["tar", "--create", "--null", "--files-from=-", "--ignore-failed-read"],
        cwd=ROOT, input=tracked, capture_output=True, check=True,
    ).stdout  # fmt: skip
    subprocess.run(["tar", "--extract", f"--directory={checkout}"], input=copied, check=True)
    with tarfile.open(build("sdist", checkout, folder)) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.glob("bitrun-*/")
    return build("wheel", unpacked, folder)


def install(wheel: Path, folder: Path, extra: str = "") -> Path:
    """Install a wheel into a new virtual environment; return the environment's Python.

    Its requirements are links to the distributions of the running environment.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", str(python), "install",
            "--quiet", "--no-deps", "--no-index", str(wheel),
        ],
        check=True,
    )  # fmt: skip
    (site,) = folder.glob("lib/python*/site-packages")
    (own,) = importlib.metadata.distributions(path=[str(site)])
    for distribution in _closure(own, extra):
        for entry in _top_level(distribution):
            link = site / entry.name
            if not link.exists():
                link.symlink_to(entry)
    return python


def _closure(
    distribution: importlib.metadata.Distribution, extra: str
) -> Iterator[importlib.metadata.Distribution]:
    """Give all distributions that one requires, directly or not."""
    waiting = [(distribution, extra)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requiring, with_extra = waiting.pop()
        for line in requiring.requires or ():
            requirement = Requirement(line)
            if requirement.marker and not requirement.marker.evaluate({"extra": with_extra}):
                continue
            for each in ("", *sorted(requirement.extras)):
                key = (canonicalize_name(requirement.name), each)
                if key in seen:
                    continue
                seen.add(key)
                if key[0] == canonicalize_name(distribution.name):
                    waiting.append((distribution, each))
                    continue
                required = importlib.metadata.distribution(requirement.name)
                waiting.append((required, each))
                yield required


def _top_level(distribution: importlib.metadata.Distribution) -> set[Path]:
    """Give the files and folders of a distribution that are in site-packages itself."""
    site = Path(os.path.normpath(str(distribution.locate_file(""))))
    names = {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}
    return {site / name for name in names}
