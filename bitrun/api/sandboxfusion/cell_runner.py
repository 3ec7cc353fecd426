"""Program for a box: runs the cells of a notebook in one namespace, one after the other.

Its arguments are the names of two files: the cells, an array of strings in JSON, and the results,
an array of objects in the same order. It needs nothing but Python.
"""

import ast
import base64
import contextlib
import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a value may have to show itself by, other than by its repr.
_REPRESENTATIONS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
}


def run_cells(cells: list[str]) -> list[dict[str, Any]]:
    """Run cells; an error of one ends it, and not those after it."""
    shown: list[dict[str, str]] = []

    def display(*values: object) -> None:
        shown.extend(bundle(value) for value in values)

    namespace: dict[str, Any] = {"__name__": "__main__", "display": display}
    results = []
    for number, cell in enumerate(cells, 1):
        shown.clear()
        stdout, stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            error = _run(cell, f"<cell {number}>", namespace, display)
        results.append(
            {
                "stdout": stdout.getvalue(),
                "stderr": stderr.getvalue(),
                "display": list(shown),
                "error": error,
            }
        )
    return results


def bundle(value: object) -> dict[str, str]:
    """Return a value in all of its representations, by their media types."""
    found = {"text/plain": repr(value)}
    for method, kind in _REPRESENTATIONS.items():
        # Of the type: a class has the methods of its objects, too.
        if hasattr(type(value), method):
            made = getattr(value, method)()
            if isinstance(made, bytes):
                made = base64.b64encode(made).decode()
            if isinstance(made, str):
                found[kind] = made
    return found


def _run(
    cell: str, name: str, namespace: dict[str, Any], display: Callable[[object], None]
) -> list[dict[str, Any]]:
    """Run a cell, and display the value of the expression that it ends with."""
    # For the lines of a traceback.
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    try:
        tree = ast.parse(cell, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102  in a box
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)  # noqa: S307
            if value is not None:
                namespace["_"] = value
                display(value)
    except BaseException as error:  # noqa: BLE001  sys.exit() ends a cell only
        # Without the lines of this program, which precede those of the cell.
        cause = error.__traceback__
        while cause is not None and cause.tb_frame.f_code.co_filename != name:
            cause = cause.tb_next
        lines = traceback.format_exception(error.with_traceback(cause))
        return [{"ename": type(error).__name__, "evalue": str(error), "traceback": lines}]
    return []


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    results = run_cells(json.loads(source.read_text(encoding="utf-8")))
    target.write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
