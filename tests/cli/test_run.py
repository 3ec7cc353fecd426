"""`bitrun run`: a program there as if it were here."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bitrun, outcome, started
from tests.support.server import Server
from tests.support.tokens import RUN


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.also_engine
def test_output_stdin_arguments_and_exit_code(server: Server, tmp_path: Path) -> None:
    file = write(
        tmp_path, "echo.py",
        "import sys\nprint(input()[::-1], sys.argv)\nprint('no', file=sys.stderr)\nsys.exit(7)",
    )  # fmt: skip
    done = bitrun(server, "run", file, "-x", "--timeout", "a b", stdin="nuRtiB\n")
    assert outcome(done) == (7, "BitRun ['echo.py', '-x', '--timeout', 'a b']\n", "no\n")


def test_what_a_compiler_says_goes_to_stderr(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "hello.c", '#include <stdio.h>\nint main(void) { puts("hi"); }')
    assert outcome(bitrun(server, "run", file)) == (0, "hi\n", "")
    file = write(tmp_path, "size.c", "int main(void) { return SIZE; }")
    assert bitrun(server, "run", "--compile-arg", "-DSIZE=7", file).returncode == 7
    file = write(tmp_path, "wrong.C", "int main() { return x; }")  # C++
    done = bitrun(server, "run", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "was not declared" in done.stderr
    assert done.stderr.endswith("bitrun: Compiling failed: Exited with error status 1\n")


@pytest.mark.parametrize(
    ("options", "script", "expected"),
    [
        ((), "kill -SEGV $$", (139, "", "bitrun: Caught fatal signal 11 (SIGSEGV)\n")),
        (("--timeout", "0.3"), "echo 1; sleep 9", (124, "1\n", "bitrun: Time limit exceeded: 300 ms of wall time\n")),
        pytest.param(("--memory", "32M"), "exec tail /dev/zero", (137, "", "bitrun: Memory limit exceeded: 33554432 bytes\n"), marks=pytest.mark.engine),
        ((), "exit 255", (255, "", "")),
        (("--stack", "1M"), "ulimit -s", (0, "1024\n", "")),
        (("--output-limit", "3"), "echo 12345", (137, "123", "bitrun: Output limit exceeded: 3 bytes on stdout\n")),
        (("--timeout", "9999"), "", (125, "", "bitrun: run_timeout is 9999000: send 1 to 120000 milliseconds, or nothing for 3000\n")),
        (("--version", "4"), "", (125, "", "bitrun: No installed version of bash matches 4; installed: 5.2.37\n")),
        (("--language", "cobolt"), "", (125, "", "bitrun: No language is called cobolt: there are bash, c, c++, javascript, php, python, ruby\n")),
    ],
)  # fmt: skip
def test_how_it_ends(
    server: Server, tmp_path: Path, options: tuple[str, ...], script: str, expected: object
) -> None:
    assert outcome(bitrun(server, "run", *options, write(tmp_path, "a.sh", script))) == expected


def test_variables(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", 'echo "$A $B"')
    done = bitrun(server, "run", "--env", "A=1=2", "-e", "B=", "-e", "B=x y", file)
    assert outcome(done) == (0, "1=2 x y\n", "")
    done = bitrun(server, "run", "--env", "A", file)
    assert done.returncode == 2
    assert "A is not NAME=VALUE" in done.stderr
    done = bitrun(server, "run", "--env", "1=2", file)
    assert done.returncode == 125
    assert "env can't have a variable 1: its name must consist of" in done.stderr


def test_too_much_output(serve: Callable[..., Server], tmp_path: Path) -> None:
    done = bitrun(serve(output_limit=100), "run", write(tmp_path, "a.sh", "yes"))
    assert outcome(done) == (
        137,
        "y\n" * 50,
        "bitrun: Output limit exceeded: 100 bytes on stdout\n",
    )


def test_which_language(server: Server, tmp_path: Path) -> None:
    done = bitrun(server, "run", "--language", "sh", write(tmp_path, "script", "echo $0"))
    assert outcome(done) == (0, "script\n", "")
    done = bitrun(server, "run", "-l", "bash", "-", stdin="echo from stdin; cat")
    assert outcome(done) == (0, "from stdin\n", "")
    for name in ("script", "a.nothing"):
        done = bitrun(server, "run", write(tmp_path, name, ""))
        assert done.returncode == 2
        assert "add --language" in done.stderr
    done = bitrun(server, "run", write(tmp_path, "a.go", ""))
    assert outcome(done) == (
        125,
        "",
        "bitrun: go is not installed on the service. To install it, with an admin token: bitrun packages install go\n",
    )


def test_a_file_that_can_not_be_read(server: Server, tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"print('\xe9')")
    for file, complaint in (
        ("none.py", "none.py can't be read: No such file or directory"),
        (".", "can't be read: Is a directory"),
        ("latin.py", "latin.py is not UTF-8 at byte 7"),
    ):
        done = bitrun(server, "run", file, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr


def test_other_files(server: Server, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    write(tmp_path / "lib", "helper.py", "name = 'BitRun'")
    (tmp_path / "data").write_bytes(b"\xff")
    write(
        tmp_path, "main.py", "from lib.helper import name; print(name, open('data', 'rb').read())"
    )
    files = ("--add", "lib/helper.py", "--add", "data")
    done = bitrun(server, "run", *files, "main.py", cwd=tmp_path)
    assert outcome(done) == (0, "BitRun b'\\xff'\n", "")


MAKE = "mkdir out; echo text >out/a.txt; echo more >more; ln -s /etc/passwd link; exit 3"
LINK = "It is a link, fifo, socket or device; only regular files are sent"


@pytest.mark.also_engine
def test_files_that_the_program_makes(server: Server, tmp_path: Path) -> None:
    file, folder = write(tmp_path, "a.sh", MAKE), tmp_path / "new" / "folder"
    done = bitrun(server, "run", "--output", folder, file)
    assert outcome(done) == (3, "", f"bitrun: link is not saved: {LINK}\n")
    saved = {path.relative_to(folder): path.read_text() for path in folder.rglob("*.*")}
    assert saved == {Path("out/a.txt"): "text\n"}
    assert (folder / "more").read_text() == "more\n"
    assert sorted(each.name for each in folder.iterdir()) == ["more", "out"]


def test_some_of_the_files(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", MAKE)
    options = ("--output", tmp_path, "--output-file", "m*", "--output-file", "none")
    assert outcome(bitrun(server, "run", *options, file)) == (3, "", "")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.sh", "more"]
    done = bitrun(server, "run", "--output-file", "m*", file)
    assert done.returncode == 2
    assert "needs --output DIR" in done.stderr


def test_nothing_is_saved_through_a_link(server: Server, tmp_path: Path) -> None:
    file, folder, outside = write(tmp_path, "a.sh", MAKE), tmp_path / "f", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "more").symlink_to(file)
    done = bitrun(server, "run", "--output", folder, file)
    assert done.returncode == 125
    assert f"out/a.txt is not saved: {folder}/out is a link" in done.stderr
    assert (list(outside.iterdir()), file.read_text()) == ([], MAKE)
    assert (folder / "more").read_text() == "more\n"


def test_json_with_files(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", MAKE)
    done = bitrun(server, "run", "--json", "--output", tmp_path / "f", file, stdin="")
    answer = json.loads(done.stdout)
    assert answer["files"] == [{"name": "more", "size": 5}, {"name": "out/a.txt", "size": 5}]
    assert answer["files_dropped"] == [{"name": "link", "reason": "not_regular", "message": LINK}]
    assert (tmp_path / "f" / "out" / "a.txt").read_text() == "text\n"


def test_output_comes_as_it_is_written(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", "echo first; read line; echo $line")
    with started(server, "run", file, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == "first\n"
        process.stdin.write("second\n")
        process.stdin.flush()
        assert process.stdout.readline() == "second\n"
        assert process.wait(timeout=20) == 0
        process.communicate(20)


@pytest.mark.parametrize(
    ("trap", "presses", "expected"),
    [
        ("trap 'echo caught; exit 3' INT", 1, (3, "caught\n", "")),
        ("", 1, (130, "", "")),
        ("trap '' INT", 2, (130, "", "")),
    ],
)
def test_control_c(
    server: Server, tmp_path: Path, trap: str, presses: int, expected: object
) -> None:
    file = write(tmp_path, "a.sh", f"{trap}\necho ready; while :; do sleep 0.05; done")
    with started(server, "run", file, stdin=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        output, errors = process.communicate(timeout=20)
        assert (process.returncode, output, errors) == expected


def test_json(server: Server, tmp_path: Path) -> None:
    done = bitrun(server, "run", "--json", write(tmp_path, "a.sh", "cat; exit 3"), stdin="größer")
    assert (done.returncode, done.stderr) == (3, "")
    result = json.loads(done.stdout)
    (stage,) = result["stages"]
    assert (result["language"], stage["name"], stage["stdout"]) == ("bash", "run", "größer\n")
    assert stage["verdict"]["message"] == "Exited with error status 3"


def test_a_reader_that_closes_the_pipe(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", "while :; do echo x; sleep 0.01; done")
    with started(server, "run", file, stdin=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == "x\n"
        process.stdout.close()
        assert process.wait(timeout=20) == 141
        assert process.stderr.read() == ""


def test_stdin_that_is_no_text(server: Server, tmp_path: Path) -> None:
    file = write(tmp_path, "a.sh", "cat; sleep 60")
    (tmp_path / "data").write_bytes(b"abc\xff")
    with (
        (tmp_path / "data").open() as stdin,
        started(server, "run", file, stdin=stdin.fileno()) as process,
    ):
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 125
    assert errors == "bitrun: stdin is not UTF-8, and only text can be forwarded\n"


def test_tokens(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(api_tokens=RUN)
    file = write(tmp_path, "a.sh", "echo 1")
    takes = "This command takes it from --token or BITRUN_TOKEN"
    missing = f"bitrun: A token is needed, as: Authorization: Bearer <token>. {takes}\n"
    assert outcome(bitrun(server, "run", file)) == (125, "", missing)
    wrong = (
        f"bitrun: The service knows no such token: it is mistyped, or no longer valid. {takes}\n"
    )
    assert outcome(bitrun(server, "run", file, BITRUN_TOKEN=f"{RUN}x")) == (125, "", wrong)
    assert outcome(bitrun(server, "run", "--json", "--token", "x", file)) == (125, "", wrong)
    odd = f"bitrun: No token has such characters: it is mistyped. {takes}\n"
    assert outcome(bitrun(server, "run", "--token", "tök", file)) == (125, "", odd)
    assert outcome(bitrun(server, "run", file, BITRUN_TOKEN=RUN)) == (0, "1\n", "")
    assert outcome(bitrun(server, "run", "--token", RUN, file)) == (0, "1\n", "")


def test_nobody_there(server: Server, tmp_path: Path) -> None:
    done = bitrun(server, "run", "--url", "http://127.0.0.1:1", write(tmp_path, "a.sh", ""))
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("bitrun: http://127.0.0.1:1 can't be reached: ")


def test_files_that_were_uploaded(server: Server, tmp_path: Path) -> None:
    data, program = write(tmp_path, "data.txt", "12"), write(tmp_path, "a.sh", "cat data.txt")
    done = bitrun(server, "upload", data)
    assert done.returncode == 0, done.stderr
    upload_id, *about = done.stdout.rstrip().split("\t")
    assert about[:2] == ["data.txt", "2"]
    assert outcome(bitrun(server, "run", "--upload", upload_id, program)) == (0, "12", "")
    (as_json,) = json.loads(bitrun(server, "upload", "--json", data).stdout)
    assert (as_json["name"], as_json["size"]) == ("data.txt", 2)
    done = bitrun(server, "run", "--upload", "a" * 32, program)
    assert outcome(done) == (
        125,
        "",
        f"bitrun: There is no upload {'a' * 32}: send it again if it has expired\n",
    )
