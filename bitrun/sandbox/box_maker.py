"""Creates boxes. All options, permissions and limits of their containers are set here."""

import contextlib
import itertools
import secrets
from collections.abc import Callable
from typing import Any

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.labels import INSTANCE, REQUEST, ROLE
from bitrun.model.errors import ServiceError
from bitrun.model.job import BoxLimits
from bitrun.sandbox import seccomp
from bitrun.sandbox.box import SUPERVISOR_PROCESSES, Box
from bitrun.sandbox.cleanup.box_registry import BoxRegistry
from bitrun.sandbox.cpu_priority import CpuPriority
from bitrun.sandbox.egress.passage import FOLDER, VOLUME, Passage
from bitrun.sandbox.egress.proxy import EgressProxy
from bitrun.sandbox.supervisor import SUPERVISOR
from bitrun.sandbox.supervisor.attached_stream import AttachedStream
from bitrun.telemetry import request_context

# Fits into the 65536 ids of a user namespace, and avoids the ids of users that images have.
_FIRST_UID, _UIDS = 20000, 40000

# With the default period of 100 ms a program on two processors could use up its quota in 50 ms, and
# the supervisor, which is in the same cgroup, would be stopped for the other 50.
_CPU_PERIOD_US = 10_000

# Root's, so that programs can't write there. The supervisor fills it (images/supervisor/etc.h): an
# inode for each entry of the image's /etc, and pages for five files. Without times of access, which
# would tell the next program in the box what this one has used.
_ETC = "rw,noexec,nosuid,nodev,noatime,mode=0755,size=1m,nr_inodes=4096"

# The largest buffers of a TCP socket, in bytes. On cgroup v1 they are not charged, and the
# supervisor has to bound their sum (images/supervisor/sockets.h). Loopback is as fast as with the
# kernel's default of 6 and 4 MB. With less for sending than for receiving, each segment may wait
# 40 ms for its acknowledgement: 2 MB/s.
_TCP_BUFFER = 131_072

# The kernel hands out quota to processors in slices. Without a reserve, a program that uses exactly
# its quota is stopped now and then for a slice that the supervisor's processor still has.
_CPU_HEADROOM = 0.2

# Bytes of a core dump. With 0 the kernel still starts the program of the host's core_pattern, if it
# is a pipe, outside the box and as root. With exactly 1 it does not, and a file of one byte, less
# than a header, is not written. `seccomp` keeps programs from lowering it.
_CORE = 1

# Not the size of the work directory, which is what its file system gives anyway: the limit would
# also count for files without a name (memfd), which are memory.
_UNLIMITED = -1


class BoxMaker:
    """Creates boxes and registers them. Threads may share it.

    `on_removed` is called with the seconds from a box's release to its removal by the engine.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        on_removed: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.instance = secrets.token_hex(8)
        self.registry = BoxRegistry(self.instance, on_removed)
        self.egress = EgressProxy(
            engine, self.instance, settings.allow_list, settings.build_ca_bundle
        )
        self._cpu_priority = CpuPriority(engine)
        self._engine = engine
        self._settings = settings
        self._profiles = {i386: seccomp.profile(i386=i386) for i386 in (False, True)}
        # Two services on one engine should not start at the same uid.
        self._uids = itertools.count(secrets.randbelow(_UIDS))

    def make(self, image: str, limits: BoxLimits) -> Box:
        """Create, attach and start a container.

        Raises:
            NotOnEngine: the image is not there.
            EngineUnavailable, EngineError: the engine failed. Nothing is left behind.
            EgressUnavailable: the box is to reach hosts, and the proxy does not run.
        """
        uid = _FIRST_UID + next(self._uids) % _UIDS
        if not limits.network:
            return self._make(image, limits, uid, None)
        passage = self.egress.admit(uid, limits.network)
        try:
            return self._make(image, limits, uid, passage)
        except BaseException:
            self.egress.withdraw(passage)
            raise

    def _make(self, image: str, limits: BoxLimits, uid: int, passage: Passage | None) -> Box:
        container = self._engine.create_container(
            image,
            [SUPERVISOR, str(uid), limits.workdir, *(["ptys"] if limits.ptys else [])],
            self._host_options(uid, limits),
            hostname="box",
            user="0:0",
            working_dir="/",
            # For NetworkMode `none` the engine runs a hook in every container, which takes half of
            # the time of its creation. With the network disabled it leaves the namespace to runc,
            # which creates one that contains only loopback.
            network_disabled=True,
            labels=self._labels(),
        )
        self.registry.add(container)
        stream = None
        try:
            stream = AttachedStream(self._engine.attach_container(container))
            self._engine.start_container(container)
            return Box(
                self._engine,
                self.registry,
                self._cpu_priority,
                container,
                stream,
                memory=limits.memory,
                processes=limits.processes,
                egress=None if passage is None else (self.egress, passage),
            )
        except BaseException:
            if stream is not None:
                stream.close()
            # A container that was never started is not removed automatically.
            with contextlib.suppress(ServiceError):
                self._engine.remove_container(container)
            raise

    def _labels(self) -> dict[str, str]:
        labels = {ROLE: "box", INSTANCE: self.instance}
        # A box of the pool is created before its request, and a container's labels can't be
        # changed: the request's line in the log names its box.
        if (request_id := request_context.request_id()) is not None:
            labels[REQUEST] = request_id
        return labels

    def _host_options(self, uid: int, limits: BoxLimits) -> dict[str, Any]:
        settings = self._settings
        size = f"size={settings.workdir_size},nr_inodes={settings.workdir_inodes}"
        # `exec` for compiled programs; without uid and mode only root could use it.
        tmpfs = f"rw,exec,nosuid,nodev,uid={uid},gid={uid},mode=0700,{size}"
        # In place of the engine's, whose number of files is bounded by the host's memory only.
        shm = f"rw,noexec,nosuid,nodev,mode=1777,{size}"
        mounts = {limits.workdir: tmpfs, "/tmp": tmpfs, "/dev/shm": shm, "/etc": _ETC}  # noqa: S108
        return {
            "runtime": settings.runtime,
            "auto_remove": True,
            "read_only": True,
            "tmpfs": mounts,
            # Also of those that reach hosts: through a socket in this folder.
            "network_mode": "none",  # see also network_disabled
            "binds": {VOLUME: {"bind": FOLDER, "mode": "ro"}} if limits.network else {},
            "ipc_mode": "private",
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID", "KILL"],
            "security_opt": ["no-new-privileges", f"seccomp={self._profiles[limits.i386]}"],
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "pids_limit": limits.processes + SUPERVISOR_PROCESSES,
            "cpu_period": _CPU_PERIOD_US,
            "cpu_quota": round((settings.cpus + _CPU_HEADROOM) * _CPU_PERIOD_US),
            "ulimits": [
                _ulimit("nofile", limits.open_files),
                _ulimit("fsize", _UNLIMITED if limits.file_size is None else limits.file_size),
                _ulimit("core", _CORE),
            ],
            "sysctls": {
                f"net.ipv4.tcp_{kind}mem": f"4096 {_TCP_BUFFER} {_TCP_BUFFER}" for kind in "rw"
            },
            "log_config": {"Type": "none"},
        }


def _ulimit(name: str, value: int) -> dict[str, object]:
    return {"Name": name, "Soft": value, "Hard": value}
