"""The body of a Piston request to a job: refusals in their order, and what each field means."""

from typing import Any

import pytest

from bitrun.api.piston.request import read_request
from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.config.settings import Settings
from bitrun.images.sealed import InstalledPackage
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import Runtimes

PYTHON = Language(name="python", aliases=("py",), run="python3 %s")
C = Language(
    name="c", compile="gcc %s", compile_args=r"-O\d|-D\w+=[ -~]*", run="./a.out", suffix="c"
)
ANY = Language(name="file", run="./%1")


def package(language: Language) -> Package:
    return Package(
        name=language.name,
        build=language.name,
        version="1",
        version_command="true",
        languages=(language,),
    )


CATALOGUE = Catalogue(packages=tuple(map(package, (PYTHON, C, ANY))))
INSTALLED = {
    each.id: InstalledPackage(f"sha256:{each.id}", "3.13.5") for each in CATALOGUE.packages
}
RUNTIMES = Runtimes(CATALOGUE, lambda: INSTALLED)
SETTINGS = Settings(workdir_inodes=16)


def job(*, interactive: bool = False, **fields: Any) -> Job:
    body = {"language": "python", "version": "*", "files": [{"content": "x"}]} | fields
    return read_request(body, RUNTIMES, SETTINGS, interactive=interactive)[1]


def refusal(**fields: Any) -> str:
    with pytest.raises(RequestError) as refused:
        read_request(fields, RUNTIMES, SETTINGS)
    return str(refused.value)


def test_order_of_refusals() -> None:
    data: dict[str, Any] = {"content": "!", "encoding": "hex"}
    body: dict[str, Any] = {}
    for sentence, fields in (
        ("language is required as a string", {"language": "ruby"}),
        ("version is required as a string", {"version": "3"}),
        ("files is required as an array", {"files": [None]}),
        ("files[0].content is required as a string", {"files": [data]}),
        ("ruby-3 runtime is unknown", {"language": "python"}),
        ("files must include at least one utf8 encoded file", {"files": [{"content": ""}, data]}),
    ):
        assert refusal(**body) == sentence
        body |= fields
    body |= {"args": 7, "stdin": 7, "run_timeout": "x"}
    assert refusal(**body) == "If specified, run_timeout must be a number"
    del body["run_timeout"]
    assert refusal(**body) == "If specified, stdin must be a string"
    del body["stdin"]
    assert refusal(**body) == "If specified, args must be an array of strings and numbers"
    del body["args"]
    assert refusal(**body) == "files[1].content is no valid hex"


@pytest.mark.parametrize("value", [None, "", 0, 7, True, ["python"]])
def test_required_texts(value: Any) -> None:
    assert refusal(language=value) == "language is required as a string"
    assert refusal(language="python", version=value) == "version is required as a string"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "The request has no fields: send a JSON object with language, version and files"),
        ({"version": "*"}, "language is the name or an alias of a runtime"),
        ({"files": {"main.py": "1"}}, 'files is a list of objects, such as [{"name": "main.py"'),
        ({"files": ["print(1)"]}, 'files is a list of objects, such as [{"name": "main.py"'),
        (
            {"files": [{"content": "x", "encoding": "utf-8"}]},
            'The program is a file whose encoding is "utf8" or left out',
        ),
    ],
)
def test_details_of_what_is_missing(body: dict[str, Any], detail: str) -> None:
    complete = {"language": "python", "version": "*"} if "files" in body else {}
    with pytest.raises(RequestError) as refused:
        read_request(complete | body, RUNTIMES, SETTINGS)
    assert (refused.value.detail or "").startswith(detail)


def test_too_many_files() -> None:
    assert len(job(files=[{"content": ""}] * 16).files) == 16
    files = [{"content": ""}] * 17
    expected = "files may have 16 entries at most, and has 17"
    assert refusal(language="x", version="*", files=files) == expected


@pytest.mark.parametrize(
    ("name", "version"), [("Python", "*"), ("python", "4"), ("python", "latest"), ("python ", "*")]
)
def test_unknown_runtimes(name: str, version: str) -> None:
    sent = {"language": name, "version": version, "files": [{"content": ""}]}
    assert refusal(**sent) == f"{name}-{version} runtime is unknown"


def test_what_there_is_instead() -> None:
    def detail(**fields: Any) -> str | None:
        with pytest.raises(RequestError) as refused:
            read_request({"files": [{"content": ""}], **fields}, RUNTIMES, SETTINGS)
        return refused.value.detail

    version = 'version is a SemVer range such as "3.x"; "*" is any version'
    assert detail(language="python") == version
    matches = "No installed version of py matches 2; installed: 3.13.5"
    assert detail(language="py", version="2") == matches
    for name in ("pyton", "PYTHON"):
        similar = f"No language is called {name}; did you mean python?"
        assert detail(language=name, version="*") == similar
    shown = f"No language is called {'x' * 64}: there are c, file, python"
    assert detail(language="x" * 1_000_000, version="*") == shown


def test_a_language_that_is_not_installed() -> None:
    runtimes = Runtimes(CATALOGUE, dict)
    with pytest.raises(RequestError) as refused:
        read_request({"language": "py", "version": "*", "files": []}, runtimes, SETTINGS)
    assert refused.value.detail is not None
    assert refused.value.detail.startswith("Package is not installed: python. The operator")


def test_an_alias() -> None:
    runtime, found = read_request(
        {"language": "py", "version": "3.x", "files": [{"content": "x"}]}, RUNTIMES, SETTINGS
    )
    assert runtime.language is PYTHON
    assert (found.language, found.version, found.image) == ("python", "3.13.5", "sha256:python")


def test_a_job() -> None:
    found = job(args=["a b", 1, 1.0, 2.5, -0.0, 1e21, 10**400], run_timeout=7)
    (run,) = found.stages
    assert found.files == (File("file0.code", b"x"),)
    assert run.argv == (
        "python3", "file0.code", "a b", "1", "1", "2.5", "0", "1e+21", "Infinity",
    )  # fmt: skip
    assert run.env["PISTON_LANGUAGE"] == "python"
    assert run.limits.wall_ms == 7
    assert run.limits.cpu_ms == SETTINGS.run_cpu_time
    assert not run.merge
    assert found.wall_ms is None


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_arguments_that_are_none(value: Any) -> None:
    with pytest.raises(RequestError, match="array of strings and numbers"):
        job(args=["a", value])


@pytest.mark.parametrize(
    ("sent", "read"), [(None, b"\n"), ("", b"\n"), ("a", b"a\n"), ("a\n", b"a\n"), ("ä", b"\xc3\xa4\n")]
)  # fmt: skip
def test_stdin(sent: str | None, read: bytes) -> None:
    assert job(stdin=sent).stages[-1].stdin == read
    interactive = job(stdin=sent, interactive=True).stages[-1].stdin
    assert interactive == (sent or "").encode()


def test_stdin_that_is_no_unicode() -> None:
    with pytest.raises(RequestError, match=r"^stdin is no valid Unicode$"):
        job(stdin="\ud800")


def test_files() -> None:
    files = [
        {"name": "data.c", "content": "/+8", "encoding": "base64"},
        {"name": "main", "content": "int main"},
        {"name": "dir/../lib.h", "content": "00ff", "encoding": "hex"},
        {"name": "note", "content": "ä", "encoding": "latin1"},
    ]
    found = job(language="c", files=files)
    assert found.files == (
        File("data.c", b"\xff\xef"),
        File("main.c", b"int main"),
        File("lib.h", b"\x00\xff"),
        File("note", "ä".encode()),
    )
    assert found.stages[0].argv == ("gcc", "main.c")
    assert found.stages[1].argv == ("./a.out",)


def test_the_last_of_one_name_wins() -> None:
    files = [{"name": "a", "content": "1"}, {"name": "./a", "content": "2"}]
    assert job(files=files).files == (File("a", b"2"),)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (7, "must be a string"),
        ("a\0b", "holds a character that no file name can hold"),
        ("\ud800", "holds a character that no file name can hold"),
        ("a" * 4096, "is too long"),
        ("/a", "must stay within the directory: /a"),
        ("a/../../b", "must stay within the directory: a/../../b"),
        ("a/" * 33 + "b", "has more than 32 folders"),
        (".", "must name a file: ."),
        ("a/", "must name a file: a/"),
    ],
)
def test_names_that_can_not_be_used(name: Any, fault: str) -> None:
    with pytest.raises(RequestError) as refused:
        job(files=[{"name": name, "content": ""}])
    assert str(refused.value) == f"files[0].name {fault}"


def test_a_language_whose_files_need_not_be_text() -> None:
    found = job(language="file", files=[{"name": "a", "content": "7f", "encoding": "hex"}])
    assert found.files == (File("a", b"\x7f"),)


def test_arguments_of_the_compiler() -> None:
    compilation, run = job(language="c", compile_args=["-O3", "-DA=b c"], args=["x"]).stages
    assert compilation.argv == ("gcc", "file0.c", "-O3", "-DA=b c")
    assert run.argv == ("./a.out", "x")
    absent: Any
    for absent in (None, []):
        assert job(compile_args=absent).stages[0].argv == ("python3", "file0.code")


@pytest.mark.parametrize(
    ("language", "value", "sentence"),
    [
        ("c", "-O3", "If specified, compile_args must be an array of strings"),
        ("c", ["-O3", 3], "If specified, compile_args must be an array of strings"),
        ("python", ["-O"], "python takes no compile_args: leave them out"),
        (
            "c",
            ["-O3", "-O33"],
            r"c does not take -O33 in compile_args: each must match -O\d|-D\w+=[ -~]*",
        ),
    ],
)
def test_arguments_that_the_compiler_does_not_get(language: str, value: Any, sentence: str) -> None:
    files = [{"content": "x"}]
    assert refusal(language=language, version="*", files=files, compile_args=value) == sentence


def test_environment() -> None:
    compilation, run = job(language="c", env={"A": "b=c", "PATH": "/", "_1": ""}).stages
    for stage in (compilation, run):
        assert {"A": "b=c", "PATH": "/", "_1": ""}.items() <= stage.env.items()
        assert (stage.env["HOME"], stage.env["PISTON_LANGUAGE"]) == ("/tmp", "c")
    absent: Any
    for absent in (None, {}):
        assert job(env=absent).stages[0].env == job().stages[0].env


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("A=b", "If specified, env must be an object whose values are strings"),
        ({"A": 1}, "If specified, env must be an object whose values are strings"),
        ({"1A": ""}, "env can't have a variable 1A: its name must consist of"),
        ({"A=": ""}, "env can't have a variable A=: its name must consist of"),
        ({"A\n": ""}, "env can't have a variable A\n: its name must consist of"),
        ({"": ""}, "env can't have a variable : its name must consist of"),
        ({"-" * 1000: ""}, f"env can't have a variable {'-' * 100}: its name must consist of"),
    ],
)
def test_an_environment_that_is_none(value: Any, sentence: str) -> None:
    assert refusal(language="py", version="*", files=[{"content": ""}], env=value).startswith(
        sentence
    )
