"""The files of a call of `run_code`, and which of them is the program."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict

Contents = dict[str, str | bytes]


class ToolFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    content: str
    encoding: Literal["utf8", "base64"] = "utf8"


def read_program(
    code: str | None, files: Mapping[str, str] | Sequence[ToolFile] | None, entry: str | None
) -> tuple[str | None, Contents]:
    """Return the code and the files for a run; without code the first of them is the program.

    Raises:
        ToolError: it is not clear what is to run.
    """
    found = read_files(files or ())
    if code is not None:
        if entry is None:
            return code, found
        if entry in found:
            raise ToolError(f"{entry} is in files, and there is code, too: pass one of them.")
        return None, {entry: code, **found}
    names = ", ".join(found)
    if not found:
        raise ToolError("There is nothing to run: pass code, or files and their entry.")
    if entry is None and len(found) > 1:
        raise ToolError(f"Which file is the program? Pass as entry one of: {names}.")
    chosen = entry or names
    if chosen not in found:
        raise ToolError(f"No file is called {chosen}: pass as entry one of: {names}.")
    if isinstance(found[chosen], bytes):
        raise ToolError(f"{chosen} is the program, and so must be text: send it without base64.")
    return None, {chosen: found.pop(chosen), **found}


def read_files(files: Mapping[str, str] | Sequence[ToolFile]) -> Contents:
    """Return the contents of files by their names.

    Raises:
        ToolError: two have the same name, or one is no base64.
    """
    if isinstance(files, Mapping):
        return dict(files)
    found: Contents = {}
    for file in files:
        if file.name in found:
            raise ToolError(f"Two files are called {file.name}.")
        found[file.name] = _decode(file)
    return found


def _decode(file: ToolFile) -> str | bytes:
    if file.encoding == "utf8":
        return file.content
    try:
        return base64.b64decode(file.content, validate=True)
    except binascii.Error as error:
        raise ToolError(f"The content of {file.name} is no base64.") from error
