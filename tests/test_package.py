"""The package as `pip install` brings it: the base is the client, `[server]` serves."""

import os
import stat
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest
import requests

from bitrun.images.build_context import pack
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_until
from tests.support.wheel import build_wheel, install

# Libraries of which a client needs none.
SERVER_LIBRARIES = ("docker", "flask", "gunicorn", "limits", "mcp", "pydantic_settings", "yaml")
WITHOUT_SERVER = f"""\
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {SERVER_LIBRARIES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def without_server(code: str) -> "subprocess.CompletedProcess[str]":
    """Run Python that can import no library of the server."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_SERVER + code],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_client_and_command_need_no_library_of_the_server() -> None:
    done = without_server("import bitrun.client, bitrun.cli.app\nbitrun.cli.app.app(['--help'])")
    assert done.returncode == 0, done.stderr
    assert "tokens" in done.stdout


@pytest.mark.builds
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("serve", "server"),
        ("install", "server"),
        ("doctor", "server"),
        ("tokens create alice", "server"),
        ("mcp", "mcp"),
    ],
)
def test_a_command_of_an_extra_names_it(command: str, extra: str) -> None:
    done = without_server(f"from bitrun.cli.app import app\napp({command.split()})")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("bitrun: This command needs ")
    assert done.stderr.endswith(
        f'which is not installed: pip install ".[{extra}]" in a checkout of BitRun\n'
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def server(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with `bitrun[server]`."""
    return install(wheel, tmp_path_factory.mktemp("server"), "server")


def output(python: Path, code: str, cwd: Path) -> str:
    return subprocess.run(
        [python, "-c", code], cwd=cwd, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.builds
def test_the_base_is_enough_for_the_client(wheel: Path, tmp_path: Path) -> None:
    python = install(wheel, tmp_path / "venv")
    done = subprocess.run(
        [python.with_name("bitrun"), "run", "--url", "http://127.0.0.1:1", "-l", "bash", "-"],
        cwd=tmp_path, input="", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("bitrun: ws://127.0.0.1:1/api/v2/connect can't be reached")
    code = "import bitrun.client as c, pathlib; print(pathlib.Path(c.__file__).parents[1])"
    package = Path(output(python, code, tmp_path).strip())
    assert (package / "py.typed").exists()
    assert not list(package.parent.glob("flask*"))


@pytest.mark.builds
def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bitrun").rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "README.md"
    }
    assert files <= packed
    assert not any("tests" in Path(name).parts for name in packed)


@pytest.mark.builds
def test_an_installed_image_is_hashed_as_that_of_a_checkout(server: Path, tmp_path: Path) -> None:
    """So neither is stale to the other, though pip has compiled the Python files among them."""
    images = Path(
        output(server, "from bitrun.config.settings import ROOT; print(ROOT)", tmp_path).strip()
    )
    assert images.name == "data"
    for folder in (ROOT / "images").iterdir():
        assert pack(images / "images" / folder.name) == pack(folder), folder.name


@pytest.mark.builds
def test_what_an_installed_service_finds(server: Path, tmp_path: Path) -> None:
    code = (
        "from bitrun.config import catalogue, settings\n"
        "known = settings.load()\n"
        "print(len(catalogue.load(known.languages).packages))\n"
        "print(*sorted(str(path.relative_to(known.images))\n"
        "    for path in known.images.glob('bash/samples/**/*') if path.is_file()))\n"
        "print(settings.ROOT / 'scripts' / 'apt-install')"
    )
    packages, samples, apt_install = output(server, code, tmp_path).splitlines()
    assert int(packages) > 100
    assert samples == "bash/samples/bash/hello.sh"
    assert Path(apt_install).stat().st_mode & stat.S_IXUSR


@pytest.mark.engine
def test_an_installed_package_installs_and_serves(server: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = server.with_name("bitrun")
    environment = os.environ | {"BITRUN_POOL_SIZE": "0", "BITRUN_URL": url, "PYTHONPATH": ""}
    run = partial(
        subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "bash 5" in run([command, "install", "bash"]).stdout
    service = subprocess.Popen(
        [command, "serve", "--port", url.rpartition(":")[2]], cwd=tmp_path, env=environment
    )
    try:
        assert wait_until(lambda: answers(url), 30)
        started = requests.get(f"{url}/playground/server.json", timeout=60).json()
        assert all(runtime["hello"] for runtime in started["runtimes"])
        (tmp_path / "program.sh").write_text("echo $((6 * 7))")
        assert run([command, "run", "program.sh"]).stdout == "42\n"
    finally:
        service.terminate()
        assert service.wait(timeout=60) == 0


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False
