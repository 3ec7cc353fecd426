"""Python client of the HTTP API: `Client` for threads, `AsyncClient` for asyncio.

with Client("http://127.0.0.1:5000") as client:
    print(client.run("python", "print(input()[::-1])", stdin="nuRtiB").stdout)
"""

from bitrun.client.calls import RunOptions
from bitrun.client.clients import DEFAULT_URL, AsyncClient, Client
from bitrun.client.errors import (
    AlreadyInstalled,
    BitRunError,
    Busy,
    Failed,
    Refused,
    TokenRefused,
    Unreachable,
    Unreadable,
)
from bitrun.client.results import (
    Ended,
    Event,
    Extension,
    Limit,
    Outcome,
    Output,
    Package,
    Progress,
    Result,
    Runtime,
    Stage,
    Started,
    Verdict,
)
from bitrun.client.sessions import AsyncSession, Session

__all__ = [
    "DEFAULT_URL",
    "AlreadyInstalled",
    "AsyncClient",
    "AsyncSession",
    "BitRunError",
    "Busy",
    "Client",
    "Ended",
    "Event",
    "Extension",
    "Failed",
    "Limit",
    "Outcome",
    "Output",
    "Package",
    "Progress",
    "Refused",
    "Result",
    "RunOptions",
    "Runtime",
    "Session",
    "Stage",
    "Started",
    "TokenRefused",
    "Unreachable",
    "Unreadable",
    "Verdict",
]
