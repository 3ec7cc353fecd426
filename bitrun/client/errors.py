"""What can go wrong, by what the caller can do about it.

The text of an error is a sentence for people: the service's own wherever it has said one.
"""


class BitRunError(Exception):
    """Any of them. `status` is the HTTP status it came with, if it came with one."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Unreachable(BitRunError):
    """Nobody answers at the address, or the answer broke off."""


class Unreadable(BitRunError):
    """What answers at the address is not BitRun."""


class Refused(BitRunError):
    """The request can't be carried out as it stands; the sentence says what to change."""


class TokenRefused(Refused):
    """The service wants a token that opens this, and got none such."""


class AlreadyInstalled(Refused):
    """The package is there, and stays."""


class Busy(BitRunError):
    """All places are taken, or this client's share; ask again after `retry_after` seconds."""

    def __init__(self, sentence: str, status: int | None = None, retry_after: float = 1.0) -> None:
        super().__init__(sentence, status)
        self.retry_after = retry_after


class Failed(BitRunError):
    """The service, or what it stands on, has failed; no other request would mend it."""


_UNAUTHORIZED, _FORBIDDEN, _SERVER_ERROR = 401, 403, 500
_NOT_OUR_FAULT = {"Already installed": AlreadyInstalled}


def refusal(status: int, sentence: str, retry_after: str | None = None) -> BitRunError:
    """Turn an answer's status and sentence into an error."""
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return TokenRefused(sentence, status)
    if retry_after is not None:
        return Busy(sentence, status, float(retry_after) if retry_after.isdecimal() else 1.0)
    # Piston's API answers this, which is no failure, with 500.
    if sentence in _NOT_OUR_FAULT:
        return _NOT_OUR_FAULT[sentence](sentence, status)
    return (Failed if status >= _SERVER_ERROR else Refused)(sentence, status)
