"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    GOOD = "ok"
    NOTE = "note"  # it works, and could be better
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at one thing, and unless it is good, what to do."""

    subject: str
    level: Level
    detail: str
    remedy: str = ""


def good(subject: str, detail: str) -> Finding:
    return Finding(subject, Level.GOOD, detail)


def note(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.NOTE, detail, remedy)


def wrong(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.WRONG, detail, remedy)
