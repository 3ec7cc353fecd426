"""Batches: one program, many inputs, each in a box of its own."""

import dataclasses
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial

from bitrun.execution.judging import judge_program
from bitrun.execution.judging.comparison import Comparator
from bitrun.execution.judging.fair_threads import FairThreads
from bitrun.execution.judging.interaction import EXTRA_MS, Interaction, interact
from bitrun.execution.judging.judge_program import Answer
from bitrun.execution.judging.judgement import Judgement, JudgeResult, Reason
from bitrun.execution.runner import Runner
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import BoxError, Busy, ClientDisconnected, RequestError, ServiceError
from bitrun.model.job import Job
from bitrun.model.output import Stream
from bitrun.model.output_files import Collected, Hold
from bitrun.model.result import StageResult

# Holds the memory of a run's output, and yields what holds that of its files.
HoldOutput = Callable[[Job], AbstractContextManager[Hold]]
_Results = Generator[tuple[int, tuple[Judgement, ExitStack]]]

_INTERACTIVE_WEIGHT = 2  # boxes


@dataclass(frozen=True, slots=True)
class Case:
    """One run: its job, and the output that is expected, if any is."""

    job: Job
    expected: bytes | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The runs of one program, and how they are judged; `cases` is never empty.

    The jobs differ only in their run stages. A run with an expected output is compared with it. A
    `checker` decides instead, with the arguments and exit codes of `judge_program`. An `interactor`
    does so, too, and talks with the program. At most one of the two is set. `stop_on_failure`
    begins no run after the first that is not accepted.
    """

    cases: Sequence[Case]
    comparator: Comparator = field(default_factory=Comparator)
    checker: Job | None = None
    interactor: Job | None = None
    stop_on_failure: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files and inputs, of which the runs share the program's files."""
        first = self.cases[0].job
        shared = sum(file.memory for file in first.files)
        own = sum(case.job.size - shared + len(case.expected or b"") for case in self.cases)
        judges = sum(job.size for job in (self.checker, self.interactor) if job is not None)
        return shared + own + judges


@dataclass(frozen=True, slots=True)
class JudgedBatch:
    """A batch that is being judged.

    `compilation` is None for a language without. `judgements` yields each with the index of its run
    as it ends. Errors of a single run are in its judgement; the iterator itself raises only
    ClientDisconnected. Close it, or what runs goes on.
    """

    compilation: StageResult | None
    judgements: Generator[tuple[int, Judgement]]


class Judge:
    """Judges the batches of a process, with at most `places` boxes at once for all of them."""

    def __init__(self, runner: Runner, places: int) -> None:
        self._runner = runner
        self._threads = FairThreads(places)

    def judge(
        self, batch: Batch, client: str, connection: ClientConnection | None, hold: HoldOutput
    ) -> JudgedBatch:
        """Compile the program and what judges it, and begin to judge.

        `client` is who shares the places with others. `hold` makes a context that holds the memory
        of a run's output; each is left once the reader of the judgements goes on.

        Raises:
            RequestError: the checker or the interactor can't be compiled.
            PackageNotInstalled, FileRejected, CommandRejected, ServiceError, ClientDisconnected: as
                `Runner.run`, of a compilation.
        """
        compiled = self._compile(batch, client, connection)
        for name in ("checker", "interactor"):
            if name in compiled and compiled[name].verdict.failed:
                outcome = compiled[name].verdict.outcome
                text = _text(compiled[name]).decode(errors="replace")
                raise RequestError(f"The {name} can't be compiled ({outcome}): {text}")
        compilation = compiled.get("program")
        if compilation is not None and compilation.verdict.failed:
            return JudgedBatch(compilation, _all_not_compiled(len(batch.cases)))
        run = _BatchRun(batch, self._runner, connection, hold)
        results = self._threads.run(
            client,
            [partial(run.judge, case) for case in batch.cases],
            weight=1 if batch.interactor is None else _INTERACTIVE_WEIGHT,
            connection=connection,
        )
        return JudgedBatch(compilation, run.released(results))

    def _compile(
        self, batch: Batch, client: str, connection: ClientConnection | None
    ) -> dict[str, StageResult]:
        """Compile what has to be, once for the answer; each run is a complete job nevertheless."""
        programs = {
            "program": batch.cases[0].job,
            "checker": batch.checker,
            "interactor": batch.interactor,
        }
        jobs = {name: job for name, each in programs.items() if (job := _compile_only(each))}
        tasks = [partial(self._runner.run, job, connection, patient=True) for job in jobs.values()]
        names = list(jobs)
        results = self._threads.run(client, tasks, connection=connection)
        return {names[index]: result.last for index, result in results}


class _BatchRun:
    """Judges the cases of one batch, each in the thread that calls `judge`."""

    def __init__(
        self, batch: Batch, runner: Runner, connection: ClientConnection | None, hold: HoldOutput
    ) -> None:
        self._batch = batch
        self._runner = runner
        self._connection = connection
        self._hold = hold
        self._held: set[ExitStack] = set()  # of results that are not read yet
        self._last: Judgement | None = None  # for all that has not begun

    def released(self, results: _Results) -> Generator[tuple[int, Judgement]]:
        """Yield judgements, and release the memory of each when the next one is wanted."""
        try:
            for index, (judgement, held) in results:
                yield index, judgement
                held.close()
        finally:
            results.close()  # what runs ends first
            for held in tuple(self._held):
                held.close()

    def judge(self, case: Case) -> tuple[Judgement, ExitStack]:
        held = ExitStack()
        self._held.add(held)
        held.callback(self._held.discard, held)
        return self._last or self._judge_one(case, held), held

    def _judge_one(self, case: Case, held: ExitStack) -> Judgement:
        judgement = self._judge(case, held)
        if self._batch.stop_on_failure and not judgement.accepted:
            self._last = Judgement(Reason.SKIPPED)
        if isinstance(judgement.error, ServiceError) and not isinstance(judgement.error, BoxError):
            # The engine: each of hundreds of runs would wait for it, up to its timeout.
            self._last = Judgement(Reason.ERROR, error=judgement.error)
        return judgement

    def _judge(self, case: Case, held: ExitStack) -> Judgement:
        try:
            hold = held.enter_context(self._hold(case.job))
            if self._batch.interactor is not None:
                return self._judge_interaction(case, self._batch.interactor)
            return self._judge_output(case, hold)
        except ClientDisconnected:
            raise
        except (RequestError, ServiceError, Busy) as error:
            return Judgement(Reason.ERROR, error=error)

    def _judge_output(self, case: Case, hold: Hold) -> Judgement:
        result = self._runner.run(case.job, self._connection, patient=True, hold=hold)
        judgement = self._judge_run(case, result.last)
        if case.job.output_files is None:
            return judgement
        collected = Collected(result.files, result.files_dropped)
        return dataclasses.replace(judgement, collected=collected)

    def _judge_run(self, case: Case, run: StageResult) -> Judgement:
        if run.verdict.failed:
            return Judgement(_reason(run), run)
        if self._batch.checker is not None:
            return self._judge_by(self._batch.checker, case, run)
        if case.expected is None:
            return Judgement(Reason.OK, run)
        difference = self._batch.comparator.difference(run.stdout, case.expected)
        return Judgement(Reason.OK if difference is None else Reason.WRONG, run, difference)

    def _judge_by(self, checker: Job, case: Case, run: StageResult) -> Judgement:
        job = judge_program.with_files(
            checker,
            input=case.job.stages[-1].stdin,
            output=run.stdout,
            expected=case.expected or b"",
        )
        result = self._runner.run(job, self._connection, patient=True).last
        reason = {
            Answer.ACCEPTED: Reason.OK,
            Answer.REJECTED: Reason.WRONG,
            Answer.FAILED: Reason.CHECKER,
        }[_answer(result)]
        return Judgement(reason, run, judge=JudgeResult(result.verdict, _text(result)))

    def _judge_interaction(self, case: Case, interactor: Job) -> Judgement:
        *earlier, last = case.job.stages
        program = dataclasses.replace(
            case.job, stages=(*earlier, dataclasses.replace(last, stdin=b""))
        )
        partner = _with_more_time(
            judge_program.with_files(
                interactor, input=last.stdin, output=b"", expected=case.expected or b""
            ),
            last.limits.wall_ms + EXTRA_MS,
        )
        with self._runner.pair(program, partner, self._connection) as (ours, theirs):
            found = interact(ours, theirs, self._connection)
        run, judge = found.program, found.interactor
        if judge is None:
            return Judgement(Reason.COMPILE, run)
        result = JudgeResult(judge.verdict, _text(judge, of_run=(Stream.STDERR,)))
        return Judgement(_reason_of(found, run, judge), run, judge=result)


def _reason_of(found: Interaction, run: StageResult | None, judge: StageResult) -> Reason:
    """Return whose end decides: a program that meets the end of the other often fails by that."""
    if run is None:
        return Reason.INTERACTOR
    if found.program_first and run.verdict.failed:
        return _reason(run)
    match _answer(judge):
        case Answer.FAILED:
            return Reason.INTERACTOR
        case Answer.REJECTED:
            return Reason.WRONG
        case Answer.ACCEPTED:
            return _reason(run)


def _reason(run: StageResult) -> Reason:
    if run.name == "compile":
        return Reason.COMPILE
    return Reason(run.verdict.outcome.value)


def _answer(judge: StageResult) -> Answer:
    return Answer.FAILED if judge.name == "compile" else judge_program.answer(judge.verdict)


def _text(judge: StageResult, of_run: Collection[Stream] = tuple(Stream)) -> bytes:
    """Return the beginning of what a judge's program wrote: of a run stage, to `of_run` only."""
    streams = tuple(Stream) if judge.name == "compile" else of_run
    pieces = (data for stream, data in judge.streams.pieces() if stream in streams)
    return b"".join(pieces)[: judge_program.MAX_TEXT]


def _compile_only(job: Job | None) -> Job | None:
    """Return the compilation of a job as a job of its own; None for a language without."""
    if job is None or job.stages[0].name != "compile":
        return None
    return dataclasses.replace(job, stages=job.stages[:1], output_files=None)


def _with_more_time(job: Job, wall_ms: int) -> Job:
    *earlier, last = job.stages
    limits = dataclasses.replace(last.limits, wall_ms=max(last.limits.wall_ms, wall_ms))
    return dataclasses.replace(job, stages=(*earlier, dataclasses.replace(last, limits=limits)))


def _all_not_compiled(count: int) -> Generator[tuple[int, Judgement]]:
    for index in range(count):
        yield index, Judgement(Reason.COMPILE)
