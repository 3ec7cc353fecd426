"""`bitrun mcp`: tools for an AI agent, over stdin and stdout."""

import anyio
import typer

from bitrun.cli.extras import needs
from bitrun.cli.options import DEFAULT_URL, Token, Url
from bitrun.client import AsyncClient


def register(app: typer.Typer) -> None:
    @app.command()
    def mcp(url: Url = DEFAULT_URL, token: Token = None) -> None:
        """Serve tools to an AI agent.

        Speaks the Model Context Protocol over stdin and stdout.
        """
        anyio.run(_serve, url, token)


async def _serve(url: str, token: str | None) -> None:
    with needs("mcp"):
        # The SDK is an extra, and takes half a second to import.
        from bitrun.mcp.server import make_server  # noqa: PLC0415
    async with AsyncClient(url, token) as client:
        await make_server(client).run_stdio_async()
