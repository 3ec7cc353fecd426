"""Cells over HTTP, in the kernel of Python and with the driver of the images."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.support import kernels
from tests.support.paths import ROOT
from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kernels.catalogue(tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def jupyter(share: Callable[..., Server], languages: Path) -> Server:
    return share(languages=languages)


@pytest.fixture
def box(jupyter: Server) -> Iterator[HttpSandbox]:
    with kernels.kernel_sandbox(jupyter) as made:
        yield made


def cell(box: HttpSandbox, code: str, **fields: Any) -> dict[str, Any]:
    answer = box.call("POST", "/cells", json={"code": code, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def documented() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the request and the answer of the page's example."""
    page = (ROOT / "docs" / "sandboxes.md").read_text()
    (example,) = re.findall(r"^POST \S+/cells\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    sent, answered = example.split("\n\n", 1)
    return json.loads(sent), json.loads(answered)


def test_cells(box: HttpSandbox) -> None:
    """All of a session with one kernel: it takes a second to start."""
    first = cell(box, "import sys; a = 41; print('out'); print('err', file=sys.stderr); a + 1")
    assert first == {
        "kernel": "python3",
        "stdout": "out\n",
        "stderr": "err\n",
        "results": [
            {
                "type": "execute_result",
                "data": {"text/plain": "42"},
                "metadata": {},
                "display_id": None,
            }
        ],
        "error": None,
        "verdict": "ok",
        "message": None,
        "execution_count": 1,
        "wall_time": first["wall_time"],
    }
    assert cell(box, "print(a)")["stdout"] == "41\n"
    sent, answered = documented()
    assert cell(box, **sent) == answered | {"execution_count": 3, "wall_time": ANY}

    failed = cell(box, "print('before')\n1 / 0")
    assert (failed["verdict"], failed["stdout"]) == ("error", "before\n")
    assert failed["error"]["ename"] == "ZeroDivisionError"
    assert "division by zero" in failed["error"]["traceback"][-1]

    shown = cell(
        box,
        "from IPython.display import HTML, clear_output, display\n"
        "print('gone'); clear_output()\n"
        "handle = display(HTML('<b>1</b>'), display_id='x')\n"
        "handle.update(HTML('<b>2</b>'))",
    )
    assert shown["stdout"] == ""
    (display,) = shown["results"]
    assert (display["type"], display["data"]["text/html"]) == ("display_data", "<b>2</b>")

    assert cell(box, "input()")["error"]["ename"] == "StdinNotImplementedError"
    asked = cell(box, "print(input('? ') + input()); input()", stdin="a\nb")
    assert "ab\n" in asked["stdout"]
    assert asked["error"]["ename"] == "EOFError"

    slow = cell(box, "import time\nfor n in range(100): time.sleep(1)", timeout=700)
    assert (slow["verdict"], slow["error"]["ename"]) == ("wall_time", "KeyboardInterrupt")
    assert slow["message"] == "Time limit exceeded: 700 ms"
    loud = cell(box, "while True: print('x' * 1000)", output_limit=10_000)
    assert (loud["verdict"], len(loud["stdout"])) == ("stdout", 10_000)
    large = cell(box, "display({'text/plain': 'x' * 9_000_000}, raw=True); print('after')")
    assert (large["verdict"], large["stdout"]) == ("ok", "after\n")
    assert "is left out: one may have 8388608" in large["stderr"]
    assert cell(box, "a")["results"][0]["data"]["text/plain"] == "41"

    assert cell(box, "!echo from the shell; pwd")["stdout"].split() == [
        "from",
        "the",
        "shell",
        "/box",
    ]
    assert box.sh("ls").count("driver.py") == 1

    died = cell(box, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (died["verdict"], died["error"]) == ("died", None)
    assert died["message"].startswith("The kernel has died with the exit code -9")
    again = cell(box, "'a' in globals()")
    assert (again["execution_count"], again["results"][0]["data"]["text/plain"]) == (1, "False")


def test_lines_interrupt_and_restart(box: HttpSandbox) -> None:
    answer = box.call(
        "POST",
        "/cells",
        json={"code": "import time; b = 1; print('on', flush=True); time.sleep(600)"},
        headers={"Accept": "application/x-ndjson"},
        stream=True,
    )
    lines = map(json.loads, answer.iter_lines())
    assert next(lines) == {"type": "data", "stream": "stdout", "data": "on\n"}
    interrupted = box.call("POST", "/cells/interrupt", json={})
    assert interrupted.json() == {"kernel": "python3", "interrupted": True}
    *_, error, last = lines
    assert (error["type"], error["ename"]) == ("exception", "KeyboardInterrupt")
    assert (last["type"], last["verdict"], last["execution_count"]) == ("exit", "error", 1)
    assert cell(box, "b", kernel="python")["results"][0]["data"] == {"text/plain": "1"}

    gone = box.call(
        "POST",
        "/cells",
        json={"code": "print('on', flush=True); time.sleep(600)"},
        headers={"Accept": "application/x-ndjson"},
        stream=True,
    )
    next(gone.iter_lines())
    gone.close()  # its client leaves
    assert cell(box, "b")["verdict"] == "ok"

    restarted = box.call("POST", "/cells/restart", json={"kernel": "python3"})
    assert restarted.json() == {"kernel": "python3", "restarted": True}
    assert cell(box, "b")["error"]["ename"] == "NameError"


def test_what_is_refused(jupyter: Server, box: HttpSandbox) -> None:
    def refusal(path: str, **body: Any) -> tuple[int, str]:
        answer = box.call("POST", path, json=body)
        return answer.status_code, answer.json()["message"]

    assert box.call("GET").json()["kernels"][0] == "python3"
    assert refusal("/cells") == (400, "code is required as a string")
    assert refusal("/cells", code="1", stdin=5)[0] == 400
    assert refusal("/cells", code="1", timeout=0)[0] == 400
    status, text = refusal("/cells", code="1", kernel="cobol")
    assert (status, "There is no kernel cobol; there are: python3" in text) == (400, True)
    assert refusal("/cells/interrupt")[0] == 404
    status, text = refusal("/cells", code="1", kernel="garbage")
    assert (status, "it sent a frame" in text) == (409, True)
    unknown = box.call("POST", "/cells", json={"code": "1", "kernel": "echo", "cod": 1})
    assert unknown.json()["warnings"] == ["Unknown field: cod; did you mean code?"]


def test_a_package_without_kernels(server: Server) -> None:
    with sandbox(server) as box:
        assert box.call("GET").json()["kernels"] == []
        answer = box.call("POST", "/cells", json={"code": "1"})
        assert answer.status_code == 400
        assert "The package bash has no kernel" in answer.json()["message"]


@pytest.mark.attack(
    "program",
    "a kernel that is no kernel: garbage, forged messages, a flood, the death of its driver",
    "each cell has an answer that says so; the service and other sandboxes go on",
)
def test_kernels_that_are_none(jupyter: Server, box: HttpSandbox) -> None:
    def send(kernel: str, code: str = "1") -> tuple[int, str]:
        answer = box.call(
            "POST", "/cells", json={"code": code, "kernel": kernel, "output_limit": 200_000}
        )
        found = answer.json()
        return answer.status_code, found.get("verdict") or found["message"]

    answers: dict[str, tuple[int, str]] = {}
    names = ("garbage", "forger", "flood")
    threads = [
        threading.Thread(target=lambda name=name: answers.update({name: send(name)}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    with kernels.kernel_sandbox(jupyter) as other:
        assert cell(other, "6 * 7")["results"][0]["data"]["text/plain"] == "42"
        for thread in threads:
            thread.join()
        assert answers["garbage"][0] == 409
        assert answers["forger"] == (200, "aborted")
        assert answers["flood"] == (200, "stdout")
        killer = "import os, signal; os.kill(os.getppid(), signal.SIGKILL); input('x')"
        assert cell(other, killer, stdin="")["verdict"] == "died"
        # The kernel has ended with its driver.
        assert wait_until(lambda: "ipykernel" not in other.sh("ps -ef"), 60)
        assert cell(other, "6 * 7")["verdict"] == "ok"
