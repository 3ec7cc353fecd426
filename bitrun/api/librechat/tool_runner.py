"""Program for a box: runs code that calls tools of an agent, until it needs one that has no result.

Its arguments are the names of three files: the code; the tools with the results of earlier calls;
and the calls that it makes, which is written only if their results are needed. It needs nothing
but Python. The code runs from the start each time, so a call is known by its number.
"""

import ast
import asyncio
import inspect
import json
import keyword
import linecache
import os
import re
import selectors
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class ToolExecutionError(Exception):
    """A tool has failed."""


class Calls:
    """The calls of a program: those with a result, and those that wait for one."""

    def __init__(self, results: dict[str, Any], target: Path) -> None:
        self._results = results
        self._target = target
        self._waiting: list[dict[str, Any]] = []
        self._count = 0

    async def call(self, name: str, given: dict[str, Any]) -> Any:
        """Return the result of a call; without one, wait for ever."""
        self._count += 1
        number = f"call_{self._count:03d}"
        if number not in self._results:
            self._waiting.append({"id": number, "name": name, "input": given})
            return await asyncio.get_running_loop().create_future()
        result = self._results[number]
        if result.get("is_error"):
            raise ToolExecutionError(result.get("error_message") or "The tool has failed")
        return result.get("result")

    def leave_if_any(self) -> None:
        """End the program, if it waits for results and for nothing else."""
        if self._waiting:
            self._target.write_text(json.dumps(self._waiting), encoding="utf-8")
            _leave(0)


class Selector(selectors.DefaultSelector):
    """Calls a function whenever the loop would wait without an end in sight."""

    def __init__(self, on_idle: Callable[[], None]) -> None:
        super().__init__()
        self._on_idle = on_idle

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            self._on_idle()
        return super().select(timeout)


def identifier(name: str) -> str:
    """Return the name of a tool's function, which models are told, too."""
    found = re.sub(r"[^a-zA-Z0-9_]", "", re.sub(r"[-\s]", "_", name))
    if found[:1].isdigit():
        found = f"_{found}"
    return f"{found}_tool" if keyword.iskeyword(found) else found


def function(tool: dict[str, Any], calls: Calls) -> Callable[..., Any]:
    """Return the function that calls a tool; arguments without a name are in the schema's order."""
    parameters = (tool.get("parameters") or {}).get("properties") or {}
    required = (tool.get("parameters") or {}).get("required") or []
    names = sorted(parameters, key=lambda name: name not in required)

    def call(*values: Any, **named: Any) -> Any:
        given = dict(zip(names, values, strict=False)) | named
        given = {name: value for name, value in given.items() if value is not None}
        return calls.call(tool["name"], given)

    call.__name__, call.__doc__ = identifier(tool["name"]), tool.get("description")
    return call


def run(code: str, name: str, namespace: dict[str, Any], calls: Calls) -> None:
    """Run code with `await` at its top level; how it ends is the process's end."""
    # For the lines of a traceback.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    loop = asyncio.SelectorEventLoop(Selector(calls.leave_if_any))
    asyncio.set_event_loop(loop)
    compiled = compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if inspect.CO_COROUTINE & compiled.co_flags:
        loop.run_until_complete(eval(compiled, namespace))  # noqa: S307  in a box
    else:
        exec(compiled, namespace)  # noqa: S102


def main() -> None:
    source, state, target = map(Path, sys.argv[1:4])
    known = json.loads(state.read_text(encoding="utf-8"))
    state.unlink()
    calls = Calls(known["results"], target)
    namespace: dict[str, Any] = {"__name__": "__main__", "asyncio": asyncio, "json": json}
    namespace["ToolExecutionError"] = ToolExecutionError
    for tool in known["tools"]:
        made = function(tool, calls)
        namespace[made.__name__] = made
    try:
        run(source.read_text(encoding="utf-8"), str(source), namespace, calls)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  as Python would show it, without our own lines
        cause = error.__traceback__
        while cause is not None and cause.tb_frame.f_code.co_filename != str(source):
            cause = cause.tb_next
        traceback.print_exception(error.with_traceback(cause))
        _leave(1)


def _leave(code: int) -> NoReturn:
    # Tasks that wait for ever would be destroyed one by one, each with a warning.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
