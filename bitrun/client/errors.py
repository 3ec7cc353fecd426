"""Errors of the client, by their remedy.

    BitRunError
    ├── Unreachable
    ├── Unreadable
    ├── Refused
    │   ├── TokenRefused
    │   └── AlreadyInstalled
    ├── Busy
    ├── Failed
    └── NotSaved

The text of an error is a sentence for people: that of the service, if it sent one.
"""


class BitRunError(Exception):
    """Base class. `status` is the HTTP status of the response, or None if there was none."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Unreachable(BitRunError):
    """Nothing answers at the address, or the connection was lost."""


class Unreadable(BitRunError):
    """The server at the address is not BitRun."""


class Refused(BitRunError):
    """The request is invalid; the text says what to change."""


class TokenRefused(Refused):
    """The service requires a token, or one with another role."""


class AlreadyInstalled(Refused):
    """The package is installed already."""


class Busy(BitRunError):
    """The service is at its capacity or the client at its limits; retry after `retry_after` s."""

    def __init__(self, sentence: str, status: int | None = None, retry_after: float = 1.0) -> None:
        super().__init__(sentence, status)
        self.retry_after = retry_after


class Failed(BitRunError):
    """The service or its Docker engine failed; changing the request does not help."""


class NotSaved(BitRunError):
    """A file that a program has made can't be written where its name leads."""


_UNAUTHORIZED, _FORBIDDEN, _SERVER_ERROR = 401, 403, 500
_ALREADY_INSTALLED = "Already installed"


def make_error(status: int, sentence: str, retry_after: str | None = None) -> BitRunError:
    """Choose the error for a response. `retry_after` is the header of this name."""
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return TokenRefused(sentence, status)
    if retry_after is not None:
        return Busy(sentence, status, float(retry_after) if retry_after.isdecimal() else 1.0)
    # Piston's API has status 500 for it, though nothing failed.
    if sentence == _ALREADY_INSTALLED:
        return AlreadyInstalled(sentence, status)
    return (Failed if status >= _SERVER_ERROR else Refused)(sentence, status)
