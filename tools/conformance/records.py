"""Results of conformance runs, a file for each package, so that interrupted runs can go on."""

import re
from pathlib import Path

from pydantic import BaseModel, Field

from bitrun.config.catalogue import Package
from bitrun.images.build_context import digest
from bitrun.images.unsealed import UnsealedImages
from tools.conformance import programs

# Clients request ranges of versions, and only SemVer versions are ever in one.
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class LanguageRecord(BaseModel):
    """Results of a language's programs: a complaint by name of program, None for a passed one.

    The times are those of the hello program, with and without the creation of its box.
    """

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
    """Result of one run of a package. Sizes are bytes.

    `key` changes with everything that the result depends on. Without languages, the package could
    not be installed.
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
        languages = self.languages.values()
        return (
            self.versioned
            and bool(languages)
            and all(language.passed and not language.failed for language in languages)
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
    """Hash a package's image sources, its entry in the catalogue and its programs.

    The image itself is not needed, so that a removed one is known to be unchanged.
    """
    return digest(
        parts.source(package.build) if package.build else str(package.pull),
        package.model_dump_json(),
        *(
            part
            for language in package.languages
            for program in programs.find(programs.folder(images, package, language))
            for file in program.files
            for part in (file.name, bytes(file.content))
        ),
    )
