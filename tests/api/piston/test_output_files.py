"""Piston v2: files that a program has made."""

import base64
import email
import email.policy
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.piston import call, execute, message, reply, request
from tests.support.server import Server
from tests.support.terminal import Terminal

BINARY = bytes(range(256)) * 2000
MAKE = "mkdir out; echo text >out/a.txt; printf 'P\\0' >plot.png; echo more >more"


def files(answer: dict[str, Any]) -> dict[str, bytes]:
    found = {}
    for file in answer["files"]:
        content = file["content"]
        decoded = content.encode() if file["encoding"] == "utf8" else base64.b64decode(content)
        assert len(decoded) == file["size"]
        found[file["name"]] = decoded
    return found


@pytest.mark.also_engine
def test_files_come_with_the_reply(server: Server) -> None:
    answer = reply(server, "bash", MAKE, output_files=["plot.png", "out/**", "none"])
    assert answer["run"]["code"] == 0
    assert answer["files"] == [
        {"name": "out/a.txt", "size": 5, "encoding": "utf8", "content": "text\n"},
        {"name": "plot.png", "size": 2, "encoding": "base64", "content": "UAA="},
    ]
    assert answer["files_dropped"] == []


def test_a_reply_has_no_files_unless_they_are_asked_for(server: Server) -> None:
    asked: list[dict[str, Any]] = [{}, {"output_files": None}, {"output_files": []}]
    for fields in asked:
        assert reply(server, "bash", "echo a >a", **fields).keys() == {"run", "language", "version"}


def test_large_and_empty_files(server: Server) -> None:
    script = (
        "seq 100000 >text; head -c 3000000 /dev/urandom >noise; cksum <noise; : >empty; printf é >é"
    )
    answer = reply(server, "bash", script, output_files=["*"])
    found = files(answer)
    assert found.keys() == {"empty", "noise", "text", "é"}
    assert found["text"] == "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    assert (len(found["noise"]), found["empty"], found["é"]) == (3_000_000, b"", "é".encode())
    again = {"files": [{"content": "cksum <noise"}, _noise(found["noise"])]}
    second = call(
        server, "POST", "/api/v2/execute", {"language": "bash", "version": "*"} | again
    ).json()
    assert second["run"]["stdout"] == answer["run"]["stdout"]


def _noise(content: bytes) -> dict[str, str]:
    return {"name": "noise", "content": base64.b64encode(content).decode(), "encoding": "base64"}


def test_files_of_the_request_come_only_if_they_have_changed(server: Server) -> None:
    body = {
        "language": "bash",
        "version": "*",
        "files": [
            {"name": "main.sh", "content": "echo 1 >>changed; rm removed; echo 2 >new"},
            *({"name": name, "content": "0\n"} for name in ("changed", "removed", "unchanged")),
        ],
        "output_files": ["**"],
    }
    assert files(execute(server, body).json()) == {"changed": b"0\n1\n", "new": b"2\n"}


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("echo a >a; exit 3", "exit"),
        ("echo a >a; kill -SEGV $$", "signal"),
        ("echo a >a; sleep 60", "wall_time"),
        ("echo a >a; while :; do :; done", "cpu_time"),
        ("echo a >a; yes", "stdout"),
        ("echo a >a; sleep 60 & exit 0", "ok"),
    ],
)
@pytest.mark.also_engine
def test_files_of_a_program_that_failed(
    serve: Callable[..., Server], script: str, verdict: str
) -> None:
    limits = {"cpu_time": {"run_cpu_time": 700}, "wall_time": {"run_timeout": 1500}}
    server = serve(run_timeout=60_000)
    answer = reply(server, "bash", script, output_files=["a"], **limits.get(verdict, {}))
    assert answer["run"]["verdict"] == verdict
    assert files(answer) == {"a": b"a\n"}


@pytest.mark.engine
def test_files_of_a_program_that_ran_out_of_memory(server: Server) -> None:
    answer = reply(server, "python", "open('a', 'w').write('a')\nbytearray(1 << 30)[::4096]",
                   output_files=["a"])  # fmt: skip
    assert answer["run"]["verdict"] == "memory"
    # If the kernel has killed the supervisor, there is none, and the reply says so.
    assert files(answer) == {"a": b"a"} or answer["files_dropped"][0]["reason"] == "failed"


@pytest.mark.also_engine
def test_what_a_compiler_leaves_is_a_file_too(server: Server) -> None:
    """Also if it is from the compile cache."""
    code = '#include <stdio.h>\nint main(void) { return fputs("1", fopen("made", "w")) < 0; }'
    answers = [reply(server, "c", code, output_files=["*"]) for _ in range(2)]
    assert ["cached" in answer["compile"] for answer in answers] == [False, True]
    for answer in answers:
        found = files(answer)
        assert found.pop("made") == b"1"
        (program,) = found.values()
        assert program.startswith(b"\x7fELF")


@pytest.mark.also_engine
def test_files_with_reused_boxes(serve: Callable[..., Server]) -> None:
    server = serve(runs_per_box=50, pool_size=8, pool_pinned="bash=8")
    for number in range(10):
        answer = reply(server, "bash", f"id -u >{number}", output_files=["**"])
        assert files(answer).keys() == {str(number)}
    metrics = server.get("/metrics").text
    reused = next(line for line in metrics.splitlines() if 'origin="reused"' in line)
    assert float(reused.split()[-1]) > 0


# Bounds


def test_what_is_dropped_is_told(serve: Callable[..., Server]) -> None:
    server = serve(max_output_files=2, max_output_file_size=100, max_output_files_size=150)
    make = "for n in 1 2 3; do printf %0100d 0 >$n; done; ln -s /etc/passwd link; seq 100 >large"
    answer = reply(server, "bash", make, output_files=["*"])
    assert len(answer["files"]) == 1
    dropped = {file["name"]: file["reason"] for file in answer["files_dropped"]}
    # The program's own file may be one that was not read, so that nothing shows it as unchanged.
    assert dropped.pop("file0.code", "total_size") == "total_size"
    assert len(dropped) == 4
    assert (dropped["link"], dropped["large"]) == ("not_regular", "file_size")
    assert sorted(dropped[str(n)] for n in (1, 2, 3) if str(n) in dropped) == ["total_size"] * 2
    messages = {file["reason"]: file["message"] for file in answer["files_dropped"]}
    assert messages["total_size"] == "At most 150 bytes of all files together are sent"


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ("a", "If specified, output_files must be an array of strings"),
        ([1], "If specified, output_files must be an array of strings"),
        (["/etc/passwd"], "A pattern of files is a path below the work directory"),
        (["a/../../b"], "A pattern of files is a path below the work directory"),
        (["a"] * 65, "65 patterns of files are too many: at most 64"),
        (["\ud800"], "no valid Unicode"),
    ],
)
def test_refusals(server: Server, value: Any, refusal: str) -> None:
    response = execute(server, request("bash", "true", output_files=value))
    assert response.status_code == 400
    assert refusal in message(response)


def test_a_service_that_sends_none(serve: Callable[..., Server]) -> None:
    response = execute(serve(max_output_files=0), request("bash", "true", output_files=["a"]))
    assert response.status_code == 400
    assert "BITRUN_MAX_OUTPUT_FILES" in message(response)


# Batches


CASES = [
    {"stdin": "a"},
    {"stdin": "b", "output_files": ["more"]},
    {"stdin": "c", "output_files": []},
]
WRITE = "read x; echo $x >$x; echo more >more; ln -s / link; head -c 4000000 /dev/zero >large"


def batch(server: Server, accept: str, **fields: Any) -> requests.Response:
    body = request("bash", WRITE, output_files=["[abc]", "link"], runs=CASES) | fields
    return call(server, "POST", "/api/v2/execute/batch", body, headers={"Accept": accept})


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_files_of_each_run_of_a_batch(server: Server, accept: str) -> None:
    response = batch(server, accept)
    lines = [json.loads(line) for line in response.text.splitlines()]
    runs = (
        lines[0]["runs"] if len(lines) == 1 else sorted(lines[1:-1], key=lambda run: run["index"])
    )
    assert [run["accepted"] for run in runs] == [True] * 3
    assert [files(run) for run in runs[:2]] == [{"a": b"a\n"}, {"more": b"more\n"}]
    assert [len(run["files_dropped"]) for run in runs[:2]] == [1, 0]
    assert "files" not in runs[2]


def test_a_plain_answer_to_a_batch_has_few_files(server: Server) -> None:
    runs = batch(server, "application/json", output_files=["large"], runs=[{}, {}]).json()["runs"]
    assert sorted(len(run["files"]) for run in runs) == [0, 1]
    (missing,) = (dropped for run in runs for dropped in run["files_dropped"])
    assert (missing["name"], missing["reason"]) == ("large", "total_size")
    assert "4194304 bytes" in missing["message"]
    stream = batch(server, "application/x-ndjson", output_files=["large"], runs=[{}, {}])
    sizes = [run["files"][0]["size"] for run in map(json.loads, stream.text.splitlines()[1:-1])]
    assert sizes == [4_000_000] * 2


def test_refusals_of_a_batch(server: Server) -> None:
    response = batch(server, "*/*", runs=[{"output_files": ["../a"]}])
    assert message(response).startswith("runs[0]: A pattern of files is a path")
    interactor = {"language": "bash", "files": [{"content": "exit 0"}]}
    response = batch(server, "*/*", interactor=interactor)
    assert message(response).startswith("output_files is not possible with an interactor")


# Beside the reply


def accepting(server: Server, kind: str, script: str, *patterns: str) -> requests.Response:
    body = request("bash", script, output_files=list(patterns))
    response = call(server, "POST", "/api/v2/execute", body, headers={"Accept": kind})
    assert response.status_code == 200, response.text
    return response


def test_multipart(server: Server) -> None:
    response = accepting(server, "multipart/form-data", f"{MAKE}; touch 'a \"b\"'", "**")
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    parsed = email.message_from_bytes(head + response.content, policy=email.policy.HTTP)
    result, *parts = parsed.iter_parts()
    answer = json.loads(result.get_content())
    assert answer["run"]["code"] == 0
    assert answer["files"] == [
        {"name": 'a "b"', "size": 0},
        {"name": "more", "size": 5},
        {"name": "out/a.txt", "size": 5},
        {"name": "plot.png", "size": 2},
    ]
    assert [part.get_filename() for part in parts] == ["a %22b%22", "more", "out/a.txt", "plot.png"]
    assert [part.get_payload(decode=True) for part in parts] == [b"", b"more\n", b"text\n", b"P\0"]


def test_a_tar_archive(server: Server) -> None:
    script = f"{MAKE}; chmod 755 more; printf é >{'é' * 60}"
    response = accepting(server, "application/x-tar", script, "**", "nothing")
    assert response.headers["Content-Type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        entries = archive.getmembers()
        contents = [archive.extractfile(entry) for entry in entries]
        found = {
            entry.name: (entry.mode, content.read())
            for entry, content in zip(entries, contents, strict=True)
            if content is not None
        }
    _, result = found.pop("result.json")
    assert json.loads(result)["run"]["verdict"] == "ok"
    assert found == {
        "files/more": (0o755, b"more\n"),
        "files/out/a.txt": (0o644, b"text\n"),
        "files/plot.png": (0o644, b"P\0"),
        f"files/{'é' * 60}": (0o644, "é".encode()),
    }


def test_a_large_file_beside_the_reply(server: Server) -> None:
    response = accepting(
        server, "application/x-tar", "head -c 20000000 /dev/zero >z; seq 8000", "z"
    )
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        assert archive.getmember("files/z").size == 20_000_000
    assert len(response.content) < 20_200_000


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/json, application/x-tar"]
)
def test_json_unless_another_form_is_preferred(server: Server, accept: str) -> None:
    assert files(accepting(server, accept, MAKE, "more").json()) == {"more": b"more\n"}


# Sessions


@pytest.mark.also_engine
def test_files_of_a_session(server: Server) -> None:
    script = "head -c 300000 /dev/zero >zeros; echo text >text; : >empty; mkfifo fifo; exit 3"
    with Terminal(server) as terminal:
        terminal.init("bash", script, output_files=["*"])
        frames = terminal.rest()
        assert terminal.closed == (4999, "Job Completed")
    types = [frame["type"] for frame in frames]
    assert types == ["runtime", "stage", "exit", "file", "file", *["file"] * 4, "file_dropped"]
    contents: dict[str, bytes] = {}
    for frame in frames[3:-1]:
        part = frame["content"].encode()
        decoded = part if frame["encoding"] == "utf8" else base64.b64decode(part)
        contents[frame["name"]] = contents.get(frame["name"], b"") + decoded
        assert frame["more"] == (len(contents[frame["name"]]) < frame["size"])
    assert contents == {"empty": b"", "text": b"text\n", "zeros": bytes(300_000)}
    assert (frames[-1]["name"], frames[-1]["reason"]) == ("fifo", "not_regular")


def test_a_session_with_files_on_a_terminal(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init(
            "bash", "read x; echo $x >a", output_files=["a"], tty={"rows": 9, "columns": 9}
        )
        terminal.type("hi\n")
        assert terminal.rest()[-1]["content"] == "hi\n"
