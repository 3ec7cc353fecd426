"""Errors that Piston answers with other statuses than the error table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.api.http.errors import ErrorRow
from bitrun.model.errors import (
    AlreadyInstalled,
    PackageNotFound,
    PackageNotInstalled,
    RequestError,
)


class NothingToUninstall(RequestError):
    """The package is in the catalogue, but not installed."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"{name}-{version} is not installed")


@contextmanager
def package_errors(name: object, version: object) -> Iterator[None]:
    """Raise the errors of a package with the name and version of the request, in Piston's words."""
    try:
        yield
    except PackageNotFound as error:
        raise PackageNotFound(_text(name), _text(version), error.detail) from error
    except PackageNotInstalled as error:
        raise NothingToUninstall(str(name), str(version)) from error


def _text(value: object) -> str:
    """Convert a value of a JSON body, None if it is missing, much as JavaScript does."""
    if value is None:
        return "undefined"
    return value if isinstance(value, str) else json.dumps(value)


# Piston answers both with 500.
ERRORS = (
    ErrorRow(AlreadyInstalled, 500, "already_installed"),
    ErrorRow(NothingToUninstall, 500, "package_not_installed"),
)
