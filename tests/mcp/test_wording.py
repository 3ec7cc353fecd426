import pytest

from bitrun.client import Limit, Outcome, Package, Result, Runtime, Stage, Verdict
from bitrun.mcp.output import list_runtimes, run_output, shorten
from bitrun.mcp.wording import describe_languages, describe_result


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
    limits = {"run_timeout": Limit(3000, 3000), "run_memory_limit": Limit(1, 256 << 20)}
    runtimes = [
        Runtime("python", "3.13.5", ("py",), None),
        Runtime("c", "14.2.0", (), "gcc", limits),
        Runtime("python", "3.14.0", ("py", "py3"), None, limits),
    ]
    packages = [
        Package("gcc", "14.2.0", True, ("libasan",)),
        Package("python", "3.14.0", True, ("numpy", "scipy")),
        Package("python", "3.13.5", False, ("numpy",)),
    ]
    found = list_runtimes(runtimes, packages).languages
    assert describe_languages(found).splitlines() == [
        "c 14.2.0; up to 3 s; up to 256 MB; with libasan",
        "python 3.13.5; also called py",
        "python 3.14.0; also called py, py3; up to 3 s; up to 256 MB; with numpy, scipy",
    ]
    assert describe_languages([]) == "No language is installed on the service."


def test_structured_output() -> None:
    failed = stage("compile", stderr="x" * 99_999, code=1, outcome=Outcome.EXIT)
    found = run_output(Result("c", "14.2.0", (failed,)), [])
    assert (found.stage, found.ok, found.exit_code, found.outcome) == ("compile", False, 1, "exit")
    assert len(found.stderr) < 17_000
    found = run_output(Result("c", "14.2.0", (stage("compile", stderr="w"), stage(stdout="1"))), [])
    assert (found.stage, found.ok, found.stdout, found.compiler_output) == ("run", True, "1", "w")
