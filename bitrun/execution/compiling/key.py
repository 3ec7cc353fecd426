"""The key of a compilation: a hash of all that its compile stage depends on."""

import dataclasses
import hashlib

from bitrun.model.job import Content, File, Job

# Of all files of a job. They are hashed for each run, and come back from the box once.
MAX_SENT = 16 * 1024 * 1024


def is_cacheable(job: Job) -> bool:
    """Whether what the job's compile stage leaves can be found again.

    With a network it may depend on anything. A fresh job compiles afresh, too.
    """
    return (
        job.stages[0].name == "compile"
        and not job.limits.network
        and not job.fresh
        and sum(len(file.content) for file in job.files) <= MAX_SENT
    )


def compilation_key(client: str, job: Job) -> str:
    """Return the key of the job's compile stage for one client, as hexadecimal digits.

    The fields of the stage and of the limits are not listed one by one, so that none can be
    forgotten that is added to them.
    """
    stage = job.stages[0]
    wall_ms = (
        stage.limits.wall_ms if job.wall_ms is None else min(job.wall_ms, stage.limits.wall_ms)
    )
    plain = dataclasses.replace(
        stage,
        env=dict(sorted(stage.env.items())),
        limits=dataclasses.replace(stage.limits, wall_ms=wall_ms),
        stdin=b"",
        files=(),
    )
    parts = (client, job.image, job.limits, plain)
    files = (*map(_digests, job.files), "stage", *map(_digests, stage.files))
    return hashlib.sha256(repr((parts, files, _digest(stage.stdin))).encode()).hexdigest()


def _digests(file: File) -> tuple[File, str]:
    return dataclasses.replace(file, content=b""), _digest(file.content)


def _digest(content: Content) -> str:
    return hashlib.sha256(content).hexdigest()
