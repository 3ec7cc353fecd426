"""Every package has its programs, and their results are checked."""

from pathlib import Path

import pytest

from bitrun.config import catalogue
from bitrun.config.catalogue import Language, Package
from bitrun.config.settings import Settings
from bitrun.model.job import StageName
from bitrun.model.output import Output, Stream
from bitrun.model.result import Result, StageResult, Verdict, outcome_of
from tools.conformance import page, programs
from tools.conformance.__main__ import UnknownLanguage, load_configuration, select
from tools.conformance.programs import TASKS, Task
from tools.conformance.records import LanguageRecord, Record, Records

IMAGES = Settings().images
SHIPPED = catalogue.load(Settings().languages)
ONE = SHIPPED.packages[0]


@pytest.mark.parametrize("package", SHIPPED.packages, ids=lambda package: package.id)
def test_every_package_has_its_folder(package: Package) -> None:
    assert (IMAGES / package.id / "Dockerfile").is_file()
    assert {folder.name for folder in (IMAGES / package.id / "samples").iterdir()} == {
        language.name for language in package.languages
    }


@pytest.mark.parametrize(
    ("package", "language"),
    list(SHIPPED.languages()),
    ids=lambda it: it.id if isinstance(it, Package) else it.name,
)
def test_every_language_has_a_program_or_a_reason_for_each_task(
    package: Package, language: Language
) -> None:
    place = programs.folder(IMAGES, package, language)
    assert programs.missing(place, language) == []
    assert programs.find(place)[0].task.name == programs.HELLO


def test_every_program_belongs_to_a_task() -> None:
    known = {task.name for task in TASKS} | {"incapable"}
    for claim in SHIPPED.languages():
        for path in programs.folder(IMAGES, *claim).iterdir():
            assert path.name.partition(".")[0] in known, path


def test_the_page_has_the_libraries_of_the_catalogue() -> None:
    page = (Settings().images.parent / "docs" / "languages.md").read_text()
    listed = [package for package in SHIPPED.packages if package.libraries]
    assert "python-science" in {package.id for package in listed}
    for package in listed:
        assert f"- `{package.id}`: {', '.join(package.libraries)}\n" in page


def test_missing_programs_and_needless_reasons_are_found(tmp_path: Path) -> None:
    for task in TASKS[1:]:
        (tmp_path / f"{task.name}.txt").touch()
    (tmp_path / "incapable.yml").write_text("utf8: no\n")
    interpreted = Language(name="one", run="one %s")
    assert programs.missing(tmp_path, interpreted) == ["compile-error", "hello", "utf8"]
    (tmp_path / "library.txt").unlink()
    (tmp_path / "incapable.yml").write_text("user: no\n")
    assert programs.missing(tmp_path, interpreted) == ["compile-error", "hello", "user"]


def result_of(
    stage: StageName = "run", *, code: int = 0, stdout: bytes = b"", stderr: bytes = b""
) -> Result:
    verdict = Verdict(
        outcome_of(code, None, oom_killed=False),
        code,
        None,
        oom_killed=False,
        wall_ms=1,
        cpu_ms=1,
        memory=1,
    )
    pieces = ((Stream.STDOUT, stdout), (Stream.STDERR, stderr))
    return Result((StageResult(stage, verdict, Output(pieces)),))


@pytest.mark.parametrize(
    ("task", "result", "complaint"),
    [
        ("hello", result_of(stdout=b"Hello, World!"), None),
        ("hello", result_of(stdout=b"Hello, World!\n", stderr=b"a warning"), None),
        ("hello", result_of(stdout=b"Hello"), "prints 'Hello'"),
        ("hello", result_of(stdout=b"Hello, World!\n", code=1), "exits with 1: 'Hello, World!\\n'"),
        ("hello", result_of("compile", code=1, stderr=b"no"), "does not compile: 'no'"),
        ("exit", result_of(code=3, stdout=b"stopped"), None),
        ("exit", result_of(code=1), "exits with 1: ''"),
        ("error", result_of(code=1, stderr=b"broken"), None),
        ("error", result_of(code=1), "says nothing on stderr: ''"),
        ("error", result_of(stderr=b"broken"), "does not fail: 'broken'"),
        ("compile-error", result_of("compile", code=1, stderr=b"no"), None),
        ("compile-error", result_of(code=1), "is not refused by the compiler: ''"),
        ("compile-error", result_of("compile", code=1), "is not refused by the compiler: ''"),
    ],
)
def test_results_are_checked(task: str, result: Result, complaint: str | None) -> None:
    assert next(it for it in TASKS if it.name == task).complaint(result) == complaint


def test_a_folder_s_main_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    for name in ("helper.x", "Main.x"):
        (tmp_path / "modules" / name).touch()
    (program,) = programs.find(tmp_path)
    assert program.task == Task("modules", "Hello, module!\n")
    assert [file.name for file in program.files] == ["Main.x", "helper.x"]


def test_packages_are_found_by_any_of_their_names() -> None:
    assert [package.id for package in select(SHIPPED, ["golang"])] == ["go", "go124"]
    assert [package.id for package in select(SHIPPED, ["go124", "c++"])] == ["gcc", "go124"]
    assert select(SHIPPED, []) == list(SHIPPED.packages)
    with pytest.raises(UnknownLanguage, match="nothing-such"):
        select(SHIPPED, ["go", "nothing-such"])


def test_each_measured_run_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITRUN_COMPILE_CACHE", "1000000")
    monkeypatch.setenv("BITRUN_RUNS_PER_BOX", "10")
    known = load_configuration().settings
    assert (known.compile_cache, known.runs_per_box) == (0, 10)


@pytest.mark.parametrize(
    ("version", "complaints", "good"),
    [
        ("1.2.3", {"hello": None}, True),
        ("1.2.3", {"hello": None, "exit": "exits with 1"}, False),
        ("1.2.3", {}, False),
        ("1.02.3", {"hello": None}, False),
        ("1.2", {"hello": None}, False),
    ],
)
def test_a_record_is_good(version: str, complaints: dict[str, str | None], good: bool) -> None:
    result = LanguageRecord(complaints=complaints)
    assert Record(key="", version=version, languages={"one": result}).good == good
    assert not Record(key="", version=version).good


def test_the_page_keeps_rows_without_a_record(tmp_path: Path) -> None:
    path, records = tmp_path / "languages.md", Records(tmp_path / "records")
    result = LanguageRecord(complaints={"hello": None, "exit": "exits with 1"}, cold_ms=70)
    record = Record(
        key="", version="3.99", size=5 * 10**6, own_size=10**6, languages={"python": result}
    )
    records.write(ONE, record)
    page.write(path, SHIPPED, records, IMAGES)
    first = path.read_text()
    assert "| `python` | 3.99 | `python` |" in first
    assert "| 70 |  | 1 of 2; failed: exit |" in first
    assert "| `python` | base | 5 | 1 |" in first
    page.write(path, SHIPPED, Records(tmp_path / "none"), IMAGES)
    assert path.read_text() == first
