"""Calls about the engine itself: whether it answers, its version and its capabilities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bitrun.engine.calls import EngineCalls


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Version and capabilities of an engine and its machine.

    `id` is the engine's own, the same for all its clients. `memory` is in bytes.
    `supported_limits` maps each kind of limit to whether the engine can enforce it. `seccomp` is
    the default profile of containers, None if seccomp is not supported.
    """

    id: str
    version: str
    system: str
    kernel: str
    storage: str
    memory: int
    cgroup_version: str
    cgroup_driver: str
    supported_limits: Mapping[str, bool]
    swap_limit: bool
    seccomp: str | None


class InfoCalls(EngineCalls):
    """The part of `Engine` about the engine itself."""

    def ping(self) -> None:
        """Return when the engine answers.

        Raises:
            EngineUnavailable: it does not.
        """
        with self._call("ping"):
            self._client().ping()

    def info(self) -> EngineInfo:
        with self._call("info"):
            answer = self._client().info()
        return EngineInfo(
            id=answer["ID"],
            version=answer["ServerVersion"],
            system=answer["OperatingSystem"],
            kernel=answer["KernelVersion"],
            storage=answer["Driver"],
            memory=answer["MemTotal"],
            cgroup_version=answer.get("CgroupVersion", "1"),
            cgroup_driver=answer["CgroupDriver"],
            supported_limits={
                "memory": answer["MemoryLimit"],
                "processes": answer["PidsLimit"],
                "processors": answer["CpuCfsQuota"],
            },
            swap_limit=answer["SwapLimit"],
            seccomp=_seccomp_profile(answer["SecurityOptions"] or ()),
        )

    def architecture(self) -> str:
        """Return the architecture of the engine's machine, in Go's spelling (`amd64`)."""
        with self._call("architecture"):
            return str(self._client().version()["Arch"])


def _seccomp_profile(options: Iterable[str]) -> str | None:
    for option in options:
        values = dict(pair.partition("=")[::2] for pair in option.split(","))
        if values.get("name") == "seccomp":
            return values.get("profile", "default")
    return None
