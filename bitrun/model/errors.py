"""The exceptions of BitRun, by the side that is responsible.

    Exception
    +-- RequestError              the client's fault: the text says what to change
    |   +-- BodyTooLarge          more than BITRUN_MAX_BODY
    |   +-- TokenRequired         no valid token
    |   +-- PermissionDenied      the token's role does not allow the call
    |   +-- EgressDenied          the token does not allow a network
    |   +-- MetricsNotAllowed     metrics are closed to this client
    |   +-- HostNotAllowed        a name that is not this machine's
    |   +-- CrossOriginRequest    a page of another site
    |   +-- ClientUnidentified    nothing can be kept for a client without a token or an address
    |   +-- TooManyRequests       rate limit or concurrency limit of the client
    |   +-- PackageNotFound       not in the catalogue
    |   +-- PackageNotInstalled   in the catalogue, but without an image
    |   +-- AlreadyInstalled      nothing to install
    |   +-- UploadNotFound        no upload of this client has the id
    |   +-- UploadTooLarge        over what one upload or one client may take
    |   +-- UploadsFull           over what all uploads may take
    |   +-- StoreFull             over what the records of one client, or of all, may take
    |   +-- FileRejected          a file could not be written into the box
    |   +-- CommandRejected       a command could not be started in the box
    |   +-- SandboxNotFound       the client has no sandbox of this id
    |   +-- SandboxEnded          it had one
    |   +-- TooManySandboxes      it has as many as it may have
    |   +-- SandboxBusy           as many commands run in it as can
    |   +-- TooManyCommands       as many of them go on after their request as can
    |   +-- CommandNotFound       it has no background command of this id
    |   +-- CommandEnded          it had one, and that has ended
    |   +-- SandboxFileNotFound   it has no file or folder of this path
    |   +-- CommandInterrupted    a command in a sandbox ended without a verdict
    |   +-- KernelNotFound        the sandbox has no kernel of this id
    |   +-- TooManyKernels        it has as many as it may have
    |   +-- KernelNotRunning      a kernel has died, or does not start
    |   +-- KernelBusy            it runs another cell, or does not read
    |   +-- KernelConnectionEnded it was shut down, or its reader was too slow
    |   +-- InvalidKernelMessage  bytes or fields are no message of Jupyter
    |   +-- ClientDisconnected    no connection is left for an answer
    +-- ServiceError              our fault: the text is for the operator's log
    |   +-- EngineUnavailable     the Docker engine does not answer
    |   +-- EngineError           the Docker engine answered with an error
    |   +-- BuildError            an image could not be built
    |   +-- EgressUnavailable     the egress proxy does not run
    |   +-- StorageError          the folder of uploads, or the store, can't be used
    |   +-- LimitsUnavailable     the Redis server that limits are counted in is away
    |   +-- NodeUnavailable       another node of the cluster does not answer
    |   +-- BoxError              a box failed before its verdict
    |       +-- BoxEnded
    |       +-- BoxUnresponsive
    |       +-- ResidueLeft       a reset could not make a box as new
    |       +-- ChannelEnded      one of the conversations with a box that lives on
    +-- Busy                      on neither side: no capacity
    |   +-- QueueFull             as much work waits as may
    |   +-- PackageArriving       a package of the cluster is not on this node yet
    +-- SessionEnded              control flow: leaves a session before its end

A program that fails raises nothing: that is a `Verdict` (`bitrun.model.result`).
`bitrun.api.http.errors` maps these classes to HTTP.
"""

from typing import Self

from bitrun.model.sandbox import EndReason


class RequestError(Exception):
    """The request can't be carried out; the text says what to change.

    `detail` says it with the value and what is possible, where a contract fixes the text.
    """

    def __init__(self, text: str, detail: str | None = None) -> None:
        super().__init__(text)
        self.detail = detail


class BodyTooLarge(RequestError):
    """The body is larger than a request may have."""

    def __init__(self, size: int | None, limit: int) -> None:
        sent = f"more than {limit} bytes" if size is None else f"{size} bytes"
        super().__init__(f"The request is too large: it has {sent}, and may have {limit}")


class TokenRequired(RequestError):
    """The call needs a token and has none, or an unknown one."""

    def __init__(self, *, is_given: bool = False) -> None:
        super().__init__(
            "The service knows no such token: it is mistyped, or no longer valid"
            if is_given
            else "A token is needed, as: Authorization: Bearer <token>"
        )


class PermissionDenied(RequestError):
    """The call needs the role `admin`, or without tokens the operator."""

    def __init__(self, *, has_tokens: bool = True) -> None:
        super().__init__(
            "Packages are changed with an admin's token, and this call has none"
            if has_tokens
            else "Without tokens packages are changed on the service's machine only, by bitrun "
            "packages, or with the address of the service as the header Origin"
        )


class EgressDenied(RequestError):
    """The client may not have a sandbox with a network."""

    def __init__(self) -> None:
        super().__init__(
            "A sandbox with a network needs a token that allows it: the operator creates one with "
            "bitrun tokens create NAME --egress"
        )


class MetricsNotAllowed(RequestError):
    """Metrics are closed to this client."""

    def __init__(self) -> None:
        super().__init__(
            "Metrics are read on the machine itself, where there are API tokens with one of them, "
            "or with BITRUN_METRICS=open by everyone"
        )


class HostNotAllowed(RequestError):
    """Without tokens, a request names another host than this machine, as by DNS rebinding."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The service has no API token and so answers to loopback names only, not to {host}"
        )


class CrossOriginRequest(RequestError):
    """A browser sends the request for a page of another site."""

    def __init__(self) -> None:
        super().__init__("Pages of other sites may not use this")


class ClientUnidentified(RequestError):
    """Things of this kind belong to one client, and this one can't be identified."""

    def __init__(self, things: str) -> None:
        super().__init__(
            f"{things} belong to one client, and this one can't be identified: the operator"
            " configures tokens, or the address of the proxy in BITRUN_TRUSTED_PROXIES"
        )


class TooManyRequests(RequestError):
    """The client is over its rate limit or concurrency limit; it may retry after `seconds`."""

    def __init__(self, seconds: int, detail: str | None = None) -> None:
        super().__init__("Too many requests", detail)
        self.seconds = seconds

    @classmethod
    def at_once(cls, limit: int) -> Self:
        """Return the error of a client that has as many active requests as it may have."""
        runs = "1 run" if limit == 1 else f"{limit} runs"
        return cls(1, f"A client may have {runs} at once: try again when one has ended")


class PackageNotFound(RequestError):
    """The catalogue has no such package."""

    def __init__(self, name: str, version: str, detail: str | None = None) -> None:
        super().__init__(f"Requested package {name}-{version} does not exist", detail)


class PackageNotInstalled(RequestError):
    """The catalogue has the package, but its image is not on the engine."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"Package is not installed: {package}. "
            f"The operator installs it with: make install PACKAGES={package}"
        )
        self.package = package


class AlreadyInstalled(RequestError):
    """The package is installed, and stays so."""

    def __init__(self) -> None:
        super().__init__("Already installed")


class UploadNotFound(RequestError):
    """The client has no upload of that id; it may have expired."""

    def __init__(self, upload_id: str, name: str = "") -> None:
        named = f" of {name}" if name else ""
        super().__init__(f"There is no upload {upload_id}{named}: send it again if it has expired")


class UploadTooLarge(RequestError):
    """An upload does not fit into `limit` bytes, for itself or for all of its client."""

    def __init__(self, limit: int, *, of_client: bool = False) -> None:
        super().__init__(
            f"Your uploads may take {limit} bytes together: delete one, or wait until one expires"
            if of_client
            else f"An upload may have {limit} bytes at most"
        )


class UploadsFull(RequestError):
    """The uploads of all clients would take more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The service keeps uploads of {limit} bytes, and has no room for this one now."
            " Try again later"
        )


class StoreFull(RequestError):
    """The records of one client, or of all, would take more than `limit` bytes."""

    def __init__(self, limit: int, *, of_client: bool = False) -> None:
        super().__init__(
            f"What the service keeps for you may take {limit} bytes together: delete something, or"
            " wait until it expires"
            if of_client
            else f"The service keeps {limit} bytes for all clients, and has no room for this now."
            " Try again later"
        )


class FileRejected(RequestError):
    """A file of the job could not be written into the box."""


class CommandRejected(RequestError):
    """A command of the job could not be started in the box.

    The cause is in the request, such as a `PATH` without the command, or in the package.
    """


class ClientDisconnected(RequestError):
    """The client hung up before its answer."""

    def __init__(self) -> None:
        super().__init__("The client has hung up")


class SandboxNotFound(RequestError):
    """The client has no sandbox of this id."""

    def __init__(self) -> None:
        super().__init__("There is no such sandbox")


class SandboxEnded(RequestError):
    """The sandbox has ended; the text says why."""

    def __init__(self, reason: EndReason) -> None:
        super().__init__(f"The sandbox has ended: {reason.sentence}")
        self.reason = reason


class TooManySandboxes(RequestError):
    """The client has as many sandboxes as it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} sandboxes of one client are possible: delete one first")


class SandboxBusy(RequestError):
    """As many commands run in a sandbox as can at once."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} commands can run in a sandbox at once: wait for one")


class TooManyCommands(RequestError):
    """A sandbox has as many background commands and terminals as it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"At most {limit} background commands and terminals of a sandbox are possible at once:"
            " end one first"
        )


class CommandNotFound(RequestError):
    """The sandbox has no background command of this id, or has forgotten it after its end."""

    def __init__(self) -> None:
        super().__init__("There is no such command in the sandbox")


class CommandEnded(RequestError):
    """A background command has ended, and takes neither stdin nor signals."""

    def __init__(self) -> None:
        super().__init__("The command has ended")


class SandboxFileNotFound(RequestError):
    """The sandbox has no file or folder of this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no file or folder {path} in the sandbox")


class CommandInterrupted(RequestError):
    """A command in a sandbox ended without a verdict, as when a program has killed its helper."""

    def __init__(self, text: str) -> None:
        super().__init__(f"The command was interrupted; the sandbox lives on. {text}")


class KernelNotFound(RequestError):
    """The sandbox has no kernel of this id."""

    def __init__(self) -> None:
        super().__init__("There is no such kernel in the sandbox")


class TooManyKernels(RequestError):
    """The sandbox has as many kernels as it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} kernels of a sandbox are possible: shut one down first")


class KernelNotRunning(RequestError):
    """A kernel has died, or does not start; the text says why."""


class KernelBusy(RequestError):
    """A kernel runs another cell, or does not read what was sent to it."""


class KernelConnectionEnded(RequestError):
    """A connection to a kernel has ended: that was shut down, or this reader was too slow."""


class InvalidKernelMessage(RequestError):
    """Bytes or fields are no message of Jupyter."""


class ServiceError(Exception):
    """The service, or something it depends on, failed; no client can fix it."""


class EngineUnavailable(ServiceError):
    """The Docker engine does not answer."""


class EngineError(ServiceError):
    """The Docker engine answered with an error."""


class BuildError(ServiceError):
    """An image could not be built; the text ends with the last lines of the build."""


class EgressUnavailable(ServiceError):
    """The egress proxy does not run, so a box could reach nothing."""


class StorageError(ServiceError):
    """What clients leave here can't be stored: a folder is full, or the store does not answer."""


class LimitsUnavailable(ServiceError):
    """Limits of clients can't be counted, and nothing is admitted without them."""

    def __init__(self) -> None:
        super().__init__("No request is admitted: Redis is away, and BITRUN_REDIS_AWAY is refuse")


class NodeUnavailable(ServiceError):
    """The node of a sandbox does not answer, but is not known to be lost."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The node of a sandbox does not answer: {reason}")


class BoxError(ServiceError):
    """A box failed before its verdict."""


class BoxEnded(BoxError):
    """A box ended before its verdict, for any reason; its exit code, as far as it is known."""

    def __init__(self, exit_code: int | None = None) -> None:
        code = "" if exit_code is None else f": exit code {exit_code}"
        super().__init__(f"The box ended before its verdict{code}")


class ResidueLeft(BoxError):
    """A reset could not make a box as new. `reason` is one word of `docs/protocol.md`."""

    def __init__(self, text: str) -> None:
        super().__init__(f"The box is not as new: {text}")
        self.reason = text.partition(":")[0]


class BoxUnresponsive(BoxError):
    """A box is silent long after the time limit of its stage: it or its engine hangs."""

    def __init__(self) -> None:
        super().__init__("The supervisor does not respond")


class ChannelEnded(BoxError):
    """What served a channel of a box has ended without a word, as when a program has killed it."""

    def __init__(self) -> None:
        super().__init__("A channel of the box ended before its verdict")


class Busy(Exception):
    """All places are taken, and the queue is full or too slow."""


class QueueFull(Busy):
    """As much work waits as may, of one client or of all."""


class PackageArriving(Busy):
    """A package that the cluster has is not on this node yet, or could not be had."""

    def __init__(self, package: str, *, has_failed: bool = False) -> None:
        super().__init__(
            f"The package {package} could not be pulled to this node; the service's log says more"
            if has_failed
            else f"The package {package} is being pulled to this node. Try again in a moment"
        )


class SessionEnded(Exception):
    """The caller leaves a session, whether its program has ended or not."""
