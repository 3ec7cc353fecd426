"""Judge0's statuses, and how a run comes to one."""

from enum import IntEnum

from bitrun.execution.judging.judgement import Judgement, Reason
from bitrun.model.errors import CommandRejected


class Status(IntEnum):
    """A status by Judge0's number of it."""

    IN_QUEUE = 1
    PROCESSING = 2
    ACCEPTED = 3
    WRONG_ANSWER = 4
    TIME_LIMIT = 5
    COMPILATION_ERROR = 6
    SIGSEGV = 7
    SIGXFSZ = 8
    SIGFPE = 9
    SIGABRT = 10
    NON_ZERO_EXIT = 11
    OTHER = 12
    INTERNAL_ERROR = 13
    EXEC_FORMAT_ERROR = 14

    @property
    def description(self) -> str:
        return _DESCRIPTIONS[self]

    @property
    def reply(self) -> dict[str, int | str]:
        return {"id": self.value, "description": self.description}


_DESCRIPTIONS = {
    Status.IN_QUEUE: "In Queue",
    Status.PROCESSING: "Processing",
    Status.ACCEPTED: "Accepted",
    Status.WRONG_ANSWER: "Wrong Answer",
    Status.TIME_LIMIT: "Time Limit Exceeded",
    Status.COMPILATION_ERROR: "Compilation Error",
    Status.SIGSEGV: "Runtime Error (SIGSEGV)",
    Status.SIGXFSZ: "Runtime Error (SIGXFSZ)",
    Status.SIGFPE: "Runtime Error (SIGFPE)",
    Status.SIGABRT: "Runtime Error (SIGABRT)",
    Status.NON_ZERO_EXIT: "Runtime Error (NZEC)",
    Status.OTHER: "Runtime Error (Other)",
    Status.INTERNAL_ERROR: "Internal Error",
    Status.EXEC_FORMAT_ERROR: "Exec Format Error",
}

_SIGNALS = {
    "SIGSEGV": Status.SIGSEGV,
    "SIGXFSZ": Status.SIGXFSZ,
    "SIGFPE": Status.SIGFPE,
    "SIGABRT": Status.SIGABRT,
}

_REASONS = {
    Reason.OK: Status.ACCEPTED,
    Reason.WRONG: Status.WRONG_ANSWER,
    Reason.EXIT: Status.NON_ZERO_EXIT,
    Reason.WALL_TIME: Status.TIME_LIMIT,
    Reason.CPU_TIME: Status.TIME_LIMIT,
    # Judge0 writes output to a file, and so limits it by the size of one.
    Reason.STDOUT: Status.SIGXFSZ,
    Reason.STDERR: Status.SIGXFSZ,
    Reason.COMPILE: Status.COMPILATION_ERROR,
}


def status_of(judgement: Judgement) -> Status:
    """Return the status of a run."""
    if isinstance(judgement.error, CommandRejected):
        return Status.EXEC_FORMAT_ERROR
    if judgement.reason in _REASONS:
        return _REASONS[judgement.reason]
    if judgement.run is None:
        return Status.INTERNAL_ERROR
    # A signal of its own, or the kernel's for too much memory; or an exit code after that.
    signal = judgement.run.verdict.signal
    return Status.NON_ZERO_EXIT if signal is None else _SIGNALS.get(signal, Status.OTHER)
