"""`bitrun languages` and `bitrun packages`."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.command import COMMAND, bitrun, environment, outcome
from tests.support.piston import package, write_catalogue
from tests.support.server import Server

pytestmark = pytest.mark.engine

IMAGE = "test-cli-tool"


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, docker_client: docker.APIClient
) -> Iterator[Server]:
    """A service whose catalogue has a package that is quickly made, and one that can't be."""
    folder = tmp_path_factory.mktemp("images")
    images = Path(__file__).resolve().parents[2] / "images"
    for name in ("debian", "base", "supervisor", "toolchain", "bash"):
        (folder / name).symlink_to(images / name)
    for name, step in (
        (IMAGE, "RUN echo 1.2.3 >/version"),
        (f"{IMAGE}-broken", "RUN exit 3"),
        (f"{IMAGE}-bar", "RUN sleep 2; echo 1.2.4 >/version"),
    ):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(f"FROM bitrun/base\nRUN sleep 1\n{step}\n")
    output = {"version": "1.0.0", "version_command": "cat /version"}
    languages = write_catalogue(
        folder,
        package("tool", IMAGE, aliases=["t"]) | output,
        package("broken", f"{IMAGE}-broken") | output,
        package("bar", f"{IMAGE}-bar") | output,
        package("shell", "bash"),
    )
    server = Server({"BITRUN_IMAGES": str(folder), "BITRUN_LANGUAGES": str(languages)})
    yield server
    server.stop()
    for image in docker_client.images(filters={"label": "bitrun.source"}):
        for tag in image["RepoTags"] or ():
            if IMAGE in tag:
                docker_client.remove_image(tag, force=True)


def test_languages(server: Server) -> None:
    lines = bitrun(server, "languages").stdout.splitlines()
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in lines)}
    assert rows["c"][1] == "gcc"
    assert "py3" in rows["python"][2].split()
    entries = json.loads(bitrun(server, "languages", "--json").stdout)
    assert {each["language"]: each["version"] for each in entries} == {
        name: row[0] for name, row in rows.items()
    }


def test_packages_from_the_list_to_a_run_and_back(service: Server) -> None:
    listed = "tool\t1.0.0\tno\nbroken\t1.0.0\tno\nbar\t1.0.0\tno\n"
    assert bitrun(service, "packages", "list").stdout.startswith(listed)

    done = bitrun(service, "packages", "install", "tool=1.x")
    assert (done.returncode, done.stdout) == (0, "Installed tool 1.2.3\n")
    assert done.stderr.startswith("tool: Installing tool 1.0.0\n")
    assert "\x1b" not in done.stderr
    done = bitrun(service, "packages", "install", "tool")
    assert outcome(done) == (0, "", "bitrun: tool is installed already\n")
    done = bitrun(service, "packages", "list", "--installed", "--json")
    assert json.loads(done.stdout)[0] == {
        "name": "tool",
        "version": "1.2.3",
        "installed": True,
        "libraries": [],
    }
    done = bitrun(service, "run", "-l", "t", "-", stdin="cat /version")
    assert outcome(done) == (0, "1.2.3\n", "")

    done = bitrun(service, "packages", "uninstall", "tool")
    assert outcome(done) == (0, "Uninstalled tool 1.2.3\n", "")
    done = bitrun(service, "packages", "uninstall", "tool")
    assert outcome(done) == (125, "", "bitrun: tool-* is not installed\n")
    assert bitrun(service, "packages", "list").stdout.startswith(listed)


def test_a_build_that_fails(service: Server) -> None:
    done = bitrun(service, "packages", "install", "broken")
    assert (done.returncode, done.stdout) == (125, "")
    assert "returned a non-zero code: 3" in done.stderr


def test_a_bar_on_a_terminal(service: Server) -> None:
    ours, theirs = pty.openpty()
    env = {**environment(service), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*COMMAND, "packages", "install", "bar"],
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    try:
        while data := os.read(ours, 1 << 16):
            output += data
    except OSError:  # the terminal is closed
        pass
    os.close(ours)
    assert process.wait(timeout=20) == 0
    output = re.sub(rb"\x1b\[[\d;?]*[a-zA-Z]", b"", output)
    assert "━".encode() in output
    assert b"Step 4/5 : RUN sleep 2" in output
    assert output.endswith(b"Installed bar 1.2.4\r\n")
    assert bitrun(service, "packages", "uninstall", "bar").returncode == 0


def test_help_is_plain(server: Server) -> None:
    for arguments in ([], ["run"], ["packages"], ["packages", "install"], ["languages"]):
        done = bitrun(server, *arguments, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: ")
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(server: Server, shell: str) -> None:
    done = bitrun(server, "--show-completion", shell)
    assert done.returncode == 0
    assert "_BITRUN_COMPLETE" in done.stdout
