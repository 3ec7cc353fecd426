"""Commands that need more than the base requirements."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bitrun.cli import exits


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Wrap the imports of a command; end it with a hint if a library of the extra is missing.

    The base package is the client and its command. What only the server or the MCP server imports
    is installed with `pip install ".[server]"` or `".[mcp]"` in a checkout.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("bitrun"):
            raise
        exits.print_error(
            f"This command needs {error.name}, which is not installed: "
            f'pip install ".[{extra}]" in a checkout of BitRun'
        )
        raise typer.Exit(exits.NOT_RUN) from error
