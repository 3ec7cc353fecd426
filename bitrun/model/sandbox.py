"""Sandboxes as plain data: what one may take, and why it has ended."""

from dataclasses import dataclass
from enum import StrEnum


class EndReason(StrEnum):
    """Why a sandbox has ended, in one word for every client."""

    DELETED = "deleted"
    IDLE = "idle"
    LIFETIME = "lifetime"
    MEMORY = "memory"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    EndReason.DELETED: "it was deleted",
    EndReason.IDLE: "nothing was done in it for as long as its expires_after says",
    EndReason.LIFETIME: "it has lived for as long as BITRUN_SANDBOX_LIFETIME allows",
    EndReason.MEMORY: "its memory, files included, was full",
    EndReason.FAILED: "its container has ended",
    EndReason.STOPPED: "the service was stopped",
    EndReason.LOST: "the node that had it is gone",
}


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Limits of one sandbox: bytes of memory, processes and threads, seconds without use."""

    memory: int
    processes: int
    idle: int
