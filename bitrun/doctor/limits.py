"""Checks of the settings against the resources of the machines."""

import resource
from collections.abc import Iterator

from bitrun.config.settings import IDLE_BOX_MEMORY, Settings
from bitrun.doctor.findings import Finding, passed, warning
from bitrun.engine.info import EngineInfo

_GIGABYTE = 1_000_000_000
_OTHER_DESCRIPTORS = 128  # the log, the pool's threads, connections to the engine


def check(settings: Settings, info: EngineInfo) -> Iterator[Finding]:
    yield _memory(settings, info)
    yield _descriptors(settings)


def _memory(settings: Settings, info: EngineInfo) -> Finding:
    largest = max(settings.run_memory_limit, settings.compile_memory_limit)
    most = settings.max_runs * largest + settings.pool_places * IDLE_BOX_MEMORY
    detail = (
        f"{settings.max_runs} runs at once may take {most / _GIGABYTE:.1f} GB "
        f"of the engine's {info.memory / _GIGABYTE:.1f} GB"
    )
    if most > info.memory:
        return warning(
            "memory", detail,
            "Lower BITRUN_MAX_RUNS or BITRUN_RUN_MEMORY_LIMIT and BITRUN_COMPILE_MEMORY_LIMIT.",
        )  # fmt: skip
    return passed("memory", detail)


def _descriptors(settings: Settings) -> Finding:
    # A request has two connections, to the client and to its box; an idle box has one.
    needed = 2 * (settings.threads + settings.sessions) + settings.pool_places
    needed += _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    detail = f"{soft} allowed, at most {needed} needed"
    if soft != resource.RLIM_INFINITY and soft < needed:
        return warning(
            "open files", detail,
            f"Raise it before starting the service: ulimit -n {needed} (maximum here: {hard}).",
        )  # fmt: skip
    return passed("open files", detail)
