"""Writes `docs/languages.md` from the catalogue, the programs and the records.

A row of a package without a record stays as the page has it, so that a run for one language leaves
the others' results alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bitrun.config.catalogue import Catalogue, Language, Package
from tools.conformance import programs
from tools.conformance.records import LanguageRecord, Record, Records
from tools.conformance.trial import parent_of

_HEAD = """\
# Languages

`make test-languages` has written this page: it installed every package, ran the conformance
programs of every language ([`images/*/samples`](../images)) in boxes, and measured. Times are
milliseconds, the best of three on a machine of two cores that did other work besides: *warm* is the
wall time of the program's own stages, compilation included; *cold* adds the making of the box. An
image shares the layers of the one it is made from, so that *own* is what installing it costs beside
that one.
"""

_RUNTIMES = """
## Runtimes

| language | version | package | aliases | extensions | hello cold | hello warm | programs passed |
|---|---|---|---|---|---|---|---|
"""

_IMAGES = """
## SealedImages

| package | made from | MB | own MB |
|---|---|---|---|
"""

_SHARED = """
## Shared extensions

An extension belongs to one language; the others are asked for by their names. Of those that other
languages claim which are not to be had here, `.fs` is Forth's, `.v` Verilog's, `.bas` Yabasic's and
`.sc` Scala's.

| extension | belongs to | used by |
|---|---|---|
"""

_INCAPABLE = """
## What some can't do

"""

_MEGABYTE = 1_000_000


def write(path: Path, catalogue: Catalogue, records: Records, images: Path) -> None:
    kept = _rows(path)
    text = [_HEAD, _RUNTIMES]
    for package, language in catalogue.languages():
        record = records.read(package)
        row = _runtime_row(package, language, record, images)
        text.append(row if record else kept.get(_key(row), row))
    text.append(_IMAGES)
    for package in catalogue.packages:
        record = records.read(package)
        row = _image_row(package, record, images)
        text.append(row if record else kept.get(_key(row), row))
    text += [_SHARED, *_shared(catalogue, images), _INCAPABLE, *_incapable(catalogue, images)]
    path.write_text("".join(text), encoding="utf-8")


def _rows(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return {_key(line): line for line in lines if line.startswith("| `")}


def _key(row: str) -> str:
    cells = row.split(" | ")
    # A row of an image has fewer cells than one of a runtime, which is told by its package, too.
    return cells[0] if len(cells) < 5 else f"{cells[0]} {cells[2]}"  # noqa: PLR2004


def _runtime_row(package: Package, language: Language, record: Record | None, images: Path) -> str:
    tried = record.languages.get(language.name) if record else None
    cells = (
        f"`{language.name}`",
        record.version if record else package.version,
        f"`{package.id}`",
        " ".join(f"`{alias}`" for alias in language.aliases),
        " ".join(f"`.{extension}`" for extension in language.extensions),
        _milliseconds(tried.cold_ms if tried else None),
        _milliseconds(tried.warm_ms if tried else None),
        _passed(tried, programs.incapable(programs.folder(images, package, language)))
        if tried
        else "can't be installed"
        if record
        else "not tried",
    )
    return f"| {' | '.join(cells)} |\n"


def _milliseconds(value: int | None) -> str:
    return "" if value is None else str(value)


def _passed(tried: LanguageRecord, incapable: dict[str, str]) -> str:
    text = f"{len(tried.passed)} of {len(tried.complaints)}"
    if tried.failed:
        text += f"; failed: {', '.join(tried.failed)}"
    if incapable:
        text += f"; can't: {', '.join(incapable)}"
    return text


def _image_row(package: Package, record: Record | None, images: Path) -> str:
    parent = parent_of(package, images).removeprefix("bitrun/").removesuffix(":unsealed")
    sizes = (record.size, record.own_size) if record else ()
    numbers = [f"{round(size / _MEGABYTE)}" for size in sizes] or ["", ""]
    return f"| `{package.id}` | {parent} | {' | '.join(numbers)} |\n"


def _shared(catalogue: Catalogue, images: Path) -> Iterator[str]:
    users = defaultdict(list)
    for package, language in catalogue.languages():
        for program in programs.find(programs.folder(images, package, language))[:1]:
            users[Path(program.files[0].name).suffix.removeprefix(".")].append((package, language))
    for extension, claims in sorted(users.items()):
        owner = catalogue.by_extension(extension)
        others = [claim for claim in claims if claim != owner]
        if owner and others:
            names = ", ".join(map(_name, others))
            yield f"| `.{extension}` | {_name(owner)} | {names} |\n"


def _name(claim: tuple[Package, Language]) -> str:
    package, language = claim
    return f"{language.name} (`{package.id}`)"


def _incapable(catalogue: Catalogue, images: Path) -> Iterator[str]:
    for claim in catalogue.languages():
        for task, reason in programs.incapable(programs.folder(images, *claim)).items():
            yield f"- {_name(claim)}, {task}: {reason}\n"
