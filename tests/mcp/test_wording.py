import pytest

from bitrun.client import Outcome, Result, Runtime, Stage, Verdict
from bitrun.mcp.wording import describe_result, describe_runtimes, shorten


def stage(
    name: str = "run",
    stdout: str = "",
    stderr: str = "",
    outcome: Outcome = Outcome.OK,
    signal: str | None = None,
    **more: object,
) -> Stage:
    fields = {"code": None if signal else 0, "signal": signal, "status": None}
    fields |= {
        "message": None,
        "detail": None,
        "oom_killed": False,
        "wall_ms": 12,
        "cpu_ms": 10,
        "memory": 7_100_000,
    }
    verdict = Verdict(outcome, **(fields | more))  # type: ignore[arg-type]
    return Stage(name, stdout, stderr, stdout + stderr, verdict)  # type: ignore[arg-type]


def describe(*stages: Stage) -> str:
    return describe_result(Result("c", "14.2.0", stages))


def test_a_program_that_ends_well() -> None:
    assert describe(stage("compile"), stage(stdout="1\n")) == (
        "The program ended well, with exit code 0.\n12 ms, 7.1 MB at the peak, c 14.2.0.\n\n"
        "stdout:\n1\n"
    )
    assert describe(stage(oom_killed=True)).startswith("The program ended well, with exit code 0.")
    assert describe(stage()).endswith("It wrote nothing, neither to stdout nor to stderr.")
    assert "The compiler said:\nwarning" in describe(stage("compile", stderr="warning"), stage())


@pytest.mark.parametrize(
    ("failed", "begin"),
    [
        (stage(code=3, outcome=Outcome.EXIT), "The program failed, with exit code 3."),
        (stage("compile", code=1, outcome=Outcome.EXIT), "Compiling failed, with exit code 1."),
        (stage(signal="SIGSEGV", outcome=Outcome.SIGNAL), "The program failed: it was ended by the signal SIGSEGV."),
        (
            stage(signal="SIGKILL", outcome=Outcome.MEMORY, detail="Memory limit exceeded: 9 bytes"),
            "The program failed: Memory limit exceeded: 9 bytes. Use less;",
        ),
        (
            stage(signal="SIGKILL", outcome=Outcome.CPU_TIME, detail="Time limit exceeded: 9 ms of CPU time"),
            "The program failed: Time limit exceeded: 9 ms of CPU time. It was stopped at its time limit.",
        ),
        (
            stage(signal="SIGKILL", outcome=Outcome.STDOUT, detail="Output limit exceeded: 9 bytes on stdout"),
            "The program failed: Output limit exceeded: 9 bytes on stdout. It was stopped for writing too much to stdout.",
        ),
    ],
)  # fmt: skip
def test_verdicts(failed: Stage, begin: str) -> None:
    assert describe(failed).startswith(begin)


def test_long_output() -> None:
    text = "".join(f"line {number}\n" for number in range(10_000))
    described = describe(stage(stdout=text, stderr="short"))
    assert len(described) < 17_000
    assert "stdout:\nline 0\n" in described
    assert "line 9999\n\n\nstderr:\nshort" in described
    assert f"[... {len(text) - 16_000} characters are left out here ...]" in described
    assert shorten("abc", 3) == "abc"


def test_languages() -> None:
    runtimes = [
        Runtime("python", "3.13.5", ("py",), None),
        Runtime("c", "14.2.0", (), "gcc"),
        Runtime("python", "3.14.0", ("py", "py3"), None),
    ]
    assert describe_runtimes(runtimes) == "c 14.2.0\npython 3.13.5, 3.14.0 (also called py, py3)"
    assert describe_runtimes([]) == "No language is installed on the service."
