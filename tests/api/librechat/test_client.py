"""The code tools of LibreChat's agents from npm, as they are, given an address and a key."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need_npm_package
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import RUN

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

SCRIPT = ROOT / "tests" / "clients" / "librechat-agent.mjs"


@pytest.fixture(scope="module")
def agents() -> Path:
    return need_npm_package("@librechat/agents", "3.9.2")


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="librechat", api_tokens=RUN, run_timeout=30_000, run_cpu_time=30_000)


def replies(agents: Path, server: Server, *calls: dict[str, Any], key: str = RUN) -> list[Any]:
    script = shutil.copy(SCRIPT, agents)  # a module finds others from where it is
    done = subprocess.run(
        ["node", script],
        input=json.dumps(calls),
        env=os.environ | {"LIBRECHAT_CODE_BASEURL": f"{server.url}/librechat/v1", "KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def code(lang: str, text: str, **more: Any) -> dict[str, Any]:
    return {"tool": "execute_code", "args": {"lang": lang, "code": text}} | more


def bash(command: str, **more: Any) -> dict[str, Any]:
    return {"tool": "bash_tool", "args": {"command": command}} | more


def test_a_conversation(agents: Path, server: Server) -> None:
    made, read, changed, left = replies(
        agents,
        server,
        code("py", "open('/mnt/data/a.csv', 'w').write('1,2')\nprint('done')"),
        bash("cat /mnt/data/a.csv; ls /mnt/data", carry=True),
        code("js", "require('fs').appendFileSync('a.csv', ',3'); console.log(1)", carry=True),
        bash("cat a.csv", carry=True),
    )
    assert made["content"].startswith("stdout:\ndone")
    assert "1 persisted file" in made["content"]
    (file,) = made["artifact"]["files"]
    assert file["storage_session_id"] == made["artifact"]["session_id"]
    assert read["content"].splitlines()[:3] == ["stdout:", "1,2a.csv", "main.sh"]
    assert read["artifact"]["files"] == [file | {"inherited": True}]
    assert changed["artifact"]["files"][0]["modified_from"]["id"] == file["id"]
    assert left["content"] == "stdout:\n1,2,3"


def test_what_the_model_sees_of_failures(agents: Path, server: Server) -> None:
    raised, unknown, compiled, gone = replies(
        agents,
        server,
        code("py", "print('before'); 1 / 0"),
        code("r", "cat(1)"),
        code("c", "int main(void) { return x; }"),
        code("js", "for (;;) ;"),
    )
    assert raised["content"].startswith("stdout:\nbefore")
    assert "ZeroDivisionError" in raised["content"]
    assert "Exited with error status 1" in raised["content"]
    assert unknown["content"].startswith("stdout:\n1") or "PACKAGES=rscript" in unknown["content"]
    assert "undeclared" in compiled["content"]
    assert "Time limit exceeded: 30000 ms" in gone["content"]


def test_a_program_that_calls_tools(agents: Path, server: Server) -> None:
    def program(text: str, **more: Any) -> dict[str, Any]:
        return {"tool": "run_tools_with_code", "args": {"code": text}} | more

    text = """
cities = ["Rome", "Paris"]
found = await asyncio.gather(*(get_weather(city=city) for city in cities))
print([each["degrees"] for each in found])
try:
    await get_weather(city="Nowhere")
except Exception as error:
    print(error)
open("report.csv", "w").write(str(found[0]["degrees"]))
"""
    called, raised, read = replies(
        agents,
        server,
        program(text),
        program("await get_weather(city='Rome')\n1 / 0"),
        code("py", "print(1)"),
    )
    assert called["content"].startswith("stdout:\n[4, 5]\nno such city"), called
    assert [file["name"] for file in called["artifact"]["files"]] == ["report.csv"]
    assert "Execution exited with code 1" in raised["error"]
    assert "ZeroDivisionError" in raised["error"]
    assert read["content"] == "stdout:\n1"


def test_a_wrong_key(agents: Path, server: Server) -> None:
    (refused,) = replies(agents, server, code("py", "print(1)"), key="wrong")
    assert "not authorized" in refused["error"]
