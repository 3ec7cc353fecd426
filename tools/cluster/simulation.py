"""Compares policies of a balancer: `python -m tools.cluster.simulation`.

Each node has processors, which its active runs share, and places, beyond which runs wait in the
order of their arrival. Runs arrive at random (Poisson), as those of many independent clients. Their
durations are drawn from a log of the service (`--log FILE`, of its JSON lines the field `run_ms`)
or, without one, from MIX. Prints a Markdown table.
"""

import argparse
import heapq
import json
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PROCESSORS = 4
_PLACES = 16
_RUNS = 40_000
_WARM_UP = 0.2  # share of the runs that are not counted, while queues fill

# Processor seconds of a run and its share: short programs by the benchmark's figures of Python, C
# and Java, exercises that compute, and programs that loop until their limit of CPU time.
MIX = ((0.015, 0.60), (0.08, 0.20), (0.4, 0.12), (1.0, 0.06), (3.0, 0.02))


@dataclass(slots=True)
class Node:
    """A machine whose active runs share its processors evenly.

    `work` is the processor time that each run has had since the start, had it been there; a run
    ends when `work` has grown by what it needs. So no event needs to look at every run.
    """

    speed: float = 1.0
    work: float = 0.0
    at: float = 0.0
    ends: list[tuple[float, float]] = field(default_factory=list)  # (work at its end, arrival)
    waiting: deque[tuple[float, float]] = field(default_factory=deque)  # (need, arrival)

    @property
    def runs(self) -> int:
        return len(self.ends) + len(self.waiting)

    @property
    def _rate(self) -> float:
        return self.speed * min(1.0, _PROCESSORS / len(self.ends)) if self.ends else 0.0

    def advance(self, now: float) -> None:
        self.work += (now - self.at) * self._rate
        self.at = now

    def add(self, need: float, arrival: float) -> None:
        if len(self.ends) < _PLACES:
            heapq.heappush(self.ends, (self.work + need, arrival))
        else:
            self.waiting.append((need, arrival))

    def next_end(self) -> float:
        return self.at + (self.ends[0][0] - self.work) / self._rate

    def finish(self) -> float:
        """End the run that is first to end, begin a waiting one, and return the arrival."""
        _, arrival = heapq.heappop(self.ends)
        if self.waiting:
            self.add(*self.waiting.popleft())
        return arrival


Policy = Callable[[Sequence[Node], random.Random], int]


def round_robin() -> Policy:
    turn = -1

    def choose(nodes: Sequence[Node], _random: random.Random) -> int:
        nonlocal turn
        turn = (turn + 1) % len(nodes)
        return turn

    return choose


def random_of_two(nodes: Sequence[Node], source: random.Random) -> int:
    first, second = source.randrange(len(nodes)), source.randrange(len(nodes))
    return first if nodes[first].runs <= nodes[second].runs else second


def least_connections() -> Policy:
    """Among equal ones in turn, as HAProxy does."""
    turn = 0

    def choose(nodes: Sequence[Node], _random: random.Random) -> int:
        nonlocal turn
        turn += 1
        count = len(nodes)
        return min(range(count), key=lambda index: (nodes[index].runs, (index - turn) % count))

    return choose


POLICIES: dict[str, Callable[[], Policy]] = {
    "round robin": round_robin,
    "random of two": lambda: random_of_two,
    "fewest connections": least_connections,
}


def simulate(
    nodes: Sequence[Node],
    policy: Policy,
    needs: Sequence[float],
    *,
    load: float,
    runs: int,
    seed: int = 1,
) -> list[float]:
    """Return the time from arrival to end of each run, in seconds, in the order of their ends.

    Args:
        nodes: idle ones.
        policy: of the balancer.
        needs: processor seconds, one of which each run needs.
        load: the share of all processors that the runs need, below 1.
        runs: how many arrive.
        seed: of everything random.
    """
    source = random.Random(seed)  # noqa: S311  the same each time, on purpose
    capacity = sum(node.speed for node in nodes) * _PROCESSORS
    rate = load * capacity / (sum(needs) / len(needs))
    events: list[tuple[float, int, int]] = []  # (time, node, version)
    versions = [0] * len(nodes)

    def plan(index: int) -> None:
        versions[index] += 1
        if nodes[index].ends:
            heapq.heappush(events, (nodes[index].next_end(), index, versions[index]))

    took: list[float] = []
    arrival = 0.0
    for _ in range(runs):
        arrival += source.expovariate(rate)
        while events and events[0][0] <= arrival:
            now, index, version = heapq.heappop(events)
            if version == versions[index]:
                nodes[index].advance(now)
                took.append(now - nodes[index].finish())
                plan(index)
        index = policy(nodes, source)
        nodes[index].advance(arrival)
        nodes[index].add(source.choice(needs), arrival)
        plan(index)
    return took[int(runs * _WARM_UP) :]


def read_needs(log: Path) -> list[float]:
    """Return the durations of the runs in a log of the service, in seconds."""
    lines = (line for line in log.read_text().splitlines() if line.startswith("{"))
    durations = (json.loads(line).get("run_ms") for line in lines)
    return [duration / 1000 for duration in durations if duration is not None]


def needs_of_mix() -> list[float]:
    return [need for need, share in MIX for _ in range(round(share * 100))]


def row(
    count: int,
    policy: str,
    load: float,
    needs: Sequence[float],
    *,
    slow: int = 0,
    runs: int = _RUNS,
) -> str:
    """Simulate nodes, of which some are `slow`, at half the speed; return a line of a table."""
    nodes = [Node(0.5 if index < slow else 1.0) for index in range(count)]
    took = sorted(simulate(nodes, POLICIES[policy](), needs, load=load, runs=runs))
    cells = " | ".join(f"{took[int(len(took) * share)]:.2f} s" for share in (0.5, 0.95, 0.99))
    text = f"{count}, one of half the speed" if slow else str(count)
    return f"| {text} | {load:.0%} | {policy} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster.simulation", description=__doc__)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--runs", type=int, default=_RUNS)
    options = parser.parse_args()
    needs = read_needs(options.log) if options.log else needs_of_mix()
    print("| nodes | load | policy | median | 95 of 100 | 99 of 100 |\n|---|---|---|---|---|---|")
    for count, slow in ((3, 0), (10, 0), (10, 1), (100, 0)):
        for load in (0.7, 0.9):
            for policy in POLICIES:
                print(row(count, policy, load, needs, slow=slow, runs=options.runs), flush=True)


if __name__ == "__main__":
    main()
