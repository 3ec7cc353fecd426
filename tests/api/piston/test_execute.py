"""Piston v2: what execute makes of a request, and how it answers."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.piston import call, execute, package, reply, request, run, write_catalogue
from tests.support.server import Server

STAGE = {
    "signal", "stdout", "stderr", "code", "output", "memory", "message", "status", "cpu_time",
    "wall_time", "verdict", "detail",
}  # fmt: skip


def version(server: Server, language: str) -> str:
    return next(
        str(runtime["version"])
        for runtime in call(server, "GET", "/api/v2/runtimes").json()
        if runtime["language"] == language
    )


# The reply


@pytest.mark.also_engine
def test_the_whole_reply(server: Server) -> None:
    body = reply(
        server, "py", "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)"
    )
    stage = body.pop("run")
    assert body == {"language": "python", "version": version(server, "python")}
    memory, cpu_time, wall_time = (stage.pop(name) for name in ("memory", "cpu_time", "wall_time"))
    assert stage == {
        "code": 0,
        "signal": None,
        "status": None,
        "message": None,
        "verdict": "ok",
        "detail": None,
        "stdout": "out\n",
        "stderr": "err\n",
        "output": "out\nerr\n",
    }
    assert 3_000_000 < memory < 50_000_000
    assert all(isinstance(value, int) for value in (memory, cpu_time, wall_time))
    assert 0 < cpu_time < 1000
    assert 0 < wall_time < 2000


@pytest.mark.also_engine
def test_a_compiled_runtime_has_both_stages(server: Server) -> None:
    body = reply(server, "c", '#include <stdio.h>\nint main() { puts("ran"); return 3; }')
    assert body.keys() == {"compile", "run", "language", "version"}
    assert body["compile"].keys() == body["run"].keys() == STAGE
    assert (body["compile"]["code"], body["compile"]["output"]) == (0, "")
    assert (body["run"]["code"], body["run"]["output"]) == (3, "ran\n")


def test_warnings_stay_with_the_compile_stage(server: Server) -> None:
    body = reply(server, "c", '#warning "careful"\nint main() { return 0; }')
    assert "careful" in body["compile"]["stderr"]
    assert body["compile"]["stdout"] == body["run"]["output"] == ""


@pytest.mark.also_engine
def test_a_compile_error(server: Server) -> None:
    body = reply(server, "c", "int main(")
    assert body["run"] == body["compile"]
    assert body["run"].keys() == STAGE
    assert (body["run"]["code"], body["run"]["status"]) == (1, "RE")
    assert body["run"]["message"] == "Exited with error status 1"
    assert "error: expected" in body["run"]["stderr"]


@pytest.mark.also_engine
def test_a_compile_stage_has_limits_of_its_own(server: Server) -> None:
    program = "int main() { return 7; }"
    body = reply(server, "c", program, compile_timeout=1)
    assert body["run"] == body["compile"]
    assert body["compile"]["message"] == "Time limit exceeded (wall clock)"
    body = reply(server, "c", program, compile_cpu_time=1)
    assert body["compile"]["message"] == "Time limit exceeded"
    body = reply(server, "c", program, run_memory_limit=8_000_000, run_timeout=1000)
    assert (body["compile"]["code"], body["run"]["code"]) == (0, 7)


@pytest.mark.engine
def test_a_compile_stage_has_a_memory_limit_of_its_own(server: Server) -> None:
    program = "int main() { return 7; }"
    body = reply(server, "c", program, compile_memory_limit=6 * 1024 * 1024)
    assert body["compile"]["oom_killed"] is True


def test_unknown_fields_are_ignored(server: Server) -> None:
    assert run(server, "bash", "echo ok", log_level=[1], timeout="x", id={})["stdout"] == "ok\n"


# Files


def files(server: Server, language: str, *entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = execute(server, request(language) | {"files": entries} | fields)
    assert response.status_code == 200, response.text
    body = response.json()
    assert isinstance(body, dict)
    return body


def test_names_by_position(server: Server) -> None:
    """A file without a name has the number of its place."""
    stage = files(
        server, "bash",
        {"content": "echo $0 *"}, {"content": "", "name": "b"}, {"content": "", "name": None},
        {"content": "", "name": ""}, {"content": "", "name": 0}, {"content": "", "name": False},
    )["run"]  # fmt: skip
    named = "b file0.code file2.code file3.code file4.code file5.code"
    assert stage["stdout"] == f"file0.code {named}\n"


@pytest.mark.also_engine
def test_files_in_sub_folders(server: Server) -> None:
    stage = files(
        server, "python",
        {"name": "app/main.py", "content": "import sys; sys.path.append('.'); import lib.deep.one"},
        {"name": "lib/deep/one.py", "content": "print(open('data/text').read(), __file__)"},
        {"name": "data/text", "content": "żółć 🦊"},
    )["run"]  # fmt: skip
    assert stage["stdout"] == "żółć 🦊 /box/lib/deep/one.py\n"


def test_the_last_of_one_name_wins(server: Server) -> None:
    stage = files(
        server, "bash",
        {"name": "a", "content": "echo first"}, {"name": "b", "content": "echo b"},
        {"name": "./x/../a", "content": "echo last; ls"},
    )["run"]  # fmt: skip
    assert stage["stdout"] == "last\na\nb\n"


def test_the_first_code_file_runs(server: Server) -> None:
    stage = files(
        server, "bash",
        {"name": "data", "content": base64.b64encode(b"echo no").decode(), "encoding": "base64"},
        {"name": "hex", "content": b"echo no".hex(), "encoding": "hex"},
        {"name": "main", "content": "echo yes; cat data hex"},
        {"name": "other", "content": "echo no"},
    )["run"]  # fmt: skip
    assert stage["stdout"] == "yes\necho noecho no"


BYTES = bytes(range(256))


@pytest.mark.parametrize(
    ("encoding", "content", "expected"),
    [
        ("base64", base64.b64encode(BYTES).decode(), BYTES),
        ("base64", base64.urlsafe_b64encode(BYTES).decode(), BYTES),
        ("base64", base64.encodebytes(BYTES).decode(), BYTES),
        ("base64", base64.b64encode(BYTES).decode().rstrip("="), BYTES),
        ("base64", "", b""),
        ("hex", BYTES.hex(), BYTES),
        ("hex", BYTES.hex().upper(), BYTES),
        ("hex", "", b""),
        ("utf8", "é🦊\0\r\n", "é🦊\0\r\n".encode()),
        ("UTF-8", "eA==", b"eA=="),
        ("latin1", "é", "é".encode()),
        (5, "é", "é".encode()),
        (["hex"], "61", b"61"),
    ],
)
def test_encodings(server: Server, encoding: object, content: str, expected: bytes) -> None:
    stage = files(
        server, "bash",
        {"content": "base64 -w0 data"}, {"name": "data", "content": content, "encoding": encoding},
    )["run"]  # fmt: skip
    assert base64.b64decode(stage["stdout"]) == expected


def test_an_unknown_encoding_is_code_beside_a_known_one(server: Server) -> None:
    """It is text, though it does not count for the refusal."""
    stage = files(
        server, "bash", {"content": "echo first", "encoding": "x"}, {"content": "echo second"}
    )["run"]
    assert stage["stdout"] == "first\n"


def test_the_language_file_needs_no_code(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(languages=write_catalogue(tmp_path, package("file", "bash", run="ls -A")))
    data = {"name": "data", "content": "eA==", "encoding": "base64"}
    assert files(server, "file", data)["run"]["stdout"] == "data\n"
    assert files(server, "file")["run"]["stdout"] == ""


# C and C++


@pytest.mark.also_engine
def test_c_with_two_sources_and_a_header_in_a_folder(server: Server) -> None:
    body = files(
        server, "c",
        {"name": "main.c", "content": '#include <stdio.h>\n#include "lib/twice.h"\nint main(int n, char **v) { printf("%d %s\\n", twice(21), v[n - 1]); }'},
        {"name": "lib/twice.c", "content": '#include "twice.h"\nint twice(int n) { return 2 * n; }'},
        {"name": "lib/twice.h", "content": "int twice(int n);"},
        args=["last"],
    )  # fmt: skip
    assert body["compile"]["output"] == ""
    assert body["run"]["stdout"] == "42 last\n"


def test_a_header_may_come_first(server: Server) -> None:
    body = files(
        server, "c++",
        {"name": "twice.hpp", "content": "#pragma once\ninline int twice(int n) { return 2 * n; }"},
        {"name": "main.cpp", "content": '#include "twice.hpp"\nint main() { return twice(4); }'},
    )  # fmt: skip
    assert body["compile"]["output"] == ""
    assert body["run"]["code"] == 8


@pytest.mark.parametrize(
    "name", [None, "main", "program.txt", "sub/code", "it's $HOME.c", "@c.c", ".c"]
)
def test_c_under_any_name(server: Server, name: str | None) -> None:
    body = files(server, "c", {"name": name, "content": "int main() { return 4; }"})
    assert (body["compile"]["output"], body["run"]["code"]) == ("", 4)


# Arguments and stdin


ARGUMENTS = [
    ("a b", "a b"), ("", ""), ("-n", "-n"), ("é🦊", "é🦊"), ("$HOME;`id`'\"\\\n*", "$HOME;`id`'\"\\\n*"),
    (1, "1"), (-7, "-7"), (1.0, "1"), (1.5, "1.5"), (-0.0, "0"), (0.1, "0.1"), (1e20, "100000000000000000000"),
    (1e21, "1e+21"), (1.5e300, "1.5e+300"), (1e-6, "0.000001"), (1.5e-7, "1.5e-7"), (0.00001234, "0.00001234"),
    (2**53, "9007199254740992"), (2**60, "1152921504606847000"), (123456789012345680000, "123456789012345680000"),
]  # fmt: skip


@pytest.mark.also_engine
def test_arguments(server: Server) -> None:
    stage = run(
        server, "python", "import sys; print(ascii(sys.argv))", args=[sent for sent, _ in ARGUMENTS]
    )
    assert stage["stdout"] == ascii(["file0.code", *(received for _, received in ARGUMENTS)]) + "\n"


def test_numbers_beyond_a_double(server: Server) -> None:
    body = b'{"language": "bash", "version": "*", "files": [{"content": "echo $@"}], "args": [1e999, -1e999, %s]}'
    stage = execute(server, body % (b"9" * 400)).json()["run"]
    assert stage["stdout"] == "Infinity -Infinity Infinity\n"


@pytest.mark.parametrize("args", [None, []])
def test_no_arguments(server: Server, args: object) -> None:
    assert run(server, "bash", "echo $#", args=args)["stdout"] == "0\n"


def test_compiled_programs_get_arguments_too(server: Server) -> None:
    program = "#include <stdio.h>\nint main(int n, char **v) { while (*++v) puts(*v); return n; }"
    stage = run(server, "c", program, args=["a b", "$x", ""])
    assert (stage["stdout"], stage["code"]) == ("a b\n$x\n\n", 4)


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (None, "\n"), ("", "\n"), ("a", "a\n"), ("a\n", "a\n"), ("a\nb", "a\nb\n"), ("\n", "\n"),
        ("a\r", "a\r\n"), ("a\r\n", "a\r\n"), ("żółć 🦊", "żółć 🦊\n"), ("\0", "\0\n"),
    ],
)  # fmt: skip
def test_stdin_ends_with_a_newline(server: Server, stdin: str | None, expected: str) -> None:
    script = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(server, "python", script, stdin=stdin)["stdout"] == expected


@pytest.mark.also_engine
def test_a_program_without_stdin_reads_one_empty_line(server: Server) -> None:
    script = "print(ascii(input()))\ntry: input()\nexcept EOFError: print('end')"
    assert run(server, "python", script)["stdout"] == "''\nend\n"


def test_stdin_is_the_runs_not_the_compilers(serve: Callable[..., Server], tmp_path: Path) -> None:
    both = package("both", "bash", compile="cat -n", run="cat")
    server = serve(languages=write_catalogue(tmp_path, both))
    body = reply(server, "both", "", stdin="line")
    assert (body["compile"]["stdout"], body["run"]["stdout"]) == ("", "line\n")


def test_compile_gets_all_code_files_and_run_the_first(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    both = package("both", "bash", compile="echo c %s", run="echo r %s")
    server = serve(languages=write_catalogue(tmp_path, both))
    body = files(
        server, "both",
        {"content": "eA==", "encoding": "base64"}, {"content": "", "name": "a b"}, {"content": ""},
        args=["x", 1],
    )  # fmt: skip
    assert body["compile"]["stdout"] == "c a b file2.code\n"
    assert body["run"]["stdout"] == "r a b x 1\n"


# Surroundings


@pytest.mark.also_engine
def test_the_environment_is_clean(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server], tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET", "leaked")
    server = serve(
        languages=write_catalogue(
            tmp_path,
            package("own", "bash", aliases=["alias"], env={"A": "1 $B", "LANG": "C"}, run="env"),
            package("plain", "python", compile="env", run="env"),
        )
    )
    clean = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/tmp",
        "LOGNAME=user",
        "TERM=dumb",
        "USER=user",
    }
    body = reply(server, "plain", "")
    expected = clean | {"LANG=C.UTF-8", "PISTON_LANGUAGE=plain"}
    assert set(body["run"]["stdout"].splitlines()) == expected
    assert set(body["compile"]["stdout"].splitlines()) == expected
    expected = clean | {"LANG=C", "PISTON_LANGUAGE=own", "A=1 $B"}
    assert set(run(server, "alias", "")["stdout"].splitlines()) == expected


@pytest.mark.also_engine
def test_variables_of_the_request(serve: Callable[..., Server], tmp_path: Path) -> None:
    own = package("own", "bash", env={"A": "1", "B": "2"}, compile="env", run="env")
    body = reply(
        serve(languages=write_catalogue(tmp_path, own)), "own", "",
        env={"A": "b=c d", "PISTON_LANGUAGE": "x", "HOME": "/box", "LD_LIBRARY_PATH": "/box"},
    )  # fmt: skip
    for stage in ("compile", "run"):
        lines = body[stage]["stdout"].splitlines()
        assert {"A=b=c d", "B=2", "PISTON_LANGUAGE=x", "HOME=/box", "USER=user"} <= {*lines}


@pytest.mark.also_engine
def test_the_work_directory_and_the_network(server: Server) -> None:
    script = "pwd; ls -A; cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '"
    assert run(server, "bash", script)["stdout"] == "/box\nfile0.code\nlo\n"


@pytest.mark.also_engine
def test_the_default_limits(server: Server) -> None:
    script = "ulimit -n; ulimit -f; ulimit -c"
    assert run(server, "bash", script)["stdout"] == "2048\nunlimited\n0\n"


@pytest.mark.also_engine
def test_a_file_may_fill_the_work_directory(server: Server) -> None:
    script = "dd if=/dev/zero of=f bs=1M count=65 status=none; stat -c %s f"
    stage = run(server, "bash", script)
    assert 63 << 20 < int(stage["stdout"]) <= 64 << 20
    assert "No space left on device" in stage["stderr"]


_SHARED = """
import mmap, os
SIZE = 100_000_000
file = os.memfd_create("a")
os.ftruncate(file, SIZE)
named, anonymous = mmap.mmap(file, SIZE), mmap.mmap(-1, SIZE)
named[-1] = anonymous[-1] = 1
print(os.write(file, b"x" * 30_000_000))
"""


@pytest.mark.also_engine
def test_shared_memory_is_no_file(server: Server) -> None:
    assert run(server, "python", _SHARED)["stdout"] == "30000000\n"


@pytest.mark.engine
def test_a_large_array_is_compiled(server: Server) -> None:
    body = reply(server, "c", "int a[4000000] = {1}; int main() { return a[3]; }")
    assert (body["run"]["code"], body["compile"]["stderr"]) == (0, "")


@pytest.mark.engine
def test_the_default_limit_of_processes(server: Server) -> None:
    spawn = (
        "import os, time\nn = 0\ntry:\n  while os.fork(): n += 1\n  time.sleep(9)\n"
        "except OSError: print(n + 1)"
    )
    assert run(server, "python", spawn)["stdout"] == "64\n"


@pytest.mark.engine
@pytest.mark.parametrize("number", [20, 100])
def test_a_limit_of_processes(server: Server, number: int) -> None:
    spawn = (
        "import threading\nlock = threading.Lock()\nlock.acquire()\ntry:\n"
        "  while True: threading.Thread(target=lock.acquire, daemon=True).start()\n"
        "except RuntimeError: print(threading.active_count())"
    )
    assert run(server, "python", spawn, run_process_limit=number)["stdout"] == f"{number}\n"


_DEEP = r"""
#include <cstdio>
#include <cstdlib>
static int depth(int n) { volatile char frame[16]; frame[0] = 1; return n ? depth(n - 1) + frame[0] : 0; }
int main(int, char **argv) { printf("%d\n", depth(atoi(argv[1]))); }
"""


@pytest.mark.also_engine
def test_the_stack_is_as_large_as_the_memory(server: Server) -> None:
    deep = run(server, "c++", _DEEP, args=["1000000"])
    assert deep["stdout"] == "1000000\n", deep
    small = run(server, "c++", _DEEP, args=["1000000"], run_stack_limit=8 << 20)
    assert (small["stdout"], small["signal"]) == ("", "SIGSEGV")


@pytest.mark.also_engine
@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 7, 8])
def test_a_limit_of_output_cuts_no_character(server: Server, limit: int) -> None:
    text = "€😀€"
    stage = run(
        server, "bash", f"printf %s '{text}'; printf %s '{text}' >&2", run_output_limit=limit
    )
    whole = text.encode()[:limit].decode(errors="ignore")
    assert (stage["stdout"], stage["status"]) == (whole, "OL")
    v1 = server.run(filename="a.sh", content=f"printf %s '{text}'", output_limit=limit)
    assert v1.content == whole.encode()


@pytest.mark.also_engine
def test_both_streams_at_the_largest_limit(server: Server) -> None:
    script = (
        "import os\nfor _ in range(128): os.write(1, b'\\xe4' * 65536); os.write(2, b'\\0' * 65536)"
    )
    stage = run(server, "python", script, run_output_limit=-1, run_timeout=3000)
    assert stage["stdout"] == "\ufffd" * (8 << 20)
    assert stage["stderr"] == "\0" * (8 << 20)
    assert len(stage["output"]) == 16 << 20


@pytest.mark.also_engine
def test_a_limit_of_output(server: Server) -> None:
    large = "head -c 8388608 /dev/zero | tr '\\0' a"
    assert len(run(server, "bash", large, run_output_limit=8 << 20)["stdout"]) == 8 << 20
    small = run(server, "bash", "echo 12345", run_output_limit=3)
    assert (small["stdout"], small["status"]) == ("123", "OL")


@pytest.mark.also_engine
def test_the_newest_match_of_all_packages_runs(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """One language in several versions, those of other languages' images."""
    many = [
        package("many", "python", run="echo python"),
        package("many", "bash", run="echo bash") | {"version": "0.0.1"},
        package("many", "ruby", run="echo ruby", aliases=["other"]) | {"version": "0.0.2"},
    ]
    server = serve(languages=write_catalogue(tmp_path, *many))
    versions = [each["version"] for each in call(server, "GET", "/api/v2/runtimes").json()]
    python, bash, ruby = versions
    for language, wanted, expected, output in (
        ("many", "*", bash, "bash"),
        ("many", "3.x", python, "python"),
        ("many", f"<{python}", ruby, "ruby"),
        ("many", f"{ruby} || 2.7", ruby, "ruby"),
        ("many", " ", bash, "bash"),
        ("other", "*", ruby, "ruby"),
    ):
        body = reply(server, language, "", version=wanted)
        assert (body["language"], body["version"]) == ("many", expected)
        assert body["run"]["stdout"] == f"{output}\n"
