"""What a trainer of models sends: problems, several answers to each, several cases for each answer.

    python -m tools.bench.trainer --problems 256 --answers 8 --cases 8

As SandboxFusion's client for trainers does, every case is a `run_code` of its own with the whole
program, or every answer is one `submit` with all cases. No two answers have the same source. It
prints how many runs a second come back right, and writes nothing: the standard benchmark has other
programs.
"""

import argparse
import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from tools.bench import machine
from tools.bench.client import Sample, timed
from tools.bench.service import ROOT, Target, own_service, warm_up

_PREFIX = "/sandboxfusion"
_TIMEOUT_SECONDS = 600

_SETTINGS = {
    # As docs/from-sandboxfusion.md advises.
    "dialects": "piston sandboxfusion",
    "run_timeout": "10000",
    "run_cpu_time": "10000",
    "max_runs_per_client": "512",
    "max_queue": "512",
    "threads": "512",
    "queue_timeout": "300",
}


@dataclass(frozen=True)
class Task:
    """A language, and an answer in it that prints the double of a number of its stdin."""

    name: str
    language: str
    answer: str


# Sums numbers first, so that a case takes the time of a small program and not of none.
TASKS = (
    Task(
        "python",
        "python",
        "# {number}\nx = int(input())\nassert sum(range(10000))\nprint(2 * x)\n",
    ),
    Task(
        "C++",
        "cpp",
        "// {number}\n#include <bits/stdc++.h>\nusing namespace std;\n"
        "int main() {{ int x; cin >> x; cout << 2 * x << endl; }}\n",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.trainer", description=__doc__)
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--answers", type=int, default=8, help="to each problem")
    parser.add_argument("--cases", type=int, default=8, help="of each problem")
    parser.add_argument("--at-once", type=int, default=64, help="requests at a time")
    parser.add_argument("--runs-per-box", type=int, default=100, help="1: a box for each run")
    parser.add_argument("--against", metavar="URL", help="a server that runs already")
    options = parser.parse_args()
    load = Load(options.problems * options.answers, options.cases, options.at_once)
    print(f"{machine.description()}; {load.answers} answers, {load.cases} cases each")
    if options.against:
        measure(Target(options.against), load)
        return
    settings = _SETTINGS | {"runs_per_box": str(options.runs_per_box)}
    with own_service(None, ROOT, "app:app", **settings) as target:
        warm_up(target.url)
        measure(target, load)


@dataclass(frozen=True)
class Load:
    """Numbers of answers in all, of cases of each, and of requests at a time."""

    answers: int
    cases: int
    at_once: int


def measure(target: Target, load: Load) -> None:
    """Send everything in both ways, and print a line for each."""
    for task in TASKS:
        for way in (by_case, by_answer):
            sample = send(target, way(task, load), load.at_once)
            runs = load.answers * load.cases
            right = runs * len(sample.times) // (len(sample.times) + sample.errors)
            rate = right / sample.seconds
            print(
                f"{task.name}, {way.__name__.replace('_', ' ')}: {runs} runs in "
                f"{sample.seconds:.1f} s, {rate:.1f} right runs/s, {runs - right} wrong; "
                f"request p50 {sample.quantile(0.5):.0f} ms, p95 {sample.quantile(0.95):.0f} ms; "
                f"service CPU {sample.service_cpu_ms / runs:.1f} ms a run",
                flush=True,
            )


@dataclass(frozen=True)
class Call:
    """A request, whether an answer is right, and for how many runs it counts."""

    path: str
    body: dict[str, Any]
    is_right: Callable[[Any], bool]


def by_case(task: Task, load: Load) -> Iterator[Call]:
    """Give a `run_code` for each case of each answer."""
    for number, case in itertools.product(range(load.answers), range(load.cases)):
        body = {"language": task.language, "code": _source(task, "case", number)}
        yield Call("/run_code", body | {"stdin": f"{case}\n"}, partial(_ran, case))


def by_answer(task: Task, load: Load) -> Iterator[Call]:
    """Give a `submit` with all cases for each answer."""
    cases = [
        {"input": {"stdin": f"{case}\n"}, "output": {"stdout": f"{2 * case}\n"}}
        for case in range(load.cases)
    ]
    config = {
        "dataset_type": "CommonOJDataset",
        "language": task.language,
        "provided_data": {"id": 1, "content": "", "labels": {}, "test": cases},
        "extra": {"run_all_cases": True},
    }
    for number in range(load.answers):
        completion = f"```{task.language}\n{_source(task, 'answer', number)}```"
        body = {"dataset": "bench", "id": number, "completion": completion, "config": config}
        yield Call("/submit", body, _accepted)


def _source(task: Task, way: str, number: int) -> str:
    return task.answer.format(number=f"{way} {number}")


def _ran(case: int, reply: Any) -> bool:
    run = reply.get("run_result") or {}
    return reply.get("status") == "Success" and run.get("stdout") == f"{2 * case}\n"


def _accepted(reply: Any) -> bool:
    return reply.get("accepted") is True


def send(target: Target, calls: Iterator[Call], at_once: int) -> Sample:
    """Send calls, so many at a time, and time each until its right answer."""
    sample, address = Sample(), urlsplit(target.url)
    idle: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
    for _ in range(at_once):
        host = address.hostname or ""
        idle.put(http.client.HTTPConnection(host, address.port, timeout=_TIMEOUT_SECONDS))

    def send_one(call: Call) -> None:
        connection = idle.get()
        timed(sample, partial(_is_right, connection, call))
        idle.put(connection)

    def load() -> Sample:
        started = time.perf_counter()
        with ThreadPoolExecutor(at_once) as threads:
            list(threads.map(send_one, calls))
        sample.seconds = time.perf_counter() - started
        return sample

    try:
        return target.measure(load)
    finally:
        while not idle.empty():
            idle.get().close()


def _is_right(connection: http.client.HTTPConnection, call: Call) -> bool:
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", _PREFIX + call.path, json.dumps(call.body), headers)
        return call.is_right(json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return False


if __name__ == "__main__":
    main()
