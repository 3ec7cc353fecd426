"""Checks of the Docker engine, by the information that it reports."""

from collections.abc import Iterator

from bitrun.doctor.findings import Finding, failed, passed, warning
from bitrun.engine.engine import Engine
from bitrun.engine.info import EngineInfo

_MIN_VERSION = (20, 10)
_COPYING_DRIVERS = ("vfs",)  # storage drivers that copy a whole image for each container


def check(engine: Engine) -> Iterator[Finding]:
    """Check the engine.

    Raises:
        EngineUnavailable, EngineError: it does not answer.
    """
    info = engine.info()
    yield _version(info)
    yield _storage(info)
    yield _cgroups(info)
    yield _swap(info)
    yield _seccomp(info)


def _version(info: EngineInfo) -> Finding:
    detail = f"{info.version}, on {info.system}, kernel {info.kernel}"
    numbers = tuple(int(part) for part in info.version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < _MIN_VERSION:
        return failed("engine", detail, "The service needs Docker 20.10 or newer: upgrade it.")
    return passed("engine", detail)


def _storage(info: EngineInfo) -> Finding:
    if info.storage in _COPYING_DRIVERS:
        return warning(
            "storage",
            f"driver {info.storage}, which copies the whole image for every container",
            "Use overlay2, if the file system of the engine's data folder supports it.",
        )
    return passed("storage", f"driver {info.storage}")


def _cgroups(info: EngineInfo) -> Finding:
    detail = f"version {info.cgroup_version}, driver {info.cgroup_driver}"
    missing = [name for name, there in info.supported_limits.items() if not there]
    if missing:
        return failed(
            "cgroups",
            f"{detail}, without limits for {', '.join(missing)}",
            "Give the engine these controllers: with cgroup v1 the kernel's command line enables "
            "them (cgroup_enable=memory), for a rootless engine systemd delegates them (Delegate).",
        )
    limited = "memory, processes and processors can be limited"
    if info.cgroup_version == "1":
        limited += ", memory in sockets by the supervisor"
    return passed("cgroups", f"{detail}: {limited}")


def _swap(info: EngineInfo) -> Finding:
    if info.swap_limit:
        return passed("swap", "not available to programs")
    return warning(
        "swap",
        "can't be limited, so a program may use swap in addition to its memory",
        "Boot with swapaccount=1 on the kernel's command line, or turn swap off.",
    )


def _seccomp(info: EngineInfo) -> Finding:
    profile = info.seccomp
    if profile is None or profile == "unconfined":
        return failed(
            "seccomp",
            "the engine filters no system calls",
            "Use a kernel with CONFIG_SECCOMP_FILTER, and remove `seccomp-profile: unconfined` "
            "from the engine's configuration.",
        )
    return passed("seccomp", f"profile {profile}")
