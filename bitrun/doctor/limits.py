"""The settings, beside what the machines have."""

import resource
from collections.abc import Iterator

from bitrun.config.settings import IDLE_BOX_MEMORY, Settings
from bitrun.doctor.findings import Finding, good, note
from bitrun.engine.info import EngineInfo

_GIGABYTE = 1_000_000_000
_DESCRIPTORS_BESIDE = 128  # the log, the pool's makers, the engine's connections


def examine(settings: Settings, facts: EngineInfo) -> Iterator[Finding]:
    yield _memory(settings, facts)
    yield _descriptors(settings)


def _memory(settings: Settings, facts: EngineInfo) -> Finding:
    largest = max(settings.run_memory_limit, settings.compile_memory_limit)
    most = settings.max_runs * largest + settings.pool_places * IDLE_BOX_MEMORY
    told = (
        f"{settings.max_runs} runs at once may take {most / _GIGABYTE:.1f} GB "
        f"of the engine's {facts.memory / _GIGABYTE:.1f} GB"
    )
    if most > facts.memory:
        return note(
            "memory", told,
            "Lower BITRUN_MAX_RUNS or BITRUN_RUN_MEMORY_LIMIT and BITRUN_COMPILE_MEMORY_LIMIT.",
        )  # fmt: skip
    return good("memory", told)


def _descriptors(settings: Settings) -> Finding:
    # A request has the client's connection and its box's; a waiting box has one, too.
    needed = 2 * (settings.threads + settings.sessions) + settings.pool_places
    needed += _DESCRIPTORS_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft} allowed, {needed} at most needed"
    if soft != resource.RLIM_INFINITY and soft < needed:
        return note(
            "open files", told,
            f"Start the service with more: ulimit -n {needed} (up to {hard} here).",
        )  # fmt: skip
    return good("open files", told)
