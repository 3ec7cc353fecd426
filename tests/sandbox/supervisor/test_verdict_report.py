from bitrun.model.result import Outcome
from bitrun.sandbox.supervisor.verdict_report import decode_verdict


def test_a_limit_is_the_outcome() -> None:
    report = b"code=-1\nsignal=9\nlimit=wall\noom=1\nwall_us=1500\ncpu_us=250\nmemory=4096\n"
    verdict = decode_verdict(report)
    assert (verdict.code, verdict.signal, verdict.outcome) == (None, "SIGKILL", Outcome.WALL_TIME)
    assert (verdict.oom_killed, verdict.wall_ms, verdict.cpu_ms) == (True, 1.5, 0.25)
