"""The words of one line, and the expressions among them."""

import operator
import re
from collections.abc import Callable, Iterable

from machine import (
    Expression,
    Fault,
    Frame,
    Value,
    cast,
    number,
    quotient,
    remainder,
    same,
    troof,
    yarn,
)
from words import Line, Word, Yarn

_NUMBER = re.compile(r"-?\d+(\.\d*)?")
_CONSTANTS: dict[str, Value] = {"WIN": True, "FAIL": False, "NOOB": None}

_NUMERIC: dict[str, Callable[[float, float], float]] = {
    "SUM OF": operator.add,
    "DIFF OF": operator.sub,
    "PRODUKT OF": operator.mul,
    "QUOSHUNT OF": quotient,
    "MOD OF": remainder,
    "BIGGR OF": max,
    "SMALLR OF": min,
}
_BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "BOTH OF": lambda a, b: troof(a) and troof(b),
    "EITHER OF": lambda a, b: troof(a) or troof(b),
    "WON OF": lambda a, b: troof(a) != troof(b),
    "BOTH SAEM": same,
    "DIFFRINT": lambda a, b: not same(a, b),
} | {
    words: lambda a, b, operate=operate: operate(number(a), number(b))
    for words, operate in _NUMERIC.items()
}
_MANY: dict[str, Callable[[Iterable[Value]], Value]] = {
    "ALL OF": lambda values: all(map(troof, values)),
    "ANY OF": lambda values: any(map(troof, values)),
    "SMOOSH": lambda values: "".join(map(yarn, values)),
}


class Expressions:
    """A cursor over the words of a line."""

    def __init__(self) -> None:
        self.words: tuple[Word, ...] = ()
        self.place = self.number = 0

    def turn_to(self, line: Line) -> None:
        self.words, self.number, self.place = line.words, line.number, 0

    def over(self) -> bool:
        return self.place >= len(self.words)

    def sees(self, *wanted: str) -> bool:
        return self.words[self.place : self.place + len(wanted)] == wanted

    def accept(self, *wanted: str) -> bool:
        if self.sees(*wanted):
            self.place += len(wanted)
            return True
        return False

    def next(self) -> Word:
        if self.over():
            raise Fault(f"line {self.number}: a word is missing")
        self.place += 1
        return self.words[self.place - 1]

    def name(self) -> str:
        word = self.next()
        if not isinstance(word, str) or not re.fullmatch(r"[A-Za-z]\w*", word):
            raise Fault(f"line {self.number}: a name is missing")
        return word

    def finish(self) -> None:
        if not self.over():
            raise Fault(f"line {self.number}: what does {self.words[self.place]} mean here?")

    def expression(self) -> Expression:
        for words, operate in _BINARY.items():
            if self.accept(*words.split()):
                return self.binary(operate)
        for words, combine in _MANY.items():
            if self.accept(*words.split()):
                return self.many(combine)
        if self.accept("NOT"):
            value = self.expression()
            return lambda frame: not troof(value(frame))
        if self.accept("MAEK"):
            value = self.expression()
            self.accept("A")
            kind = self.name()
            return lambda frame: cast(value(frame), kind)
        if self.accept("I", "IZ"):
            return self.call()
        return self.simple(self.next())

    def binary(self, operate: Callable[[Value, Value], Value]) -> Expression:
        a = self.expression()
        self.accept("AN")
        b = self.expression()
        return lambda frame: operate(a(frame), b(frame))

    def many(self, combine: Callable[[Iterable[Value]], Value]) -> Expression:
        values = [self.expression()]
        while not self.over() and not self.sees("!") and not self.accept("MKAY"):
            self.accept("AN")
            values.append(self.expression())
        return lambda frame: combine(value(frame) for value in values)

    def call(self) -> Expression:
        name = self.name()
        arguments = []
        while self.accept("YR") or self.accept("AN", "YR"):
            arguments.append(self.expression())
        self.accept("MKAY")
        return lambda frame: frame.machine.call(name, [value(frame) for value in arguments])

    def simple(self, word: Word) -> Expression:
        if isinstance(word, Yarn):
            return lambda frame: "".join(_filled(frame, *part) for part in word.parts)
        if word in _CONSTANTS:
            return lambda _: _CONSTANTS[word]
        if _NUMBER.fullmatch(word):
            literal = float(word) if "." in word else int(word)
            return lambda _: literal
        if not re.fullmatch(r"[A-Za-z]\w*", word):
            raise Fault(f"line {self.number}: what does {word} mean here?")
        return lambda frame: frame.get(word)


def _filled(frame: Frame, text: str, variable: str) -> str:
    return yarn(frame.get(variable)) if variable else text
