"""Answers of tools, and errors as sentences that say what to do."""

from mcp.types import CallToolResult, ContentBlock, TextContent
from pydantic import BaseModel

from bitrun.client import BitRunError


def answer(text: str, output: BaseModel, *files: ContentBlock) -> CallToolResult:
    """Return a text for the model, the same as a structure, and files."""
    return CallToolResult(
        content=[TextContent(type="text", text=text), *files],
        structured_content=output.model_dump(mode="json"),
    )


def advise(error: BitRunError) -> str:
    text = str(error).rstrip(".")
    if text.startswith("No language is called"):
        return f"{text}. Call list_languages for all of them."
    return f"{text}."
