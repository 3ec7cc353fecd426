"""`bitrun doctor` on a healthy machine, and on ones that lack something."""

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from bitrun.config.settings import Settings
from bitrun.doctor import engine, limits
from bitrun.doctor.findings import Level
from bitrun.engine.info import EngineInfo
from tests.support.command import run
from tests.support.piston import package, write_catalogue
from tests.support.redis import Redis

if TYPE_CHECKING:
    from bitrun.engine.engine import Engine

Finding = dict[str, str]


def doctor(**environment: str) -> tuple[int, dict[str, Finding]]:
    done = run("doctor", "--json", environment=os.environ | environment)
    assert done.stderr == ""
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(bool(each["remedy"]) == (each["level"] != "ok") for each in findings)
    return done.returncode, {each["subject"]: each for each in findings}


@pytest.mark.engine
def test_a_real_engine(tmp_path: Path) -> None:
    """One language says its hello, one prints something else, one should be there and is not."""
    for name, program in (("shell", "echo Hello, World!"), ("liar", "echo Goodbye")):
        (tmp_path / "bash" / "samples" / name).mkdir(parents=True)
        (tmp_path / "bash" / "samples" / name / "hello.sh").write_text(program)
    languages = write_catalogue(tmp_path, package("shell", "bash"), package("missing", "missing"))
    text = languages.read_text().replace(
        "- name: shell\n    run: bash %s",
        "- {name: shell, run: bash %s}\n  - {name: liar, run: bash %s}",
    )
    assert "liar" in text
    languages.write_text(text)
    for name in ("supervisor", "missing"):
        (tmp_path / name).mkdir()
    code, found = doctor(
        BITRUN_LANGUAGES=str(languages),
        BITRUN_IMAGES=str(tmp_path),
        BITRUN_PACKAGES="missing",
        BITRUN_REGISTRY="127.0.0.1:1/bitrun",
    )
    assert code == 1
    assert found["registry"]["level"] == "error"
    assert "127.0.0.1:1/bitrun: " in found["registry"]["detail"]
    for subject in (
        "settings", "engine", "storage", "cgroups", "seccomp", "memory limit", "process limit",
        "accounting", "disk",
    ):  # fmt: skip
        assert found[subject]["level"] == "ok", found[subject]
    by_name = {subject.split()[0]: finding for subject, finding in found.items()}
    assert by_name["shell"]["level"] == "ok", by_name["shell"]
    assert by_name["liar"]["level"] == "error"
    assert "Goodbye" in by_name["liar"]["detail"]
    assert by_name["boxes"]["level"] != "error"


def test_no_engine() -> None:
    code, found = doctor(DOCKER_HOST="tcp://127.0.0.1:1")
    assert (code, set(found), found["engine"]["level"]) == (1, {"settings", "engine"}, "error")


def test_redis(redis_server: Redis) -> None:
    away = {"DOCKER_HOST": "tcp://127.0.0.1:1", "BITRUN_REDIS": redis_server.url}
    _, found = doctor(BITRUN_NODE_URL="auto", **away)
    assert found["redis"]["level"] == "ok"
    assert found["redis"]["detail"].endswith("which reach this one at 127.0.0.1:5000")
    redis_server.stop()
    _, found = doctor(BITRUN_REDIS_AWAY="refuse", **away)
    assert found["redis"]["level"] == "error"
    assert found["redis"]["detail"].endswith("no request is admitted")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "none"), ("API_TOKENS", "short"), ("UNLIMITED_CLIENTS", "nobody")]
)
def test_a_setting_that_does_not_fit(name: str, value: str) -> None:
    code, found = doctor(**{f"BITRUN_{name}": value})
    assert (code, set(found), found["settings"]["level"]) == (1, {"settings"}, "error")


# What no engine here can be made to show

GOOD = EngineInfo(
    id="an engine",
    version="27.1.1",
    system="Debian",
    kernel="6.1",
    storage="overlay2",
    memory=8_000_000_000,
    cgroup_version="2",
    cgroup_driver="systemd",
    supported_limits={"memory": True, "processes": True, "processors": True},
    swap_limit=True,
    seccomp="builtin",
)


@pytest.mark.parametrize(
    ("subject", "level", "change"),
    [
        ("engine", "error", {"version": "19.03.15"}),
        ("engine", "ok", {"version": "20.10.24+dfsg1"}),
        ("storage", "warning", {"storage": "vfs"}),
        ("cgroups", "error", {"supported_limits": {"memory": False, "processes": True}}),
        ("swap", "warning", {"swap_limit": False}),
        ("seccomp", "error", {"seccomp": None}),
        ("seccomp", "error", {"seccomp": "unconfined"}),
    ],
)
def test_an_engine_that_lacks_something(subject: str, level: str, change: dict[str, Any]) -> None:
    class Lacking:
        def info(self) -> EngineInfo:
            return dataclasses.replace(GOOD, **change)

    found = {each.subject: each.level for each in engine.check(cast("Engine", Lacking()))}
    assert found.pop(subject) == level
    assert set(found.values()) == {Level.OK}


def test_limits_beyond_the_machine() -> None:
    found = {each.subject: each.level for each in limits.check(Settings(), GOOD)}
    assert found["memory"] == "ok"
    found = {each.subject: each.level for each in limits.check(Settings(max_runs=100), GOOD)}
    assert found["memory"] == "warning"
