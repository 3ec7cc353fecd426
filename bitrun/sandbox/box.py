"""A box: one container for one run, used once and thrown away."""

import contextlib
import contextvars
import itertools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.labels import INSTANCE, REQUEST, ROLE
from bitrun.model.errors import BoxEnded, EngineError, RequestError, ServiceError
from bitrun.model.job import BoxLimits, Stage
from bitrun.model.poll import READABLE, poll
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox import seccomp
from bitrun.sandbox.cleanup.box_registry import BoxRegistry
from bitrun.sandbox.cpu_priority import CpuPriority
from bitrun.sandbox.supervisor.attached_stream import AttachedStream
from bitrun.sandbox.supervisor.client import SupervisorClient
from bitrun.telemetry import request_context

SUPERVISOR = "/bitrun/supervisor"
WORKDIR = "/box"
NETWORK = "bitrun"  # of those boxes that may reach the world

# Fits into the 65536 ids of a user namespace, and stays clear of any user an image has.
_FIRST_UID, _UIDS = 20000, 40000

# The default period of 100 ms would let a program on two processors use up its share in 50 and
# hold up the supervisor, which is in the same cgroup, for the other 50.
_CPU_PERIOD_US = 10_000

# Quota is handed out to processors in slices. Without some to spare, a program that keeps just its
# share busy is stopped now and then for a slice that the supervisor's processor still holds.
_CPU_HEADROOM = 0.2

# Until the engine has removed a container that has ended, which it does at once.
_REMOVAL_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Box:
    """A started container whose supervisor waits for its first frame.

    As a context manager it leaves itself to `on_leave`, which discards it now or soon.
    """

    def __init__(
        self,
        engine: Engine,
        churn: BoxRegistry,
        precedence: CpuPriority,
        container: str,
        attachment: AttachedStream,
        *,
        memory: int,
    ) -> None:
        self.container = container
        self.made_at = self._started_at = time.monotonic()
        self.on_leave: Callable[[Box], None] = Box.discard
        self.origin = "fresh"  # see PoolStats.given
        self._memory = memory
        self._engine = engine
        self._churn = churn
        self._precedence = precedence
        self._attachment = attachment
        self.supervisor = SupervisorClient(attachment)

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        """Start a stage; see `SupervisorClient.start`.

        Raises:
            RequestError: the stage's memory limit is below what the box already holds.
        """
        self._limit_memory(stage.limits.memory)
        self._precedence.begin(self.container)
        self._started_at = time.monotonic()
        self.supervisor.start(stage, interactive=interactive)

    def judge_its_end(self) -> Verdict:
        """Say what became of the stage of a box that has ended by itself.

        Where no process is large, since all memory is in files, and where a program has lowered its
        own score again, the kernel may pick the supervisor when memory runs out. Nobody is left to
        tell the CPU time then, which is said to be 0.

        Raises:
            BoxEnded: it was not for want of memory.
        """
        ended_at = time.monotonic()
        if not self._engine.ran_out_of_memory(self.container, _REMOVAL_SECONDS):
            raise BoxEnded
        return Verdict(
            outcome=Outcome.MEMORY,
            code=None,
            signal="SIGKILL",
            oom_killed=True,
            wall_ms=(ended_at - self._started_at) * 1000,
            cpu_ms=0,
            memory=self._memory,
        )

    def is_waiting(self) -> bool:
        """Whether its supervisor still waits for a first frame: then it has nothing to say."""
        return not poll({self._attachment: READABLE}, 0)

    def fileno(self) -> int:
        """Return the descriptor that is readable when `SupervisorClient.receive` has something."""
        return self._attachment.fileno()

    def _limit_memory(self, memory: int) -> None:
        if memory == self._memory:
            return
        try:
            self._engine.set_memory_limit(self.container, memory)
        except NotOnEngine as fault:
            raise BoxEnded from fault
        except EngineError as fault:
            # Files in the work directory are memory, and they stay.
            raise RequestError(f"A memory limit of {memory} bytes is too small here") from fault
        self._memory = memory

    def discard(self) -> None:
        """End it. Leaving is enough: the supervisor exits and the engine removes the container."""
        self._attachment.close()
        self._precedence.end(self.container)
        self._churn.left(self.container)

    def destroy(self) -> None:
        """End it by force, for a box that may no longer notice that it was left.

        In a thread of its own: an engine in trouble shall not hold the answer up.
        """
        self.discard()
        context = contextvars.copy_context()  # its line in the log names the request, too
        threading.Thread(target=context.run, args=(self._remove,), daemon=True).start()

    def _remove(self) -> None:
        try:
            self._engine.remove_container(self.container)
        except ServiceError as fault:
            _log.warning("Box %s could not be removed: %s", self.container[:12], fault)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if isinstance(error, ServiceError):
            self.destroy()
        self.on_leave(self)


class BoxMaker:
    """Makes boxes: what every container of ours is allowed, in one place.

    `gone` is told how many seconds each took from being left to being removed.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        gone: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.instance = secrets.token_hex(8)
        self.churn = BoxRegistry(self.instance, gone)
        self._precedence = CpuPriority(engine)
        self._engine = engine
        self._settings = settings
        self._profiles = {i386: seccomp.profile(i386=i386) for i386 in (False, True)}
        # Two services on one engine should not start at the same uid.
        self._uids = itertools.count(secrets.randbelow(_UIDS))

    def make(self, image: str, limits: BoxLimits) -> Box:
        """Create, attach and start a container.

        Raises:
            NotOnEngine: the image is not there.
            EngineUnavailable, EngineError: the engine failed; nothing is left behind.
        """
        if limits.network:
            self._engine.ensure_network(NETWORK, {ROLE: "network"})
        uid = _FIRST_UID + next(self._uids) % _UIDS
        container = self._engine.create_container(
            image,
            [SUPERVISOR, str(uid), WORKDIR],
            self._host(uid, limits),
            hostname="box",
            user="0:0",
            working_dir="/",
            # The engine's own way to an unconnected namespace runs a hook in every container, at
            # half of the container's whole cost. Told that there is no network, it leaves the
            # namespace to runc, which makes a new one with nothing but loopback in it.
            network_disabled=not limits.network,
            labels=self._labels(),
        )
        self.churn.made(container)
        attachment = None
        try:
            attachment = AttachedStream(self._engine.attach_container(container))
            self._engine.start_container(container)
            return Box(
                self._engine,
                self.churn,
                self._precedence,
                container,
                attachment,
                memory=limits.memory,
            )
        except BaseException:
            if attachment is not None:
                attachment.close()
            # Never started, it would not be removed by itself.
            with contextlib.suppress(ServiceError):
                self._engine.remove_container(container)
            raise

    def _labels(self) -> dict[str, str]:
        labels = {ROLE: "box", INSTANCE: self.instance}
        # A box made ahead belongs to no request yet, and a container's labels can't be changed:
        # which box such a request got is told by its line in the log.
        if (request_id := request_context.request_id()) is not None:
            labels[REQUEST] = request_id
        return labels

    def _host(self, uid: int, limits: BoxLimits) -> dict[str, Any]:
        settings = self._settings
        tmpfs = (
            # Without `exec` no compiled program would run; without uid and mode it would be root's.
            f"rw,exec,nosuid,nodev,uid={uid},gid={uid},mode=0700,"
            f"size={settings.workdir_size},nr_inodes={settings.workdir_inodes}"
        )
        return {
            "runtime": settings.runtime,
            "auto_remove": True,
            "read_only": True,
            "tmpfs": {WORKDIR: tmpfs, "/tmp": tmpfs},  # noqa: S108  the container's own
            "network_mode": NETWORK if limits.network else "none",  # see also network_disabled
            "ipc_mode": "private",
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID", "KILL"],
            "security_opt": ["no-new-privileges", f"seccomp={self._profiles[limits.i386]}"],
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "pids_limit": limits.processes + 1,  # the supervisor is one
            "cpu_period": _CPU_PERIOD_US,
            "cpu_quota": round((settings.cpus + _CPU_HEADROOM) * _CPU_PERIOD_US),
            "ulimits": [
                _ulimit("nofile", limits.open_files),
                _ulimit("fsize", limits.file_size),
                _ulimit("core", 0),
            ],
            "log_config": {"Type": "none"},
        }


def _ulimit(name: str, value: int) -> dict[str, object]:
    return {"Name": name, "Soft": value, "Hard": value}
