"""The engine, by what it says of itself."""

from collections.abc import Iterator

from bitrun.doctor.findings import Finding, good, note, wrong
from bitrun.engine.engine import Engine
from bitrun.engine.info import EngineInfo

_OLDEST = (20, 10)
_SHARE_FILES = ("vfs",)  # storage drivers that copy a whole image for each container


def examine(engine: Engine) -> Iterator[Finding]:
    """Look at the engine.

    Raises:
        EngineUnavailable, EngineError: it can't be asked.
    """
    facts = engine.info()
    yield _version(facts)
    yield _storage(facts)
    yield _cgroups(facts)
    yield _swap(facts)
    yield _seccomp(facts)


def _version(facts: EngineInfo) -> Finding:
    told = f"{facts.version}, on {facts.system}, kernel {facts.kernel}"
    numbers = tuple(int(part) for part in facts.version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < _OLDEST:
        return wrong("engine", told, "The service needs Docker 20.10 or newer: upgrade it.")
    return good("engine", told)


def _storage(facts: EngineInfo) -> Finding:
    if facts.storage in _SHARE_FILES:
        return note(
            "storage",
            f"driver {facts.storage}, which copies the whole image for every container",
            "Use overlay2, if the file system below the engine's data folder lets you.",
        )
    return good("storage", f"driver {facts.storage}")


def _cgroups(facts: EngineInfo) -> Finding:
    told = f"version {facts.cgroup_version}, driver {facts.cgroup_driver}"
    missing = [name for name, there in facts.supported_limits.items() if not there]
    if missing:
        return wrong(
            "cgroups",
            f"{told}, without limits for {', '.join(missing)}",
            "Give the engine these controllers: with cgroup v1 the kernel's command line enables "
            "them (cgroup_enable=memory), for a rootless engine systemd delegates them (Delegate).",
        )
    return good("cgroups", f"{told}: memory, processes and processors can be limited")


def _swap(facts: EngineInfo) -> Finding:
    if facts.swap_limit:
        return good("swap", "kept away from programs")
    return note(
        "swap",
        "can't be limited, so that a program may use some beside its memory",
        "Boot with swapaccount=1 on the kernel's command line, or turn swap off.",
    )


def _seccomp(facts: EngineInfo) -> Finding:
    profile = facts.seccomp
    if profile is None or profile == "unconfined":
        return wrong(
            "seccomp",
            "the engine filters no system calls",
            "Use a kernel with CONFIG_SECCOMP_FILTER, and take `seccomp-profile: unconfined` out "
            "of the engine's configuration.",
        )
    return good("seccomp", f"profile {profile}")
