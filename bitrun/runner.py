"""One Job in, one Result out: the only door from the API to the sandbox."""

import dataclasses
import time

from bitrun.faults import PackageMissing
from bitrun.jobs import Job, Result, Stage, StageResult, Stream
from bitrun.sandbox.box import Box, BoxMaker
from bitrun.sandbox.engine import NotOnEngine


class Runner:
    def __init__(self, boxes: BoxMaker) -> None:
        self._boxes = boxes

    def run(self, job: Job) -> Result:
        """Run a job in a box of its own.

        Raises:
            PackageMissing: its image is not installed.
            CallerFault: its files or its command can't be used.
            OurFault: the engine or the box failed.
        """
        with self._take(job) as box:
            box.put(job.files)
            results: list[StageResult] = []
            started = time.monotonic()
            for stage in job.stages:
                spent_ms = round((time.monotonic() - started) * 1000)
                result = _run_stage(box, _shortened(stage, job.wall_ms, spent_ms))
                results.append(result)
                if result.verdict.failed:
                    break
            return Result(tuple(results))

    def _take(self, job: Job) -> Box:
        try:
            return self._boxes.make(job.image, job.limits, job.stages[0].limits.memory)
        except NotOnEngine as error:
            raise PackageMissing(job.package) from error


def _shortened(stage: Stage, wall_ms: int | None, spent_ms: int) -> Stage:
    if wall_ms is None:
        return stage
    left = max(1, wall_ms - spent_ms)
    limits = dataclasses.replace(stage.limits, wall_ms=min(stage.limits.wall_ms, left))
    return dataclasses.replace(stage, limits=limits)


def _run_stage(box: Box, stage: Stage) -> StageResult:
    pieces: list[tuple[Stream, bytes]] = []
    verdict = box.run(stage, lambda stream, data: pieces.append((stream, data)))
    return StageResult(
        name=stage.name,
        verdict=verdict,
        stdout=b"".join(data for stream, data in pieces if stream is Stream.STDOUT),
        stderr=b"".join(data for stream, data in pieces if stream is Stream.STDERR),
        output=b"".join(data for _, data in pieces),
    )
