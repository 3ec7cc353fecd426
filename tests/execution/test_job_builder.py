"""Jobs from a target, files and what a request asks for."""

import pytest

from bitrun.config.catalogue import Language, Package
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits, language_limits
from bitrun.model.job import STAGES, File, Limits, StageName
from bitrun.packages.runtimes import Runtime

SETTINGS = Settings()
SCRIPT = Language(name="script", run="run %s", env={"LANG": "C", "OWN": "1"})
COMPILED = Language(name="compiled", compile="make %s", run="./main", suffix="cc")


def target(language: Language) -> Target:
    return Target(language, "package", "sha256:1", "1.2.3")


def files(*names: str) -> list[File]:
    return [File(name, name.encode()) for name in names]


def test_labels_and_box() -> None:
    job = build_job(target(SCRIPT), SETTINGS, files("a"), wall_ms=5, fresh=True)
    assert (job.package, job.image, job.language, job.version) == (
        "package", "sha256:1", "script", "1.2.3",
    )  # fmt: skip
    assert job.limits == language_limits(SCRIPT, SETTINGS).box
    assert job.wall_ms == 5
    assert job.fresh


def test_defaults() -> None:
    job = build_job(target(SCRIPT), SETTINGS, files("a"))
    (run,) = job.stages
    assert job.wall_ms is None
    assert not job.fresh
    assert run.argv == ("run", "a")
    assert run.stdin == b""
    assert not run.merge
    assert run.limits == Limits(
        wall_ms=SETTINGS.run_timeout,
        cpu_ms=SETTINGS.run_cpu_time,
        output=SETTINGS.output_limit,
        memory=SETTINGS.run_memory_limit,
        stack=SETTINGS.run_memory_limit,
        processes=SETTINGS.max_processes,
    )


def test_the_target_of_a_runtime() -> None:
    package = Package(
        name="gcc", build="gcc-12", version="12", version_command="true", languages=(COMPILED,)
    )
    runtime = Runtime(package, COMPILED, "12.1.0", "sha256:2")
    assert Target.of(runtime) == Target(COMPILED, "gcc-12", "sha256:2", "12.1.0")


def test_environment() -> None:
    job = build_job(target(SCRIPT), SETTINGS, files("a"), environment={"OWN": "2", "MORE": "3"})
    env = job.stages[0].env
    assert env["PATH"].startswith("/usr/local/sbin")
    assert env["HOME"] == "/tmp"
    assert (env["LANG"], env["OWN"], env["MORE"]) == ("C", "2", "3")
    assert (env["USER"], env["LOGNAME"], env["TERM"]) == ("user", "user", "dumb")
    assert env.keys() == {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TERM", "OWN", "MORE"}


def test_unbuffered_is_the_run_stage_s() -> None:
    own = Language(name="x", compile="make", run="./x", unbuffered={"SYNC": "1", "OWN": "2"})
    job = build_job(target(own), SETTINGS, files("a"), unbuffered=True, environment={"OWN": "3"})
    compilation, run = job.stages
    added = run.env.keys() - compilation.env.keys()
    assert added == {"LD_PRELOAD", "ASAN_OPTIONS", "SYNC"}
    assert run.env["OWN"] == "3"
    by_command = build_job(target(own), SETTINGS, command="x", unbuffered=True)
    assert by_command.stages[0].env["SYNC"] == "1"


def test_programs_of_32_bits_can_not_load_the_library() -> None:
    job = build_job(
        target(Language(name="x", run="x", i386=True)), SETTINGS, files("a"), unbuffered=True
    )
    assert "LD_PRELOAD" not in job.stages[0].env


def test_arguments_and_stdin_are_the_run_stage_s() -> None:
    job = build_job(
        target(COMPILED), SETTINGS, files("a.cc"), arguments=["x", "y z"], stdin=b"in", merge=True
    )
    compilation, run = job.stages
    assert (compilation.name, run.name) == ("compile", "run")
    assert compilation.argv == ("make", "a.cc")
    assert compilation.stdin == b""
    assert run.argv == ("./main", "x", "y z")
    assert run.stdin == b"in"
    assert compilation.merge
    assert run.merge


def test_files_are_renamed_for_tools_that_insist_on_an_ending() -> None:
    job = build_job(target(COMPILED), SETTINGS, files("a", "b.h"), code=["a", "b.h"])
    assert [file.name for file in job.files] == ["a.cc", "b.h"]
    assert job.files[0].content == b"a"
    assert job.stages[0].argv == ("make", "a.cc")


WINDOWS = b"\xef\xbb\xbfa\r\n\r\r\n\n\xef\xbb\xbf"


def test_only_the_program_gets_the_line_ends_of_unix() -> None:
    sent = [File(name, WINDOWS) for name in ("data", "a", "b")]
    job = build_job(target(SCRIPT), SETTINGS, sent, code={"a", "b"})
    assert {file.name: file.content for file in job.files} == {
        "data": WINDOWS,
        "a": b"a\n\r\n\n\xef\xbb\xbf",
        "b": WINDOWS,
    }


def test_a_renamed_program_gets_them_too() -> None:
    job = build_job(target(COMPILED), SETTINGS, [File("a", WINDOWS)])
    assert job.files == (File("a.cc", b"a\n\r\n\n\xef\xbb\xbf"),)


def test_a_binary_program_stays() -> None:
    language = Language(name="binary", run="./%s", binary=True)
    job = build_job(target(language), SETTINGS, [File("a", WINDOWS)])
    assert job.files == (File("a", WINDOWS),)


def test_data_is_not_compiled() -> None:
    job = build_job(target(SCRIPT), SETTINGS, files("data", "a", "b"), code={"a", "b"})
    assert job.stages[0].argv == ("run", "a")
    assert [file.name for file in job.files] == ["data", "a", "b"]


def test_a_new_name_is_none_of_the_data_s() -> None:
    job = build_job(target(COMPILED), SETTINGS, files("a", "a.cc"), code=["a"])
    assert [file.name for file in job.files] == ["a.cc.cc", "a.cc"]


def test_a_shell_command_replaces_all_stages() -> None:
    job = build_job(
        target(COMPILED), SETTINGS, files("a"), command="wc $X", stdin=b"in", merge=True
    )
    (run,) = job.stages
    assert run.name == "run"
    assert run.argv == ("sh", "-c", "wc $X")
    assert run.stdin == b"in"
    assert run.merge
    assert [file.name for file in job.files] == ["a"]
    assert job.limits.memory == SETTINGS.compile_memory_limit


@pytest.mark.parametrize("stage", STAGES)
def test_limits_of_a_stage(stage: StageName) -> None:
    wanted = RequestedLimits(wall_ms=1, cpu_ms=2, memory=3, output=4, stack=5, processes=6)
    job = build_job(target(COMPILED), SETTINGS, files("a.cc"), limits={stage: wanted})
    limits = {each.name: each.limits for each in job.stages}
    asked = limits.pop(stage)
    assert asked == Limits(wall_ms=1, cpu_ms=2, output=4, memory=3, stack=5, processes=6)
    (other,) = limits.values()
    assert other.output == SETTINGS.output_limit
