"""Runs the fuzzer in a container, and fetches its crashes and its corpus."""

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.types import LogConfig
from docker.utils import kwargs_from_env

from bitrun.config.settings import ROOT
from bitrun.images.unsealed import UnsealedImages
from tools.fuzz.seeds import seeds

CORPUS = ROOT / "tools" / "fuzz" / "corpus"
CRASHES = ROOT / "tools" / "fuzz" / "crashes"

_COMPILER = "clang"  # images/clang
_SCRIPT = """\
set -e
cd /work/fuzz
rm -rf crashes  # of an earlier run
mkdir -p found crashes kept corpus
make -s -j2 fuzzer
nice -n 10 ./fuzzer -max_total_time={seconds} -max_len=20000 -timeout=60 -dict=dictionary \
    -artifact_prefix=crashes/ -print_final_stats=1 found corpus seeds
if [ {keep} = True ]; then ./fuzzer -set_cover_merge=1 kept found corpus seeds >/dev/null 2>&1; fi
"""
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_EDGES = re.compile(r"\bcov: (\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    executions: int
    edges: int
    crashes: tuple[str, ...]
    log: str


def fuzz(
    images: UnsealedImages, seconds: int, report: Callable[[str], None], *, keep: bool = False
) -> Outcome:
    """Fuzz for about `seconds`, and pass each line of the log to `report`.

    `keep` replaces the corpus by the smallest one with the same coverage.

    Raises:
        BuildError: the compiler's image can't be built.
    """
    client = docker.APIClient(version="auto", **kwargs_from_env())
    with images.change() as change:
        image = images.ensure(_COMPILER, change, report)
        container = client.create_container(
            image,
            ["sh", "-c", _SCRIPT.format(seconds=seconds, keep=keep)],
            host_config=client.create_host_config(
                network_mode="none",
                log_config=LogConfig(type=LogConfig.types.JSON),  # read by _follow()
            ),
            network_disabled=True,
            # The leak check would have to trace its own process; a supervisor's memory is static.
            environment={"ASAN_OPTIONS": "detect_leaks=0"},
            labels={"bitrun.role": "fuzz"},
        )["Id"]
    try:
        client.put_archive(container, "/", _pack())
        log = "".join(_follow(client, container, report))
        status = client.wait(container)["StatusCode"]
        crashes = _fetch(client, container, "crashes")
        if keep and status == 0:
            _replace(CORPUS, _fetch(client, container, "kept"))
        if crashes:
            _replace(CRASHES, crashes)
    finally:
        client.remove_container(container, force=True, v=True)
        client.close()
    executed = _EXECUTED.search(log)
    edges = _EDGES.findall(log)
    return Outcome(
        status,
        int(executed[1]) if executed else 0,
        int(edges[-1]) if edges else 0,
        tuple(sorted(crashes)),
        log,
    )


def _pack() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(ROOT / "tools" / "fuzz", arcname="work/fuzz")
        archive.add(ROOT / "images" / "supervisor", arcname="work/images/supervisor")
        for name, content in seeds().items():
            entry = tarfile.TarInfo(f"work/fuzz/seeds/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _follow(
    client: docker.APIClient, container: str, report: Callable[[str], None]
) -> Iterator[str]:
    client.start(container)
    log = client.logs(container, stream=True, follow=True)
    unfinished = ""
    for piece in log:
        text = piece.decode(errors="replace")
        yield text
        *lines, unfinished = (unfinished + text).split("\n")
        for line in lines:
            report(line)
    log.close()


def _fetch(client: docker.APIClient, container: str, folder: str) -> dict[str, bytes]:
    chunks, _ = client.get_archive(container, f"/work/fuzz/{folder}")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content:
                found[Path(entry.name).name] = content.read()
    return found


def _replace(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
