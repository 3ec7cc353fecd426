"""Baselines of a run: bare processes, `docker run`, and the engine without the service."""

import io
import shutil
import statistics
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.labels import INSTANCE
from bitrun.model.job import BoxLimits, File, Limits, Stage
from bitrun.model.result import Verdict
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tools.bench import machine
from tools.bench.client import Sample, timed
from tools.bench.programs import Program


@contextmanager
def bare_root(program: Program, folder: Path) -> Iterator[Path]:
    """Unpack a program's image, to run its interpreter without a container."""
    root = folder / program.language
    client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
    container = client.create_container(program.image, ["true"])["Id"]
    try:
        packed = io.BytesIO(b"".join(client.export(container)))
        with tarfile.open(fileobj=packed) as archive:
            archive.extractall(root, filter="tar")
    finally:
        client.remove_container(container)
        client.close()
    (root / program.file).write_text(program.source)
    yield root
    shutil.rmtree(root)


def run_bare(program: Program, root: Path, folder: str = "/") -> bool:
    """Run the program's commands as plain processes, chrooted into the unpacked image."""
    output = b""
    for command in program.commands:
        done = subprocess.run(
            ["chroot", root, "env", "-C", folder, *command], capture_output=True, check=False
        )
        output = done.stdout
        if done.returncode:
            return False
    return output == b"hi\n"


def run_docker_cli(program: Program) -> bool:
    # The same program, without network as in a box; the source is passed as an argument.
    script = f"cd /tmp && printf %s {_quoted(program.source)} > {program.file} && {program.shell}"
    command = ["docker", "run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp:exec"]
    done = subprocess.run(
        [*command, program.image, "sh", "-c", script], capture_output=True, check=False
    )
    return done.stdout == b"hi\n"


def engine_ceiling(at_once: int, seconds: float) -> Sample:
    """Create, start and remove containers with the options of boxes, without running anything."""
    settings = Settings()
    engine = Engine()
    boxes = BoxMaker(engine, settings)
    image = engine.find_image("bitrun/python")
    limits = default_limits(settings)
    sample = Sample()
    deadline = time.perf_counter() + seconds

    def create_and_discard() -> bool:
        boxes.make(image.id if image else "", limits).discard()
        return True

    def loop() -> None:
        while time.perf_counter() < deadline:
            timed(sample, create_and_discard)

    threads = [threading.Thread(target=loop) for _ in range(at_once)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The engine's work includes the removal of the last one.
    while engine.list_containers(INSTANCE, boxes.instance):
        time.sleep(0.01)
    sample.seconds = time.perf_counter() - started
    engine.close()
    return sample


def stream_rate(command: tuple[str, ...], stdin: bytes) -> float:
    """Run a command in a box that reads or writes a lot, and return the bytes per second.

    Output is counted and dropped, not collected: as in a session, which passes it on.
    """
    with _box("bitrun/bash") as box:
        started = time.perf_counter()
        _, transferred = _run_stage(box, command, stdin=stdin, merge=True)
        seconds = time.perf_counter() - started
    return max(transferred, len(stdin)) / seconds


def supervisor_cpu_ms(program: Program, runs: int) -> float:
    """Return the CPU time of a box's supervisor per run, the median of `runs` in one box."""
    with _box(program.image) as box:
        client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
        pid = client.inspect_container(box.container)["State"]["Pid"]
        client.close()
        box.supervisor.queue_files([File(program.file, program.source.encode())])
        spent = []
        for _ in range(runs):
            before = machine.thread_cpu_ms(pid)
            for command in program.commands:
                _run_stage(box, command)
            spent.append(machine.thread_cpu_ms(pid) - before)
    return statistics.median(spent)


def write_cost(*, merge: bool) -> float:
    """Return the CPU time of 100,000 writes of one byte, in ms; with `merge` into a plain pipe."""
    script = "import os\nfor _ in range(100_000): os.write(1, b'x')"
    with _box("bitrun/python") as box:
        verdicts = [_run_stage(box, ("python3", "-c", script), merge=merge)[0] for _ in range(5)]
    return min(verdict.cpu_ms for verdict in verdicts)


@contextmanager
def _box(image_name: str) -> Iterator[Box]:
    settings = Settings()
    engine = Engine()
    image = engine.find_image(image_name)
    try:
        with BoxMaker(engine, settings).make(
            image.id if image else "", default_limits(settings)
        ) as box:
            yield box
    finally:
        engine.close()


def _run_stage(
    box: Box, command: tuple[str, ...], *, stdin: bytes = b"", merge: bool = False
) -> tuple[Verdict, int]:
    """Run a command; return its verdict and the number of bytes that it wrote."""
    limits = default_limits(Settings())
    stage = Stage(
        name="run",
        argv=command,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        limits=Limits(
            wall_ms=60_000,
            cpu_ms=None,
            output=1 << 30,
            memory=limits.memory,
            stack=limits.memory,
            processes=limits.processes,
        ),
        stdin=stdin,
        merge=merge,
    )
    box.start(stage)
    transferred = 0
    while True:
        for event in box.supervisor.receive():
            if isinstance(event, Verdict):
                return event, transferred
            transferred += len(event[1])


def engine_objects() -> int:
    """Count the containers, images, networks and volumes of the engine."""
    client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
    try:
        held = (client.containers(all=True), client.images(all=True), client.networks())
        return sum(map(len, held)) + len(client.volumes()["Volumes"] or ())
    finally:
        client.close()


def default_limits(settings: Settings) -> BoxLimits:
    return BoxLimits(
        memory=settings.run_memory_limit,
        processes=settings.max_processes,
        open_files=settings.max_open_files,
        file_size=settings.max_file_size,
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
