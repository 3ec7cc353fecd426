"""Sandboxes of the client, with threads and with asyncio, against a real service."""

from collections.abc import Iterator
from typing import Any

import pytest

from bitrun.client import Ended, Outcome, Output, Refused, TerminalSize
from tests.support.both import BOTH
from tests.support.server import Server


@pytest.fixture(params=BOTH)
def client(server: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.param(server.url) as client:
        yield client


@pytest.mark.also_engine
def test_a_sandbox(client: Any) -> None:
    with client.sandbox("bash", files={"in.txt": "five\n"}, env={"A": "1"}, minutes=5) as sandbox:
        stage = sandbox.exec("cat in.txt; echo $A $B >&2; exit 3", env={"B": "2"})
        assert (stage.stdout, stage.stderr, stage.output) == ("five\n", "1 2\n", "five\n1 2\n")
        assert (stage.verdict.outcome, stage.verdict.code) == (Outcome.EXIT, 3)
        assert sandbox.exec(["pwd"], cwd="/tmp").stdout == "/tmp\n"
        assert sandbox.exec("cat", stdin="typed").stdout == "typed"
        result = sandbox.run("cat; echo $1", stdin="in", args=["a"])
        assert result.stdout == "in\na\n"
        info = sandbox.info()
        assert (info.id, info.language, info.memory) == (sandbox.id, "bash", 256 << 20)
        assert (info.expires_at - info.last_active_at).total_seconds() == 300
        assert [each.id for each in client.sandboxes()] == [sandbox.id]
    assert client.sandboxes() == ()


def test_files(client: Any) -> None:
    content = bytes(range(256)) * 100
    with client.sandbox("bash") as sandbox:
        sandbox.write("d/é ?#.bin", content)
        sandbox.write("d/run", "#!/bin/sh\necho run\n", mode=0o755)
        assert sandbox.exec(["d/run"]).stdout == "run\n"
        assert sandbox.read("d/é ?#.bin") == content
        entries = {entry.name: entry for entry in sandbox.list("d")}
        assert (entries["run"].kind, entries["run"].mode) == ("file", 0o755)
        assert entries["é ?#.bin"].size == len(content)
        assert [entry.name for entry in sandbox.list()] == ["d"]
        sandbox.remove("d/run")
        assert [entry.name for entry in sandbox.list("./d")] == ["é ?#.bin"]
        with pytest.raises(Refused, match="d is a folder"):
            sandbox.read("d")
        with pytest.raises(Refused, match="no file or folder none"):
            sandbox.read("none")
        sandbox.write("j.json", "{}")
        assert sandbox.read("j.json") == b"{}"


def test_output_as_it_comes(client: Any) -> None:
    seen: list[Output] = []
    with client.sandbox("bash") as sandbox:
        stage = sandbox.exec("echo a; echo b >&2", on_output=seen.append)
    assert "".join(each.text for each in seen if each.stream == "stdout") == stage.stdout == "a\n"
    assert "".join(each.text for each in seen if each.stream == "stderr") == stage.stderr == "b\n"


def test_limits(client: Any) -> None:
    with client.sandbox("bash") as sandbox:
        assert sandbox.exec("sleep 9", timeout=0.2).verdict.outcome is Outcome.WALL_TIME
        assert sandbox.exec("yes", output=100).verdict.outcome is Outcome.STDOUT
        with pytest.raises(Refused, match="timeout must be from 1 to 120000"):
            sandbox.exec("true", timeout=121)
        with pytest.raises(TypeError, match="no option timout; did you mean timeout"):
            sandbox.exec("true", timout=1)
        with pytest.raises(Refused, match="no-such"):
            sandbox.exec(["no-such"])


@pytest.mark.also_engine
def test_commands_in_the_background(client: Any) -> None:
    with client.sandbox("bash") as sandbox:
        command = sandbox.start(
            "while read x; do echo $A $x; done; exit 3", stdin_open=True, env={"A": "a"}
        )
        command.write("one\n")
        first = command.output(wait=20)
        assert (first.stdout, first.status, first.dropped) == ("a one\n", "running", 0)
        assert command.wait(0.01).running
        command.write("two\n", end=True)
        ended = command.wait()
        assert (ended.status, ended.verdict.code, ended.output_size) == ("ended", 3, 12)
        again = sandbox.command(command.id)
        assert [part.output for part in again.follow(first.next_offset)] == ["a two\n"]
        assert [each.id for each in sandbox.commands()] == [command.id]
        sleeper = sandbox.start(["sleep", "600"], cwd="/tmp", timeout=600)
        assert sleeper.info().command == ("sleep", "600")
        sleeper.signal()
        assert sleeper.wait().verdict.signal == "SIGTERM"
        sleeper.delete()
        with pytest.raises(Refused, match="no such command") as error:
            sleeper.info()
        assert error.value.status == 404
        missing = sandbox.start(["no-such-program"]).wait()
        assert (missing.status, missing.verdict) == ("failed", None)
        assert "can't be started" in missing.error
        with pytest.raises(TypeError, match="did you mean stdin_open"):
            sandbox.start("true", stdinopen=True)


@pytest.mark.also_engine
def test_a_terminal(client: Any) -> None:
    with client.sandbox("bash") as sandbox:
        with sandbox.terminal(tty=TerminalSize(30, 100), env={"A": "a"}) as terminal:
            terminal.write("echo $A; stty size; exit 5\r")
            screen = "".join(event.text for event in terminal if isinstance(event, Output))
            assert "a\r\n30 100\r\n" in screen
            assert terminal.verdict.code == 5
        with sandbox.terminal(["pwd"], cwd="/tmp") as terminal:
            *_, output, ended = terminal
            assert output.text == "/tmp\r\n"
            assert isinstance(ended, Ended)
        with pytest.raises(Refused, match="no-such"), sandbox.terminal(["no-such"]) as terminal:
            list(terminal)
    with pytest.raises(Refused, match="it was deleted") as error, sandbox.terminal():
        pass
    assert error.value.status == 410


def test_one_that_is_found_again(client: Any) -> None:
    made = client.sandbox("bash").create()
    made.write("a", "1")
    with client.open_sandbox(made.id) as found:
        assert found.read("a") == b"1"
    made.delete()
    with pytest.raises(Refused, match="it was deleted") as error:
        made.exec("true")
    assert error.value.status == 410


def test_one_that_has_ended_by_itself_is_no_error(client: Any) -> None:
    with client.sandbox("bash") as sandbox:
        client.open_sandbox(sandbox.id).create().delete()


def test_refusals(client: Any) -> None:
    with pytest.raises(Refused, match="No language is called cobal"), client.sandbox("cobal"):
        pass
    with pytest.raises(Refused, match="language is required"), client.sandbox():
        pass
    with pytest.raises(TypeError, match="did you mean memory"):
        client.sandbox("bash", memry=5)
