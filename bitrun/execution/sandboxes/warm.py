"""Sandboxes whose kernel is started ahead: a first cell need not wait for it."""

import dataclasses
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bitrun.config.settings import Settings
from bitrun.execution.kernels.cell import warm_up
from bitrun.execution.limits import sandbox_limits
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.model.errors import RequestError, ServiceError
from bitrun.model.sandbox import EndReason
from bitrun.packages.runtimes import Runtime

_CHECK_SECONDS = 5.0  # between looks for what has ended, or whose image was replaced
_RETRY_SECONDS = 30.0  # after one could not be made

_log = logging.getLogger(__name__)


class WarmSandboxes:
    """Keeps sandboxes that belong to nobody yet, each with the first kernel of its package.

    `make` creates a sandbox, `wanted` says how many there are to be, by the ids of packages. They
    have the default limits and no variables: only a request for such a one can get one. Threads
    share it; `close` ends it.
    """

    def __init__(
        self,
        settings: Settings,
        runtimes: Callable[[], Sequence[Runtime]],
        make: Callable[[SandboxPlan], Sandbox],
    ) -> None:
        self._settings = settings
        self._wanted: Mapping[str, int] = settings.warm_kernels
        self._runtimes = runtimes
        self._make = make
        self._ready: list[tuple[SandboxPlan, Sandbox]] = []
        self._is_closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Start to make them."""
        if any(self._wanted.values()):
            threading.Thread(target=self._work, name="warm-kernels", daemon=True).start()

    def take(self, plan: SandboxPlan) -> Sandbox | None:
        """Return one that is as the plan says, but for the idle time; None if there is none."""
        with self._changed:
            for found in self._ready:
                if found[0] == _without_idle(plan) and found[1].reason is None:
                    self._ready.remove(found)
                    self._changed.notify_all()
                    return found[1]
        return None

    def __len__(self) -> int:
        """Return how many there are now."""
        with self._changed:
            return len(self._ready)

    def close(self) -> None:
        """End all."""
        with self._changed:
            self._is_closed = True
            left, self._ready = self._ready, []
            self._changed.notify_all()
        for _, sandbox in left:
            sandbox.end(EndReason.STOPPED)

    def _work(self) -> None:
        pause = 0.0
        while not self._wait(pause):
            try:
                plan = self._next_plan()
                if plan is not None:
                    self._add(plan)
                pause = _CHECK_SECONDS if plan is None else 0.0
            except (RequestError, ServiceError, TimeoutError) as error:
                _log.warning("No kernel could be started ahead: %s", error)
                pause = _RETRY_SECONDS
            except Exception:  # noqa: BLE001
                # The loss of this thread would not be noticed until somebody waits for a kernel.
                _log.exception("No kernel could be started ahead")
                pause = _RETRY_SECONDS

    def _wait(self, seconds: float) -> bool:
        """Wait for a while, or until one is taken; return whether this is closed."""
        with self._changed:
            if seconds and not self._is_closed:
                self._changed.wait(seconds)
            return self._is_closed

    def _next_plan(self) -> SandboxPlan | None:
        """Discard what nobody can get any more, and return which one is missing."""
        plans = [
            self._plan(runtime)
            for runtime in self._runtimes()
            if runtime.language.kernels and self._wanted.get(runtime.package.id)
        ]
        with self._changed:
            useless = [it for it in self._ready if it[0] not in plans or it[1].reason is not None]
            for each in useless:
                self._ready.remove(each)
            count = Counter(plan.runtime.package.id for plan, _ in self._ready)
        for _, sandbox in useless:
            sandbox.end(EndReason.STOPPED)
        for plan in plans:
            name = plan.runtime.package.id
            if count[name] < self._wanted[name]:
                return plan
        return None

    def _plan(self, runtime: Runtime) -> SandboxPlan:
        limits = sandbox_limits(runtime.language, self._settings)
        return _without_idle(SandboxPlan(runtime, limits, {}))

    def _add(self, plan: SandboxPlan) -> None:
        sandbox = self._make(plan)
        try:
            warm_up(sandbox.kernels.start())
        except BaseException:
            sandbox.end(EndReason.FAILED)
            raise
        with self._changed:
            if not self._is_closed:
                self._ready.append((plan, sandbox))
                return
        sandbox.end(EndReason.STOPPED)


def _without_idle(plan: SandboxPlan) -> SandboxPlan:
    return dataclasses.replace(plan, limits=dataclasses.replace(plan.limits, idle=0))
