"""All sandboxes of a process: who has which, how many there may be, and when they end."""

import dataclasses
import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bitrun.access.at_once import ClientLimit, ConcurrencyLimit
from bitrun.config.settings import Settings
from bitrun.engine.errors import NotOnEngine
from bitrun.execution.limits import language_limits
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.execution.sandboxes.warm import WarmSandboxes
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import (
    Busy,
    PackageNotInstalled,
    RequestError,
    SandboxEnded,
    SandboxNotFound,
    TooManyRequests,
    TooManySandboxes,
)
from bitrun.model.run_record import OnFinished
from bitrun.model.sandbox import EndReason
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.pool import Pool

_MAX_ENDED = 1000  # of which it is known why they have ended
_ID_BYTES = 24  # random: nobody guesses one
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class SandboxStats:
    """Existing sandboxes, their places, their memory in bytes, and the ended ones by reason.

    `warm` is how many are nobody's yet, and have a kernel.
    """

    existing: int
    places: int
    memory: int
    ended: Mapping[str, int]
    warm: int


class Sandboxes:
    """The sandboxes of one process. Threads share it."""

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        on_finished: OnFinished,
        node: str = "",
        of_client: ClientLimit | None = None,
    ) -> None:
        """Keep them in boxes of the pool; their ids end with the name of this `node`, if any.

        `of_client` counts those of each client, by default in this process alone.
        """
        self._node = node
        self._of_client = of_client or ConcurrencyLimit(settings.max_sandboxes_per_client)
        self._pool = pool
        self._settings = settings
        self._on_finished = on_finished
        self._living: dict[str, Sandbox] = {}
        # Of the living ones, by id; a place is taken before its sandbox is created.
        self._places: dict[str, ExitStack] = {}
        self._reserved = 0
        self._memory = 0
        self._ended: OrderedDict[str, tuple[str | None, EndReason]] = OrderedDict()
        self._ends: Counter[str] = Counter(dict.fromkeys(EndReason, 0))
        self._warm: WarmSandboxes | None = None
        self._lock = threading.Lock()
        # A command may take minutes, and each has one of the threads that answer requests: half of
        # them are for runs.
        self._commands = threading.BoundedSemaphore(max(1, settings.threads // 2))

    def start(self, runtimes: Callable[[], Sequence[Runtime]]) -> None:
        """Start to keep kernels of installed packages ahead, as far as the settings want them."""
        if self.why_none() is None:
            self._warm = WarmSandboxes(self._settings, runtimes, self._make_for_nobody)
            self._warm.start()

    def create(
        self, owner: str | None, plan: SandboxPlan, connection: ClientConnection | None
    ) -> Sandbox:
        """Create a sandbox.

        Raises:
            RequestError: this service has none.
            TooManySandboxes: the client has as many as it may have.
            Busy: all clients together have.
            LimitsUnavailable: they can't be counted, see `SharedRedis.count`.
            PackageNotInstalled, ServiceError, ClientDisconnected: as `Runner.run`.
        """
        with self._reserve(owner, plan.limits.memory) as place:
            sandbox = self._take_warm(owner, plan) or self._make(owner, plan, connection)
            kept = place.pop_all()
        with self._lock:
            self._living[sandbox.id] = sandbox
            self._places[sandbox.id] = kept
        if sandbox.reason is not None:  # it has ended before it could be found here
            self._forget(sandbox)
        return sandbox

    @contextmanager
    def creation(
        self, owner: str | None, plan: SandboxPlan, connection: ClientConnection | None
    ) -> Iterator[Sandbox]:
        """Create a sandbox, which stays if the block succeeds and its client has not hung up.

        Raises:
            ClientDisconnected: it has.
            As `create`.
        """
        sandbox = self.create(owner, plan, connection)
        try:
            yield sandbox
            if connection is not None:
                connection.check()  # nobody would know of the sandbox
        except BaseException:
            self.delete(owner, sandbox.id)
            raise

    def find(self, owner: str | None, sandbox_id: str) -> Sandbox:
        """Return a client's sandbox.

        Raises:
            SandboxNotFound: it has none of this id.
            SandboxEnded: it had.
        """
        self.end_expired()
        with self._lock:
            sandbox = self._living.get(sandbox_id)
            ended_owner, reason = self._ended.get(sandbox_id, (None, None))
        if sandbox is not None and sandbox.owner == owner:
            return sandbox
        if sandbox is None and reason is not None and ended_owner == owner:
            raise SandboxEnded(reason)
        raise SandboxNotFound

    def of(self, owner: str | None) -> list[Sandbox]:
        """List a client's sandboxes, the oldest first; none if it can't be identified."""
        self.end_expired()
        with self._lock:
            return (
                []
                if owner is None
                else [each for each in self._living.values() if each.owner == owner]
            )

    def delete(self, owner: str | None, sandbox_id: str) -> None:
        """End a client's sandbox; raises as `find` does."""
        self._end(self.find(owner, sandbox_id), EndReason.DELETED)

    @contextmanager
    def command(self) -> Iterator[None]:
        """Hold a place for a command in any sandbox while the block runs.

        Raises:
            Busy: none is free.
        """
        if not self._commands.acquire(blocking=False):
            raise Busy
        try:
            yield
        finally:
            self._commands.release()

    def end_expired(self) -> None:
        """End those that were idle or lived for too long; forget those whose box has ended."""
        with self._lock:
            living = list(self._living.values())
        for sandbox in living:
            if sandbox.reason is not None:
                self._forget(sandbox)
            elif sandbox.age() > self._settings.sandbox_lifetime * _MINUTE:
                self._end(sandbox, EndReason.LIFETIME)
            elif sandbox.idle_for() > sandbox.limits.idle:
                self._end(sandbox, EndReason.IDLE)

    def begin_stop(self) -> None:
        """End the terminals, which may last for hours; other commands have their time."""
        with self._lock:
            living = list(self._living.values())
        for sandbox in living:
            sandbox.end_terminals()

    def close(self) -> None:
        """End all."""
        with self._lock:
            living = list(self._living.values())
        for sandbox in living:
            self._end(sandbox, EndReason.STOPPED)
        if self._warm is not None:
            self._warm.close()

    def why_none(self) -> str | None:
        """Explain why this service has no sandboxes; None if it has."""
        settings = self._settings
        if settings.max_sandboxes == 0:
            return "This service has no sandboxes: its BITRUN_MAX_SANDBOXES is 0"
        if settings.workers > 1:
            return (
                "This service has no sandboxes: they live in one process, "
                f"and its BITRUN_WORKERS is {settings.workers}"
            )
        return None

    def stats(self) -> SandboxStats:
        with self._lock:
            return SandboxStats(
                existing=len(self._living),
                places=self._settings.max_sandboxes,
                memory=self._memory,
                ended=dict(self._ends),
                warm=0 if self._warm is None else len(self._warm),
            )

    def _reserve(self, owner: str | None, memory: int) -> ExitStack:
        """Take the place of a sandbox, which is given back where this is closed."""
        settings = self._settings
        if (reason := self.why_none()) is not None:
            raise RequestError(reason)
        self.end_expired()
        with ExitStack() as place:
            try:
                place.enter_context(self._of_client.acquire(owner or ""))
            except TooManyRequests as error:
                raise TooManySandboxes(settings.max_sandboxes_per_client) from error
            with self._lock:
                if (
                    self._reserved >= settings.max_sandboxes
                    or self._memory + memory > settings.sandbox_memory
                ):
                    raise Busy
                self._reserved += 1
                self._memory += memory
            place.callback(self._give_back, memory)
            return place.pop_all()

    def _give_back(self, memory: int) -> None:
        with self._lock:
            self._memory -= memory
            self._reserved -= 1

    def _take_warm(self, owner: str | None, plan: SandboxPlan) -> Sandbox | None:
        sandbox = None if self._warm is None else self._warm.take(plan)
        if sandbox is not None:
            sandbox.adopt(owner, plan)
        return sandbox

    def _make_for_nobody(self, plan: SandboxPlan) -> Sandbox:
        return self._make(None, plan, None)

    def _make(
        self, owner: str | None, plan: SandboxPlan, connection: ClientConnection | None
    ) -> Sandbox:
        runtime = plan.runtime
        limits = language_limits(runtime.language, self._settings).box
        # What it names, also if the catalogue gives the language's programs more.
        hosts = self._settings.allow_list.select(plan.allowed_domains)
        spec = BoxSpec(runtime.image, dataclasses.replace(limits, network=hosts))
        try:
            box = self._pool.take(spec, connection=connection)
        except NotOnEngine as error:
            raise PackageNotInstalled(runtime.package.id) from error
        self._pool.give_away(box)
        try:
            sandbox_id = f"sbx_{secrets.token_urlsafe(_ID_BYTES)}"
            if self._node:
                sandbox_id += f".{self._node}"
            return Sandbox(
                sandbox_id,
                owner,
                plan,
                box,
                settings=self._settings,
                on_finished=self._on_finished,
            )
        except BaseException:
            box.destroy()
            raise

    def _end(self, sandbox: Sandbox, reason: EndReason) -> None:
        sandbox.end(reason)
        self._forget(sandbox)

    def _forget(self, sandbox: Sandbox) -> None:
        with self._lock:
            if self._living.pop(sandbox.id, None) is None:
                return
            reason = sandbox.reason or EndReason.FAILED
            self._ends[reason] += 1
            self._ended[sandbox.id] = (sandbox.owner, reason)
            while len(self._ended) > _MAX_ENDED:
                self._ended.popitem(last=False)
            place = self._places.pop(sandbox.id)
        place.close()
