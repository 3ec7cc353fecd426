"""Threads that work through the tasks of several clients in turn."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.telemetry import request_context

T = TypeVar("T")

_MAX_UNREAD = 2  # results of a request, above which none of its tasks begins
_IDLE_SECONDS = 2.0  # after which a thread without work ends


@dataclass(eq=False)
class _Group:
    """The tasks of one request. `turn` is the number of its last turn."""

    client: str
    weight: int
    request_id: str | None
    pending: deque[tuple[int, Callable[[], Any]]]
    active: int = 0
    turn: int = 0
    done: deque[tuple[int, Any, BaseException | None]] = field(default_factory=deque)


class FairThreads:
    """Up to `places` threads, started as needed, for the tasks of all requests of a process.

    The next turn is that of the client with the fewest active tasks, and among those of one client
    that of its request with the fewest; then of the one whose last turn is the longest ago. So
    neither does a client with many requests outdo others, nor a request with many tasks.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._used = 0
        self._threads = 0
        self._turns = 0
        self._groups: list[_Group] = []
        self._client_active: Counter[str] = Counter()
        self._client_turns: dict[str, int] = {}
        self._changed = threading.Condition()

    def run(
        self,
        client: str,
        tasks: Sequence[Callable[[], T]],
        *,
        weight: int = 1,
        connection: ClientConnection | None = None,
    ) -> Generator[tuple[int, T]]:
        """Yield the index and the result of each task as it ends.

        Tasks begin in their order, unless results pile up because nobody reads them. If the
        iterator is closed, or a task raises, no other begins, and the active ones end before it
        does: `connection` is ended for them.

        Args:
            client: whose tasks they are.
            tasks: what to call, each in a thread.
            weight: places that each task takes, at most all.
            connection: is watched while nothing is done.

        Raises:
            ClientDisconnected: the client hung up.
        """
        group = _Group(
            client,
            min(weight, self._places),
            request_context.request_id(),
            deque(enumerate(tasks)),
        )
        with self._changed:
            self._groups.append(group)
            self._start_threads(len(tasks))
            self._changed.notify_all()
        try:
            for _ in tasks:
                index, result, error = self._wait(group, connection)
                if error is not None:
                    raise error
                yield index, result
        finally:
            self._leave(group, connection)

    def _wait(
        self, group: _Group, connection: ClientConnection | None
    ) -> tuple[int, Any, BaseException | None]:
        with self._changed:
            while not group.done:
                self._changed.wait(CHECK_SECONDS)
                if connection is not None:
                    connection.check()
            self._changed.notify_all()  # there is room for another result
            return group.done.popleft()

    def _leave(self, group: _Group, connection: ClientConnection | None) -> None:
        with self._changed:
            group.pending.clear()
            if group.active and connection is not None:
                connection.end()
            # The connection is closed after the request, and its descriptor used for another one.
            while group.active:
                self._changed.wait()
            self._groups.remove(group)
            if not any(each.client == group.client for each in self._groups):
                del self._client_active[group.client]
                self._client_turns.pop(group.client, None)

    # The threads

    def _start_threads(self, count: int) -> None:
        for _ in range(min(count, self._places - self._threads)):
            self._threads += 1
            threading.Thread(target=self._work, name="judging", daemon=True).start()

    def _work(self) -> None:
        while (turn := self._next_turn()) is not None:
            group, index, task = turn
            result, error = None, None
            # For the log lines of this task. Its fields are not those of the request's own line.
            if group.request_id is not None:
                request_context.begin(group.request_id)
            try:
                result = task()
            except BaseException as raised:  # noqa: BLE001  the reader of the results raises it
                error = raised
            request_context.end()
            with self._changed:
                self._used -= group.weight
                group.active -= 1
                self._client_active[group.client] -= 1
                group.done.append((index, result, error))
                if error is not None:
                    group.pending.clear()
                self._changed.notify_all()
            del turn, group, task, result, error  # not kept until the next turn

    def _next_turn(self) -> tuple[_Group, int, Callable[[], Any]] | None:
        """Wait for a task; None if there is none for long, and the thread ends."""
        with self._changed:
            while (group := self._choose()) is None:
                if not self._changed.wait(_IDLE_SECONDS) and not self._groups:
                    self._threads -= 1
                    return None
            self._turns += 1
            group.turn = self._client_turns[group.client] = self._turns
            self._used += group.weight
            group.active += 1
            self._client_active[group.client] += 1
            return group, *group.pending.popleft()

    def _choose(self) -> _Group | None:
        ready = [group for group in self._groups if group.pending and len(group.done) < _MAX_UNREAD]
        if not ready:
            return None
        group = min(
            ready,
            key=lambda each: (
                self._client_active[each.client],
                self._client_turns.get(each.client, 0),
                each.active,
                each.turn,
            ),
        )
        # If it does not fit, nobody else is chosen, or those of small weight would always be first.
        return group if self._used + group.weight <= self._places else None
