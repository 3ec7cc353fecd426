"""From lines of words to statements, each a function that is given a frame."""

from collections.abc import Callable

from expressions import Expressions
from machine import (
    Break,
    Expression,
    Fault,
    Found,
    Frame,
    Statement,
    Value,
    ask,
    cast,
    execute,
    number,
    show,
    troof,
)
from words import Line

Block = list[Statement]


class Parser(Expressions):
    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self.lines = lines
        self.at = 0

    def program(self) -> Block:
        self.begin()
        if not self.accept("HAI"):
            raise Fault("the first word is not HAI")
        body = self.block("KTHXBYE")
        self.accept("KTHXBYE")
        return body

    def begin(self) -> None:
        if self.at == len(self.lines):
            raise Fault("the program ends too early")
        self.turn_to(self.lines[self.at])
        self.at += 1

    def block(self, *ends: str) -> Block:
        """Read statements up to a line that begins with one of `ends`, which stays the current."""
        statements = []
        while True:
            self.begin()
            if any(self.words[: len(end.split())] == tuple(end.split()) for end in ends):
                return statements
            statements.append(self.located(self.statement()))

    def located(self, statement: Statement) -> Statement:
        line = self.number

        def run(frame: Frame) -> None:
            try:
                statement(frame)
            except Fault as fault:
                if str(fault).startswith("line "):
                    raise
                raise Fault(f"line {line}: {fault}") from fault
            except RecursionError as error:
                raise Fault(f"line {line}: too many calls within calls") from error

        return run

    def statement(self) -> Statement:
        for words, read in STATEMENTS.items():
            if self.accept(*words.split()):
                return read(self)
        return self.assignment_or_expression()

    def assignment_or_expression(self) -> Statement:
        target = self.words[0]
        if self.words[1:2] == ("R",) and isinstance(target, str):
            self.place = 2
            return self.setter(target, self.expression())
        if self.words[1:4] == ("IS", "NOW", "A") and isinstance(target, str):
            self.place = 4
            kind = self.name()
            return self.setter(target, lambda frame: cast(frame.get(target), kind))
        value = self.expression()
        self.finish()
        return lambda frame: frame.set("IT", value(frame))

    def setter(self, name: str, value: Expression) -> Statement:
        self.finish()
        return lambda frame: frame.set(name, value(frame))

    def declaration(self) -> Statement:
        name = self.name()
        value: Expression = lambda _: None  # noqa: E731
        if self.accept("ITZ", "A"):
            kind = self.name()
            value = lambda _: cast(None, kind)  # noqa: E731
        elif self.accept("ITZ"):
            value = self.expression()
        self.finish()
        return lambda frame: frame.variables.update({name: value(frame)})

    def visible(self) -> Statement:
        values = []
        while not self.over() and not self.sees("!"):
            self.accept("AN")
            values.append(self.expression())
        end = "" if self.accept("!") else "\n"
        self.finish()
        return lambda frame: show((value(frame) for value in values), end)

    def gimmeh(self) -> Statement:
        name = self.name()
        return lambda frame: frame.set(name, ask())

    def ignored(self) -> Statement:
        self.place = len(self.words)
        return lambda _: None

    def gtfo(self) -> Statement:
        def leave(_: Frame) -> None:
            raise Break

        return leave

    def found(self) -> Statement:
        value = self.expression()

        def leave(frame: Frame) -> None:
            raise Found(value(frame))

        return leave

    def choice(self) -> Statement:
        self.accept("?")
        self.begin()
        branches: list[tuple[Expression, Block]] = []
        ends = ("MEBBE", "NO WAI", "OIC")
        if self.accept("YA", "RLY"):
            branches.append((lambda frame: frame.get("IT"), self.block(*ends)))
        while self.accept("MEBBE"):
            condition = self.expression()
            branches.append((condition, self.block(*ends)))
        otherwise = self.block("OIC") if self.accept("NO", "WAI") else []

        def run(frame: Frame) -> None:
            chosen = next(
                (body for condition, body in branches if troof(condition(frame))), otherwise
            )
            execute(chosen, frame)

        return run

    def switch(self) -> Statement:
        self.accept("?")
        self.begin()
        cases: list[tuple[Expression | None, Block]] = []
        while not self.accept("OIC"):
            if self.accept("OMGWTF"):
                value = None
            elif self.accept("OMG"):
                value = self.expression()
            else:
                raise Fault(f"line {self.number}: neither OMG nor OIC")
            cases.append((value, self.block("OMG", "OMGWTF", "OIC")))

        def run(frame: Frame) -> None:
            subject = frame.get("IT")
            started = False
            try:
                for value, body in cases:
                    started = started or value is None or value(frame) == subject
                    if started:
                        execute(body, frame)
            except Break:
                pass

        return run

    def loop(self) -> Statement:
        self.name()
        step, variable = 0, None
        change: Callable[[Frame, Value], Value] = lambda _, value: value  # noqa: E731
        if self.accept("UPPIN", "YR") or self.accept("NERFIN", "YR"):
            step = 1 if self.words[self.place - 2] == "UPPIN" else -1
            variable = self.name()
            change = lambda _, value: number(value) + step  # noqa: E731
        until = self.accept("TIL")
        condition = self.expression() if until or self.accept("WILE") else None
        body = self.block("IM OUTTA YR")

        def run(frame: Frame) -> None:
            outer = frame.variables
            if variable:
                # The variable of a loop is its own, and the others are not.
                frame.variables.setdefault(variable, 0)
            try:
                while condition is None or troof(condition(frame)) != until:
                    execute(body, frame)
                    if variable:
                        frame.set(variable, change(frame, frame.get(variable)))
            except Break:
                pass
            frame.variables = outer

        return run

    def function(self) -> Statement:
        name = self.name()
        parameters = []
        while self.accept("YR") or self.accept("AN", "YR"):
            parameters.append(self.name())
        body = self.block("IF U SAY SO")
        return lambda frame: frame.machine.functions.update({name: (tuple(parameters), body)})


STATEMENTS: dict[str, Callable[[Parser], Statement]] = {
    "I HAS A": Parser.declaration,
    "VISIBLE": Parser.visible,
    "GIMMEH": Parser.gimmeh,
    "CAN HAS": Parser.ignored,
    "O RLY": Parser.choice,
    "WTF": Parser.switch,
    "IM IN YR": Parser.loop,
    "HOW IZ I": Parser.function,
    "GTFO": Parser.gtfo,
    "FOUND YR": Parser.found,
}
