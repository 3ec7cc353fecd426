"""One Job in, one Result out: the only door from the API to the sandbox."""

import time

from bitrun.engine.errors import NotOnEngine
from bitrun.execution.admission import Admission
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import PackageNotInstalled, ServiceError
from bitrun.model.job import Job, Stage
from bitrun.model.result import Result, StageResult, Stream
from bitrun.model.run_record import OnFinished, RunRecord
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.pool import Pool

LOOK_MS = 1000  # how often a silent box's backstop is looked at


class Runner:
    """Runs jobs; `on_finished` is given the record of each once it is over."""

    def __init__(
        self, pool: Pool, admission: Admission, on_finished: OnFinished = lambda _: None
    ) -> None:
        self._pool = pool
        self._admission = admission
        self._on_finished = on_finished

    def run(self, job: Job, caller: ClientConnection | None = None) -> Result:
        """Run a job in a box of its own, as long as its caller is there.

        Raises:
            PackageNotInstalled: its image is not installed.
            RequestError: its files or its command can't be used.
            ServiceError: the engine or the box failed.
            Busy: too many others run, and too many wait.
            ClientDisconnected: the caller hung up.
        """
        record = RunRecord(job)
        asked = time.monotonic()
        with self._admission.place(caller):
            record.queue = time.monotonic() - asked
            with self._open(record, caller) as session:
                return Result(tuple(_collect(session, stage, caller) for stage in session.stages()))

    def open(self, job: Job, caller: ClientConnection) -> Session:
        """Take a box for a job, to be driven stage by stage.

        Whoever holds a session open bounds their number. Raises as `run` does, but for Busy.
        """
        return self._open(RunRecord(job), caller)

    def _open(self, record: RunRecord, caller: ClientConnection | None) -> Session:
        job = record.job
        asked = time.monotonic()
        try:
            spec = BoxSpec(job.image, job.limits)
            box = self._pool.take(spec, fresh=job.fresh, connection=caller)
        except NotOnEngine as error:
            raise PackageNotInstalled(job.package) from error
        except ServiceError as fault:
            record.close(fault)
            self._on_finished(record)
            raise
        record.box = time.monotonic() - asked
        record.container, record.pool = box.container, box.origin
        return Session(record, box, self._on_finished)


def _collect(session: Session, stage: Stage, caller: ClientConnection | None) -> StageResult:
    pieces: list[tuple[Stream, bytes]] = []
    session.start(stage)
    while session.verdict is None:
        if caller is None:
            pieces += session.receive()
        else:
            caller.wait_for(session, LOOK_MS)
            pieces += session.receive_ready()
    return StageResult(stage.name, session.verdict, tuple(pieces))
