"""Reused boxes of a real engine: a program leaves all it can, and another looks for it.

The second prints all that it can observe. It must be, byte for byte, what it printed in the same box
when that was new. `programs/observe.c` lists what it does not print.
"""

import re
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from bitrun.config import catalogue
from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits
from bitrun.model.errors import ResidueLeft
from bitrun.model.job import STAGES, File
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.support.residue import compiled
from tests.support.scale import scaled
from tests.support.stages import BOX_LIMITS, collect, stage

pytestmark = pytest.mark.engine

# A program of each default language that becomes, or runs, the one beside it.
STARTERS = {
    "python": "import os, sys\nos.chmod('program', 0o755)\nos.execv('./program', sys.argv)",
    "ruby": "File.chmod(0755, 'program')\nexec('./program', *ARGV)",
    "php": "<?php chmod('program', 0755); array_shift($argv); passthru('./program ' . implode(' ', $argv), $code); exit($code);",
    "javascript": "const c = require('child_process'); require('fs').chmodSync('program', 0o755);\nprocess.exit(c.spawnSync('./program', process.argv.slice(2), {stdio: 'inherit'}).status)",
    "bash": 'chmod 755 program; exec ./program "$@"',
    "c": '#include <sys/stat.h>\n#include <unistd.h>\nint main(int, char **argv) { chmod("program", 0755); return execv("./program", argv); }',
    "c++": '#include <sys/stat.h>\n#include <unistd.h>\nint main(int, char **argv) { chmod("program", 0755); return execv("./program", argv); }',
}  # fmt: skip
SETTINGS = Settings(
    output_limit=4 << 20,
    run_timeout=round(scaled(60_000)),
    run_cpu_time=round(scaled(60_000)),
    compile_timeout=round(scaled(60_000)),
    compile_cpu_time=round(scaled(60_000)),
)
TARGETS = {
    language.name: Target(language, package.id, package.image, "")
    for package, language in reversed(list(catalogue.load(SETTINGS.languages).languages()))
    if package.id in SETTINGS.packages
}
LIMITS = {name: RequestedLimits() for name in STAGES}


class UsedBox:
    """A box of a language's image, in which programs are started by ones of the language."""

    def __init__(self, language: str, engine: Engine) -> None:
        self._language = language
        job = self._job("observe")
        image = engine.find_image(job.image)
        assert image is not None
        self.box = BoxMaker(engine, SETTINGS).make(image.id, job.limits)

    def _job(self, name: str, *arguments: str) -> Any:
        files = [File("main", STARTERS[self._language].encode()), File("program", compiled(name))]
        target = TARGETS[self._language]
        return build_job(target, SETTINGS, files, code={"main"}, arguments=arguments)

    def run(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run a program, and reset the box."""
        job = self._job(name, *arguments)
        self.box.supervisor.queue_files(job.files)
        for each in job.stages:
            verdict, stdout, stderr = collect(self.box.supervisor, each)
            assert stderr == b""
        assert verdict.code == code, (verdict, stdout[-1000:])
        reset(self.box)
        return stdout.decode()

    def observe(self) -> str:
        """Return all that can be observed, but for the times of `/tmp` if a compiler has used it."""
        text = self.run("observe")
        if TARGETS[self._language].language.compile is None:
            return text
        return re.sub(r"^/tmp: \d.*\n", "", text, flags=re.MULTILINE)


def reset(box: Box) -> None:
    box.supervisor.start_reset()
    box.supervisor.receive_reset(scaled(10))


@pytest.fixture
def box(real_engine: Engine) -> Iterator[Box]:
    with BoxMaker(real_engine, SETTINGS).make("bitrun/bash", BOX_LIMITS) as box:
        yield box


def test_every_default_language_is_tested() -> None:
    assert TARGETS.keys() - {"file"} <= STARTERS.keys()


@pytest.mark.parametrize("language", STARTERS)
@pytest.mark.attack(
    "program",
    "leaving all it can in a box that is used again: files, links, pipes, sockets, System V and POSIX objects, daemons, locks, changed directories",
    "the next program of the same client observes, byte for byte, a new box",
)
def test_a_reused_box_looks_like_a_new_one(real_engine: Engine, language: str) -> None:
    used = UsedBox(language, real_engine)
    with used.box:
        new = used.observe()
        assert len(new.splitlines()) > 500
        for _ in range(2):
            assert used.run("leave_residue", "100", code=7) == "left\n"
            assert used.observe() == new


@pytest.mark.attack(
    "program",
    "leaving a TCP connection in TIME_WAIT, in a box that is used again",
    "that box is discarded: its network can't be made as new",
)
def test_a_used_network_ends_the_box(real_engine: Engine) -> None:
    used = UsedBox("bash", real_engine)
    with used.box, pytest.raises(ResidueLeft, match="namespaces: /proc/net/"):
        used.run("leave_residue", "1", "connection", code=7)


@pytest.mark.attack(
    "program",
    "filling the kernel's cache of names, in a box that is used again",
    "that box is discarded, unless the kernel takes such memory back by itself (cgroup v2)",
)
def test_memory_of_the_kernel_ends_the_box(box: Box, docker_client: docker.APIClient) -> None:
    script = "for ((i = 0; i < 40000; i++)); do [ -e /usr/share/$i-$RANDOM ]; done"
    started = stage("bash", "-c", f"{script}; true", wall_ms=round(scaled(60_000)))
    verdict, _, _ = collect(box.supervisor, started)
    assert verdict.code == 0
    if docker_client.info().get("CgroupVersion") == "2":
        reset(box)
    else:
        with pytest.raises(ResidueLeft, match="memory"):
            reset(box)
