"""The compile cache with boxes: the next run finds what the compile stage has left, to the bit."""

import dataclasses
import socket
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from bitrun.config.settings import MEBIBYTE, Settings
from bitrun.engine.engine import Engine
from bitrun.execution.admission import Admission
from bitrun.execution.compiling.cache import CompileCache
from bitrun.execution.runner import Runner
from bitrun.model.disconnect import ClientConnection
from bitrun.model.job import File, Job
from bitrun.model.result import Outcome, Result
from bitrun.model.run_record import RunRecord
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.fake_engine import FakeEngine
from tests.support.stages import BOX_LIMITS, stage

# A compiler whose output is another one each time.
COMPILE = "cat /proc/sys/kernel/random/uuid >made"
RUN = "cat made"

Run = Callable[..., Result]


@pytest.fixture
def cache() -> Iterator[CompileCache]:
    cache = CompileCache(64 * MEBIBYTE)
    yield cache
    cache.close()


@pytest.fixture
def connection() -> Iterator[ClientConnection]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ClientConnection(ours, "alice")


@pytest.fixture
def records() -> list[RunRecord]:
    return []


@pytest.fixture
def run(
    engine: Engine,
    cache: CompileCache,
    connection: ClientConnection,
    records: list[RunRecord],
) -> Run:
    """Compile and run by a shell command each."""
    pool = Pool(BoxMaker(engine, Settings()), 0, dict)
    runner = Runner(pool, Admission(4, 0, 1.0), records.append, cache)

    def run(
        compilation: str = COMPILE, command: str = RUN, *files: File, **fields: object
    ) -> Result:
        stages = (
            dataclasses.replace(stage("sh", "-c", compilation), name="compile"),
            dataclasses.replace(stage("sh", "-c", command)),
        )
        job = Job("bash", "bitrun/bash", files, stages, BOX_LIMITS)
        return runner.run(dataclasses.replace(job, **fields), connection)  # type: ignore[arg-type]

    return run


def cached(result: Result) -> bool:
    return result.stages[0].cached


@pytest.mark.also_engine
def test_the_second_time_nothing_is_compiled(run: Run, cache: CompileCache) -> None:
    first, second = run(), run()
    assert [cached(first), cached(second)] == [False, True]
    assert first.last.stdout == second.last.stdout != b""
    assert (cache.stats().hits, cache.stats().misses) == (1, 1)


def test_its_result_is_that_of_the_first_time(run: Run) -> None:
    compilation = f"{COMPILE}; echo one; echo two >&2; echo three"
    first, second = run(compilation).stages[0], run(compilation).stages[0]
    assert second.output == first.output == b"one\ntwo\nthree\n"
    assert (second.stderr, second.verdict) == (b"two\n", first.verdict)


# What a compile stage leaves, and how a run finds it.
LISTED = "find . -type f -printf '%m %p\n' | sort; find . -type f | sort | xargs -rd '\n' cksum"


@pytest.mark.parametrize(
    "compilation",
    [
        "cp source main; chmod 750 main",
        "mkdir -p com/example/inner; echo 1 >com/example/A.class; echo 2 >com/example/inner/B.class",
        "rm source",
        "mv source other; echo more >>data",
        "chmod 755 source",
        "echo hidden >.main.scm; mkdir .folder; echo x >.folder/.y",
        "head -c 5000000 /dev/urandom >large; chmod 400 large",
        ": >empty; echo x >'a name with  spaces, ü and %'",
        "true",
    ],
)
def test_what_it_leaves(run: Run, compilation: str) -> None:
    files = (File("source", b"echo source"), File("data", bytes(range(256))))
    first, second = (run(compilation, LISTED, *files) for _ in range(2))
    assert [cached(first), cached(second)] == [False, True]
    assert second.last.stdout == first.last.stdout != b""


@pytest.mark.also_engine
def test_executables_run(run: Run) -> None:
    for _ in range(2):
        result = run("printf '#!/bin/sh\\necho ran $0' >main; chmod +x main", "./main")
    assert cached(result)
    assert result.last.stdout == b"ran ./main\n"


@pytest.mark.attack("program", "an artifact with links, fifos or sockets", "is not kept")
@pytest.mark.parametrize(
    "leave",
    [
        "ln -s /etc/passwd link",
        "ln -s made link",
        "ln -s . circle",
        "mkfifo fifo",
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('s')\"",
        "chmod 0 made",
        "mkdir closed; echo >closed/x; chmod 0 closed",
        "truncate -s 1T sparse",
        "truncate -s 20M sparse",
        "for i in $(seq 1100); do : >$i; done",
        "echo >$(printf 'line\\nline')",
        "yes | head -c 65537",
    ],
)
def test_what_can_not_be_kept_is_compiled_each_time(
    run: Run, cache: CompileCache, leave: str
) -> None:
    wide = stage("sh", "-c", f"{COMPILE}; {leave}", output=1 << 20)
    stages = (dataclasses.replace(wide, name="compile"), stage("sh", "-c", "cat made || true"))
    first, second = run(stages=stages), run(stages=stages)
    assert [each.last.verdict.outcome for each in (first, second)] == [Outcome.OK] * 2
    assert not cached(second)
    assert cache.stats().entries == 0


@pytest.mark.attack(
    "program", "a program that changes its own executable for later runs", "no effect"
)
@pytest.mark.also_engine
def test_a_program_changes_nothing_for_later_runs(run: Run) -> None:
    spoil = "cat made; rm -f made main; echo spoiled >made; echo spoiled >main; chmod 777 made"
    found = {run(COMPILE, spoil).last.stdout for _ in range(3)}
    assert len(found) == 1
    assert b"spoiled" not in found.pop()


@pytest.mark.attack(
    "program", "a process of the compiler that outlives it to change files", "killed"
)
@pytest.mark.also_engine
def test_nothing_of_the_compile_stage_is_alive_when_its_files_are_read(run: Run) -> None:
    compilation = f"{COMPILE}; (setsid sh -c 'while :; do date +%N >made; done') >/dev/null 2>&1 &"
    first, second = run(compilation), run(compilation)
    assert cached(second)
    assert first.last.stdout == second.last.stdout


def test_a_failed_compilation_is_not_kept(run: Run, cache: CompileCache) -> None:
    for _ in range(2):
        result = run(f"{COMPILE}; exit 3")
        assert (len(result.stages), cached(result)) == (1, False)
    assert cache.stats().misses == 2


def test_a_job_that_only_compiles_needs_no_box(
    run: Run, fake_engine: FakeEngine, records: list[RunRecord]
) -> None:
    run()
    made = Counter(fake_engine.calls)["create_container"]
    compile_only = (dataclasses.replace(stage("sh", "-c", COMPILE), name="compile"),)
    result = run(stages=compile_only)
    assert cached(result)
    assert Counter(fake_engine.calls)["create_container"] == made
    assert records[-1].outcome is Outcome.OK
    assert records[-1].fields()["compile"] == "cached"


def test_the_log_counts_what_ran(run: Run, records: list[RunRecord]) -> None:
    for _ in range(2):
        run()
    first, second = (record.fields() for record in records)
    assert "compile" not in first
    assert (second["compile"], second["stage"], second["verdict"]) == ("cached", "run", "ok")
    assert [name for name, _ in records[1].stages] == ["run"]
    assert second["wall_ms"] == round(records[1].stages[0][1].wall_ms, 1)


def test_a_fresh_job_is_compiled(run: Run) -> None:
    assert run().last.stdout != run(fresh=True).last.stdout
