"""Adds to the package what a service needs and a checkout keeps outside of `bitrun/`.

Everything else about the package is in setup.cfg, whose `package_data` can't reach these files.
In the wheel they are `bitrun/data/`, in the same places as in a checkout, which is where
`bitrun.config.settings.ROOT` points to when there is no checkout:

    config/languages.yml    the catalogue
    images/                 Dockerfiles and what they copy; of the samples only each `hello`
    scripts/apt-install     for the bootstrap of Debian where no registry is reachable

A link to another image's file becomes a copy of that file, and modes are kept: both are what an
image is hashed by, so a service finds the images current that a checkout has built.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_ROOT = Path(__file__).resolve().parent
_FILES = ("config/languages.yml", "scripts/apt-install")


def is_needed(path: Path) -> bool:
    """Whether a file of `images/` is part of an image, or the sample that a service shows."""
    _, _package, folder, *rest = path.parts
    return folder != "samples" or rest[1].startswith("hello")


def data_files() -> Iterator[str]:
    """Give the path of each file, relative to the checkout."""
    yield from _FILES
    for directory, folders, names in os.walk(_ROOT / "images", followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = Path(directory, name).relative_to(_ROOT)
            if is_needed(path):
                yield str(path)


class BuildWithData(build_py):
    """Copies the data files after the modules. An editable installation uses the checkout's."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in data_files():
            target = self._target(name)
            self.mkpath(str(target.parent))
            self.copy_file(str(_ROOT / name), str(target))

    def get_source_files(self) -> list[str]:
        """Extend what a source distribution has, so that a wheel can be built from it."""
        return [*super().get_source_files(), *data_files()]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs: list[str] = super().get_outputs(include_bytecode)
        if self.editable_mode:
            return outputs
        return [*outputs, *(str(self._target(name)) for name in data_files())]

    def _target(self, name: str) -> Path:
        return Path(self.build_lib, "bitrun", "data", name)


setup(cmdclass={"build_py": BuildWithData})
