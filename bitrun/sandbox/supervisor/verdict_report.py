"""The report of a finished stage, in the payload of a VERDICT frame.

The keys and words are those of `images/supervisor/verdict.c`.
"""

from bitrun.model.errors import BoxError
from bitrun.model.result import Outcome, Verdict, outcome_of
from bitrun.model.signals import SIGNAL_NAMES

LIMIT_OUTCOMES: dict[str, Outcome | None] = {
    "none": None,
    "wall": Outcome.WALL_TIME,
    "cpu": Outcome.CPU_TIME,
    "memory": Outcome.MEMORY,
    "stdout": Outcome.STDOUT,
    "stderr": Outcome.STDERR,
}


def decode_verdict(payload: bytes) -> Verdict:
    """Decode lines of key=value.

    Raises:
        BoxError: a key is missing, or a value is out of range.
    """
    try:
        report = dict(line.split("=", 1) for line in payload.decode("ascii").splitlines())
        number = int(report["signal"])
        signal = SIGNAL_NAMES[number] if number else None
        code = None if number else int(report["code"])
        oom_killed = report["oom"] == "1"
        limit = LIMIT_OUTCOMES[report["limit"]]
        return Verdict(
            outcome=limit or outcome_of(code, signal, oom_killed=oom_killed),
            code=code,
            signal=signal,
            oom_killed=oom_killed,
            wall_ms=int(report["wall_us"]) / 1000,
            cpu_ms=int(report["cpu_us"]) / 1000,
            memory=int(report["memory"]),
        )
    except (ValueError, KeyError, OverflowError) as error:
        raise BoxError(f"The supervisor sent a verdict of {payload[:200]!r}") from error
