"""Effective limits of a language: its own from the catalogue, else the configured defaults."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.model.job import BoxLimits, Limits, StageName
from bitrun.model.output_files import OutputLimits
from bitrun.model.sandbox import SandboxLimits

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class RequestedLimits:
    """Limits that a request sets for one stage; None takes the effective limit of the language.

    Units as in `Limits`. Without `has_cpu_limit` only the wall time bounds the stage. Nothing is
    checked here: a dialect refuses what exceeds the language's maxima, in its own words.
    """

    wall_ms: int | None = None
    cpu_ms: int | None = None
    memory: int | None = None
    output: int | None = None
    stack: int | None = None
    processes: int | None = None
    has_cpu_limit: bool = True

    def or_else(self, other: Self) -> Self:
        """Return these limits, and those of `other` where none is set here."""
        missing = {
            field.name: getattr(other, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is None
        }
        return dataclasses.replace(self, **missing)


@dataclass(frozen=True, slots=True)
class StageLimits:
    """Effective limits of one stage, or their maxima; units as in `Limits`."""

    wall_ms: int
    cpu_ms: int
    memory: int
    output: int
    stack: int
    processes: int

    def merged(self, requested: RequestedLimits) -> Limits:
        """Return the limits of a stage: those requested, the effective ones for the rest."""
        cpu_ms = _or_default(requested.cpu_ms, self.cpu_ms) if requested.has_cpu_limit else None
        memory = _or_default(requested.memory, self.memory)
        return Limits(
            wall_ms=_or_default(requested.wall_ms, self.wall_ms),
            cpu_ms=cpu_ms,
            output=_or_default(requested.output, self.output),
            memory=memory,
            stack=_or_default(requested.stack, min(self.stack, memory)),
            processes=_or_default(requested.processes, self.processes),
        )


@dataclass(frozen=True, slots=True)
class LanguageLimits:
    """All effective limits of a language.

    `stages` has those that apply if a request sets none, `maxima` the largest that it may set.
    `box` holds those that a box has from its creation. `session_wall_ms` is the maximum wall time
    of an interactive run stage, where somebody types.
    """

    stages: Mapping[StageName, StageLimits]
    maxima: Mapping[StageName, StageLimits]
    box: BoxLimits
    session_wall_ms: int


def language_limits(language: Language, settings: Settings) -> LanguageLimits:
    """Compute the effective limits of a language."""
    own = language.limits
    output = _or_default(own.output_limit, settings.output_limit)
    stack = settings.stack_limit if own.stack_limit is None else own.stack_limit
    processes = _or_default(own.max_processes, settings.max_processes)
    compile_memory = _or_default(own.compile_memory_limit, settings.compile_memory_limit)
    run_memory = _or_default(own.run_memory_limit, settings.run_memory_limit)
    stages: dict[StageName, StageLimits] = {
        "compile": StageLimits(
            wall_ms=_or_default(own.compile_timeout, settings.compile_timeout),
            cpu_ms=_or_default(own.compile_cpu_time, settings.compile_cpu_time),
            memory=compile_memory,
            output=output,
            stack=_or_default(stack, compile_memory),
            processes=processes,
        ),
        "run": StageLimits(
            wall_ms=_or_default(own.run_timeout, settings.run_timeout),
            cpu_ms=_or_default(own.run_cpu_time, settings.run_cpu_time),
            memory=run_memory,
            output=output,
            stack=_or_default(stack, run_memory),
            processes=processes,
        ),
    }
    first_stage = stages["run" if language.compile is None else "compile"]
    box = BoxLimits(
        memory=first_stage.memory,
        processes=processes,
        open_files=_or_default(own.max_open_files, settings.max_open_files),
        file_size=settings.max_file_size if own.max_file_size is None else own.max_file_size,
        i386=language.i386,
        ptys=language.ptys,
        network=settings.allow_list.patterns if language.network else (),
    )
    return LanguageLimits(
        stages=stages,
        maxima={name: _maxima(stage, settings) for name, stage in stages.items()},
        box=box,
        session_wall_ms=max(settings.session_timeout, stages["run"].wall_ms),
    )


def sandbox_limits(language: Language, settings: Settings) -> SandboxLimits:
    """Return the limits of a sandbox whose client sets none: the largest that it may have."""
    effective = language_limits(language, settings)
    return SandboxLimits(
        memory=effective.stages["run"].memory,
        processes=effective.box.processes,
        idle=settings.sandbox_idle * _MINUTE,
    )


def output_limits(settings: Settings) -> OutputLimits:
    """Return the bounds of the files that a job may send back."""
    return OutputLimits(
        files=settings.max_output_files,
        file_size=settings.max_output_file_size,
        total_size=settings.max_output_files_size,
    )


def _maxima(stage: StageLimits, settings: Settings) -> StageLimits:
    """Return the largest limits that a request may set: times and memory can only be lowered."""
    return dataclasses.replace(
        stage,
        output=max(stage.output, settings.max_output_limit),
        stack=max(stage.stack, stage.memory),
        processes=max(stage.processes, settings.max_process_limit),
    )


def _or_default(value: int | None, default: int) -> int:
    return default if value is None else value
