"""Checks of every installed language: its `hello` runs in a box, as through the API."""

import time
from collections.abc import Iterator
from pathlib import Path

from bitrun.doctor.findings import Finding, failed, passed, warning
from bitrun.execution.job_builder import Target, build_job
from bitrun.model.errors import RequestError, ServiceError
from bitrun.model.job import File
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

_EXPECTED = "Hello, World!"


def check(service: Service) -> Iterator[Finding]:
    yield from _packages(service)
    for runtime in service.runtimes.all():
        yield _hello(service, runtime)


def _packages(service: Service) -> Iterator[Finding]:
    installed = service.installed()
    missing = [name for name in service.settings.packages if name not in installed]
    if missing:
        yield failed("packages", f"not installed: {', '.join(missing)}", "Run: bitrun install")
    stale = [
        package.id
        for package in service.catalogue.packages
        if package.id in installed and service.images.is_outdated(package)
    ]
    if stale:
        names = " ".join(stale)
        yield warning(
            "packages",
            f"older than the catalogue or the supervisor: {', '.join(stale)}",
            f"Run: bitrun install {names}",
        )
    if not missing and not stale:
        yield passed("packages", f"{len(installed)} installed, up to date")


def _hello(service: Service, runtime: Runtime) -> Finding:
    subject = f"{runtime.language.name} {runtime.version}"
    remedy = (
        f"Reinstall it: bitrun packages uninstall {runtime.package.name}={runtime.version}, "
        f"then bitrun packages install {runtime.package.name}"
    )
    files = _program(service.settings.images, runtime)
    if not files:
        return passed(subject, "installed; it has no hello program to run")
    started = time.perf_counter()
    try:
        last = service.runner.run(build_job(Target.of(runtime), service.settings, files)).last
    except (RequestError, ServiceError) as error:
        return failed(subject, str(error), remedy)
    elapsed = (time.perf_counter() - started) * 1000
    if last.verdict.failed or last.stdout.decode(errors="replace").strip() != _EXPECTED:
        detail = (
            f"its hello program ends with {last.verdict.outcome}"
            if last.verdict.failed
            else f"its hello program prints {last.stdout[:80]!r}"
        )
        if last.verdict.outcome.is_limit:
            remedy = "The language is slow here, or the machine is busy: try again later."
        errors = last.stderr[-200:].decode(errors="replace").strip()
        return failed(subject, f"{detail} {errors}".strip(), remedy)
    return passed(subject, f"hello in {elapsed:.0f} ms, including the box")


def _program(images: Path, runtime: Runtime) -> list[File]:
    """Read the `hello` sample of a language; empty if it has none."""
    folder = images / runtime.package.id / "samples" / runtime.language.name
    for found in sorted(folder.glob("hello*")):
        files = sorted(found.iterdir()) if found.is_dir() else [found]
        return [File(each.name, each.read_bytes()) for each in files]
    return []
