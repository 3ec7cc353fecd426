"""Runs jobs: one `Job` in, one `Result` out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.engine.errors import NotOnEngine
from bitrun.execution.admission import Admission
from bitrun.execution.compiling.cache import Compilation, CompileCache
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import PackageNotInstalled, ServiceError
from bitrun.model.job import Job, Stage
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import Hold, hold_all
from bitrun.model.result import Outcome, Result, StageResult, Verdict
from bitrun.model.run_record import OnFinished, RunRecord
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.pool import Pool

# While a box is silent: whether its supervisor is overdue (`SupervisorClient`).
BACKSTOP_CHECK_MS = 1000


class Runner:
    """Runs jobs in boxes of a pool; `on_finished` gets the record of each run.

    Without a `compile_cache` every job is compiled.
    """

    def __init__(
        self,
        pool: Pool,
        admission: Admission,
        on_finished: OnFinished = lambda _: None,
        compile_cache: CompileCache | None = None,
    ) -> None:
        self._pool = pool
        self._admission = admission
        self._on_finished = on_finished
        self._compile_cache = compile_cache or CompileCache(0)

    def run(
        self,
        job: Job,
        connection: ClientConnection | None = None,
        *,
        patient: bool = False,
        hold: Hold = hold_all,
    ) -> Result:
        """Run a job in a box of its own. It ends early if the client hangs up.

        Where boxes serve several runs, it may be one that the client has used before.

        A `patient` one waits for its place as long as it takes, see `Admission`. A file that `hold`
        has no memory for is dropped.

        Raises:
            PackageNotInstalled: its image is not installed.
            RequestError: its files or its command can't be used.
            ServiceError: the engine or the box failed.
            Busy: no place came free, see `Admission`.
            ClientDisconnected: the client hung up.
        """
        record = RunRecord(job)
        started = time.monotonic()
        with self._admission.place(connection, patient=patient):
            compilation = self._begin(record, connection)
            record.queue = time.monotonic() - started
            if compilation.result is not None and len(job.stages) == 1:
                return self._without_box(record, compilation, compilation.result)
            owner = connection.owner if connection is not None and job.reuse else None
            with self._open(record, compilation, connection, owner) as session:
                compiled = () if session.compiled is None else (session.compiled,)
                run = tuple(run_stage(session, stage, connection) for stage in session.stages())
                collected = session.collect(hold)
                return Result(compiled + run, collected.files, collected.dropped)

    @contextmanager
    def pair(
        self, job: Job, partner: Job, connection: ClientConnection | None
    ) -> Iterator[tuple[Session, Session]]:
        """Open two jobs that work together, each in a box of its own, and wait as long as it takes.

        The partner takes no place, so that a pair never waits for half of what it needs; the caller
        limits their number. Raises as `run` does, but for Busy.
        """
        record = RunRecord(job)
        started = time.monotonic()
        with self._admission.place(connection, patient=True):
            compilation = self._begin(record, connection)
            record.queue = time.monotonic() - started
            with self._open(record, compilation, connection) as session:
                record = RunRecord(partner)
                compilation = self._begin(record, connection, wait=False)
                with self._open(record, compilation, connection) as other:
                    yield session, other

    def open(self, job: Job, connection: ClientConnection | None = None) -> Session:
        """Take a box for a job that the caller drives stage by stage.

        Takes no admission slot; the caller limits concurrent sessions. Raises as `run` does, but
        for Busy.
        """
        record = RunRecord(job)
        return self._open(record, self._begin(record, connection), connection)

    def _begin(
        self, record: RunRecord, connection: ClientConnection | None, *, wait: bool = True
    ) -> Compilation:
        compilation = self._compile_cache.begin(record.job, connection, wait=wait)
        record.compile_cached = compilation.result is not None
        return compilation

    def _without_box(
        self, record: RunRecord, compilation: Compilation, result: StageResult
    ) -> Result:
        compilation.close()
        record.close(None)
        self._on_finished(record)
        return Result((result,))

    def _open(
        self,
        record: RunRecord,
        compilation: Compilation,
        connection: ClientConnection | None,
        owner: str | None = None,
    ) -> Session:
        try:
            return Session(
                record, self._take_box(record, connection, owner), compilation, self._on_finished
            )
        except BaseException:
            compilation.close()
            raise

    def _take_box(
        self, record: RunRecord, connection: ClientConnection | None, owner: str | None
    ) -> Box:
        job = record.job
        started = time.monotonic()
        try:
            spec = BoxSpec(job.image, job.limits)
            box = self._pool.take(spec, fresh=job.fresh, client=owner, connection=connection)
        except NotOnEngine as error:
            raise PackageNotInstalled(job.package) from error
        except ServiceError as error:
            record.close(error)
            self._on_finished(record)
            raise
        record.box = time.monotonic() - started
        record.container, record.pool = box.container, box.origin
        return box


def run_stage(session: Session, stage: Stage, connection: ClientConnection | None) -> StageResult:
    """Drive a stage that is not interactive to its verdict."""
    output = Output()
    session.start(stage)
    while session.verdict is None:
        if connection is None:
            pieces = session.receive()
        else:
            connection.wait_for(session, BACKSTOP_CHECK_MS)
            pieces = session.receive_ready()
        for stream, data in pieces:
            output.append(stream, data)
    return finish_stage(stage, session.verdict, output)


def finish_stage(stage: Stage, verdict: Verdict, output: Output) -> StageResult:
    """Return the result of a stage; a limit of output has cut no character in two."""
    if verdict.outcome in (Outcome.STDOUT, Outcome.STDERR):
        output = output.without_partial_character(Stream(verdict.outcome))
    return StageResult(stage.name, verdict, output)
