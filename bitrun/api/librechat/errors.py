"""Errors as LibreChat reads them, and those that its model has to see."""

from bitrun.api.http.errors import ErrorRow, retry_when_allowed
from bitrun.model.errors import (
    CommandRejected,
    FileRejected,
    PackageNotInstalled,
    RequestError,
    TooManyRequests,
    UploadNotFound,
)


class LanguageUnavailable(RequestError):
    """Nothing that is installed serves the language."""


# Of a reply with another status than 200 the tool shows a sentence of its own. So what the model or
# its user can mend is the stderr of a run.
SHOWN = (LanguageUnavailable, PackageNotInstalled, UploadNotFound, FileRejected, CommandRejected)

ERRORS = (
    ErrorRow(LanguageUnavailable, 400, "language_unavailable"),
    ErrorRow(
        TooManyRequests,
        429,
        "too_many_requests",
        "rate_limited",
        headers=retry_when_allowed,
        fields=lambda error: {"retry_after_seconds": error.seconds},
    ),
)
