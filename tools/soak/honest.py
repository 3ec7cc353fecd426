"""Honest programs: the conformance programs of the installed languages, by every API."""

from collections.abc import Iterator
from typing import Any

from bitrun.execution.limits import language_limits
from bitrun.model.result import Outcome, Result
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service
from tools.conformance import programs
from tools.conformance.programs import COMPILE_ERROR, Program, Task
from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, TimedOut, WrongAnswer

EXECUTE = "programs over /api/v2/execute"
RUN = "programs over /api/v1/run"
CONNECT = "programs over /api/v2/connect"


def attempts(client: ApiClient, service: Service) -> Iterator[Attempt]:
    for runtime in service.runtimes.all():
        place = programs.folder(service.settings.images, runtime.package, runtime.language)
        for program in programs.find(place):
            if not program.task.prompt:  # else it is for a terminal
                yield from _attempts(client, service, runtime, program)


def _attempts(
    client: ApiClient, service: Service, runtime: Runtime, program: Program
) -> Iterator[Attempt]:
    task = program.task
    name = f"{runtime.language.name} {runtime.version}"
    body = _body(runtime, program)

    def execute() -> None:
        result = client.execute(body | {"stdin": task.stdin})
        check(task, result, _limits(service, runtime, result))

    def connect() -> None:
        result = client.session(body, task.stdin)
        check(task, result, _limits(service, runtime, result))

    def run() -> None:
        main = program.files[0]
        fields = {
            "filename": main.name,
            "content": bytes(main.content).decode(),
            "input": task.stdin,
        }
        result = client.run("compile" if task.name == COMPILE_ERROR else "run", fields)
        check(task, result, {Outcome.WALL_TIME: service.settings.v1_timeout_ms})

    yield Attempt(EXECUTE, name, execute)
    yield Attempt(CONNECT, name, connect)
    if len(program.files) == 1 and not task.arguments and _is_default(service, runtime, program):
        yield Attempt(RUN, name, run)


def _body(runtime: Runtime, program: Program) -> dict[str, Any]:
    return {
        "language": runtime.language.name,
        "version": runtime.version,
        "files": [
            {"name": file.name, "content": bytes(file.content).decode()} for file in program.files
        ],
        "args": list(program.task.arguments),
    }


def _is_default(service: Service, runtime: Runtime, program: Program) -> bool:
    """Whether v1, which selects by the file name's extension alone, selects this runtime."""
    extension = program.files[0].name.rpartition(".")[2]
    return service.catalogue.by_extension(extension) == (runtime.package, runtime.language)


def _limits(service: Service, runtime: Runtime, result: Result) -> dict[Outcome, int]:
    limits = language_limits(runtime.language, service.settings).stages[result.last.name]
    return {Outcome.WALL_TIME: limits.wall_ms, Outcome.CPU_TIME: limits.cpu_ms}


def check(task: Task, result: Result, limits_ms: dict[Outcome, int]) -> None:
    """Check the result of a conformance program.

    Raises:
        TimedOut: a time limit ended it that it had used up, as happens on a machine at full load.
        WrongAnswer: any other result than the expected one.
    """
    verdict = result.last.verdict
    used = {Outcome.WALL_TIME: verdict.wall_ms, Outcome.CPU_TIME: verdict.cpu_ms}
    if verdict.outcome in limits_ms and used[verdict.outcome] >= limits_ms[verdict.outcome]:
        raise TimedOut
    complaint = task.complaint(result)
    if complaint is not None:
        raise WrongAnswer(f"{task.name} {complaint}")
