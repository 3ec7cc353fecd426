"""Piston v2: what execute refuses, in which words and which order."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.config.settings import MEBIBYTE
from tests.support.piston import execute, message, package, reply, request, run, write_catalogue
from tests.support.server import Server

LANGUAGE = "language is required as a string"
VERSION = "version is required as a string"
FILES = "files is required as an array"
CONTENT = "files[{}].content is required as a string"
UNKNOWN = "{}-{} runtime is unknown"
NO_CODE = "files must include at least one utf8 encoded file"
NUMBER = "If specified, {} must be a number"
EXCEEDS = "{} cannot exceed the configured limit of {}"
NEGATIVE = "{} must be non-negative"

OK = {"content": "echo ok"}
BASE64 = {"content": "eA==", "encoding": "base64"}

# In the order in which they are asked for: a field, and what is wrong with it.
LIMITS = [
    (f"{stage}_{kind}", most)
    for kind, most in (("memory_limit", 256 * MEBIBYTE), ("timeout", None), ("cpu_time", None))
    for stage, most in (("compile", most or 10_000), ("run", most or 3_000))
]


def refused(server: Server, body: Any, text: str) -> None:
    response = execute(server, body)
    assert (response.status_code, message(response)) == (400, text)


# Before the files


@pytest.mark.parametrize("value", [None, "", 0, 3, 1.5, True, False, [], ["python"], {}])
@pytest.mark.parametrize(("field", "text"), [("language", LANGUAGE), ("version", VERSION)])
def test_a_name_and_a_version_are_required(
    server: Server, field: str, text: str, value: object
) -> None:
    body = request("bash", "echo ok")
    refused(server, body | {field: value}, text)
    del body[field]
    refused(server, body, text)


@pytest.mark.parametrize("value", [None, "", "echo", 0, 1, True, {}, {"0": OK}])
def test_files_are_required(server: Server, value: object) -> None:
    refused(server, request("bash") | {"files": value}, FILES)


@pytest.mark.parametrize(
    "entry", [None, {}, 1, "x", [], {"content": None}, {"content": 1}, {"name": "a"}]
)
def test_a_content_is_required(server: Server, entry: object) -> None:
    for position in (0, 1, 2):
        files: list[object] = [OK, OK]
        files.insert(position, entry)
        refused(server, request("bash") | {"files": files}, CONTENT.format(position))


def test_an_empty_content_is_one(server: Server) -> None:
    assert run(server, "bash", "")["code"] == 0


# The runtime


@pytest.mark.parametrize(
    ("language", "version"),
    [
        ("nothing", "*"),
        ("Bash", "*"),
        ("bash ", "*"),
        ("SH", "*"),
        ("gcc.c", "*"),
        ("bash", "latest"),
        ("bash", "stable"),
        ("bash", "0.0.1"),
        ("bash", ">5 <5"),
        ("bash", "5.2 || nonsense"),
        ("bash", "\u00e9"),
        ("\u65e5\u672c", "*"),
        ("ba\nsh", "*"),
        ("bash", "1" * 300),
        ("bash", "*" + " " * 300),
    ],
)
def test_an_unknown_runtime(server: Server, language: str, version: str) -> None:
    body = request(language, "echo") | {"version": version}
    refused(server, body, UNKNOWN.format(language, version))


def test_half_a_surrogate_pair_is_as_unknown(server: Server) -> None:
    refused(
        server,
        rb'{"language": "\ud800", "version": "*", "files": []}',
        "\ud800-* runtime is unknown",
    )


# Code


@pytest.mark.parametrize(
    "files",
    [
        [],
        [BASE64],
        [BASE64, {"content": "61", "encoding": "hex"}],
        [{"content": "echo", "encoding": "UTF8"}],
        [{"content": "echo", "encoding": "utf-8"}],
        [{"content": "echo", "encoding": 1}],
        [{"content": "echo", "encoding": ["utf8"]}],
    ],
)
def test_there_must_be_code(server: Server, files: list[Any]) -> None:
    refused(server, request("bash") | {"files": files}, NO_CODE)


@pytest.mark.parametrize("encoding", [None, "", "utf8", 0, False])
def test_what_counts_as_code(server: Server, encoding: object) -> None:
    file = {"content": "echo ok", "encoding": encoding}
    assert execute(server, request("bash") | {"files": [file]}).json()["run"]["stdout"] == "ok\n"


# Limits


NO_NUMBERS: list[Any] = ["1000", "x", True, [], {}, [1]]


@pytest.mark.parametrize(("name", "most"), LIMITS)
def test_limits(server: Server, name: str, most: int) -> None:
    body = request("bash", "echo ok")
    for other in NO_NUMBERS:
        refused(server, body | {name: other}, NUMBER.format(name))
    for large in (most + 1, most + 0.5, 2**70, 1e300):
        refused(server, body | {name: large}, EXCEEDS.format(name, most))
    for negative in (-2, -0.5, -(2**70)):
        refused(server, body | {name: negative}, NEGATIVE.format(name))
    if not name.endswith("memory_limit"):
        refused(server, body | {name: -1}, NEGATIVE.format(name))


@pytest.mark.parametrize("stage", ["compile", "run"])
def test_a_memory_limit_below_what_the_engine_can_set(server: Server, stage: str) -> None:
    body = request("bash", "echo ok")
    name = f"{stage}_memory_limit"
    for value in (1, 0.5, 6 * MEBIBYTE - 1):
        refused(server, body | {name: value}, f"{name} must be at least 6291456")


@pytest.mark.also_engine
def test_what_no_limit_is_given_by(server: Server) -> None:
    bodies: list[dict[str, Any]] = [
        {name: value for name, _ in LIMITS} for value in (None, 0, 0.0, "", False)
    ]
    bodies += [{f"{stage}_memory_limit": -1 for stage in ("compile", "run")}, dict(LIMITS)]
    for fields in bodies:
        stage = run(server, "bash", "echo ok", **fields)
        assert (stage["stdout"], stage["code"], stage["verdict"]) == ("ok\n", 0, "ok")


@pytest.mark.engine
@pytest.mark.parametrize("value", [None, 0, "", False, -1])
def test_a_memory_limit_is_never_lifted(serve: Callable[..., Server], value: object) -> None:
    server = serve(run_memory_limit=40_000_000)
    stage = run(server, "python", "bytearray(10**8)", run_memory_limit=value)
    assert stage["oom_killed"] is True
    refused(
        server,
        request("python", "x", run_memory_limit=40_000_001),
        EXCEEDS.format("run_memory_limit", 40_000_000),
    )


def test_times_are_never_lifted(serve: Callable[..., Server]) -> None:
    server, other = serve(run_timeout=500), serve(run_cpu_time=100)
    sleep, spin = "import time; time.sleep(9)", "while True: pass"
    for value in (None, 0, "", False):
        assert run(server, "python", sleep, run_timeout=value)["wall_time"] < 5_000
        assert run(other, "python", spin, run_cpu_time=value)["message"] == "Time limit exceeded"


def test_a_language_has_limits_of_its_own(serve: Callable[..., Server], tmp_path: Path) -> None:
    own = {
        "compile_timeout": 11,
        "run_timeout": 12_345,
        "compile_cpu_time": 13,
        "run_cpu_time": 14,
        "compile_memory_limit": 300_000_000,
        "run_memory_limit": 400_000_000,
    }
    catalogue = write_catalogue(tmp_path, package("own", "bash", limits=own))
    server = serve(languages=catalogue)
    for name, most in own.items():
        body = request("own", "echo", **{name: most + 1})
        refused(server, body, EXCEEDS.format(name, most))
    assert run(server, "own", "echo ok", **own)["stdout"] == "ok\n"


# The order


def spoilt() -> Iterator[tuple[dict[str, Any], str]]:
    """Bodies with ever fewer faults, each with the refusal of the first that is left."""
    body: dict[str, Any] = {
        "language": 5,
        "version": 5,
        "files": 5,
        "stdin": 5,
        "args": 5,
    } | {name: "x" for name, _ in LIMITS}  # fmt: skip
    yield body, LANGUAGE
    body["language"] = "nothing"
    yield body, VERSION
    body["version"] = "^9"
    yield body, FILES
    body["files"] = [BASE64 | {"name": "/"}, None, {}]
    yield body, CONTENT.format(1)
    body["files"] = [BASE64 | {"name": "/"}, {"content": "!", "encoding": "base64"}]
    yield body, UNKNOWN.format("nothing", "^9")
    body["language"] = "bash"
    yield body, UNKNOWN.format("bash", "^9")
    body["version"] = "*"
    yield body, NO_CODE
    body["files"][0] = OK | {"name": "/"}
    for name, most in LIMITS:
        yield body, NUMBER.format(name)
        body[name] = most + 1
        yield body, EXCEEDS.format(name, most)
        body[name] = -2
        yield body, NEGATIVE.format(name)
        body[name] = None
    yield body, "If specified, stdin must be a string"


@pytest.mark.also_engine
def test_the_order(server: Server) -> None:
    steps = 0
    for body, text in spoilt():
        refused(server, body, text)
        steps += 1
    assert steps == 7 + 3 * 6 + 1


# What Piston fails at


@pytest.mark.parametrize("value", [0, 1, True, False, [], {}, ["x"]])
def test_stdin_must_be_a_string(server: Server, value: object) -> None:
    refused(server, request("bash", "cat", stdin=value), "If specified, stdin must be a string")


@pytest.mark.parametrize("value", ["", "abc", 0, 1, True, {}, [None], [True], [["a"]], ["a", {}]])
def test_args_must_be_strings_and_numbers(server: Server, value: object) -> None:
    text = "If specified, args must be an array of strings and numbers"
    refused(server, request("bash", "echo", args=value), text)


WITHIN = "files[1].name must stay within the directory: "
NO_FILE = "files[1].name must name a file: "


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (5, "files[1].name must be a string"),
        (True, "files[1].name must be a string"),
        (["a"], "files[1].name must be a string"),
        ([], "files[1].name must be a string"),
        ({}, "files[1].name must be a string"),
        ("/etc/passwd", WITHIN + "/etc/passwd"),
        ("/", WITHIN + "/"),
        ("//a", WITHIN + "//a"),
        ("..", WITHIN + ".."),
        ("../a", WITHIN + "../a"),
        ("a/../../b", WITHIN + "a/../../b"),
        ("a/../..", WITHIN + "a/../.."),
        ("..\\a", WITHIN + "..\\a"),
        ("\\a", WITHIN + "\\a"),
        ("C:\\Users\\a.py", WITHIN + "C:\\Users\\a.py"),
        ("c:/a", WITHIN + "c:/a"),
        ("a\\", NO_FILE + "a\\"),
        (".", NO_FILE + "."),
        ("./", NO_FILE + "./"),
        ("a/..", NO_FILE + "a/.."),
        ("a/", NO_FILE + "a/"),
        ("a/.", NO_FILE + "a/."),
        ("a\0b", "files[1].name holds a character that no file name can hold"),
        ("\0", "files[1].name holds a character that no file name can hold"),
        ("x" * 5000, "files[1].name is too long"),
        ("x" * 256, "File has too long a name: " + "x" * 200),
        ("file0.code/x", "File stands below what is not a directory: file0.code/x"),
    ],
)
def test_names_that_no_file_can_have(server: Server, name: object, text: str) -> None:
    files = [OK, {"content": "", "name": name}]
    refused(server, request("bash") | {"files": files}, text)


@pytest.mark.also_engine
def test_a_name_that_is_a_directory_already(server: Server) -> None:
    files = [OK, {"content": "", "name": "a/b"}, {"content": "", "name": "a"}]
    refused(server, request("bash") | {"files": files}, "File has the name of a directory: a")


@pytest.mark.parametrize(
    "name", ["a/../b", "./b", "a//b", "...", "..b", "-b", "b c'\"$\né", "a\\b", "x" * 255]
)
def test_names_that_a_file_can_have(server: Server, name: str) -> None:
    content = 'printf %s "$0"'
    files = [{"content": content, "name": name}]
    stage = execute(server, request("bash") | {"files": files}).json()["run"]
    expected = {"a/../b": "b", "./b": "b", "a//b": "a/b", "a\\b": "a/b", "-b": "./-b"}
    assert stage["stdout"] == expected.get(name, name)


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", "!"),
        ("base64", "é"),
        ("base64", "A"),
        ("base64", "AAAAA"),
        ("base64", "QQ==QQ=="),
        ("hex", "f"),
        ("hex", "fg"),
        ("hex", "é"),
        ("hex", "0x41"),
    ],
)
def test_a_content_that_does_not_decode(server: Server, encoding: str, content: str) -> None:
    files = [OK, {"content": content, "encoding": encoding}]
    text = f"files[1].content is no valid {encoding}"
    refused(server, request("bash") | {"files": files}, text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (rb'"files": [{"content": "\ud800"}]', "files[0].content is no valid utf8"),
        (rb'"files": [{"content": "", "name": "\ud800"}]', "files[0].name holds a character that no file name can hold"),
        (rb'"files": [{"content": ""}], "stdin": "\ud800"', "stdin is no valid Unicode"),
        (rb'"files": [{"content": ""}], "args": ["\ud800"]', "A name, an argument or a variable is no valid Unicode"),
        (rb'"files": [{"content": ""}], "args": ["\u0000"]', "An argument or a variable of the environment holds a NUL"),
        (rb'"files": [{"content": ""}], "env": {"A": "\u0000B=1"}', "An argument or a variable of the environment holds a NUL"),
        (rb'"files": [{"content": ""}], "env": {"A": "\ud800"}', "A name, an argument or a variable is no valid Unicode"),
    ],
)  # fmt: skip
def test_text_that_no_program_can_be_given(server: Server, fields: bytes, text: str) -> None:
    refused(server, b'{"language": "bash", "version": "*", ' + fields + b"}", text)


@pytest.mark.also_engine
def test_more_than_the_work_directory_holds(serve: Callable[..., Server]) -> None:
    server = serve(workdir_size=100_000)
    files = [OK, {"content": "x" * 200_000, "name": "big"}]
    text = "File does not fit into the work directory: big"
    refused(server, request("bash") | {"files": files}, text)
    assert reply(server, "bash", "echo ok")["run"]["stdout"] == "ok\n"


@pytest.mark.also_engine
def test_too_many_arguments_to_give(server: Server) -> None:
    response = execute(server, request("bash", "echo", args=["x" * 100_000] * 20))
    assert message(response).startswith("The arguments and the environment are too large: 200")
    variables = {f"A{number}": "x" for number in range(1100)}
    response = execute(server, request("bash", "echo", env=variables))
    assert message(response).startswith("At most 8192 arguments and 1024 variables are possible")
    response = execute(server, request("bash", "echo", env={"A": "x" * 200_000}))
    assert message(response) == "An argument or a variable is longer than 131072 bytes"
