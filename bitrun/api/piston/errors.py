"""Errors that Piston answers with statuses of its own."""

from bitrun.api.http.errors import ErrorRow
from bitrun.model.errors import AlreadyInstalled, RequestError


class NothingToUninstall(RequestError):
    """The package is known, but not installed."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"{name}-{version} is not installed")


# Piston says 500 to both.
ERRORS = (
    ErrorRow(AlreadyInstalled, 500, "already_installed"),
    ErrorRow(NothingToUninstall, 500, "package_not_installed"),
)
