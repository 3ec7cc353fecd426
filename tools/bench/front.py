"""Measures where a service ends whose programs take no time: `python -m tools.bench.front`.

The application, gunicorn and the protocol of the boxes are the real ones; the boxes answer at once.
It needs no engine. Boxes are reused, as on a judge, since otherwise the engine is the limit long
before.
"""

import argparse

from tools.bench import machine
from tools.bench.client import Sample
from tools.bench.measurements import measure_sustained
from tools.bench.programs import PYTHON
from tools.bench.service import own_service

_APPLICATION = "tools.bench.front_app:app"
_WARM_UP_SECONDS = 1.0

_HEAD = """\
{machine}

| clients | runs/s | p50 ms | p95 ms | service CPU, ms/run | processors that the service used |
|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.front", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="for each number of clients (4)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16], metavar="N")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    options = parser.parse_args()
    print(_HEAD.format(machine=machine.description()))
    with own_service(
        application=_APPLICATION, runs_per_box="1000", workers=str(options.workers)
    ) as target:
        measure_sustained(target, PYTHON, 4, _WARM_UP_SECONDS)
        for clients in options.clients:
            sample = measure_sustained(target, PYTHON, clients, options.seconds)
            print(row(clients, sample), flush=True)
            if sample.errors:
                parser.exit(1, f"{sample.errors} answers were wrong\n")


def row(clients: int, sample: Sample) -> str:
    p50, p95 = sample.quantile(0.5), sample.quantile(0.95)
    used = sample.service_cpu_ms / 1000 / sample.seconds
    return (
        f"| {clients} | {sample.rate:.0f} | {p50:.1f} | {p95:.1f} "
        f"| {sample.service_cpu_per_run:.2f} | {used:.2f} |"
    )


if __name__ == "__main__":
    main()
