"""Whose fault it is, decided where it is noticed.

A program's own failure is no exception: it is a `Verdict` (see `bitrun.model.jobs`). What is raised is
either the caller's fault, whose sentence is meant for the caller, or ours, whose sentence is meant
for the operator's log. `bitrun.api.http.errors` is the one place that turns them into HTTP.
"""


class CallerFault(Exception):
    """The request can't be carried out as it stands; the sentence says what to change."""


class PackageMissing(CallerFault):
    """The language is known, but its image is not installed on the engine."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"Package is not installed: {package}. "
            f"The operator installs it with: make install PACKAGES={package}"
        )
        self.package = package


class FileRefused(CallerFault):
    """A file of the job could not be written into the box."""


class OurFault(Exception):
    """The service or what it stands on has failed; no caller can mend it."""


class EngineUnavailable(OurFault):
    """The Docker engine does not answer."""


class EngineFault(OurFault):
    """The Docker engine answered, but did not do what was asked."""


class BoxFault(OurFault):
    """A box failed before its verdict."""


class BoxEnded(BoxFault):
    """A box ended before its verdict, for whatever reason."""

    def __init__(self) -> None:
        super().__init__("The box ended before its verdict")


class BoxSilent(BoxFault):
    """A box said nothing until long after its stage's time: it hangs, or its engine does."""

    def __init__(self) -> None:
        super().__init__("The supervisor says nothing")


class BuildFault(OurFault):
    """An image could not be built; the text ends with the build's last lines."""


class PackageUnknown(CallerFault):
    """The catalogue has no such package."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"Requested package {name}-{version} does not exist")


class AlreadyInstalled(CallerFault):
    """The package is installed, and stays so."""

    def __init__(self) -> None:
        super().__init__("Already installed")


class NotInstalled(CallerFault):
    """The package is known, but not installed."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"{name}-{version} is not installed")


class TokenRefused(CallerFault):
    """The call needs a token, and came with none or a wrong one."""

    def __init__(self) -> None:
        super().__init__("A valid token is needed, as: Authorization: Bearer <token>")


class RoleRefused(CallerFault):
    """The call needs an admin, and its caller is none."""

    def __init__(self) -> None:
        super().__init__("Packages are changed with an admin's token, and this call has none")


class TooManyRequests(CallerFault):
    """The client has had its share; in `seconds` it may try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many requests")
        self.seconds = seconds


class ForeignOrigin(CallerFault):
    """A browser asks on behalf of another site's page."""

    def __init__(self) -> None:
        super().__init__("Pages of other sites may not use this")


class CallerGone(CallerFault):
    """The client hung up; there is nobody left to answer."""

    def __init__(self) -> None:
        super().__init__("The client has hung up")


class MetricsClosed(CallerFault):
    """The metrics are asked for from where they are closed."""

    def __init__(self) -> None:
        super().__init__(
            "Metrics are read on the machine itself, where there are API tokens with one of them, "
            "or with BITRUN_METRICS=open by everyone"
        )


class SessionOver(Exception):
    """Who drove a box leaves it, whether its program is over or not."""


class Busy(Exception):
    """Nobody's fault: all places are taken, and the queue before them is full or too slow."""
