"""Submissions: their results, statuses, encodings, limits and files."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.judge0 import (
    archive,
    call,
    get,
    judged,
    packed,
    problems,
    result,
    submit,
    token_of,
)
from tests.support.metrics import metric
from tests.support.server import Server
from tests.support.tokens import RUN
from tests.support.waiting import wait_until

BASH, C, CPP, PYTHON, PLAIN_TEXT, MULTI_FILE = 46, 50, 54, 71, 43, 89
HELLO = (
    '#include <stdio.h>\nint main(void) { char n[9]; scanf("%8s", n); printf("hello, %s\\n", n); }'
)


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="judge0", run_cpu_time=1000, run_timeout=30_000)


@pytest.mark.also_engine
def test_the_documented_example(server: Server) -> None:
    token = token_of(server, source_code=HELLO, language_id=C, stdin="Judge0")
    reply = result(server, token)
    assert float(reply.pop("time")) >= 0
    assert reply.pop("memory") > 0
    assert reply == {
        "stdout": "hello, Judge0\n",
        "stderr": None,
        "token": token,
        "compile_output": None,
        "message": None,
        "status": {"id": 3, "description": "Accepted"},
    }
    # The number as a text, and the result at once.
    expected = judged(
        server, source_code=HELLO, language_id="50", stdin="Judge0", expected_output="hello, Judge0"
    )
    assert expected["status"]["id"] == 3
    other = judged(
        server, source_code=HELLO, language_id=C, stdin="Judge0", expected_output="hello, you"
    )
    assert other["status"] == {"id": 4, "description": "Wrong Answer"}


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("exit 3", 11, "Exited with error status 3"),
        ("kill -SEGV $$", 7, "Caught fatal signal 11"),
        ("kill -XFSZ $$", 8, "Caught fatal signal 25"),
        ("kill -FPE $$", 9, "Caught fatal signal 8"),
        ("kill -ABRT $$", 10, "Caught fatal signal 6"),
        ("kill -TERM $$", 12, "Caught fatal signal 15"),
        ("while :; do :; done", 5, "Time limit exceeded: 1000 ms of CPU time"),
        ("head -c 1048577 /dev/zero", 8, "Output limit exceeded: 1048576 bytes on stdout"),
    ],
)
def test_a_program_that_fails(server: Server, code: str, status: int, message: str) -> None:
    reply = judged(server, "fields=status_id,message", source_code=code, language_id=BASH)
    assert reply == {"status_id": status, "message": message}


def test_what_does_not_compile(server: Server) -> None:
    reply = judged(server, source_code="int main() { return x; }", language_id=CPP)
    assert reply["status"] == {"id": 6, "description": "Compilation Error"}
    assert "main.cpp" in reply["compile_output"]
    assert [reply[name] for name in ("stdout", "stderr", "message", "time")] == [None] * 4


def test_a_limit_of_the_compiler_is_named(share: Callable[..., Server]) -> None:
    server = share(dialects="judge0", compile_timeout=200)
    files = archive({"compile": "sleep 9", "run": "echo"})
    reply = judged(server, language_id=MULTI_FILE, additional_files=files)
    assert reply["status"]["id"] == 6
    assert reply["compile_output"] == "Time limit exceeded: 200 ms of wall time"


def test_fields(server: Server) -> None:
    token = token_of(server, source_code="echo out; echo err >&2; exit 2", language_id=BASH)
    found = result(server, token, "fields=stdout,status_id,language_id,exit_code,stderr,stdin")
    assert found == {
        "stdout": "out\n", "status_id": 11, "language_id": BASH, "exit_code": 2, "stderr": "err\n",
        "stdin": None,
    }  # fmt: skip
    everything = get(server, token, "fields=*")
    assert everything["source_code"].startswith("echo out")
    assert everything["language"]["name"].startswith("Bash (")
    assert everything["wall_time_limit"] == "30.0"
    assert everything["number_of_runs"] == 1
    assert everything["created_at"] < everything["finished_at"]
    assert everything["finished_at"].endswith("Z")
    response = call(server, "GET", f"/submissions/{token}?fields=stdout,nothing,none")
    assert (response.status_code, response.json()) == (
        400,
        {"error": "invalid fields: [nothing, none]"},
    )


def test_base64(server: Server) -> None:
    fields = {"source_code": packed("cat; exit 1"), "stdin": packed(b"\xfe\n")}
    reply = judged(server, "base64_encoded=true", language_id=BASH, **fields)
    assert reply["stdout"] == packed(b"\xfe\n")
    assert reply["message"] == packed("Exited with error status 1")
    token = reply["token"]
    response = call(server, "GET", f"/submissions/{token}")
    assert response.status_code == 400
    assert "cannot be converted to UTF-8, use base64_encoded=true" in response.json()["error"]
    assert get(server, token, "fields=status_id") == {"status_id": 11}
    program = "printf '\\376'"
    reply = judged(server, source_code=program, language_id=BASH)
    assert reply.keys() == {"token", "error"}
    found = problems(server, "base64_encoded=true", source_code="%", language_id=BASH)
    assert found == {"source_code": ["is no valid base64"]}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"source_code": "x"}, {"language_id": ["can't be blank"]}),
        ({"language_id": BASH}, {"source_code": ["can't be blank"]}),
        ({"language_id": BASH, "source_code": ""}, {"source_code": ["can't be blank"]}),
        (
            {"source_code": "x", "language_id": 150000},
            {"language_id": ["language with id 150000 doesn't exist"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "wall_time_limit": 100000},
            {"wall_time_limit": ["must be less than or equal to 30"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "memory_limit": 0, "cpu_time_limit": "x"},
            {"memory_limit": ["must be greater than 0"], "cpu_time_limit": ["is not a number"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "memory_limit": 100},
            {"memory_limit": ["must be greater than or equal to 6144"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "number_of_runs": 21},
            {"number_of_runs": ["must be less than or equal to 20"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "number_of_runs": 0.5},
            {"number_of_runs": ["must be an integer"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "enable_network": True},
            {"enable_network": ["this option cannot be enabled"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "command_line_arguments": "x" * 513},
            {"command_line_arguments": ["is too long (maximum is 512 characters)"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "command_line_arguments": "'x"},
            {"command_line_arguments": ["has a quotation mark without its other one"]},
        ),
        (
            {"source_code": "x", "language_id": BASH, "additional_files": packed("no zip")},
            {"additional_files": ["is no valid zip"]},
        ),
        ({"language_id": MULTI_FILE}, {"additional_files": ["can't be blank"]}),
        (
            {
                "language_id": MULTI_FILE,
                "source_code": "echo",
                "additional_files": archive({"run": "echo"}),
            },
            {"source_code": ["must be blank"]},
        ),
        (
            {"source_code": 7, "language_id": BASH, "stdin": ["x"]},
            {
                "source_code": ["must be a string"],
                "stdin": ["must be a string"],
            },
        ),
    ],
)
def test_what_is_refused(
    server: Server, fields: dict[str, Any], found: dict[str, list[str]]
) -> None:
    assert problems(server, **fields) == found


@pytest.mark.parametrize(
    ("number", "title", "package"), [(78, "Kotlin", "kotlin"), (44, "Executable", "file")]
)
def test_a_language_that_is_not_installed_is_named(
    server: Server, number: int, title: str, package: str
) -> None:
    [sentence] = problems(server, source_code="x", language_id=number)["language_id"]
    assert sentence.startswith(
        f"language with id {number} is {title}. Package is not installed: {package}."
    )


def test_a_language_by_its_name(server: Server) -> None:
    reply = judged(server, "fields=stdout,language", source_code="print(7)", language_id="py3")
    assert reply["stdout"] == "7\n"


def test_options(server: Server) -> None:
    code = "import sys; print(sys.argv[1:], flush=True); print('e', file=sys.stderr)"
    reply = judged(
        server,
        source_code=code,
        language_id=PYTHON,
        command_line_arguments="a 'b c'",
        redirect_stderr_to_stdout=True,
        compiler_options="-ignored",
        enable_per_process_and_thread_time_limit=True,
    )
    assert (reply["stdout"], reply["stderr"]) == ("['a', 'b c']\ne\n", None)
    code = '#include <cstdio>\nint main() { printf("%d", N); }'
    reply = judged(server, source_code=code, language_id=CPP, compiler_options="-DN=7 -Wall")
    assert reply["stdout"] == "7"
    [sentence] = problems(
        server, source_code=code, language_id=CPP, compiler_options="-fplugin=/box/x.so"
    )["compiler_options"]
    assert sentence.startswith("c++ does not take -fplugin=/box/x.so")


def test_limits_hold(server: Server) -> None:
    code = "while :; do :; done"
    reply = judged(server, source_code=code, language_id=BASH, cpu_time_limit=0.2)
    assert reply["message"] == "Time limit exceeded: 200 ms of CPU time"
    reply = judged(server, source_code="sleep 60", language_id=BASH, wall_time_limit="0.3")
    assert reply["message"] == "Time limit exceeded: 300 ms of wall time"
    # C++ is compiled to a larger file than its program may write.
    code = '#include <fstream>\nint main() { std::ofstream("x") << std::string(9999, 0); }'
    reply = judged(server, source_code=code, language_id=CPP, max_file_size=1)
    assert reply["status"]["id"] == 8
    reply = judged(server, source_code="printf %1025s", language_id=BASH, max_file_size=1)
    assert reply["message"] == "Output limit exceeded: 1024 bytes on stdout"
    code = "print('x' * 1_000_000)"
    assert len(judged(server, source_code=code, language_id=PYTHON)["stdout"]) == 1_000_001


def test_several_runs(server: Server) -> None:
    reply = judged(
        server, "fields=stdout,status_id,number_of_runs", source_code="cat", language_id=BASH,
        stdin="x", number_of_runs=3, expected_output="x",
    )  # fmt: skip
    assert reply == {"stdout": "x", "status_id": 3, "number_of_runs": 3}


def test_files_besides_the_program(server: Server) -> None:
    files = archive({"words.py": "HELLO = 'Hi'", "folder/data": "x y"})
    code = "import words; print(words.HELLO, open('folder/data').read())"
    reply = judged(server, source_code=code, language_id=PYTHON, additional_files=files)
    assert reply["stdout"] == "Hi x y\n"
    assert judged(server, source_code="a\nb", language_id=PLAIN_TEXT)["stdout"] == "a\nb"


@pytest.mark.also_engine
def test_a_program_of_several_files(server: Server) -> None:
    files = {
        "compile": "gcc -o program main.c twice.c",
        "run": './program "$@"',
        "main.c": '#include <stdio.h>\nint twice(int);\nint main(int c, char **v) { int x; scanf("%d", &x); printf("%d %s", twice(x), v[1]); }',
        "twice.c": "int twice(int x) { return 2 * x; }",
    }
    fields: dict[str, Any] = {"language_id": MULTI_FILE, "additional_files": archive(files)}
    reply = judged(
        server, stdin="21", command_line_arguments="arg", expected_output="42 arg", **fields
    )
    assert (reply["status"]["id"], reply["stdout"]) == (3, "42 arg"), reply
    wrong = archive(files | {"twice.c": "int twice(int x) { return y; }"})
    reply = judged(server, language_id=MULTI_FILE, additional_files=wrong)
    assert reply["status"]["id"] == 6
    assert "twice.c" in reply["compile_output"]
    reply = judged(server, language_id=MULTI_FILE, additional_files=archive({"a.c": "x"}))
    assert reply["status"]["id"] == 13
    assert "no script called run" in reply["message"]
    # Other names of the scripts, which say nothing of the image.
    files = {
        "compile.sh": "gcc -o program main.c",
        "run.sh": "./program",
        "main.c": "int main(void) { return 7; }",
    }
    reply = judged(
        server, "fields=exit_code,compile_output", language_id=MULTI_FILE,
        additional_files=archive(files),
    )  # fmt: skip
    assert reply == {"exit_code": 7, "compile_output": None}


@pytest.mark.also_engine
def test_test_cases(server: Server) -> None:
    code = "#include <iostream>\nint main() { int x; std::cin >> x; if (x == 3) return 1; std::cout << 2 * x; }"
    cases = [{"stdin": str(n), "expected_output": str(2 * n)} for n in range(5)]
    reply = judged(server, source_code=code, language_id=CPP, test_cases=cases)
    assert [case["status"]["id"] for case in reply["test_cases"]] == [3, 3, 3, 11, 3]
    assert reply["test_cases"][4]["stdout"] == "8"
    assert reply["status"]["id"] == 11
    reply = judged(
        server, "base64_encoded=true", source_code=packed("cat"), language_id=BASH,
        test_cases=[{"stdin": packed("x"), "expected_output": packed("y")}, {}],
    )  # fmt: skip
    assert [case["status"]["id"] for case in reply["test_cases"]] == [4, 3]
    assert reply["test_cases"][0]["stdout"] == packed("x")
    assert problems(server, source_code="x", language_id=BASH, test_cases=[]).keys() == {
        "test_cases"
    }
    assert problems(server, source_code="x", language_id=BASH, test_cases=[{}], stdin="x") == {
        "test_cases": ["can't be used with stdin, expected_output or number_of_runs"]
    }


def test_a_batch(server: Server) -> None:
    sent = [
        {"language_id": BASH, "source_code": "echo hello from Bash"},
        {"language_id": 123456789, "source_code": 'print("hello from Python")'},
        {"language_id": PYTHON, "source_code": ""},
        {"language_id": PYTHON, "source_code": 'print("hello from Python")'},
    ]
    response = call(server, "POST", "/submissions/batch", json={"submissions": sent})
    assert response.status_code == 201, response.text
    first, second, third, fourth = response.json()
    assert second == {"language_id": ["language with id 123456789 doesn't exist"]}
    assert third == {"source_code": ["can't be blank"]}
    for answer in (first, fourth):
        result(server, answer["token"])
    tokens = f"{first['token']},none,{fourth['token']}"
    path = f"/submissions/batch?tokens={tokens}&fields=stdout"
    found = call(server, "GET", path).json()
    assert found == {
        "submissions": [
            {"stdout": "hello from Bash\n"}, None, {"stdout": "hello from Python\n"},
        ]
    }  # fmt: skip
    refused = call(server, "POST", "/submissions/batch", json={"submissions": sent[1:3]})
    assert refused.status_code == 422
    many = call(server, "POST", "/submissions/batch", json={"submissions": sent[:1] * 21})
    assert many.status_code == 400
    assert many.json() == {
        "error": "number of submissions in a batch should be less than or equal to 20"
    }
    none = call(server, "GET", "/submissions/batch?tokens=")
    assert none.json() == {"error": "there should be at least one submission in a batch"}


def test_the_list_and_delete(serve: Callable[..., Server]) -> None:
    server = serve(dialects="judge0")
    tokens = [judged(server, source_code=f"echo {n}", language_id=BASH)["token"] for n in range(3)]
    listed = call(server, "GET", "/submissions?per_page=2&page=1&fields=stdout").json()
    assert listed == {
        "submissions": [{"stdout": "2\n"}, {"stdout": "1\n"}],
        "meta": {
            "current_page": 1, "next_page": 2, "prev_page": None, "total_pages": 2, "total_count": 3,
        },
    }  # fmt: skip
    assert call(server, "GET", "/submissions?page=-4").json() == {"error": "invalid page: -4"}
    assert call(server, "GET", "/statistics").json() == {"submissions": {"total": 3}}
    deleted = call(server, "DELETE", f"/submissions/{tokens[0]}?fields=stdout,token")
    assert deleted.json() == {"stdout": packed("0\n"), "token": tokens[0]}
    assert call(server, "GET", f"/submissions/{tokens[0]}").status_code == 404
    token = token_of(server, source_code="sleep 2", language_id=BASH)
    refused = call(server, "DELETE", f"/submissions/{token}")
    assert refused.status_code == 400
    assert "cannot be deleted because its status is" in refused.json()["error"]
    result(server, token)


def test_others_do_not_see_them(share: Callable[..., Server]) -> None:
    other = "another-token-of-enough-characters"
    server = share(dialects="judge0", api_tokens=f"{RUN} {other}")
    ours, theirs = {"X-Auth-Token": RUN}, {"Authorization": f"Bearer {other}"}
    body = {"source_code": "echo", "language_id": BASH}
    assert call(server, "POST", "/submissions", json=body).status_code == 401
    sent = call(server, "POST", "/submissions?wait=true", json=body, headers=ours)
    assert sent.status_code == 201, sent.text
    path = f"/submissions/{sent.json()['token']}"
    assert call(server, "GET", path, headers=ours).status_code == 200
    for method in ("GET", "DELETE"):
        assert call(server, method, path, headers=theirs).status_code == 404
    batch = call(server, "GET", f"/submissions/batch?tokens={path[13:]}", headers=theirs).json()
    assert batch == {"submissions": [None]}
    listed = call(server, "GET", "/submissions", headers=theirs).json()
    assert listed["meta"]["total_count"] == 0
    for path in ("/languages", "/statuses", "/about", "/config_info", "/system_info", "/workers"):
        assert call(server, "GET", path).status_code == 401
        assert call(server, "GET", path, headers=ours).status_code == 200
    # A page's browser asks first whether it may send the header.
    allowed = call(server, "OPTIONS", "/submissions").headers["Access-Control-Allow-Headers"]
    assert "X-Auth-Token" in allowed
    assert call(server, "POST", "/authenticate", headers=ours).status_code == 200
    assert call(server, "POST", f"/authenticate?X-Auth-Token={RUN}").status_code == 200
    assert call(server, "POST", "/authorize", headers=ours).status_code == 403


def test_languages(server: Server) -> None:
    found = {each["id"]: each["name"] for each in call(server, "GET", "/languages").json()}
    assert found[PYTHON].startswith("Python (3.")
    assert found[PYTHON].endswith(" instead of 3.8.1)")
    assert found[54].startswith("C++ (GCC ")
    assert {43, 46, 48, 50, 54, 63, 68, 71, 72, 89, 109} <= found.keys()
    assert 73 not in found  # Rust is not installed
    one = call(server, "GET", "/languages/54").json()
    assert (one["id"], one["source_file"], one["is_archived"]) == (54, "main.cpp", False)
    assert "g++" in one["compile_cmd"]
    assert call(server, "GET", "/languages/73").status_code == 404
    statuses = call(server, "GET", "/statuses").json()
    assert [status["id"] for status in statuses] == list(range(1, 15))
    assert call(server, "GET", "/version").text == "1.13.1"


def test_a_full_queue(serve: Callable[..., Server]) -> None:
    server = serve(dialects="judge0", max_queued_submissions=4, max_runs=2)
    codes = []
    for _ in range(6):
        response = submit(server, source_code="sleep 2", language_id=BASH)
        codes.append(response.status_code)
    assert codes[-1] == 503
    assert response.json() == {"error": "queue is full"}
    assert "Retry-After" in response.headers
    [worker] = call(server, "GET", "/workers").json()
    assert worker["available"] == 1
    assert worker["working"] == 1


def test_unknown_fields_are_named(server: Server) -> None:
    response = submit(server, source_code="echo", language_id=BASH, cpu_limit=1)
    assert "cpu_limit" in response.headers["X-BitRun-Warnings"]


def test_a_reply_that_is_read_slowly_counts_as_memory(server: Server) -> None:
    source = "#" * 8_000_000
    token = token_of(server, source_code=source, language_id=PLAIN_TEXT)
    result(server, token, "fields=status_id")
    path = f"/judge0/submissions/{token}?fields=source_code"
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert body_memory(server) >= len(source)
    assert wait_until(lambda: body_memory(server) == 0, 20)


def test_an_unpacked_archive_counts_as_memory(server: Server) -> None:
    zeros = 20_000_000
    files = archive({"run": "sleep 3", "zeros": "0" * zeros})
    token = token_of(server, language_id=MULTI_FILE, additional_files=files)
    assert wait_until(lambda: body_memory(server) >= zeros, 20)
    assert result(server, token, "fields=status_id") == {"status_id": 3}
    assert wait_until(lambda: body_memory(server) == 0, 20)


def body_memory(server: Server) -> float:
    return metric(server, "bitrun_body_memory_bytes")
