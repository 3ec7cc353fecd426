"""Errors as Jupyter's clients understand them: what has ended is not there."""

from bitrun.api.http.errors import ErrorRow
from bitrun.model.errors import RequestError, SandboxEnded

_MAX_SHOWN = 64  # characters of an id in a refusal


class NoSuchKernel(RequestError):
    """The client has no kernel of this id; the text says why, if it had one."""

    def __init__(self, kernel_id: str, reason: str = "") -> None:
        super().__init__(f"There is no kernel {kernel_id[:_MAX_SHOWN]}{reason and f'. {reason}'}")


class NoSuchSession(RequestError):
    """The client has no session of this id."""

    def __init__(self) -> None:
        super().__init__("There is no such session")


class NoSuchKernelSpec(RequestError):
    """No installed package has a kernel of this name."""


class AlreadyThere(RequestError):
    """Something is renamed to what there is already."""


ERRORS = (
    ErrorRow(NoSuchKernel, 404, "kernel_not_found"),
    ErrorRow(NoSuchSession, 404, "session_not_found"),
    ErrorRow(NoSuchKernelSpec, 404, "kernelspec_not_found"),
    # Clients take any other status for a failure that may pass.
    ErrorRow(SandboxEnded, 404, "sandbox_ended"),
    ErrorRow(AlreadyThere, 409, "already_there"),
)
