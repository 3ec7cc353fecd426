"""Runs the programs of a package in boxes, as the API does, and measures its hello program."""

import re
import socket
import time
from pathlib import Path

import docker
from docker.utils import kwargs_from_env

from bitrun.config.catalogue import IMAGE_PREFIX, Package
from bitrun.execution.job_builder import Target, build_job
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import RequestError, ServiceError
from bitrun.model.job import Job
from bitrun.model.result import Result
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service
from tools.conformance import programs
from tools.conformance.programs import HELLO, Program
from tools.conformance.records import LanguageRecord, Record
from tools.conformance.terminal import SIZE, run_on_terminal

_MEASURED_RUNS = 3
_FROM = re.compile(r"^FROM\s+(\S+)", flags=re.MULTILINE)


def run_package(service: Service, package: Package, key: str) -> Record:
    """Run every program of an installed package."""
    images = service.settings.images
    service.installed.invalidate()  # the engine's event of the install may still be on its way
    size, own_size = _sizes(package, images)
    return Record(
        key=key,
        version=service.images.installed()[package.id].version,
        size=size,
        own_size=own_size,
        languages={
            runtime.language.name: _run_language(
                service,
                runtime,
                programs.find(programs.folder(images, package, runtime.language)),
            )
            for runtime in service.runtimes.all()
            if runtime.package is package
        },
    )


def _run_language(service: Service, runtime: Runtime, found: tuple[Program, ...]) -> LanguageRecord:
    record = LanguageRecord()
    for program in found:
        name = program.task.name
        try:
            result = _run(service, runtime, program)
            record.complaints[name] = program.task.complaint(result)
            if name == HELLO and record.complaints[name] is None:
                _measure(service, _job(service, runtime, program), record)
        except (RequestError, ServiceError) as fault:
            record.complaints[name] = str(fault)
    return record


def _run(service: Service, runtime: Runtime, program: Program) -> Result:
    job = _job(service, runtime, program)
    if program.task.prompt:
        return run_on_terminal(service.runner, job, program.task)
    return _run_alone(service, job)


def _measure(service: Service, job: Job, record: LanguageRecord) -> None:
    cold, warm = [], []
    for _ in range(_MEASURED_RUNS):
        started = time.monotonic()
        result = _run_alone(service, job)
        cold.append((time.monotonic() - started) * 1000)
        warm.append(_wall_ms(result))
    # The best ones: other work of the machine only makes a program slower.
    record.cold_ms = round(min(cold))
    record.warm_ms = round(min(warm))


def _wall_ms(result: Result) -> float:
    return sum(stage.verdict.wall_ms for stage in result.stages)


def _job(service: Service, runtime: Runtime, program: Program) -> Job:
    return build_job(
        Target.of(runtime),
        service.settings,
        program.files,
        arguments=program.task.arguments,
        stdin=b"" if program.task.prompt else program.task.stdin.encode(),
        fresh=service.settings.runs_per_box == 1,
        tty=SIZE if program.task.prompt else None,
    )


def _run_alone(service: Service, job: Job) -> Result:
    """Run a job; where boxes serve several runs, as one client's."""
    here, there = socket.socketpair()
    with here, there:
        return service.runner.run(job, ClientConnection(here, owner="conformance"))


def _sizes(package: Package, images: Path) -> tuple[int, int]:
    """Return the size of a package's image, and of its layers on top of the parent, in bytes."""
    client = docker.APIClient(version="auto", **kwargs_from_env())
    try:
        size = client.inspect_image(package.image)["Size"]
        parent = client.inspect_image(parent_of(package, images))["Size"]
    finally:
        client.close()
    return size, size - parent


def parent_of(package: Package, images: Path) -> str:
    """Return the name of the image that a package's image is built on."""
    if package.pull:
        return package.pull
    dockerfile = (images / package.id / "Dockerfile").read_text(encoding="utf-8")
    last: str = _FROM.findall(dockerfile)[-1]
    return last if last.startswith(IMAGE_PREFIX) else f"{IMAGE_PREFIX}base"
