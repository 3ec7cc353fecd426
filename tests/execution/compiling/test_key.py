"""Keys of compilations: each thing that a compile stage depends on counts, and nothing else."""

import dataclasses
from typing import Any

import pytest

from bitrun.execution.compiling.key import MAX_SENT, compilation_key, is_cacheable
from bitrun.model.job import BoxLimits, File, Job, Limits, TerminalSize
from tests.support.stages import BOX_LIMITS, stage

COMPILE = dataclasses.replace(stage("cc", "a.c", env={"B": "2"}), name="compile")
RUN = stage("./a")
JOB = Job(
    package="gcc",
    image="sha256:1",
    files=(File("a.c", b"int x;"), File("b.h", b"")),
    stages=(COMPILE, RUN),
    limits=BOX_LIMITS,
)


def key(job: Job) -> str:
    return compilation_key("client", job)


def compiled(**changes: Any) -> Job:
    """Return the job with another compile stage."""
    return dataclasses.replace(JOB, stages=(dataclasses.replace(COMPILE, **changes), RUN))


def with_files(*files: File) -> Job:
    return dataclasses.replace(JOB, files=files)


def changed(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str():
            return f"{value}/other"
        case tuple():
            return (*value, "other")
        case _:
            return (value or 0) + 1


def each_field(limits: Limits | BoxLimits) -> list[Any]:
    return [
        pytest.param(
            dataclasses.replace(limits, **{field.name: changed(getattr(limits, field.name))}),
            id=field.name,
        )
        for field in dataclasses.fields(limits)
    ]


SOURCE, HEADER = JOB.files


@pytest.mark.parametrize(
    "job",
    [
        dataclasses.replace(JOB, image="sha256:2"),
        compiled(argv=("cc", "-O3", "a.c")),
        compiled(argv=("cc a.c",)),
        compiled(env=dict(COMPILE.env) | {"B": "3"}),
        compiled(env=dict(COMPILE.env) | {"C": ""}),
        compiled(stdin=b"x"),
        compiled(merge=True),
        compiled(tty=TerminalSize(24, 80)),
        compiled(files=(File("c.h", b""),)),
        with_files(File("a.c", b"int y;"), HEADER),
        with_files(File("a.cc", SOURCE.content), HEADER),
        with_files(File("a.c", SOURCE.content, 0o755), HEADER),
        with_files(SOURCE),
        with_files(HEADER, SOURCE),
        with_files(SOURCE, File("b.h", b"", 0o600)),
        with_files(File("a.c", b""), File("b.h", b"int x;")),
        dataclasses.replace(JOB, wall_ms=1),
    ],
)
def test_what_counts(job: Job) -> None:
    assert key(job) != key(JOB)


@pytest.mark.parametrize("limits", each_field(COMPILE.limits))
def test_each_limit_of_the_stage_counts(limits: Limits) -> None:
    assert key(compiled(limits=limits)) != key(JOB)


@pytest.mark.parametrize("limits", each_field(BOX_LIMITS))
def test_each_limit_of_the_box_counts(limits: BoxLimits) -> None:
    assert key(dataclasses.replace(JOB, limits=limits)) != key(JOB)


def test_the_client_counts() -> None:
    assert compilation_key("other", JOB) != compilation_key("client", JOB)


@pytest.mark.parametrize(
    "job",
    [
        dataclasses.replace(JOB, stages=(COMPILE, dataclasses.replace(RUN, stdin=b"x"))),
        dataclasses.replace(JOB, stages=(COMPILE,)),
        compiled(env=dict(reversed(list(COMPILE.env.items())))),
        dataclasses.replace(JOB, wall_ms=COMPILE.limits.wall_ms + 1),
        dataclasses.replace(JOB, language="c", version="14", reuse=True),
    ],
)
def test_what_does_not_count(job: Job) -> None:
    assert key(job) == key(JOB)


def test_any_text_can_be_in_it() -> None:
    assert len(key(compiled(argv=("cc", "\udc80\n\0ü")))) == 64


@pytest.mark.parametrize(
    ("job", "cacheable"),
    [
        (JOB, True),
        (dataclasses.replace(JOB, stages=(COMPILE,)), True),
        (dataclasses.replace(JOB, stages=(RUN,)), False),
        (dataclasses.replace(JOB, fresh=True), False),
        (with_files(SOURCE, File("data", bytes(MAX_SENT - len(SOURCE.content)))), True),
        (with_files(SOURCE, File("data", bytes(MAX_SENT))), False),
        (
            dataclasses.replace(
                JOB, limits=dataclasses.replace(BOX_LIMITS, network=("pypi.org:443",))
            ),
            False,
        ),
    ],
)
def test_what_can_be_kept(job: Job, cacheable: bool) -> None:
    assert is_cacheable(job) is cacheable
