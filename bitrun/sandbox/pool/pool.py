"""The pool: boxes created ahead, each taken once and replaced in the background.

A run costs no more than its program if a box is idle for it, and 100 ms more if not. If boxes may
serve several runs, a client gets its own used ones first.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bitrun.config.settings import MEBIBYTE
from bitrun.engine.errors import NotOnEngine
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import EngineUnavailable, ServiceError
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.idle_boxes import IdleBoxes
from bitrun.sandbox.pool.refill import (
    MAX_CONCURRENT_CREATES,
    Create,
    DiscardReusable,
    DiscardUsed,
    PoolState,
    next_action,
)
from bitrun.sandbox.pool.reusable_boxes import Owner, ReusableBoxes
from bitrun.sandbox.pool.used_boxes import UsedBoxes

_MAKER_THREADS = 2  # they refill the pool and discard used boxes
_CREATE_TIMEOUT = 30.0  # until a request stops waiting for the creation of other boxes
_RESET_TIMEOUT = 0.05  # until a request stops waiting for a reset: then a new box is as soon there
_RESET_INTERVAL_SECONDS = 0.002  # between checks of it
_CHECK_INTERVAL_SECONDS = 5.0  # between checks of the specs and of the idle boxes
_RETRY_SECONDS = 1.0  # after the engine failed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """State of a pool at one moment, and its requests since the start.

    `reusable` boxes wait for their client, `used` ones are to be discarded; `pending` are requests
    that wait for a box. `requests` are counted by the origin of their box: `hit` (an idle box),
    `reused` (the client's own used one), `miss` (no box was idle, one was created), `fresh` (a new
    box was requested). `failed_resets` are counted by reason.
    """

    places: int
    idle: Mapping[BoxSpec, int]
    creating: int
    running: int
    reusable: int
    used: int
    pending: int
    requests: Mapping[str, int]
    failed_resets: Mapping[str, int]


class Pool:
    """Boxes for runs. Threads share it; `close` ends it.

    `specs` returns the specs that can be requested, each with the number of pinned boxes. Used
    boxes together hold at most `used_memory` bytes. A box serves up to `runs_per_box` runs of one
    client.
    """

    def __init__(
        self,
        boxes: BoxMaker,
        places: int,
        specs: Callable[[], Mapping[BoxSpec, int]],
        *,
        used_memory: int = 512 * MEBIBYTE,
        runs_per_box: int = 1,
    ) -> None:
        self._boxes = boxes
        self._specs = specs
        self._idle = IdleBoxes(places)
        self._places = places
        lock = threading.Lock()
        self._box_available = threading.Condition(lock)
        self._work_available = threading.Condition(lock)
        self._lock = lock
        self._refilling: Counter[BoxSpec] = Counter()
        self._creating = 0
        self._used = UsedBoxes(used_memory)
        self._reusable = ReusableBoxes()
        self._lent: Counter[BoxSpec] = Counter()  # running ones that become reusable
        self._runs_per_box = runs_per_box
        self._pending = 0
        self._running = 0
        self._requests: Counter[str] = Counter(dict.fromkeys(("hit", "reused", "miss", "fresh"), 0))
        self._taken_at = 0.0
        self._released_at = 0.0
        self._checked_at = 0.0
        self._closed = False
        self._makers: list[threading.Thread] = []

    def start(self) -> None:
        """Start to fill it. Until then boxes are created on request, and none is kept."""
        for number in range(_MAKER_THREADS if self._places else 0):
            maker = threading.Thread(target=self._work, name=f"maker-{number}", daemon=True)
            maker.start()
            self._makers.append(maker)

    def take(
        self,
        spec: BoxSpec,
        *,
        fresh: bool = False,
        client: str | None = None,
        connection: ClientConnection | None = None,
    ) -> Box:
        """Take a used box of the client or an idle one, or create one; a `fresh` one is created.

        Without a `client`, or if it is fresh, the box serves this run only.

        Raises:
            NotOnEngine: the image is not there.
            EngineUnavailable, EngineError: the engine failed, or makes no progress.
            ClientDisconnected: the client of `connection` disconnected during the wait.
        """
        owner = None
        if client is not None and not fresh and self._runs_per_box > 1:
            owner = Owner(spec, client)
        with self._lock:
            self._idle.count_request(spec)
            box = self._wait_for_box(spec, owner, connection, fresh=fresh)
            # The makers are notified when the run is over.
            self._running += 1
            origin = _origin(box, fresh=fresh)
            self._requests[origin] += 1
            if box is None:
                self._creating += 1
            else:
                self._taken_at = time.monotonic()
        if box is None:
            box = self._create(spec)
        box.runs += 1
        if box.runs == 1:
            box.taken_at = time.monotonic()
        if box.runs == self._runs_per_box:
            owner = None
        if owner is not None:
            with self._lock:
                self._lent[spec] += 1
        box.on_exit = partial(self._release, owner)
        box.origin = origin
        return box

    def give_away(self, box: Box) -> None:
        """Leave a box that was taken to its taker, who discards it: it is not a run any more.

        As one, it would put off the filling of the pool for as long as it lives.
        """
        box.on_exit = Box.discard
        self._end_run()

    def stats(self) -> PoolStats:
        with self._lock:
            return PoolStats(
                places=self._places,
                idle=self._idle.counts(),
                creating=self._creating,
                running=self._running,
                reusable=len(self._reusable),
                used=len(self._used),
                pending=self._pending,
                requests=dict(self._requests),
                failed_resets=dict(self._reusable.failures),
            )

    def refresh(self) -> None:
        """Get the specs again soon: an image was added, removed or replaced."""
        with self._lock:
            self._checked_at = 0.0
            self._work_available.notify_all()

    def close(self) -> None:
        """Discard the idle boxes, and return when no box is being created ahead any more."""
        with self._lock:
            self._closed = True
            self._work_available.notify_all()
        for maker in self._makers:
            maker.join()
        with self._lock:
            self._idle.clear()
            self._reusable.clear()
            while self._used:
                self._used.pop().discard()

    def _wait_for_box(
        self,
        spec: BoxSpec,
        owner: Owner | None,
        connection: ClientConnection | None,
        *,
        fresh: bool,
    ) -> Box | None:
        """Wait until a box is idle, or until one may be created; None for the latter."""
        self._pending += 1
        started = time.monotonic()
        try:
            while True:
                box = None if fresh else self._take(spec, owner)
                waited = time.monotonic() - started
                waits_for_reset = (
                    owner is not None and self._reusable.has(owner) and waited < _RESET_TIMEOUT
                )
                if box is not None or (
                    self._creating < MAX_CONCURRENT_CREATES and not waits_for_reset
                ):
                    return box
                if waited > _CREATE_TIMEOUT:
                    raise EngineUnavailable("The engine makes no progress with other boxes")
                self._box_available.wait(
                    _RESET_INTERVAL_SECONDS if waits_for_reset else CHECK_SECONDS
                )
                if connection is not None:
                    connection.check()
        finally:
            self._pending -= 1

    def _take(self, spec: BoxSpec, owner: Owner | None) -> Box | None:
        # An idle box rather than to wait for a reset: at a steady load there are soon enough used
        # ones.
        box = None if owner is None else self._reusable.take(owner)
        return self._idle.take(spec) if box is None else box

    def _create(self, spec: BoxSpec) -> Box:
        try:
            return self._boxes.make(spec.image, spec.limits)
        except BaseException:
            self._end_run()
            raise
        finally:
            with self._lock:
                self._creating -= 1
                self._box_available.notify()

    def _release(self, owner: Owner | None, box: Box) -> None:
        if owner is not None:
            is_reset = bool(self._makers) and box.start_reset()
            with self._lock:
                self._lent[owner.spec] -= 1
                if is_reset:
                    self._reusable.add(owner, box)
            if is_reset:
                self._end_run()
                return
        if not self._makers:
            self._end_run()
            box.discard()
            return
        # Not left to the makers: an engine that hangs keeps them for a minute, and a discarded box
        # frees its memory without the engine.
        for excess in self._end_run(box):
            excess.discard()

    def _end_run(self, *used: Box) -> list[Box]:
        """Count the end of a run; return the used boxes that are to be discarded at once."""
        with self._lock:
            self._running -= 1
            self._released_at = time.monotonic()
            excess = [each for box in used for each in self._used.add(box)]
            self._work_available.notify()
        return excess

    # The maker threads

    def _work(self) -> None:
        while (task := self._next_task()) is not None:
            if isinstance(task, Box):
                task.discard()
            else:
                self._refill(task)

    def _next_task(self) -> Box | BoxSpec | None:
        """Wait for a used box to discard or a spec to create; None when the pool is closed."""
        while True:
            self._check()
            with self._lock:
                if self._closed:
                    return None
                action = next_action(self._state())
                if isinstance(action, DiscardUsed):
                    return self._used.pop()
                if isinstance(action, DiscardReusable):
                    return self._reusable.pop()
                if isinstance(action, Create):
                    if action.evict is not None:
                        self._idle.evict(action.evict)
                    self._creating += 1
                    self._refilling[action.spec] += 1
                    return action.spec
                self._work_available.wait(action.seconds if action else _CHECK_INTERVAL_SECONDS)

    def _state(self) -> PoolState[BoxSpec]:
        now = time.monotonic()
        return PoolState(
            places=self._places,
            allocation=self._idle.allocation(),
            idle=self._idle.boxes,
            refilling=self._refilling,
            creating=self._creating,
            running=self._running,
            reusable=self._reusable.counts(),
            lent=self._lent,
            used=len(self._used),
            pending=self._pending,
            since_taken=now - self._taken_at,
            since_released=now - self._released_at,
        )

    def _refill(self, spec: BoxSpec) -> None:
        box = None
        try:
            box = self._create_ahead(spec)
        finally:
            with self._lock:
                self._creating -= 1
                self._refilling[spec] -= 1
                if box is not None:
                    self._idle.add(spec, box)
                self._box_available.notify()
        if box is None:
            time.sleep(_RETRY_SECONDS)

    def _create_ahead(self, spec: BoxSpec) -> Box | None:
        try:
            return self._boxes.make(spec.image, spec.limits)
        except NotOnEngine:
            self.refresh()
        except ServiceError as error:
            _log.warning("No box could be created ahead: %s", error)
        except Exception:  # noqa: BLE001
            # The loss of a maker thread would not be noticed until the pool is empty.
            _log.exception("No box could be created ahead")
        return None

    def _check(self) -> None:
        """Get the specs and check the idle boxes, if the last check is long enough ago."""
        with self._lock:
            now = time.monotonic()
            if now - self._checked_at < _CHECK_INTERVAL_SECONDS:
                return
            self._checked_at = now
        try:
            specs = self._specs()
        except ServiceError as error:
            _log.debug("The specs of boxes are not known: %s", error)
            return
        with self._lock:
            self._idle.set_specs(specs)
            self._idle.discard_unusable()
            self._reusable.discard_unusable(specs.keys())


def _origin(box: Box | None, *, fresh: bool) -> str:
    if box is None:
        return "fresh" if fresh else "miss"
    return "reused" if box.runs else "hit"
