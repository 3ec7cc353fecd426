"""The client, with threads and with asyncio, against a real service."""

import dataclasses
import http.server
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from bitrun import client as bitrun
from bitrun.client import Case, Ended, Judged, JudgeProgram, Outcome, Output, Reason, Started
from tests.support.both import BOTH
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN
from tests.support.waiting import wait_until

READER = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\nprint('end')"


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def client(server: Server, connect: Any) -> Iterator[Any]:
    with connect(server.url) as client:
        yield client


MAKE = "head -c 300000 /dev/zero >zeros; mkdir out; echo é >out/text; : >empty; mkfifo out/fifo"
MADE = {"empty": b"", "out/text": "é\n".encode(), "zeros": bytes(300_000)}


def test_files(client: Any, tmp_path: Path) -> None:
    result = client.run("bash", MAKE, output_files=["**"])
    assert {file.name: file.content for file in result.files} == MADE
    assert [(file.name, file.reason) for file in result.files_dropped] == [
        ("out/fifo", "not_regular")
    ]
    assert result.save(tmp_path) == tuple(tmp_path / name for name in MADE)
    assert (tmp_path / "out" / "text").read_text() == "é\n"
    assert client.run("bash", MAKE).files == ()


def test_files_of_a_batch(client: Any) -> None:
    found = client.batch("bash", MAKE, [Case(), Case()], output_files=["out/*"])
    for run in found.runs:
        assert [(file.name, file.content) for file in run.files] == [("out/text", "é\n".encode())]
        assert [file.name for file in run.files_dropped] == ["out/fifo"]


def test_files_of_a_session(client: Any) -> None:
    with client.interact("bash", MAKE, output_files=["**"]) as session:
        events = list(session)
    assert [type(event) for event in events[:2]] == [Started, Ended]
    made = [event for event in events if isinstance(event, bitrun.OutputFile)]
    assert {file.name: file.content for file in made} == MADE
    assert isinstance(events[-1], bitrun.DroppedFile)


@pytest.mark.also_engine
def test_a_run(client: Any) -> None:
    code = "import sys; print(input()[::-1], sys.argv[1:]); print('but', file=sys.stderr)"
    result = client.run("py", code, version="3.x", stdin="nuRtiB", args=["a b", "1"])
    assert (result.language, result.stdout, result.stderr) == (
        "python", "BitRun ['a b', '1']\n", "but\n",
    )  # fmt: skip
    assert result.ok
    assert result.version.startswith("3.")
    assert [stage.name for stage in result.stages] == ["run"]
    assert result.verdict == dataclasses.replace(
        result.verdict,
        outcome=Outcome.OK,
        code=0,
        signal=None,
        status=None,
        message=None,
        detail=None,
        oom_killed=False,
    )
    assert result.verdict.wall_ms > 0
    assert result.verdict.cpu_ms > 0
    assert result.verdict.memory > 1_000_000


def test_files_text_and_bytes(client: Any) -> None:
    files = {
        "main.py": "from lib.helper import name; print(name, open('data', 'rb').read())",
        "lib/helper.py": "name = 'BitRun'",
        "data": b"\xff\x00",
    }
    assert client.run("python", files=files).stdout == "BitRun b'\\xff\\x00'\n"
    assert client.run("python", "import helper", files={"helper.py": "print(1)"}).stdout == "1\n"


@pytest.mark.also_engine
def test_stages(client: Any) -> None:
    result = client.run("c", "int main(void) { return 42; }")
    assert [stage.name for stage in result.stages] == ["compile", "run"]
    assert (result.ok, result.verdict.code, result.verdict.status) == (False, 42, "RE")
    assert result.verdict.message == "Exited with error status 42"
    result = client.run("c", "int main(void) { return x; }")
    assert [stage.name for stage in result.stages] == ["compile"]
    assert "undeclared" in result.stderr
    assert result.output == result.stderr


@pytest.mark.parametrize(
    ("code", "limits", "expected"),
    [
        ("sleep 9", {"timeout": 0.2}, ("wall_time", None, "SIGKILL", "TO")),
        ("while :; do :; done", {"cpu_time": 0.2}, ("cpu_time", None, "SIGKILL", "TO")),
        pytest.param(
            "exec tail /dev/zero",
            {"memory": 32 << 20},
            ("memory", None, "SIGKILL", "SG"),
            marks=pytest.mark.engine,
        ),
        ("kill -SEGV $$", {}, ("signal", None, "SIGSEGV", "SG")),
    ],
)
def test_limits_and_signals(client: Any, code: str, limits: Any, expected: Any) -> None:
    verdict = client.run("bash", code, **limits).verdict
    assert (verdict.outcome, verdict.code, verdict.signal, verdict.status) == expected
    assert verdict.oom_killed == ("memory" in limits)


def test_limits_of_compiling(client: Any) -> None:
    result = client.run("c", "int main(void) {}", compile_timeout=0.001)
    assert [(stage.name, stage.verdict.status) for stage in result.stages] == [("compile", "TO")]


@pytest.mark.also_engine
def test_lists(client: Any) -> None:
    runtimes = {runtime.language: runtime for runtime in client.runtimes()}
    assert "py" in runtimes["python"].aliases
    assert runtimes["python"].package is None
    assert runtimes["c"].package == "gcc"
    packages = {package.name: package for package in client.packages()}
    assert packages["bash"].version == runtimes["bash"].version
    assert packages["bash"].installed
    extension = client.extensions()["C"]
    assert (extension.language, extension.package, extension.installed) == ("c++", "gcc", True)


# Batches


@pytest.mark.also_engine
def test_a_batch(client: Any) -> None:
    cases = [
        Case(stdin="2", expected_output="4"),
        Case(stdin="3", expected_output="5"),
        Case(stdin="x"),
        Case(stdin="0", args=["a"], files={"a": b"\xff"}, timeout=0.5, memory=-1),
    ]
    code = "import sys, os; print(2 * int(input()), *sys.argv[1:], *filter(os.path.exists, 'a'))"
    seen: list[Judged] = []
    result = client.batch("python", code, cases, seen.append, version="3.x", compare="tokens")
    assert [run.reason for run in result.runs] == ["ok", "wrong", "exit", "ok"]
    assert [run.index for run in result.runs] == [0, 1, 2, 3]
    assert sorted(seen, key=lambda run: run.index) == list(result.runs)
    assert (result.language, result.accepted, result.compilation) == ("python", False, None)
    assert result.runs[1].message == "word 1: expected '5', got '6'"
    assert result.runs[2].run.verdict.code == 1
    assert result.runs[3].run.stdout == "0 a a\n"


def test_a_batch_with_a_checker(client: Any) -> None:
    checker = JudgeProgram("c", files={"main.c": "int main(void) { return 1; }"})
    result = client.batch("c", "int main(void) { return 0; }", [Case(), Case()], checker=checker)
    assert result.compilation.verdict.ok
    assert [(run.reason, run.judge.verdict.code) for run in result.runs] == [("wrong", 1)] * 2
    result = client.batch("c", "int main(", [Case()])
    assert result.compilation.name == "compile"
    assert result.runs == (Judged(0, accepted=False, reason=Reason.COMPILE),)


def test_a_batch_that_is_refused(client: Any) -> None:
    with pytest.raises(bitrun.Refused, match=r"^runs is required as an array") as caught:
        client.batch("python", "")
    assert caught.value.status == 400
    with pytest.raises(bitrun.Refused, match=r"^timeout must be a number of seconds"):
        client.batch("python", "", [Case(timeout=-1)])


# Errors


def test_a_refusal(client: Any) -> None:
    unknown = r"^No installed version of python matches 2; installed: 3\.13\.\d+$"
    with pytest.raises(bitrun.Refused, match=unknown) as caught:
        client.run("python", "", version="2")
    assert caught.value.status == 400
    with pytest.raises(bitrun.Refused, match=r"^run_timeout is 3600000: send 1 to 3000 milli"):
        client.run("python", "", timeout=3600)
    with pytest.raises(bitrun.Refused, match=r"^No package is called nothing$"):
        client.install("nothing")
    with pytest.raises(bitrun.AlreadyInstalled):
        client.install("bash")
    with pytest.raises(bitrun.Refused, match=unknown):
        converse(client, "python", "", version="2")


def test_tokens(serve: Callable[..., Server], connect: Any) -> None:
    url = serve(api_tokens=RUN, admin_tokens=ADMIN).url
    for token, text in (
        (None, "^A token is needed"),
        ("wrong", "^The service knows no such token"),
    ):
        with connect(url, token) as client:
            for call in (lambda: client.run("bash", ""), lambda: converse(client, "bash", ""),
                         lambda: client.install("go"), lambda: client.uninstall("bash")):  # fmt: skip
                with pytest.raises(bitrun.TokenRefused, match=text) as caught:
                    call()
                assert caught.value.status == 401
    with connect(url, f"{RUN}\n") as client:  # as a file of it may end
        assert client.run("bash", "echo 1").stdout == "1\n"
        assert output(converse(client, "bash", "echo 1")) == "1\n"
        with pytest.raises(bitrun.TokenRefused, match=r"an admin's token") as caught:
            client.install("bash")
        assert caught.value.status == 403
    with connect(url, ADMIN) as client, pytest.raises(bitrun.AlreadyInstalled):
        client.install("bash")


def test_all_places_taken(
    serve: Callable[..., Server], connect: Any, containers: Callable[[], set[str]]
) -> None:
    url = serve(max_runs=1, max_queue=0, sessions=0).url
    with connect(url) as client, connect(url) as other, ThreadPoolExecutor(1) as pool:
        running = pool.submit(other.run, "bash", "sleep 2")
        assert wait_until(containers, 10)
        with pytest.raises(bitrun.Busy) as caught:
            client.run("bash", "")
        assert caught.value.retry_after == 1
        assert running.result().ok
        with pytest.raises(bitrun.Busy, match=r"^Too many sessions$"):
            converse(client, "bash", "")


def test_nobody_there(connect: Any) -> None:
    with connect("http://127.0.0.1:1") as client:
        for call in (client.runtimes, lambda: converse(client, "bash", "")):
            with pytest.raises(bitrun.Unreachable, match="can't be reached"):
                call()


def test_a_large_init_is_sent_in_frames(connect: Any) -> None:
    """The first is on its way before the last is masked."""
    sizes: list[int] = []

    def receive(websocket: ServerConnection) -> None:
        sizes.extend(map(len, websocket.recv_streaming()))
        websocket.close(4999)

    with serve_websockets(receive, "127.0.0.1", 0, max_size=None) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            with connect(f"http://127.0.0.1:{other.socket.getsockname()[1]}") as client:
                converse(client, "bash", "", files={"large": bytes(3_000_000)})
        finally:
            other.shutdown()
            thread.join()
    assert sum(sizes) > 4_000_000
    assert max(sizes) <= 1 << 20


def test_a_session_that_is_too_large(server: Server, connect: Any) -> None:
    with (
        connect(server.url) as client,
        pytest.raises(bitrun.Refused, match="Message too large"),
    ):
        converse(client, "bash", "", files={"large": bytes(60_000_000)})


@pytest.mark.parametrize("token", ["tök", "a\nb", "a\0b"])
def test_what_can_be_no_token(connect: Any, token: str) -> None:
    with pytest.raises(bitrun.TokenRefused, match="it is mistyped"), connect("http://a", token):
        pass


@pytest.mark.parametrize(
    "url", ["localhost:5000", "localhost", "ws://localhost", "http://", "http://localhost:5000x"]
)
def test_no_address(connect: Any, url: str) -> None:
    with pytest.raises(bitrun.Unreachable) as refused, connect(url):
        pass
    sentence = f"{url!r} is no address of a service: http://127.0.0.1:5000 would be one"
    assert str(refused.value) == sentence


def test_no_engine(serve_without_engine: Callable[..., Server], connect: Any) -> None:
    with connect(serve_without_engine().url) as client:
        for call in (client.runtimes, lambda: converse(client, "bash", "")):
            with pytest.raises(bitrun.Failed, match=r"^The Docker engine does not answer"):
                call()


class _Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_: Any) -> None:
        pass


def test_somebody_else_there(connect: Any) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Other) as other:
        threading.Thread(target=other.serve_forever).start()
        try:
            with connect(f"http://127.0.0.1:{other.server_port}") as client:
                for call in (client.runtimes, lambda: converse(client, "bash", "")):
                    with pytest.raises(bitrun.Unreadable, match="is not BitRun"):
                        call()
        finally:
            other.shutdown()


def test_a_service_that_keeps_silent(client: Any, server: Server, connect: Any) -> None:
    with (
        connect(server.url, timeout=0.2) as hasty,
        pytest.raises(bitrun.Unreachable, match="does not answer in time"),
    ):
        hasty.run("bash", "sleep 2")


# Sessions


def converse(client: Any, *args: Any, **options: Any) -> list[Any]:
    with client.interact(*args, **options) as session:
        return list(session)


def output(events: list[Any], stream: str = "stdout") -> str:
    return "".join(
        each.text for each in events if isinstance(each, Output) and each.stream == stream
    )


@pytest.mark.also_engine
def test_a_conversation(client: Any) -> None:
    with client.interact("python", READER) as session:
        events = iter(session)
        assert next(events) == Started("run")
        for word in ("one", "größer"):
            session.write(f"{word}\n")
            assert next(events) == Output("run", "stdout", f"{word[::-1]}\n")
        assert not session.verdict
        session.end_input()
        assert next(events) == Output("run", "stdout", "end\n")
        last = next(events)
        assert isinstance(last, Ended)
        assert (last.verdict.ok, session.verdict) == (True, last.verdict)
        assert list(events) == []
        session.write("too late")


def test_a_signal(client: Any) -> None:
    code = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done"
    with client.interact("bash", code) as session:
        for event in session:
            if event == Output("run", "stdout", "ready\n"):
                session.signal("SIGINT")
        assert session.verdict.code == 3


def test_stages_of_a_session(client: Any) -> None:
    events = converse(client, "c", '#include <stdio.h>\nint main(void) { puts("x"); return 5; }')
    assert [event.stage for event in events if isinstance(event, Started)] == ["compile", "run"]
    assert [event.verdict.code for event in events if isinstance(event, Ended)] == [0, 5]
    assert output(events) == "x\n"


def test_leaving_ends_the_program(client: Any) -> None:
    """The leak check sees a container that is left."""
    with client.interact("bash", "echo ready; sleep 60") as session:
        assert next(iter(session)) == Started("run")


# Uploads


def test_uploads(client: Any, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"\0" * 1000)
    upload = client.upload(tmp_path / "data.bin")
    assert (upload.name, upload.size) == ("data.bin", 1000)
    assert upload.expires_at > datetime.now(UTC)
    assert client.find_upload(upload.id) == upload
    assert upload in client.uploads()
    given = client.upload("Größe & 1.txt", b"1")
    assert given.name == "Größe & 1.txt"
    files = {"a": upload, "b": b"22", "c": given}
    code = "print([len(open(name, 'rb').read()) for name in 'abc'])"
    assert client.run("python", code, files=files).stdout == "[1000, 2, 1]\n"
    for each in (upload, given):
        client.delete_upload(each)
    with pytest.raises(bitrun.Refused, match="There is no upload"):
        client.run("python", code, files=files)
