"""The BitRun v1 contract, row by row, against a running service."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest
import requests

from tests.support.containers import our_containers
from tests.support.server import Server
from tests.support.waiting import wait_until

DURATION = r"(\d+h)?(\d+m)?\d+(\.\d{1,9})?(ns|µs|ms|s)"
HELLO = {
    "c": ("hello.c", '#include <stdio.h>\nint main(void) { puts("Hello World"); }'),
    "c++": ("hello.cpp", '#include <iostream>\nint main() { std::cout << "Hello World\\n"; }'),
    "bash": ("hello.sh", "echo Hello World"),
    "javascript": ("hello.js", "console.log('Hello World')"),
    "php": ("hello.php", '<?php echo "Hello World\\n";'),
    "python": ("hello.py", "print('Hello World')"),
    "ruby": ("hello.rb", "puts 'Hello World'"),
}  # fmt: skip


def error(response: requests.Response) -> str:
    assert response.headers["Content-Type"] == "application/json"
    text = response.json()["error"]
    assert isinstance(text, str)
    return text


# The examples of BitRun's documentation.


@pytest.mark.engine
def test_the_documented_run(server: Server) -> None:
    response = server.run(filename="test.rb", content="puts 'Hello World'")
    assert (response.status_code, response.text) == (200, "Hello World\n")
    headers = {
        name: value
        for name, value in response.headers.items()
        if name[:4] in ("Cont", "X-Ru", "X-Co")
    }
    durations = [headers.pop(f"X-Run-{name}") for name in ("Duration", "Wall-Time", "Cpu-Time")]
    assert all(re.fullmatch(DURATION, duration) for duration in durations), durations
    assert int(headers.pop("X-Run-Memory")) > 1_000_000
    assert headers == {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "12",
        "X-Run-Command": "ruby test.rb",
        "X-Run-Exitcode": "0",
        "X-Run-Verdict": "ok",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.engine
def test_the_documented_command(server: Server) -> None:
    response = server.run(filename="test.rb", content="puts 'Hello World'", command="ruby -v")
    assert response.text.startswith("ruby 3.")
    assert response.headers["X-Run-Command"] == "ruby -v"


@pytest.mark.parametrize(
    ("extension", "documented"),
    [
        (".rb", {"command": "ruby %s", "format": "text/plain"}),
        (".php", {"command": "php %s", "format": "text/plain"}),
        (".py", {"command": "python3 -B %s", "format": "text/plain"}),
    ],
)
def test_the_documented_configuration(
    server: Server, extension: str, documented: dict[str, str]
) -> None:
    response = server.get("/api/v1/config")
    config = response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert all(re.fullmatch(r"\.[A-Za-z0-9+]+", known) for known in config)
    entry = config[extension]
    assert entry.keys() == {"image", "command", "format", "language", "package", "installed"}
    assert {name: entry[name] for name in documented} == documented


@pytest.mark.parametrize(
    "language",
    [
        *("c", "c++", "bash", "python"),
        *(pytest.param(each, marks=pytest.mark.engine) for each in ("javascript", "php", "ruby")),
    ],
)
def test_every_installed_language_says_hello(server: Server, language: str) -> None:
    filename, content = HELLO[language]
    response = server.run(filename=filename, content=content)
    assert (response.status_code, response.text) == (200, "Hello World\n")
    assert response.headers["X-Run-Exitcode"] == "0"


@pytest.mark.also_engine
def test_a_command_runs_instead_of_the_languages(server: Server) -> None:
    response = server.run(filename="test.py", content="x", command="python3 -V")
    assert response.text.startswith("Python 3.")
    assert response.headers["X-Run-Command"] == "python3 -V"
    response = server.run(filename="T.py", content="hi", command="cat T.py | tr a-z A-Z; exit 9")
    assert response.text == "HI"
    assert response.headers["X-Run-Exitcode"] == "9"
    assert response.headers["X-Run-Status"] == "RE"
    assert response.headers["X-Run-Message"] == "Exited with error status 9"


def test_a_command_of_many_lines_fits_the_header(server: Server) -> None:
    response = server.run(filename="a.sh", content="x", command="echo é\r\necho b")
    assert response.content == "é\r\nb\n".encode()
    assert response.headers["X-Run-Command"].encode("latin-1").decode() == "echo é  echo b"


@pytest.mark.parametrize(
    ("script", "code", "name"),
    [("kill -9 $$", "137", "SIGKILL"), ("kill -SEGV $$", "139", "SIGSEGV")],
)
def test_a_signal_is_reported_as_a_shell_does(
    server: Server, script: str, code: str, name: str
) -> None:
    response = server.run(filename="a.sh", content=script)
    assert response.headers["X-Run-Exitcode"] == code
    assert response.headers["X-Run-Signal"] == name
    assert response.headers["X-Run-Status"] == "SG"


BINARY = bytes(range(256)) * 3


@pytest.mark.parametrize(
    ("content", "output"),
    [
        ("cat a.sh\nexit\n", b"cat a.sh\nexit\n"),
        ("cat a.sh; exit # no final newline", b"cat a.sh; exit # no final newline"),
        ("cat a.sh # żółć 🦊 日本", "cat a.sh # żółć 🦊 日本".encode()),
        ("true", b""),
        ("printf '\\0\\377\\r\\n'", b"\0\xff\r\n"),
        ("echo out; echo err >&2; echo out", b"out\nerr\nout\n"),
    ],
)
def test_bytes_go_through_untouched(server: Server, content: str, output: bytes) -> None:
    response = server.run(filename="a.sh", content=content)
    assert response.status_code == 200
    assert response.content == output


@pytest.mark.also_engine
def test_bytes_that_are_no_utf8_go_through_in_every_form(server: Server) -> None:
    url = f"{server.url}/api/v1/run"
    script = b"tail -n +2 a.sh; cat; exit\n" + BINARY.replace(b"\n", b"")
    expected = script.partition(b"\n")[2] + BINARY
    form = {"filename": "a.sh", "content": script, "input": BINARY}
    assert requests.post(url, data=form, timeout=30).content == expected
    files = {"content": ("a.sh", script), "input": ("input", BINARY)}
    assert (
        requests.post(url, data={"filename": "a.sh"}, files=files, timeout=30).content == expected
    )


def test_a_file_part_is_the_content(server: Server) -> None:
    response = requests.post(
        f"{server.url}/api/v1/run",
        data={"filename": "test.py"},
        files={"content": ("whatever.txt", "print(1 + 1)")},
        timeout=30,
    )
    assert response.text == "2\n"


def test_a_json_body(server: Server) -> None:
    body = {"filename": "a.py", "content": "print(input())", "input": "é", "clean": True,
            "memory_limit": 64_000_000}  # fmt: skip
    response = requests.post(f"{server.url}/api/v1/run", json=body, timeout=30)
    assert response.content == "é\n".encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[1]", "Invalid JSON: an object is expected"),
        (b"{", "The body is no JSON: "),
        (b'{"filename": 5}', "Invalid filename: text is expected"),
        (b'{"filename": "a.sh", "content": "\\ud800"}', "Invalid content: it holds half of"),
        (b'{"filename": "a.sh", "content": "x", "command": "\\u0000"}', "holds a NUL"),
        (b'{"filename": "a.sh", "content": "x", "command": "\\ud800"}', "no valid Unicode"),
        (b'{"filename": "a.sh", "content": "x", "env": "A=\\ud800"}', "no valid Unicode"),
    ],
)
def test_json_that_does_not_fit(server: Server, body: bytes, text: str) -> None:
    response = requests.post(
        f"{server.url}/api/v1/run",
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    assert response.status_code == 400
    assert text in error(response)


def test_fields_may_stand_in_the_query_string(server: Server) -> None:
    response = requests.post(
        f"{server.url}/api/v1/run?filename=a.sh&content=echo%20query",
        data={"content": "echo body"},
        timeout=30,
    )
    assert response.text == "body\n"


@pytest.mark.also_engine
def test_stdin_and_environment(server: Server) -> None:
    response = server.run(
        filename="a.sh",
        content="cat; echo $A; echo $B",
        input="line\nno end",
        env="A=a=b c\r\nB='x'\n\n",
    )
    assert response.text == "line\nno enda=b c\n'x'\n"


@pytest.mark.also_engine
def test_the_environment_is_clean(server: Server) -> None:
    response = server.run(filename="a.sh", content="x", command="env | sort")
    assert response.text.splitlines() == [
        "HOME=/tmp",
        "LANG=C.UTF-8",
        "LOGNAME=user",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PWD=/box",
        "TERM=dumb",
        "USER=user",
    ]


def test_json_that_is_sent_as_a_form(server: Server) -> None:
    response = requests.post(
        f"{server.url}/api/v1/run",
        data='{"filename": "a.py", "content": "print(1)"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=60,
    )
    assert (response.status_code, error(response)) == (
        400,
        "The body seems to be JSON: send Content-Type: application/json with it",
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Filename is required"),
        ({"content": "x"}, "Filename is required"),
        ({"filename": "", "content": "x"}, "Filename is required"),
        ({"filename": "../a.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "/etc/a.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "src\\a.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "src/a.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "a b.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "a\n.rb", "content": "x"}, "Invalid filename"),
        ({"filename": "a.rb\n", "content": "x"}, "Invalid filename"),
        ({"filename": "é.rb", "content": "x"}, "Invalid filename"),
        ({"filename": ".rb", "content": "x"}, "Invalid filename"),
        ({"filename": "rb", "content": "x"}, "Invalid filename"),
        ({"filename": "a" * 253 + ".rb", "content": "x"}, "Invalid filename"),
        ({"filename": "a.xyz"}, "Content is required"),
        ({"filename": "a.xyz", "content": ""}, "Content is required"),
        ({"filename": "a.xyz", "content": "x"}, "Extension is not supported: .xyz"),
        ({"filename": "a.py", "content": "x", "env": "A=1\nB"}, "Invalid env: line 2 is not NAME=value"),
        ({"filename": "a.py", "content": "x", "env": "1=1"}, "Invalid env: line 1 is not NAME=value"),
        ({"filename": "a.py", "content": "x", "image": "debian"}, "Image is not allowed: debian"),
        (
            {"filename": "a.py", "content": "x", "memory_limit": "lots"},
            "Invalid memory_limit: a number of bytes is expected",
        ),
        (
            {"filename": "a.py", "content": "x", "memory_limit": "1000"},
            "Invalid memory_limit: 6291456 to 268435456 bytes are possible, not 1000",
        ),
        (
            {"filename": "a.py", "content": "x", "memory_limit": str(2**60)},
            f"Invalid memory_limit: 6291456 to 268435456 bytes are possible, not {2**60}",
        ),
    ],
)  # fmt: skip
def test_refusals_and_their_order(server: Server, fields: dict[str, str], text: str) -> None:
    response = server.run(**fields)
    assert response.status_code == 400
    assert error(response) == text


def test_a_command_that_its_path_does_not_have(server: Server) -> None:
    response = server.run(filename="a.sh", content="x", env="PATH=/nonexistent")
    assert response.status_code == 400
    assert error(response) == "The command can't be started: bash: No such file or directory"


@pytest.mark.parametrize("filename", ["Main.sh", "a.b.sh", "-x.sh", "_.bash", "a.SH"])
def test_names_keep_their_case(server: Server, filename: str) -> None:
    response = server.run(filename=filename, content="ls")
    assert response.text == f"{filename}\n"


def test_an_extension_with_signs(server: Server) -> None:
    response = server.run(filename="a.c++", content="#include <vector>\nint main() { return 4; }")
    assert response.headers["X-Run-Exitcode"] == "4", response.text


@pytest.mark.also_engine
def test_a_compile_error_is_a_result(server: Server) -> None:
    response = server.run(filename="a.c", content="int main(")
    assert response.status_code == 200
    assert "error: expected" in response.text
    assert response.headers["X-Run-Exitcode"] == "1"
    assert re.fullmatch(r"gcc .* a\.c .* && \./main", response.headers["X-Run-Command"])


def test_warnings_come_before_the_output(server: Server) -> None:
    response = server.run(
        filename="a.c", content='#warning "w"\n#include <stdio.h>\nint main() { puts("ran"); }'
    )
    assert "#warning" in response.text
    assert response.text.endswith("ran\n")


@pytest.mark.engine
def test_another_image_of_the_catalogue(server: Server) -> None:
    fields = {"filename": "a.sh", "content": "x", "command": "ruby -e 'puts 3'"}
    assert server.run(**fields, image="bitrun/ruby").text == "3\n"
    assert server.run(**fields, image="bitrun/bash").headers["X-Run-Exitcode"] == "127"


@pytest.mark.engine
def test_a_tighter_memory_limit(server: Server) -> None:
    hog = {"filename": "a.py", "content": "x = bytearray(100_000_000); print(len(x))"}
    assert server.run(**hog).text == "100000000\n"
    response = server.run(**hog, memory_limit="50000000")
    assert response.headers["X-Run-Verdict"] == "memory"
    assert response.headers["X-Run-Message"] == "Memory limit exceeded: 50000000 bytes"
    assert response.headers["X-Run-Exitcode"] == "137"


def test_clean_is_accepted(server: Server) -> None:
    assert server.run(filename="a.sh", content="echo 1", clean="1").text == "1\n"


def test_an_output_over_the_cap(server: Server) -> None:
    response = server.run(filename="a.sh", content="yes")
    assert response.status_code == 200
    assert response.content == b"y\n" * 32768
    assert response.headers["X-Run-Status"] == "OL"
    assert response.headers["X-Run-Verdict"] == "stdout"
    assert response.headers["X-Run-Message"] == "Output limit exceeded: 65536 bytes on stdout"


@pytest.mark.engine
def test_ten_seconds_and_no_more(server: Server, docker_client: docker.APIClient) -> None:
    before = our_containers(docker_client)
    started = time.monotonic()
    response = server.run(filename="a.sh", content="echo before; sleep 60")
    took = time.monotonic() - started
    assert response.status_code == 400
    assert response.json() == {"error": "Operation timed out after 10s", "output": "before\n"}
    assert 10.0 <= took < 10.7
    assert wait_until(lambda: our_containers(docker_client).keys() <= before.keys(), 1)


def test_compiling_counts(serve: Callable[..., Server]) -> None:
    server = serve(v1_timeout="1.5")
    program = "#include <unistd.h>\nint main() { sleep(60); }"
    started = time.monotonic()
    response = server.run(filename="a.c", content=program)
    assert error(response) == "Operation timed out after 1.5s"
    assert 1.5 <= time.monotonic() - started < 3.5


def test_tokens(serve: Callable[..., Server]) -> None:
    tokens = [f"the {nth} of our two tokens".replace(" ", "-") for nth in ("first", "second")]
    server = serve(api_tokens=" ".join(tokens))
    run = {"filename": "a.sh", "content": "env"}
    assert error(server.run(**run)) == "Api token is invalid"
    assert error(server.run()) == "Api token is invalid"
    assert error(server.run(**run, api_token="third")) == "Api token is invalid"
    assert error(server.run(**run, api_token="é")) == "Api token is invalid"
    for token in tokens:
        assert server.run(**run, api_token=token).status_code == 200
        response = requests.post(
            f"{server.url}/api/v1/run",
            data=run,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert response.status_code == 200
        assert token not in response.text


@pytest.mark.also_engine
def test_config(server: Server) -> None:
    response = server.get("/api/v1/config")
    config = response.json()
    assert config[".py"] == {
        "image": "bitrun/python",
        "command": "python3 -B %s",
        "format": "text/plain",
        "language": "python",
        "package": "python",
        "installed": True,
    }
    assert re.fullmatch(r"gcc .* %s .*&& \./main", config[".c"]["command"])
    assert {".py", ".rb", ".php", ".js", ".sh", ".c", ".cpp", ".C"} <= config.keys()


def test_a_language_that_is_not_installed(serve: Callable[..., Server], tmp_path: Any) -> None:
    catalogue = tmp_path / "languages.yml"
    catalogue.write_text(
        "packages: [{name: tool, build: tool, version: '1', version_command: x,"
        " languages: [{name: tool, extensions: [tool], run: tool %s}]}]"
    )
    server = serve(languages=catalogue)
    assert server.get("/api/v1/config").json()[".tool"]["installed"] is False
    response = server.run(filename="a.tool", content="x")
    assert response.status_code == 400
    assert error(response) == (
        "Package is not installed: tool. The operator installs it with: make install PACKAGES=tool"
    )


def test_an_engine_that_is_down(serve_without_engine: Callable[..., Server]) -> None:
    server = serve_without_engine()
    response = server.run(filename="a.sh", content="x")
    assert response.status_code == 503
    assert error(response) == "The Docker engine does not answer. Try again later"


@pytest.mark.also_engine
@pytest.mark.attack(
    "request", "a body above the limit, with or without a Content-Length", "refused with 413"
)
def test_a_body_over_the_limit(serve: Callable[..., Server]) -> None:
    server = serve(max_body=1000)
    url = f"{server.url}/api/v1/run"
    fields = {"filename": "a.sh", "content": "x" * 2000}
    for reply in (
        requests.post(url, data=fields, timeout=30),
        requests.post(url, json=fields, timeout=30),
        requests.post(url, files=fields, timeout=30),
    ):
        size = reply.request.headers["Content-Length"]
        expected = f"The request is too large: it has {size} bytes, and may have 1000"
        assert (reply.status_code, error(reply)) == (413, expected)


def test_nothing_that_is_sent_is_our_fault(server: Server) -> None:
    run = {"filename": "a.sh", "content": "x"}
    nested = requests.post(
        f"{server.url}/api/v1/run",
        data=b"[" * 200_000,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    many = {f"field{number}": "" for number in range(100)}
    lines = "\n".join(f"A{number}=" for number in range(1100))
    for response in (
        nested,
        server.run(**run, **many),
        server.run(**run, env=lines),
        server.run(**run, command="x" * 200_000),
    ):
        assert response.status_code == 400, response.text
        assert error(response)


@pytest.mark.engine
def test_a_miss_is_slower_and_never_different(serve: Callable[..., Server]) -> None:
    """What does not fit into the request's memory, in a box made for it and in one that waited."""
    server = serve(pool_size=2)
    replies = []
    for clean in ("1", ""):
        time.sleep(2)
        files = {"content": ("a.sh", b"#" * 6_200_000)}
        fields = {"filename": "a.sh", "memory_limit": "6291456", "clean": clean}
        response = requests.post(f"{server.url}/api/v1/run", data=fields, files=files, timeout=30)
        replies.append((response.status_code, response.headers.get("X-Run-Message")))
    assert replies[0] == replies[1]
    assert replies[0][0] in (200, 400)


def test_unknown_paths_and_methods(server: Server) -> None:
    response = server.get("/api/v1/nothing")
    assert (response.status_code, error(response)) == (404, "Not Found")
    response = server.get("/api/v1/run")
    assert (response.status_code, error(response)) == (405, "Method Not Allowed")
    assert response.headers["Allow"] == "OPTIONS, POST"


def test_cors(server: Server, serve: Callable[..., Server]) -> None:
    assert "Access-Control-Allow-Origin" not in server.get("/api/v1/config").headers
    open_to_pages = serve(api_tokens="x" * 20)
    response = requests.options(f"{open_to_pages.url}/api/v1/run", timeout=30)
    assert response.status_code == 200
    for reply in (response, open_to_pages.run(filename="a.sh", content="x"), open_to_pages.run(),
                  open_to_pages.get("/api/v1/config"), open_to_pages.get("/api/v1/run")):  # fmt: skip
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in reply.headers["Access-Control-Allow-Methods"]
        assert "X-Run-Exitcode" in reply.headers["Access-Control-Expose-Headers"]


def test_ten_at_once_keep_apart(server: Server) -> None:
    def run(number: int) -> str:
        return server.run(filename="a.sh", content=f"echo {number} > f; sleep 0.3; cat f; ls").text

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(run, range(10))) == [f"{n}\na.sh\nf\n" for n in range(10)]


@pytest.mark.also_engine
@pytest.mark.parametrize("pool_size", [0, 8])
def test_killed_service_leaves_nothing(
    serve: Callable[..., Server], containers: Callable[[], set[str]], pool_size: int
) -> None:
    before = containers()
    server = serve(pool_size=pool_size)

    def run(_: int) -> None:
        with pytest.raises(requests.ConnectionError):
            server.run(filename="a.sh", content="sleep 60")

    def ours() -> int:
        return len(containers() - before)

    with ThreadPoolExecutor(10) as pool:
        done = [pool.submit(run, number) for number in range(10)]
        # With a pool this falls into the middle of refilling it: some boxes are half made.
        assert wait_until(lambda: ours() >= 10, 20)
        time.sleep(0.5)
        os.killpg(server.process.pid, signal.SIGKILL)
        assert wait_until(lambda: ours() == 0, 20), containers()
        for one in done:
            one.result()


@pytest.mark.also_engine
def test_sigterm_lets_runs_finish(
    serve: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    before = containers()
    server = serve()
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(server.run, filename="a.sh", content="sleep 1.5; echo done") for _ in "ab"
        ]
        assert wait_until(lambda: len(containers() - before) >= 2, 9)
        server.process.terminate()
        assert [one.result().text for one in runs] == ["done\n", "done\n"]
    assert server.process.wait(timeout=10) == 0


@pytest.mark.also_engine
@pytest.mark.attack("request", "a body that stops in its middle", "others are served meanwhile")
def test_a_slow_client_does_no_harm(server: Server) -> None:
    """A request that stops in its middle neither runs nor blocks the next one."""
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(
            b"POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nfile"
        )
        assert server.run(filename="a.sh", content="echo 1").text == "1\n"
