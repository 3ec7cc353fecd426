"""Fields of v1 to a job: refusals in their order, and what each field means."""

from collections.abc import Mapping

import pytest

from bitrun.api.v1.fields import Fields
from bitrun.api.v1.request import (
    find_language,
    find_target,
    read_bytes,
    read_environment,
    read_extension,
    read_job,
)
from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.config.settings import MIN_MEMORY, MIN_STACK, Settings
from bitrun.execution.job_builder import Target
from bitrun.images.sealed import InstalledPackage
from bitrun.model.errors import PackageNotInstalled, RequestError
from bitrun.model.job import File, Job

RUBY = Language(name="ruby", run="ruby %s", extensions=("rb",))
C = Language(name="c", compile="gcc %s", run="./a.out", extensions=("c",), suffix="c")
PACKAGES = (
    Package(name="ruby", build="ruby", version="3", version_command="true", languages=(RUBY,)),
    Package(name="gcc", build="gcc", version="12", version_command="true", languages=(C,)),
)
CATALOGUE = Catalogue(packages=PACKAGES)
SETTINGS = Settings(v1_timeout=2.5, run_memory_limit=200_000_000, compile_memory_limit=300_000_000)
TARGET = Target(RUBY, "ruby", "sha256:1", "3.3.0")


def job(language: Target = TARGET, /, **fields: str) -> Job:
    return read_job(Fields(**({"filename": "a.rb", "content": "p 1"} | fields)), language, SETTINGS)


@pytest.mark.parametrize(
    ("filename", "extension"),
    [("a.rb", "rb"), ("A.C", "C"), ("x.tar.gz", "gz"), ("a.c++", "c++"), ("a.f90", "f90"),
     ("-a.rb", "rb"), ("_.rb", "rb"), (f"{'a' * 252}.rb", "rb")],
)  # fmt: skip
def test_extensions(filename: str, extension: str) -> None:
    assert read_extension(filename) == extension


@pytest.mark.parametrize(
    "filename",
    ["a", ".rb", "a.", "a/b.rb", "../a.rb", "a b.rb", "a.rb\n", "ä.rb", "a.\0rb", "a.abcdefghijklm",
     f"{'a' * 253}.rb"],
)  # fmt: skip
def test_names_that_are_none(filename: str) -> None:
    with pytest.raises(RequestError, match=r"^Invalid filename$"):
        read_extension(filename)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (Fields(), "Filename is required"),
        (Fields(filename="a"), "Invalid filename"),
        (Fields(filename="a.xyz"), "Content is required"),
        (Fields(filename="a.xyz", content="x"), "Extension is not supported: .xyz"),
    ],
)
def test_order_of_refusals(fields: Fields, sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        find_language(fields, CATALOGUE)
    assert str(refused.value) == sentence


def test_language() -> None:
    assert find_language(Fields(filename="a.C", content="x"), CATALOGUE) == (PACKAGES[1], C)


def target(image: str = "", installed: tuple[str, ...] = ("ruby", "gcc")) -> Target:
    def sealed() -> Mapping[str, str]:
        return {"debian:12": "sha256:debian"}

    return find_target(
        image,
        PACKAGES[0],
        RUBY,
        catalogue=CATALOGUE,
        installed={each: InstalledPackage(f"sha256:{each}", "1.2.3") for each in installed},
        allowed_images=("debian:12", "debian:11"),
        sealed=sealed,
    )


def test_images() -> None:
    assert target() == Target(RUBY, "ruby", "sha256:ruby", "1.2.3")
    assert target("bitrun/gcc") == Target(RUBY, "gcc", "sha256:gcc", "1.2.3")
    assert target("bitrun/gcc", ("gcc",)).package == "gcc"
    assert target("debian:12") == Target(RUBY, "debian:12", "sha256:debian", "")


def test_another_image_has_the_smaller_stack() -> None:
    """Ruby, which writes to all of its stack, can be called from any language."""

    def stack_of(language: int | None, image: int | None) -> int | None:
        packages = [
            package.model_copy(update={"languages": (with_stack(package.languages[0], size),)})
            for package, size in zip(PACKAGES[:2], (language, image), strict=True)
        ]
        found = find_target(
            packages[1].image,
            packages[0],
            packages[0].languages[0],
            catalogue=CATALOGUE.model_copy(update={"packages": tuple(packages)}),
            installed={PACKAGES[1].id: InstalledPackage("sha256:x", "1.2.3")},
            allowed_images=(),
            sealed=dict,
        )
        return found.language.limits.stack_limit

    assert stack_of(None, None) is None
    assert stack_of(None, 8 << 20) == 8 << 20
    assert stack_of(4 << 20, 8 << 20) == 4 << 20
    assert stack_of(4 << 20, None) == 4 << 20


def with_stack(language: Language, size: int | None) -> Language:
    limits = language.limits.model_copy(update={"stack_limit": size})
    return language.model_copy(update={"limits": limits})


def test_images_that_can_not_run() -> None:
    with pytest.raises(PackageNotInstalled, match="ruby"):
        target(installed=())
    with pytest.raises(PackageNotInstalled, match="gcc"):
        target("bitrun/gcc", ("ruby",))
    with pytest.raises(RequestError, match=r"^Image is not installed: debian:11"):
        target("debian:11")
    with pytest.raises(RequestError, match=r"^Image is not allowed: debian:10"):
        target("debian:10")


def test_a_job() -> None:
    found = job(input="in", env="A=1")
    assert found.files == (File("a.rb", b"p 1"),)
    (run,) = found.stages
    assert run.argv == ("ruby", "a.rb")
    assert run.stdin == b"in"
    assert run.merge
    assert run.env["A"] == "1"
    assert run.limits.wall_ms == found.wall_ms == 2500
    assert run.limits.cpu_ms is None
    assert run.limits.memory == SETTINGS.run_memory_limit
    assert not found.fresh


def test_both_stages_share_the_time() -> None:
    found = job(Target(C, "gcc", "sha256:2", "12"), filename="a.c")
    assert [stage.name for stage in found.stages] == ["compile", "run"]
    assert all(stage.merge for stage in found.stages)
    assert [stage.limits.wall_ms for stage in found.stages] == [2500, 2500]
    assert found.wall_ms == 2500


def test_a_command_of_the_client() -> None:
    (run,) = job(Target(C, "gcc", "sha256:2", "12"), filename="a.c", command="cat a.c").stages
    assert run.argv == ("sh", "-c", "cat a.c")


def test_an_extension_in_another_case_gets_the_one_that_the_tools_insist_on() -> None:
    found = job(Target(C, "gcc", "sha256:2", "12"), filename="a.C")
    assert [file.name for file in found.files] == ["a.c"]
    assert found.stages[0].argv == ("gcc", "a.c")


@pytest.mark.parametrize(
    ("text", "expected"), [("", False), ("0", False), ("false", False), ("1", True), ("true", True)]
)
def test_flags(text: str, expected: bool) -> None:
    assert job(clean=text).fresh is expected
    assert ("LD_PRELOAD" in job(unbuffered=text).stages[-1].env) is expected


LIMITS = [
    ("memory_limit", "memory", MIN_MEMORY, 200_000_000, "bytes"),
    ("output_limit", "output", 1, SETTINGS.max_output_limit, "bytes"),
    ("stack_limit", "stack", MIN_STACK, 200_000_000, "bytes"),
    ("process_limit", "processes", 1, SETTINGS.max_process_limit, "processes"),
]


@pytest.mark.parametrize(("name", "attribute", "minimum", "maximum", "unit"), LIMITS)
def test_limits(name: str, attribute: str, minimum: int, maximum: int, unit: str) -> None:
    for value in (minimum, maximum):
        limits = job(**{name: str(value)}).stages[0].limits
        assert getattr(limits, attribute) == value
    for text in ("x", "-1", "1.5", " 1", "1" * 20, "٣"):
        with pytest.raises(RequestError, match=f"Invalid {name}: a number of {unit} is expected"):
            job(**{name: text})
    with pytest.raises(RequestError, match=f"{name}: {minimum} to [0-9]* {unit} are possible"):
        job(**{name: str(minimum - 1)})
    # Of both stages, also for a language with only one.
    with pytest.raises(RequestError, match=f"{name}: {minimum} to {maximum} {unit} are possible"):
        job(**{name: str(maximum + 1)})


def test_environment() -> None:
    assert read_environment("") == {}
    assert read_environment("A=1\r\n\nB_2=x=y \nC=") == {"A": "1", "B_2": "x=y ", "C": ""}
    for text, line in (("A", 1), ("A=1\n=2", 2), ("1A=1", 1), ("A B=1", 1), ("Ä=1", 1)):
        with pytest.raises(RequestError, match=f"line {line} is not NAME=value"):
            read_environment(text)


def test_bytes() -> None:
    assert read_bytes("ä\udcff", "input") == b"\xc3\xa4\xff"
    with pytest.raises(RequestError, match=r"^Invalid input: it holds half of a surrogate pair$"):
        read_bytes("\ud800", "input")


def test_order_of_refusals_of_a_job() -> None:
    fields = {"memory_limit": "x", "input": "\ud800", "env": "x", "content": "\ud800"}
    for wrong in ("memory_limit", "input", "env", "content"):
        with pytest.raises(RequestError, match=rf"^Invalid {wrong}"):
            job(**fields)
        del fields[wrong]
