"""What the trials found, a file for each package, so that an interrupted test run can go on."""

import re
from pathlib import Path

from pydantic import BaseModel, Field

from bitrun.config.catalogue import Package
from bitrun.images.build_context import digest
from bitrun.images.unsealed import UnsealedImages
from tools.conformance import programs

# Clients ask for ranges of versions, which no other kind is in.
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class LanguageRecord(BaseModel):
    """How the programs of a language fared: None for one that passed, else what was wrong."""

    complaints: dict[str, str | None] = Field(default_factory=dict)
    cold_ms: int | None = None
    warm_ms: int | None = None

    @property
    def passed(self) -> list[str]:
        return [name for name, complaint in self.complaints.items() if complaint is None]

    @property
    def failed(self) -> dict[str, str]:
        return {name: text for name, text in self.complaints.items() if text is not None}


class Record(BaseModel):
    """One trial of a package; `key` changes with all that its outcome depends on.

    One that could not be installed has no languages.
    """

    key: str
    version: str
    size: int = 0
    own_size: int = 0
    languages: dict[str, LanguageRecord] = Field(default_factory=dict)

    @property
    def versioned(self) -> bool:
        return _SEMVER.fullmatch(self.version) is not None

    @property
    def good(self) -> bool:
        tried = self.languages.values()
        return (
            self.versioned
            and bool(tried)
            and all(language.passed and not language.failed for language in tried)
        )


class Records:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, package: Package) -> Record | None:
        path = self._path(package)
        return Record.model_validate_json(path.read_bytes()) if path.exists() else None

    def write(self, package: Package, record: Record) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(package).write_text(record.model_dump_json(indent=1), encoding="utf-8")

    def _path(self, package: Package) -> Path:
        return self._folder / f"{package.id}.json"


def key(package: Package, parts: UnsealedImages, images: Path) -> str:
    """Hash a package's image, its entry in the catalogue and its programs.

    It needs no image, so that those tried can be told even after their removal.
    """
    return digest(
        parts.source(package.build) if package.build else str(package.pull),
        package.model_dump_json(),
        *(
            part
            for language in package.languages
            for program in programs.find(programs.folder(images, package, language))
            for file in program.files
            for part in (file.name, file.content)
        ),
    )
