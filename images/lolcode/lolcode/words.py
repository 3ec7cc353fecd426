"""From source to lines of words: comments gone, commas and ellipses resolved, yarns read."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from machine import Fault

_WORD = re.compile(
    r'"(?:[^":]|:[^({[]|:\([^)]*\)|:\{[^}]*\}|:\[[^\]]*\])*"|\.\.\.|…|[,!?]|[^\s,!?"]+'
)
_PART = re.compile(r":\(([^)]*)\)|:\{([^}]*)\}|:\[([^\]]*)\]|:(.)|([^:]+)")
_ESCAPES = {")": "\n", ">": "\t", "o": "\a", '"': '"', ":": ":"}


@dataclass(frozen=True, slots=True)
class Yarn:
    """Text with the names of variables to be put in: pairs of text and name."""

    parts: tuple[tuple[str, str], ...]


Word = str | Yarn


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    words: tuple[Word, ...]


def read(source: str) -> list[Line]:
    lines: list[Line] = []
    words: list[Word] = []
    for number, text in _without_comments(source):
        found = [match[0] for match in _WORD.finditer(text)]
        continued = found[-1:] in (["..."], ["…"])
        for word in found[:-1] if continued else found:
            if word == ",":
                _end(lines, number, words)
            else:
                words.append(_yarn(word) if word.startswith('"') else word)
        if not continued:
            _end(lines, number, words)
    return lines


def _end(lines: list[Line], number: int, words: list[Word]) -> None:
    if words:
        lines.append(Line(number, tuple(words)))
        words.clear()


def _without_comments(source: str) -> Iterator[tuple[int, str]]:
    inside = False
    for number, text in enumerate(source.splitlines(), start=1):
        first = text.split(maxsplit=1)[:1]
        if inside or first == ["OBTW"]:
            inside = "TLDR" not in text.split()
            continue
        # A BTW within a yarn is text.
        words = list(_WORD.finditer(text))
        remark = next((word.start() for word in words if word[0] == "BTW"), len(text))
        yield number, text[:remark]


def _yarn(word: str) -> Yarn:
    return Yarn(tuple(_part(match) for match in _PART.finditer(word[1:-1])))


def _part(match: re.Match[str]) -> tuple[str, str]:
    code, variable, name, escape, text = match.groups()
    try:
        if code is not None:
            return chr(int(code, 16)), ""
        if name is not None:
            return unicodedata.lookup(name), ""
        if variable is not None:
            return "", variable
        return text if escape is None else _ESCAPES[escape], ""
    except (ValueError, KeyError) as error:
        raise Fault(f"no such character: {match[0]}") from error
