"""The result of one check."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but could be better
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of one subject. Unless the level is OK, there is a remedy."""

    subject: str
    level: Level
    detail: str
    remedy: str = ""


def passed(subject: str, detail: str) -> Finding:
    return Finding(subject, Level.OK, detail)


def warning(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.WARNING, detail, remedy)


def failed(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.ERROR, detail, remedy)
