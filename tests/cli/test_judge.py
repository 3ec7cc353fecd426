"""`bitrun judge`: a program and the cases of a problem."""

import json
import os
import pty
import subprocess
from io import RawIOBase
from pathlib import Path

import pytest
import typer

from bitrun.cli.cases import NamedCase, in_requests, read_cases
from bitrun.client import Case
from tests.support.command import COMMAND, bitrun, environment, outcome
from tests.support.server import Server

SUM = "print(sum(map(int, input().split())))"


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """Return a folder with a program, and cases of which the last has a wrong output."""
    cases = tmp_path / "cases"
    (cases / "secret").mkdir(parents=True)
    for name, given, expected in (
        ("1.in", "1 2\n", "3\n"), ("2.in", "2 2", "4"), ("10.in", "0 0", "1"),
        ("secret/1.in", "5 5\n", "10\n\n"),
    ):  # fmt: skip
        (cases / name).write_text(given)
        ending = ".ans" if name == "2.in" else ".out"
        (cases / name).with_suffix(ending).write_text(expected)
    (cases / "readme.txt").write_text("")
    (tmp_path / "sum.py").write_text(SUM)
    return tmp_path


def rows(stdout: str) -> list[tuple[str, str]]:
    """Return case and verdict of each line."""
    return [(cells[0], cells[1]) for cells in (line.split("\t") for line in stdout.splitlines())]


@pytest.mark.also_engine
def test_a_table(server: Server, problem: Path) -> None:
    done = bitrun(server, "judge", problem / "sum.py", "--cases", problem / "cases")
    assert (done.returncode, done.stderr) == (1, "")
    assert rows(done.stdout) == [("1", "ok"), ("2", "ok"), ("10", "wrong"), ("secret/1", "ok")]
    _name, _verdict, wall, cpu, memory, message = done.stdout.splitlines()[2].split("\t")
    assert wall.endswith(" ms")
    assert cpu.endswith(" ms")
    assert memory.endswith(" MiB")
    assert message == "line 1: expected '1', got '0'"


def test_on_a_terminal_there_is_a_sum(server: Server, problem: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "judge", problem / "sum.py", "--cases", problem / "cases"],
        env=environment(server, COLUMNS="100"), stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    with os.fdopen(controller, "rb", buffering=0) as screen:
        shown = b""
        while piece := read_terminal(screen):
            shown += piece
    assert process.wait(10) == 1
    lines = [line.strip() for line in shown.decode().splitlines()]
    assert lines[-1] == "3 of 4 accepted"
    assert any("CASE" in line and "VERDICT" in line for line in lines)


def read_terminal(screen: RawIOBase) -> bytes:
    try:
        return screen.read(1 << 16) or b""
    except OSError:  # the end of a terminal
        return b""


def test_all_are_accepted(server: Server, problem: Path) -> None:
    done = bitrun(server, "judge", problem / "sum.py", "--cases", problem / "cases" / "secret")
    assert (done.returncode, rows(done.stdout)) == (0, [("1", "ok")])


def test_json(server: Server, problem: Path) -> None:
    done = bitrun(
        server, "judge", problem / "sum.py", "--json", "--cases", problem / "cases", "--stop",
        "--compare", "numbers", "--tolerance", "1",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [(each["case"], each["reason"]) for each in found][:2] == [("1", "ok"), ("2", "ok")]
    assert found[2]["accepted"] is True
    assert found[0]["run"]["stdout"] == "3\n"
    assert done.returncode == 0


def test_a_limit_of_cpu_time(server: Server, problem: Path) -> None:
    (problem / "sum.py").write_text("while True: pass")
    cases = problem / "cases" / "secret"
    done = bitrun(server, "judge", problem / "sum.py", "--cases", cases, "--cpu-time", "0.2")
    assert rows(done.stdout) == [("1", "cpu_time")]
    assert "200 ms of CPU time" in done.stdout


def test_what_is_not_compiled(server: Server, problem: Path) -> None:
    (problem / "sum.c").write_text("int main(")
    done = bitrun(server, "judge", problem / "sum.c", "--cases", problem / "cases")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: expected" in done.stderr
    assert done.stderr.endswith("bitrun: Compiling failed: Exited with error status 1\n")


def test_a_checker_with_a_file_of_its_own(server: Server, problem: Path) -> None:
    (problem / "check.py").write_text(
        "import sys, rule\nprint('with\\ttabs')\n"
        "sys.exit(not rule.fits(open(sys.argv[2]).read(), open(sys.argv[3]).read()))"
    )
    (problem / "rule.py").write_text("def fits(a, b): return abs(int(a) - int(b)) == 1")
    done = bitrun(
        server, "judge", problem / "sum.py", "--cases", problem / "cases",
        "--checker", "check.py", "--checker", "rule.py", cwd=problem,
    )  # fmt: skip
    assert [verdict for _, verdict in rows(done.stdout)] == ["wrong", "wrong", "ok", "wrong"]
    assert done.stdout.splitlines()[0].endswith("\twith tabs")


@pytest.mark.parametrize(
    ("source", "message"),
    [("def (", "SyntaxError: invalid syntax"), ("import sys\nint('x')", "ValueError: ")],
)
def test_a_checker_in_python_that_fails(
    server: Server, problem: Path, source: str, message: str
) -> None:
    (problem / "check.py").write_text(source)
    done = bitrun(
        server, "judge", problem / "sum.py", "--cases", problem / "cases" / "secret",
        "--checker", problem / "check.py",
    )  # fmt: skip
    assert done.stdout.split("\t")[1] == "wrong"
    assert done.stdout.split("\t")[5].startswith(message)


def test_an_interactor_needs_no_outputs(server: Server, problem: Path) -> None:
    for path in (problem / "cases").rglob("*.out"):
        path.unlink()
    (problem / "ask.py").write_text(
        "import sys\nprint(open(sys.argv[1]).read(), flush=True)\nsys.exit(input() != '3')"
    )
    done = bitrun(
        server, "judge", problem / "sum.py", "--cases", problem / "cases",
        "--interactor", problem / "ask.py",
    )  # fmt: skip
    assert [verdict for _, verdict in rows(done.stdout)] == ["ok", "wrong", "wrong", "wrong"]


def test_what_explains_a_verdict(server: Server, problem: Path) -> None:
    """A program that failed explains itself, whatever the interactor says after that."""
    (problem / "ask.py").write_text(
        "import sys\nprint('no answer', file=sys.stderr)\nif not input(): sys.exit(3)"
    )
    (problem / "sum.py").write_text("import sys\nsys.exit(7)")
    arguments = ("judge", problem / "sum.py", "--cases", problem / "cases" / "secret")
    done = bitrun(server, *arguments, "--interactor", problem / "ask.py")
    assert done.stdout.split("\t")[1::4] == ["exit", "Exited with error status 7\n"]
    (problem / "sum.py").write_text("print()")
    done = bitrun(server, *arguments, "--interactor", problem / "ask.py")
    assert done.stdout.split("\t")[1::4] == ["interactor", "Exited with error status 3\n"]


def test_what_is_missing(server: Server, problem: Path) -> None:
    arguments = ("judge", problem / "sum.py", "--cases", problem / "cases")
    (problem / "cases" / "2.ans").unlink()
    done = bitrun(server, *arguments)
    assert done.returncode == 2
    assert "2.in needs 2.out or 2.ans" in " ".join(done.stderr.split())
    (problem / "cases" / "2.ans").write_bytes(b"\xff")
    done = bitrun(server, *arguments)
    assert done.returncode == 2
    assert "2.ans is not UTF-8 at byte 0" in " ".join(done.stderr.split())
    assert bitrun(server, *arguments[:3], problem / "nowhere").returncode == 2
    done = bitrun(server, "judge", problem / "sum.py", "--version", "2", "--cases", problem / "cases" / "secret")  # fmt: skip
    assert outcome(done) == (
        125,
        "",
        "bitrun: No installed version of python matches 2; installed: 3.13.5\n",
    )


def test_many_cases_are_several_requests() -> None:
    small = [NamedCase(str(number), Case(stdin="1", expected_output="1")) for number in range(250)]
    assert [len(part) for part in in_requests(small)] == [100, 100, 50]
    large = NamedCase("large", Case(stdin="x" * 3_000_000))
    assert [len(part) for part in in_requests([large, *small[:1], large, large])] == [2, 1, 1]


def test_line_ends_are_kept(tmp_path: Path) -> None:
    (tmp_path / "1.in").write_bytes(b"a\r\nb\r")
    (tmp_path / "1.out").write_bytes("é\r\n".encode())
    (case,) = read_cases(tmp_path, need_outputs=True)
    assert case == NamedCase("1", Case(stdin="a\r\nb\r", expected_output="é\r\n"))
    with pytest.raises(typer.BadParameter):
        read_cases(tmp_path / "1.in", need_outputs=True)
