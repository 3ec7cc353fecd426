"""The run of a request's job, and the judgement of its batch: what all dialects have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from flask import Request

from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.connection import client_connection
from bitrun.execution.judging.batch import Batch, JudgedBatch
from bitrun.model.job import Job
from bitrun.model.result import Result
from bitrun.service.service import Service


def run_job(request: Request, service: Service, owner: str | None, body: Body, job: Job) -> Result:
    """Run the job that a body has asked for, which holds the memory of its output and files.

    `owner` is what `Auth.granted` has yielded. Raises as `Runner.run` and `Body.keep`.
    """
    body.keep(job.size, job.output_beyond(service.settings.output_limit))
    return service.runner.run(job, client_connection(request, owner), hold=body.keep_file)


@contextmanager
def judged_batch(
    request: Request,
    service: Service,
    bodies: Bodies,
    batch: Batch,
    *,
    client: str,
    owner: str | None,
) -> Iterator[JudgedBatch]:
    """Judge a batch while the block runs; its end also ends the runs.

    `client` is who shares the places of batches with others, `owner` as above. Raises as
    `Judge.judge`.
    """
    connection = client_connection(request, owner)
    hold = partial(bodies.hold_output, connection=connection, client=client)
    judged = service.judge.judge(batch, client, connection, hold)
    try:
        yield judged
    finally:
        judged.judgements.close()
