"""Answers of tools, and errors as sentences that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ContentBlock, TextContent, ToolAnnotations
from pydantic import BaseModel

from bitrun.client import BitRunError

READ_ONLY = ToolAnnotations(read_only_hint=True, open_world_hint=False)


def answer(text: str, output: BaseModel, *files: ContentBlock) -> CallToolResult:
    """Return a text for the model, the same as a structure, and files."""
    return CallToolResult(
        content=[TextContent(type="text", text=text), *files],
        structured_content=output.model_dump(mode="json"),
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what the service refuses as an error of the tool."""
    try:
        yield
    except BitRunError as error:
        raise ToolError(_advise(error)) from error


def _advise(error: BitRunError) -> str:
    text = str(error).rstrip(".")
    if text.startswith("No language is called"):
        return f"{_ended(text)} Call list_languages for all of them."
    return _ended(text)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."
