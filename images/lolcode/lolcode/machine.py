"""What runs: values, their casts, and the frames of functions."""

import sys
from collections.abc import Callable, Iterable

Value = None | bool | int | float | str


class Fault(Exception):
    """The program is wrong; the text says how."""


class Break(Exception):
    """GTFO."""


class Found(Exception):
    """FOUND YR a value."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Frame:
    """The variables of one function; `IT` is one of them."""

    def __init__(self, machine: "Machine") -> None:
        self.machine = machine
        self.variables: dict[str, Value] = {"IT": None}

    def get(self, name: str) -> Value:
        if name not in self.variables:
            raise Fault(f"no variable {name}")
        return self.variables[name]

    def set(self, name: str, value: Value) -> None:
        self.get(name)
        self.variables[name] = value


Expression = Callable[[Frame], Value]
Statement = Callable[[Frame], None]


class Machine:
    def __init__(self) -> None:
        self.functions: dict[str, tuple[tuple[str, ...], list[Statement]]] = {}

    def run(self, program: list[Statement]) -> None:
        execute(program, Frame(self))

    def call(self, name: str, arguments: list[Value]) -> Value:
        if name not in self.functions:
            raise Fault(f"no function {name}")
        parameters, body = self.functions[name]
        if len(parameters) != len(arguments):
            raise Fault(f"{name} takes {len(parameters)} values, not {len(arguments)}")
        frame = Frame(self)
        frame.variables |= zip(parameters, arguments, strict=True)
        try:
            execute(body, frame)
        except Found as found:
            return found.value
        except Break:
            return None
        return frame.variables["IT"]


def execute(statements: Iterable[Statement], frame: Frame) -> None:
    for statement in statements:
        statement(frame)


def troof(value: Value) -> bool:
    return bool(value)


def yarn(value: Value) -> str:
    if value is None:
        raise Fault("NOOB is no YARN")
    if isinstance(value, bool):
        return "WIN" if value else "FAIL"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def number(value: Value) -> int | float:
    if isinstance(value, str):
        try:
            return float(value) if "." in value else int(value)
        except ValueError as error:
            raise Fault(f"no number: {value}") from error
    if value is None:
        raise Fault("NOOB is no number")
    return int(value) if isinstance(value, bool) else value


def cast(value: Value, kind: str) -> Value:
    """Cast as MAEK does, which NOOB bears."""
    zeros: dict[str, Value] = {"NUMBR": 0, "NUMBAR": 0.0, "YARN": "", "TROOF": False, "NOOB": None}
    if kind not in zeros:
        raise Fault(f"no type {kind}")
    if value is None or kind == "NOOB":
        return zeros[kind]
    if kind == "NUMBR":
        return int(number(value))
    if kind == "NUMBAR":
        return float(number(value))
    return yarn(value) if kind == "YARN" else troof(value)


def quotient(a: float, b: float) -> float:
    if b == 0:
        raise Fault("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a: float, b: float) -> float:
    return a - b * int(quotient(a, b))


def same(a: Value, b: Value) -> bool:
    """Compare without casts, save that whole and broken numbers are both numbers."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return a == b


def show(values: Iterable[Value], end: str) -> None:
    sys.stdout.write("".join(map(yarn, values)) + end)


def ask() -> str:
    sys.stdout.flush()
    return sys.stdin.readline().rstrip("\n")
