"""Honest programs: what the installed languages prove themselves with, in every way to run one."""

from collections.abc import Iterator
from typing import Any

from bitrun.execution.limits import language_limits
from bitrun.model.result import Outcome, Result
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service
from tools.conformance import programs
from tools.conformance.programs import COMPILE_ERROR, Program, Task
from tools.soak.tally import Attempt, TimedOut, Wrong
from tools.soak.ways import Server

EXECUTE = "programs over /api/v2/execute"
RUN = "programs over /api/v1/run"
CONNECT = "programs over /api/v2/connect"


def attempts(server: Server, service: Service) -> Iterator[Attempt]:
    for runtime in service.runtimes.all():
        place = programs.folder(service.settings.images, runtime.package, runtime.language)
        for program in programs.find(place):
            yield from _attempts(server, service, runtime, program)


def _attempts(
    server: Server, service: Service, runtime: Runtime, program: Program
) -> Iterator[Attempt]:
    task = program.task
    name = f"{runtime.language.name} {runtime.version}"
    body = _body(runtime, program)

    def execute() -> None:
        result = server.execute(body | {"stdin": task.stdin})
        judge(task, result, _limits(service, runtime, result))

    def connect() -> None:
        result = server.session(body, task.stdin)
        judge(task, result, _limits(service, runtime, result))

    def run() -> None:
        main = program.files[0]
        fields = {"filename": main.name, "content": main.content.decode(), "input": task.stdin}
        result = server.run("compile" if task.name == COMPILE_ERROR else "run", fields)
        judge(task, result, {Outcome.WALL_TIME: service.settings.v1_timeout_ms})

    yield Attempt(EXECUTE, name, execute)
    yield Attempt(CONNECT, name, connect)
    if len(program.files) == 1 and not task.arguments and _is_default(service, runtime, program):
        yield Attempt(RUN, name, run)


def _body(runtime: Runtime, program: Program) -> dict[str, Any]:
    return {
        "language": runtime.language.name,
        "version": runtime.version,
        "files": [{"name": file.name, "content": file.content.decode()} for file in program.files],
        "args": list(program.task.arguments),
    }


def _is_default(service: Service, runtime: Runtime, program: Program) -> bool:
    """Whether v1, which goes by the file's name alone, takes this runtime for the program."""
    extension = program.files[0].name.rpartition(".")[2]
    return service.catalogue.by_extension(extension) == (runtime.package, runtime.language)


def _limits(service: Service, runtime: Runtime, result: Result) -> dict[Outcome, int]:
    limits = language_limits(runtime.language, service.settings).stages[result.last.name]
    return {Outcome.WALL_TIME: limits.wall_ms, Outcome.CPU_TIME: limits.cpu_ms}


def judge(task: Task, result: Result, limits_ms: dict[Outcome, int]) -> None:
    verdict = result.last.verdict
    used = {Outcome.WALL_TIME: verdict.wall_ms, Outcome.CPU_TIME: verdict.cpu_ms}
    if verdict.outcome in limits_ms and used[verdict.outcome] >= limits_ms[verdict.outcome]:
        raise TimedOut
    complaint = task.complaint(result)
    if complaint is not None:
        raise Wrong(f"{task.name} {complaint}")
