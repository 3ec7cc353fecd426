"""`docs/soak.md`: what was tried, what held, what was lost, and what grew."""

from collections.abc import Sequence
from pathlib import Path

from tools.soak.tally import AttemptResult, Tally
from tools.soak.watch import Holdings

_HEAD = """\
# Soak

Written by `make soak`: {minutes:.0f} minutes on one machine, {machine}, with {clients} clients
that ask without a pause, so that there is always more to do than the {places} places for runs
allow. Every answer is checked: the output to the last byte, the verdict, the status of a refusal.

*Timed out* are programs that a time limit ended which they had really used up, as happens on a
machine at full load; *refused* are requests that got 429 or 503 with `Retry-After`. Neither is an
error. *Lost* is everything else that did not come as it had to.

{tried} tried, {held} held, {timed_out} timed out, {refused} refused, **{lost} lost**.
"""

_SHOWN_LOSSES = 100


def write(
    path: Path,
    tally: Tally,
    growth: Sequence[tuple[str, Holdings]],
    **facts: object,
) -> None:
    total = tally.total
    head = _HEAD.format(
        **facts,
        tried=total.total(),
        held=total[AttemptResult.HELD],
        timed_out=total[AttemptResult.TIMED_OUT],
        refused=total[AttemptResult.REFUSED],
        lost=len(tally.lost),
    )
    lines = [head, *_tried(tally), *_lost(tally), *_growth(growth)]
    path.write_text("\n".join(lines), encoding="utf-8")


def _tried(tally: Tally) -> list[str]:
    lines = []
    for group in tally.groups:
        lines += [f"## {group[0].upper()}{group[1:]}", ""]
        lines += [
            "| what | tried | held | timed out | refused | lost |",
            "|---|---|---|---|---|---|",
        ]
        for name, counts in tally.rows(group):
            numbers = " | ".join(str(counts[outcome]) for outcome in AttemptResult)
            lines.append(f"| {name} | {counts.total()} | {numbers} |")
        lines.append("")
    return lines


def _lost(tally: Tally) -> list[str]:
    if not tally.lost:
        return []
    more = len(tally.lost) - _SHOWN_LOSSES
    return [
        "## Lost",
        "",
        *(f"- {sentence}" for sentence in tally.lost[:_SHOWN_LOSSES]),
        *([f"- and {more} more"] if more > 0 else []),
        "",
    ]


def _growth(growth: Sequence[tuple[str, Holdings]]) -> list[str]:
    return [
        "## Growth",
        "",
        "Taken while nothing is asked and the pool is full again. Memory, threads and descriptors",
        "are those of the service's worker; boxes are all its containers, the pool's; the other",
        "objects are the engine's images, networks and volumes, whoever they belong to.",
        "",
        "| when | memory | threads | descriptors | boxes | other objects | temporary files |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {when} | {held.memory / 1e6:.1f} MB | {held.threads} | {held.descriptors} | "
            f"{held.boxes} | {held.others} | {held.files} |"
            for when, held in growth
        ),
        "",
    ]
