"""Every language that is installed, by running its hello in a box as the API does."""

import time
from collections.abc import Iterator
from pathlib import Path

from bitrun.doctor.findings import Finding, good, note, wrong
from bitrun.execution.job_builder import Target, build_job
from bitrun.model.errors import RequestError, ServiceError
from bitrun.model.job import File
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

_EXPECTED = "Hello, World!"


def examine(service: Service) -> Iterator[Finding]:
    yield from _packages(service)
    for runtime in service.runtimes.all():
        yield _hello(service, runtime)


def _packages(service: Service) -> Iterator[Finding]:
    installed = service.installed()
    missing = [name for name in service.settings.packages if name not in installed]
    if missing:
        yield wrong("packages", f"not installed: {', '.join(missing)}", "Run: make install")
    stale = [
        package.id
        for package in service.catalogue.packages
        if package.id in installed and service.images.is_outdated(package)
    ]
    if stale:
        names = " ".join(stale)
        yield note(
            "packages",
            f"not what the catalogue and the supervisor would make now: {', '.join(stale)}",
            f'Run: make install PACKAGES="{names}"',
        )
    if not missing and not stale:
        yield good("packages", f"{len(installed)} installed, up to date")


def _hello(service: Service, runtime: Runtime) -> Finding:
    subject = f"{runtime.language.name} {runtime.version}"
    remedy = (
        f"Install it anew: bitrun packages uninstall {runtime.package.name}={runtime.version}, "
        f"then bitrun packages install {runtime.package.name}"
    )
    files = _program(service.settings.images, runtime)
    if not files:
        return good(subject, "installed; no hello to try it with")
    started = time.perf_counter()
    try:
        last = service.runner.run(build_job(Target.of(runtime), service.settings, files)).last
    except (RequestError, ServiceError) as fault:
        return wrong(subject, str(fault), remedy)
    took = (time.perf_counter() - started) * 1000
    if last.verdict.failed or last.stdout.decode(errors="replace").strip() != _EXPECTED:
        told = (
            f"its hello ends with {last.verdict.outcome}"
            if last.verdict.failed
            else f"its hello prints {last.stdout[:80]!r}"
        )
        if last.verdict.outcome.is_limit:
            remedy = "It is slow here, or the machine is busy: try again when it is not."
        errors = last.stderr[-200:].decode(errors="replace").strip()
        return wrong(subject, f"{told} {errors}".strip(), remedy)
    return good(subject, f"hello in {took:.0f} ms, its box included")


def _program(images: Path, runtime: Runtime) -> list[File]:
    """Find the hello among the programs that prove a package."""
    folder = images / runtime.package.id / "samples" / runtime.language.name
    for found in sorted(folder.glob("hello*")):
        files = sorted(found.iterdir()) if found.is_dir() else [found]
        return [File(each.name, each.read_bytes()) for each in files]
    return []
