"""Errors as Dify reads them: it shows their sentences only where the status is 200."""

from bitrun.api.http.errors import ErrorRow, retry_when_allowed
from bitrun.model.errors import (
    CommandRejected,
    FileRejected,
    PackageNotInstalled,
    RequestError,
    TooManyRequests,
)


class Refused(RequestError):
    """The request can't be carried out, and Dify shall show why."""


ERRORS = (
    *(
        ErrorRow(error, 200, "bad_request")
        for error in (Refused, PackageNotInstalled, FileRejected, CommandRejected)
    ),
    # For 503 Dify says that the service is unavailable; any other status would be a broken network.
    ErrorRow(TooManyRequests, 503, "too_many_requests", headers=retry_when_allowed),
)

REST = {"code": -1, "data": None}
