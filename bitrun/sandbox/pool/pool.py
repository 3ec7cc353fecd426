"""The pool: boxes made ahead, each taken once, and replaced in the background.

A run costs what its program costs if a box waits for it, and 100 ms more if not. But making a box
costs the engine ten times what a run does, and throwing it away nearly as much. So while a burst of
runs is being answered neither is done, and however many requests miss, only so many boxes are made
at once.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bitrun.engine.errors import NotOnEngine
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import EngineUnavailable, ServiceError
from bitrun.sandbox.box import Box, BoxMaker
from bitrun.sandbox.pool.idle_boxes import BoxSpec, IdleBoxes

_MAKERS = 2  # threads that refill, and discard what was used
_MAKING_MOST = 4  # boxes under construction at once, for requests and refill together
_BURST_SECONDS = 0.5  # after the last box was taken, until work goes on beside running ones
_REPLY_SECONDS = 0.01  # for a reply to get out: work begun before holds it up by the GIL's 5 ms
_PATIENCE_SECONDS = 30.0  # until a request gives up waiting for one of those
_CALLER_SECONDS = 0.25  # between looks at whether one who waits is still there
_LOOK_SECONDS = 5.0  # between looks at the health of what waits
_RETRY_SECONDS = 1.0  # after the engine failed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What the pool holds and does at one moment, and what it has given out.

    `given` counts requests by where their box came from: `hit` (it waited), `miss` (it was made),
    `fresh` (one made was asked for).
    """

    places: int
    waiting: Mapping[BoxSpec, int]
    making: int
    running: int
    spent: int
    missing: int
    given: Mapping[str, int]


class Pool:
    """Boxes for runs. Threads share it; `close` ends it.

    `offered` tells which kinds can be asked for, with how many of each are pinned.
    """

    def __init__(
        self, boxes: BoxMaker, places: int, offered: Callable[[], Mapping[BoxSpec, int]]
    ) -> None:
        self._boxes = boxes
        self._offered = offered
        self._stock = IdleBoxes(places)
        self._places = places
        lock = threading.Lock()
        self._box_came = threading.Condition(lock)
        self._work_due = threading.Condition(lock)
        self._lock = lock
        self._under_way: Counter[BoxSpec] = Counter()  # refills
        self._making = 0
        self._spent: deque[Box] = deque()  # whose runs are over
        self._missing = 0  # requests that wait for a box
        self._running = 0
        self._given: Counter[str] = Counter(dict.fromkeys(("hit", "miss", "fresh"), 0))
        self._taken_at = 0.0
        self._left_at = 0.0
        self._looked_at = 0.0
        self._settled = False  # nothing to refill when last looked at
        self._closed = False
        self._makers: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to fill it. Before, boxes are made when they are asked for, and none is kept."""
        for number in range(_MAKERS if self._places else 0):
            maker = threading.Thread(target=self._work, name=f"maker-{number}", daemon=True)
            maker.start()
            self._makers.append(maker)

    def take(
        self, kind: BoxSpec, *, fresh: bool = False, caller: ClientConnection | None = None
    ) -> Box:
        """Take a box that waits, or make one; a `fresh` one is always made.

        Raises:
            NotOnEngine: the image is not there.
            EngineUnavailable, EngineError: the engine failed, or makes no progress.
            ClientDisconnected: the caller hung up while it waited.
        """
        with self._lock:
            self._stock.ask(kind)
            box = self._wait_for(kind, fresh, caller)
            self._running += 1
            origin = "hit" if box is not None else "fresh" if fresh else "miss"
            self._given[origin] += 1
            if box is None:
                self._making += 1
            else:
                self._taken_at = time.monotonic()
            self._settled = False  # the makers are told when the run is over
        if box is None:
            box = self._make_now(kind)
        box.on_leave = self._leave
        box.origin = origin
        return box

    def stats(self) -> PoolStats:
        with self._lock:
            return PoolStats(
                places=self._places,
                waiting=self._stock.waiting(),
                making=self._making,
                running=self._running,
                spent=len(self._spent),
                missing=self._missing,
                given=dict(self._given),
            )

    def look_again(self) -> None:
        """Ask anew what is offered: an image has come, gone or been replaced."""
        with self._lock:
            self._looked_at = 0.0
            self._work_due.notify_all()

    def close(self) -> None:
        """Discard what waits, and return when no box is being made ahead any more."""
        with self._lock:
            self._closed = True
            self._work_due.notify_all()
        for maker in self._makers:
            maker.join()
        with self._lock:
            self._stock.clear()
            for box in self._spent:
                box.discard()

    def _wait_for(self, kind: BoxSpec, fresh: bool, caller: ClientConnection | None) -> Box | None:
        """Wait until there is a box, or room to make one; None for the latter."""
        self._missing += 1
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            while True:
                box = None if fresh else self._stock.take(kind)
                if box is not None or self._making < _MAKING_MOST:
                    return box
                left = deadline - time.monotonic()
                if left <= 0:
                    raise EngineUnavailable("The engine makes no progress with other boxes")
                self._box_came.wait(min(left, _CALLER_SECONDS))
                if caller is not None:
                    caller.check()
        finally:
            self._missing -= 1

    def _make_now(self, kind: BoxSpec) -> Box:
        try:
            return self._boxes.make(kind.image, kind.limits)
        except BaseException:
            self._ended()
            raise
        finally:
            with self._lock:
                self._making -= 1
                self._box_came.notify()

    def _leave(self, box: Box) -> None:
        if self._makers:
            self._ended(box)
        else:
            self._ended()
            box.discard()

    def _ended(self, *spent: Box) -> None:
        with self._lock:
            self._running -= 1
            self._left_at = time.monotonic()
            self._spent += spent
            self._work_due.notify()

    # The makers

    def _work(self) -> None:
        while (task := self._await_task()) is not None:
            if isinstance(task, Box):
                task.discard()
            else:
                self._refill(task)

    def _refill(self, kind: BoxSpec) -> None:
        box = None
        try:
            box = self._make_ahead(kind)
        finally:
            with self._lock:
                self._making -= 1
                self._under_way[kind] -= 1
                if box is not None:
                    self._stock.add(kind, box)
                self._box_came.notify()
        if box is None:
            time.sleep(_RETRY_SECONDS)

    def _await_task(self) -> Box | BoxSpec | None:
        """Wait for a box to discard or a kind to make; None when the pool has closed."""
        while True:
            self._look()
            with self._lock:
                if self._closed:
                    return None
                pause = self._pause()
                if self._spent and (not pause or len(self._spent) > self._places):
                    return self._spent.popleft()
                if not pause and not self._missing and self._making < _MAKING_MOST:
                    kind = self._stock.next_kind(self._under_way)
                    if kind is not None:
                        self._making += 1
                        self._under_way[kind] += 1
                        return kind
                    self._settled = True
                rest = _LOOK_SECONDS if self._settled else _BURST_SECONDS
                self._work_due.wait(pause or rest)

    def _pause(self) -> float:
        """Seconds for which runs that are being answered should have the processors."""
        now = time.monotonic()
        until = self._left_at + _REPLY_SECONDS
        if self._running:
            until = max(until, self._taken_at + _BURST_SECONDS)
        return max(0.0, until - now)

    def _make_ahead(self, kind: BoxSpec) -> Box | None:
        try:
            return self._boxes.make(kind.image, kind.limits)
        except NotOnEngine:
            self.look_again()
        except ServiceError as fault:
            _log.warning("No box could be made ahead: %s", fault)
        except Exception:  # noqa: BLE001
            # A maker that ended would not be missed until the pool had run dry.
            _log.exception("No box could be made ahead")
        return None

    def _look(self) -> None:
        """Look, now and then, at what is offered and at the health of what waits."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < _LOOK_SECONDS:
                return
            self._looked_at = now
        try:
            offered = self._offered()
        except ServiceError as fault:
            _log.debug("What is offered is not known: %s", fault)
            return
        with self._lock:
            self._stock.offer(offered)
            self._stock.drop_spent()
