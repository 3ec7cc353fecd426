"""Files that a program has made, and the safe way to write them into a folder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from bitrun.client.errors import NotSaved

_ON_WINDOWS = os.name == "nt"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a program has made; `name` is its path in the program's folder."""

    name: str
    content: bytes

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the file into a folder, under its name, and return its path.

        Folders that are missing are made. A file that is there is replaced, and nothing is written
        through a link: a program chooses the names, and makes links.

        Raises:
            NotSaved: the name leads elsewhere, or what is there is in the way.
        """
        *folders, last = _parts(self.name)
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
            for part in folders:
                place /= part
                place.mkdir(exist_ok=True)
                if place.is_symlink():
                    raise NotSaved(f"{self.name} is not saved: {place} is a link")
            place /= last
            # Not opened: it may be a fifo, or share its content with another file.
            place.unlink(missing_ok=True)
            with place.open("xb") as file:
                file.write(self.content)
        except OSError as error:
            raise NotSaved(f"{self.name} can't be saved: {error.strerror}: {place}") from error
        return place


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file that was asked for and is missing; `name` is empty where it stands for several.

    `reason` is one word, `message` a sentence.
    """

    name: str
    reason: str
    message: str


def save_all(files: Iterable[OutputFile], folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write files into a folder, and return their paths; see `OutputFile.save`."""
    return tuple(file.save(folder) for file in files)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if "\0" in name or {"", ".", ".."} & {*parts} or (_ON_WINDOWS and _is_special(name)):
        raise NotSaved(f"{name!r} is not saved: it is no path below a folder")
    return parts


def _is_special(name: str) -> bool:
    """Whether Windows takes a name for a drive, a device, a stream of a file or another path."""
    return "\\" in name or ":" in name or PureWindowsPath(name).is_reserved()
