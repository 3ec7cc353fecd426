"""Which file of a call is the program."""

from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from bitrun.mcp.program import ToolFile, read_program

A, B = {"a.py": "1"}, {"b.py": "2"}


@pytest.mark.parametrize(
    ("code", "files", "entry", "expected"),
    [
        ("x", None, None, ("x", [])),
        ("x", A | B, None, ("x", [*A.items(), *B.items()])),
        ("x", B, "a.py", (None, [("a.py", "x"), *B.items()])),
        (None, A, None, (None, [*A.items()])),
        (None, A | B, "b.py", (None, [*B.items(), *A.items()])),
        (
            None,
            [
                ToolFile(name="d", content="/w==", encoding="base64"),
                ToolFile(name="m", content="1"),
            ],
            "m",
            (None, [("m", "1"), ("d", b"\xff")]),
        ),
    ],
)
def test_the_program(code: Any, files: Any, entry: Any, expected: Any) -> None:
    found, contents = read_program(code, files, entry)
    assert (found, [*contents.items()]) == expected


@pytest.mark.parametrize(
    ("code", "files", "entry", "sentence"),
    [
        (None, None, None, "There is nothing to run: pass code, or files and their entry."),
        (None, {}, "a", "There is nothing to run: pass code, or files and their entry."),
        (None, A | B, None, "Which file is the program? Pass as entry one of: a.py, b.py."),
        (None, A | B, "c", "No file is called c: pass as entry one of: a.py, b.py."),
        ("x", A, "a.py", "a.py is in files, and there is code, too: pass one of them."),
        (None, [ToolFile(name="d", content="/w==", encoding="base64")], None, "d is the program, and so must be text: send it without base64."),
        (None, [ToolFile(name="d", content="/", encoding="base64")], None, "The content of d is no base64."),
        (None, [ToolFile(name="d", content="")] * 2, None, "Two files are called d."),
    ],
)  # fmt: skip
def test_what_is_not_clear(code: Any, files: Any, entry: Any, sentence: str) -> None:
    with pytest.raises(ToolError) as refused:
        read_program(code, files, entry)
    assert str(refused.value) == sentence
