"""The examples of Judge0's own API documentation, in their order, and the answers that it shows.

Numbers of languages are today's: 4 was C, and what a language has there is what is installed here.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.judge0 import call, packed, result
from tests.support.server import Server

C_PROGRAM = (
    "#include <stdio.h>\n\nint main(void) {\n  char name[10];\n"
    '  scanf("%s", name);\n  printf("hello, %s\\n", name);\n  return 0;\n}'
)
C, BASH, PYTHON = 50, 46, 71


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="judge0")


def create(server: Server, status: int, query: str = "", **body: Any) -> Any:
    response = call(server, "POST", f"/submissions{query}", json=body)
    assert response.status_code == status, response.text
    return response.json()


def test_create_a_submission(server: Server) -> None:
    assert create(server, 201, source_code=C_PROGRAM, language_id=C, stdin="world").keys() == {
        "token"
    }
    assert create(server, 422, source_code=C_PROGRAM) == {"language_id": ["can't be blank"]}
    unknown = create(
        server, 422, source_code=C_PROGRAM, language_id=150000, stdin="world",
        expected_output="hello, world",
    )  # fmt: skip
    assert unknown == {"language_id": ["language with id 150000 doesn't exist"]}
    limits: dict[str, Any] = {
        "number_of_runs": 1, "cpu_time_limit": 1, "cpu_extra_time": 0.5, "wall_time_limit": 100000,
        "memory_limit": 128000, "stack_limit": 128000, "max_file_size": 1024,
        "enable_per_process_and_thread_time_limit": False,
        "enable_per_process_and_thread_memory_limit": False,
    }  # fmt: skip
    refused = create(
        server, 422, source_code=C_PROGRAM, language_id=C, stdin="Judge0",
        expected_output="hello, Judge0", **limits,
    )  # fmt: skip
    assert refused == {"wall_time_limit": ["must be less than or equal to 3"]}
    encoded = packed(C_PROGRAM)
    token = create(
        server, 201, "?base64_encoded=true", source_code=encoded, language_id=C,
        input="SnVkZ2Uw",
    )["token"]  # fmt: skip
    assert result(server, token, "fields=status_id")["status_id"] == 3
    not_utf8 = "import sys; sys.stdout.buffer.write(b'\\xFE')"
    answer = create(server, 201, "?wait=true", language_id=PYTHON, source_code=not_utf8)
    assert answer == {
        "token": answer["token"],
        "error": "some attributes for this submission cannot be converted to UTF-8, use"
        " base64_encoded=true query parameter",
    }
    waited = create(
        server, 201, "?wait=true", source_code=C_PROGRAM, language_id=str(C), stdin="Judge0",
        expected_output="hello, Judge0",
    )  # fmt: skip
    assert waited.keys() == {
        "stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status",
    }  # fmt: skip
    assert isinstance(waited["time"], str)
    assert isinstance(waited["memory"], int)
    assert (waited["stdout"], waited["status"]) == (
        "hello, Judge0\n",
        {"id": 3, "description": "Accepted"},
    )


def test_get_a_submission(server: Server) -> None:
    body = {"source_code": C_PROGRAM, "language_id": C, "stdin": "Judge0"}
    token = create(server, 201, "?wait=true", **body)["token"]
    path = f"/submissions/{token}"
    query = "fields=stdout,stderr,status_id,language_id"
    assert call(server, "GET", f"{path}?{query}").json() == {
        "stdout": "hello, Judge0\n", "status_id": 3, "language_id": C, "stderr": None,
    }  # fmt: skip
    encoded = call(server, "GET", f"{path}?base64_encoded=true").json()
    assert encoded["stdout"] == "aGVsbG8sIEp1ZGdlMAo="
    deleted = call(server, "DELETE", path)
    assert (deleted.status_code, deleted.json()["stdout"]) == (200, encoded["stdout"])
    assert call(server, "GET", path).status_code == 404


def test_batches(server: Server) -> None:
    hello = {
        "submissions": [
            {"language_id": BASH, "source_code": "echo hello from Bash"},
            {"language_id": PYTHON, "source_code": 'print("hello from Python")'},
        ]
    }
    response = call(server, "POST", "/submissions/batch", json=hello)
    assert response.status_code == 201
    tokens = [answer["token"] for answer in response.json()]
    for token in tokens:
        result(server, token)
    path = f"/submissions/batch?tokens={','.join(tokens)}&fields=token,stdout,status_id,language_id"
    assert call(server, "GET", path).json() == {
        "submissions": [
            {"language_id": each, "token": token, "stdout": f"hello from {name}\n", "status_id": 3}
            for each, token, name in zip((BASH, PYTHON), tokens, ("Bash", "Python"), strict=True)
        ]
    }


def test_the_list(server: Server) -> None:
    found = call(server, "GET", "/submissions?page=1&per_page=2&fields=status,language,time").json()
    assert found["meta"].keys() == {
        "current_page", "next_page", "prev_page", "total_pages", "total_count",
    }  # fmt: skip
    for each in found["submissions"]:
        assert each["language"].keys() == {"id", "name"}
    for name, value in (("page", -4), ("per_page", -2)):
        response = call(server, "GET", f"/submissions?{name}={value}")
        assert response.status_code == 400
        assert response.json() == {"error": f"invalid {name}: {value}"}


def test_information(server: Server) -> None:
    for path, keys in {
        "/about": {"version", "homepage", "source_code", "maintainer"},
        "/system_info": {"Architecture", "CPU(s)", "Mem", "Swap"},
        "/config_info": {
            "max_queue_size",
            "cpu_time_limit",
            "max_cpu_time_limit",
            "number_of_runs",
        },
    }.items():
        assert call(server, "GET", path).json().keys() >= keys
    [worker] = call(server, "GET", "/workers").json()
    assert worker.keys() >= {"queue", "available", "idle", "working", "paused", "failed"}
    [first, *_] = call(server, "GET", "/statuses").json()
    assert first == {"id": 1, "description": "In Queue"}
    assert {"id", "name", "is_archived", "source_file", "compile_cmd", "run_cmd"} == call(
        server, "GET", f"/languages/{C}"
    ).json().keys()
