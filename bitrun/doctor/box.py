"""Checks of the isolation: the limits that the engine reports must work in a real box."""

import statistics
import time
from collections.abc import Iterator

from bitrun.config.settings import MEBIBYTE
from bitrun.doctor.findings import Finding, failed, passed, warning
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits, language_limits
from bitrun.model.result import StageResult
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

_TRIES = 3
_SLOW_BOX_MS = 1500.0
_PROBE_MEMORY = 32 * MEBIBYTE
_PROBE_WALL_MS = 10_000
_PROBE_OUTPUT = 4096
_GIGABYTE = 1_000_000_000
_MIN_DISK, _LOW_DISK = 1 * _GIGABYTE, 5 * _GIGABYTE
_BLOCK = 1024  # of df -k

_EAT_MEMORY = "exec tail /dev/zero"
_FORK = "i=0; while [ $i -lt {count} ]; do sleep 9 & i=$((i + 1)); done 2>/dev/null; echo all"
_BUSY = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"


def check(service: Service, runtime: Runtime) -> Iterator[Finding]:
    """Run hostile programs in boxes of an installed runtime.

    Raises:
        ServiceError: the engine or a box failed.
    """
    yield _time(service, runtime)
    yield _memory(service, runtime)
    yield _processes(service, runtime)
    yield _accounting(service, runtime)
    yield _disk(service, runtime)


def _time(service: Service, runtime: Runtime) -> Finding:
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        stage = _probe(service, runtime, "true")
        times.append((time.perf_counter() - started) * 1000 - stage.verdict.wall_ms)
    detail = f"created in {statistics.median(times):.0f} ms"
    if statistics.median(times) > _SLOW_BOX_MS:
        return warning("boxes", detail, "The engine or its disk is slow or busy: check its load.")
    return passed("boxes", detail)


def _memory(service: Service, runtime: Runtime) -> Finding:
    verdict = _probe(service, runtime, _EAT_MEMORY, memory=_PROBE_MEMORY).verdict
    if verdict.oom_killed:
        return passed("memory limit", "ends a program that exceeds it")
    return failed(
        "memory limit",
        f"a program that allocates more than {_PROBE_MEMORY} bytes ends with: {verdict.outcome}",
        "The kernel's memory controller does not reach containers: see cgroups above.",
    )


def _processes(service: Service, runtime: Runtime) -> Finding:
    limit = language_limits(runtime.language, service.settings).box.processes
    printed = _probe(service, runtime, _FORK.format(count=2 * limit)).stdout
    if printed.strip() != b"all":
        return passed("process limit", f"stops a program at {limit}")
    return failed(
        "process limit",
        f"a program could start {2 * limit}, with {limit} allowed",
        "The kernel's pids controller does not reach containers: see cgroups above.",
    )


def _accounting(service: Service, runtime: Runtime) -> Finding:
    verdict = _probe(service, runtime, _BUSY).verdict
    if verdict.cpu_ms > 0 and verdict.memory > 0:
        return passed("accounting", "the kernel reports processor time and memory")
    return failed(
        "accounting",
        f"the kernel reports {verdict.cpu_ms} ms and {verdict.memory} bytes of a busy program",
        "The controllers cpuacct (or cpu) and memory do not reach containers: see cgroups above.",
    )


def _disk(service: Service, runtime: Runtime) -> Finding:
    # The engine may be on another machine; the root of a box is on its disk.
    fields = _probe(service, runtime, "df -Pk / | tail -n 1").stdout.split()
    free = int(fields[3]) * _BLOCK
    detail = f"{free / _GIGABYTE:.1f} GB free for images"
    remedy = "Remove unused packages (bitrun packages uninstall), or see: docker system df"
    if free < _MIN_DISK:
        return failed("disk", detail, remedy)
    return warning("disk", detail, remedy) if free < _LOW_DISK else passed("disk", detail)


def _probe(
    service: Service, runtime: Runtime, script: str, memory: int | None = None
) -> StageResult:
    box = language_limits(runtime.language, service.settings).box
    limits = RequestedLimits(
        wall_ms=_PROBE_WALL_MS,
        has_cpu_limit=False,
        memory=memory or box.memory,
        output=_PROBE_OUTPUT,
    )
    job = build_job(Target.of(runtime), service.settings, command=script, limits={"run": limits})
    return service.runner.run(job).last
