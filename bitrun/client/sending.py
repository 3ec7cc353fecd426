"""How the objects of a client send their calls: by the client that has made them."""

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from bitrun.client.calls import Call

Answer = TypeVar("Answer")


class Send(Protocol):
    """Sends a call and reads its answer."""

    def __call__(self, call: Call[Answer], /) -> Answer: ...


class SendAsync(Protocol):
    def __call__(self, call: Call[Answer], /) -> Awaitable[Answer]: ...
