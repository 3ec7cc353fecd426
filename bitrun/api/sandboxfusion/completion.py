"""The program in the answer of a language model.

Everything takes linear time: a completion may have millions of characters.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_FENCE = "```"
_IMPORT = ("import ", "from ", "#")
_DEFINITION = ("def ", "class ")
_QUERY = re.compile(r"^\s*(?:select\b|with\s.+\bas\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Block:
    word: str  # after the fence
    code: str


def extract_code(completion: str, language: str, names: Collection[str]) -> str:
    """Return the first block of a language, else the first block of any.

    Blocks between fences count most, then one whose fence is not closed, then what looks like code
    of the language.

    Args:
        completion: the answer of the model.
        language: SandboxFusion's name of the language.
        names: all names that the word after a fence may have.
    """
    blocks = list(_fenced(completion)) or _unclosed(completion)
    if not blocks:
        return _likely_code(completion, language)
    known = {name.lower() for name in names}
    fitting = (block.code for block in blocks if block.word.lower() in known)
    return next(fitting, blocks[0].code)


def _fenced(text: str) -> Iterator[_Block]:
    opening = text.find(_FENCE)
    while opening >= 0:
        line_end = text.find("\n", opening)
        if line_end < 0:
            return
        start = line_end + 1
        closing, end = _closing(text, start)
        if closing < 0:
            return
        yield _Block(text[opening + len(_FENCE) : line_end].strip(), text[start:end])
        opening = text.find(_FENCE, closing + len(_FENCE))


def _closing(text: str, start: int) -> tuple[int, int]:
    """Return where the fence is that closes a block, and where the code before it ends.

    A fence closes a block at the beginning of a line only, or -1 if none does.
    """
    closing = text.find(_FENCE, start)
    while closing >= 0:
        space = closing
        while space > start and text[space - 1].isspace():
            space -= 1
        end = text.find("\n", space, closing)
        if end >= 0:
            return closing, end
        closing = text.find(_FENCE, closing + 1)
    return -1, -1


def _unclosed(text: str) -> list[_Block]:
    opening = text.find(_FENCE)
    line_end = text.find("\n", opening)
    if opening < 0 or line_end < 0:
        return []
    return [_Block(text[opening + len(_FENCE) : line_end].strip(), text[line_end + 1 :])]


def _likely_code(text: str, language: str) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    match language:
        case "python":
            return _likely_python(lines)
        case "sql":
            first = next((i for i, line in enumerate(lines) if _QUERY.match(line)), len(lines))
            return "\n".join(lines[first:]).partition(";")[0]
        case "bash":
            return "".join(f"{line}\n" for line in lines)
    return ""


def _likely_python(lines: list[str]) -> str:
    """Return the first function or class, with the imports and comments right before it."""
    for index, line in enumerate(lines):
        body = index + 1
        while body < len(lines) and lines[body][0].isspace():
            body += 1
        if line.startswith(_DEFINITION) and body > index + 1:
            while index > 0 and lines[index - 1].startswith(_IMPORT):
                index -= 1  # noqa: PLW2901
            return "".join(f"{each}\n" for each in lines[index:body])
    return ""
