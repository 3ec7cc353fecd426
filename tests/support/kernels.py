"""Kernels without Docker: the driver of the images and this machine's ipykernel, or scripts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitrun.config.catalogue import KernelSpec
from tests.support.paths import ROOT
from tests.support.piston import package, write_catalogue
from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server

DRIVER = ROOT / "images" / "jupyter" / "kernel_driver.py"
SCRIPTS = Path(__file__).with_name("kernel_scripts")

# The packages of the tests are at /packages in boxes of processes.
LANGUAGE: dict[str, Any] = {
    "run": "python3 -B %s",
    "ptys": True,
    "env": {"PYTHONPATH": "/packages", "PYTHONDONTWRITEBYTECODE": "1"},
    "limits": {"max_processes": 128},
}


def spec(name: str) -> dict[str, str]:
    """Write the spec of a kernel: of ipykernel as `python3`, else of a script of this name."""
    command = "driver.py python3" if name == "python3" else f"{name}.py"
    return {
        "name": name,
        "display_name": name.capitalize(),
        "language": "python" if name == "python3" else name,
        "command": f"python3 {command}",
    }


def kernel_spec(name: str) -> KernelSpec:
    return KernelSpec(**spec(name))


def files() -> Mapping[str, str]:
    """Return the files that the commands of the specs need in the work directory."""
    scripts = {path.name: path.read_text() for path in SCRIPTS.glob("*.py")}
    return {"driver.py": DRIVER.read_text(), **scripts}


def catalogue(folder: Path) -> Path:
    """Write a catalogue with a package that has ipykernel, and the scripts as kernels."""
    names = ["python3", *sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "frame")]
    return write_catalogue(
        folder, package("jupyter", "python", kernels=[spec(each) for each in names], **LANGUAGE)
    )


@contextmanager
def kernel_sandbox(server: Server, **fields: Any) -> Iterator[HttpSandbox]:
    sent = [{"name": name, "content": content} for name, content in files().items()]
    with sandbox(server, language="jupyter", files=sent, **fields) as made:
        yield made
