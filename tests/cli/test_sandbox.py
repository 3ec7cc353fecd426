"""`bitrun sandbox`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import COMMAND, bitrun, environment
from tests.support.sandboxes import HttpSandbox
from tests.support.server import Server


@pytest.fixture
def sandbox(server: Server) -> Iterator[str]:
    made = bitrun(server, "sandbox", "create", "bash", "--minutes", "5", "-e", "A=1")
    assert (made.returncode, made.stderr) == (0, "")
    yield made.stdout.strip()
    bitrun(server, "sandbox", "rm", made.stdout.strip())


@pytest.mark.also_engine
def test_a_command(server: Server, sandbox: str) -> None:
    done = bitrun(
        server,
        "sandbox",
        "exec",
        "-i",
        sandbox,
        "cat; echo $A; echo e >&2; exit 3",
        stdin="in\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "in\n1\n", "e\n")
    done = bitrun(server, "sandbox", "exec", "--cwd", "/tmp", sandbox, "ls", "-d", "$A", "/tmp")
    assert (done.returncode, done.stdout) == (2, "/tmp\n")
    assert bitrun(server, "sandbox", "exec", sandbox, "--", "echo", "--", "a").stdout == "-- a\n"
    assert bitrun(server, "sandbox", "exec", sandbox, "--", "echo a; echo b").stdout == "a\nb\n"
    done = bitrun(server, "sandbox", "exec", sandbox, "--")
    assert (done.returncode, "there is no command" in done.stderr) == (2, True)


def test_a_limit(server: Server, sandbox: str) -> None:
    done = bitrun(server, "sandbox", "exec", "-t", "0.2", sandbox, "sleep", "9")
    assert (done.returncode, "Time limit exceeded" in done.stderr) == (124, True)


def test_files(server: Server, sandbox: str, tmp_path: Path) -> None:
    source = tmp_path / "script"
    source.write_bytes(b"#!/bin/sh\necho run\n")
    source.chmod(0o755)
    for target in ("", "d/"):
        assert bitrun(server, "sandbox", "cp", source, f"{sandbox}:{target}").returncode == 0
    assert bitrun(server, "sandbox", "exec", sandbox, "./script").stdout == "run\n"
    done = bitrun(server, "sandbox", "cp", f"{sandbox}:d/script", tmp_path / "back")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    listed = bitrun(server, "sandbox", "ls", f"{sandbox}:d").stdout.split("\t")
    assert listed[:3] == ["script", "file", "19"]
    entries = json.loads(bitrun(server, "sandbox", "ls", "--json", sandbox).stdout)
    assert {each["name"]: each["kind"] for each in entries} == {"d": "folder", "script": "file"}
    refused = bitrun(server, "sandbox", "cp", source, tmp_path / "other")
    assert (refused.returncode, "one of both must be ID:PATH" in refused.stderr) == (2, True)
    refused = bitrun(server, "sandbox", "cp", f"{sandbox}:", tmp_path)
    assert (refused.returncode, "is a folder: name a file in it" in refused.stderr) == (2, True)
    missing = bitrun(server, "sandbox", "cp", f"{sandbox}:none", tmp_path)
    assert (missing.returncode, "no file or folder none" in missing.stderr) == (125, True)


def test_the_list(server: Server, sandbox: str) -> None:
    listed = bitrun(server, "sandbox", "ls").stdout.split("\t")
    assert listed[:2] == [sandbox, "bash"]
    (found,) = json.loads(bitrun(server, "sandbox", "ls", "--json").stdout)
    assert found["id"] == sandbox
    assert bitrun(server, "sandbox", "rm", sandbox).returncode == 0
    assert bitrun(server, "sandbox", "ls").stdout == ""
    gone = bitrun(server, "sandbox", "exec", sandbox, "true")
    assert (gone.returncode, gone.stderr) == (
        125,
        "bitrun: The sandbox has ended: it was deleted\n",
    )


def test_a_command_in_the_background(server: Server, sandbox: str) -> None:
    script = "cat; read x <go; echo $x >&2; exit 3"
    bitrun(server, "sandbox", "exec", sandbox, "mkfifo go")
    made = bitrun(server, "sandbox", "exec", "-d", "-i", sandbox, script, stdin="in\n")
    command = made.stdout.strip()
    listed = bitrun(server, "sandbox", "ps", sandbox).stdout.rstrip("\n").split("\t")
    assert (listed[0], listed[1], listed[3]) == (command, "running", script)
    bitrun(server, "sandbox", "exec", sandbox, "echo word >go")
    done = bitrun(server, "sandbox", "logs", "-f", sandbox, command)
    assert (done.returncode, done.stdout, done.stderr) == (3, "in\n", "word\n")
    done = bitrun(server, "sandbox", "logs", sandbox, command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "in\n", "word\n")
    sleeper = bitrun(server, "sandbox", "exec", "-d", sandbox, "sleep", "600").stdout.strip()
    assert bitrun(server, "sandbox", "kill", "-s", "SIGKILL", sandbox, sleeper).returncode == 0
    done = bitrun(server, "sandbox", "logs", "-f", sandbox, sleeper)
    assert (done.returncode, done.stdout) == (137, "")
    found = json.loads(bitrun(server, "sandbox", "ps", "--json", sandbox).stdout)
    assert [each["status"] for each in found] == ["ended", "ended"]
    assert found[1]["verdict"]["signal"] == "SIGKILL"
    done = bitrun(server, "sandbox", "logs", sandbox, "cmd_none")
    assert (done.returncode, "no such command" in done.stderr) == (125, True)


def test_dropped_output_is_told(server: Server, sandbox: str) -> None:
    flood = "head -c 300000 /dev/zero | tr '\\0' x; echo end"
    command = bitrun(server, "sandbox", "exec", "-d", sandbox, flood).stdout.strip()
    HttpSandbox(server, sandbox).ended(command)
    done = subprocess.run(
        [*COMMAND, "sandbox", "logs", sandbox, command],
        env=environment(server),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout) == 256 << 10
    assert done.stdout.endswith("xend\n")
    dropped = 300_004 - (256 << 10)
    assert done.stderr == f"bitrun: {dropped} bytes of earlier output are not kept any more\n"


def test_a_shell_needs_a_terminal(server: Server, sandbox: str) -> None:
    done = bitrun(server, "sandbox", "shell", sandbox)
    assert (done.returncode, "must be a terminal" in done.stderr) == (125, True)
