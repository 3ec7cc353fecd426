"""Errors as codapi answers them: a result without a run, with the sentence as its stderr."""

from bitrun.api.http.errors import ErrorRow
from bitrun.model.errors import PackageNotInstalled, RequestError


class UnknownSandbox(RequestError):
    """No language that is installed has this name and version, or it has no such command."""


# The widget has a sentence of its own for 404.
ERRORS = (
    ErrorRow(UnknownSandbox, 404, "unknown_sandbox"),
    ErrorRow(PackageNotInstalled, 404, "package_not_installed"),
)

REST = {"id": "-", "ok": False, "duration": 0, "stdout": ""}
