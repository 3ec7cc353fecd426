"""Batches over HTTP: the reply, how runs are judged, refusals, and clients that leave."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.metrics import metric
from tests.support.piston import call, message, request
from tests.support.scale import scaled
from tests.support.server import Server
from tests.support.waiting import wait_until
from tests.support.wire import dial, post

PATH = "/api/v2/execute/batch"
ECHO = "import sys; sys.stdout.write(sys.stdin.read())"
# Accepts an output with as many lines as the input has.
CHECKER = """
import sys
lines = [len(open(name).readlines()) for name in sys.argv[1:3]]
print("%d of %d lines" % (lines[1], lines[0]))
sys.exit(lines[0] != lines[1])
"""


def ask(server: Server, body: Any, **options: Any) -> requests.Response:
    return call(server, "POST", PATH, body, **options)


def judge(server: Server, language: str, code: str, *runs: Any, **fields: Any) -> dict[str, Any]:
    """Judge what must be judged, and return the whole reply."""
    response = ask(server, request(language, code, runs=list(runs), **fields))
    assert response.status_code == 200, response.text
    body = response.json()
    assert isinstance(body, dict)
    return body


def reasons(body: dict[str, Any]) -> list[str]:
    for run in body["runs"]:
        assert run["accepted"] is (run["reason"] == "ok")
    assert body["accepted"] is all(run["accepted"] for run in body["runs"])
    return [run["reason"] for run in body["runs"]]


def program(code: str, language: str = "python") -> dict[str, Any]:
    return {"language": language, "files": [{"content": code}]}


def stream(server: Server, body: Any) -> list[dict[str, Any]]:
    response = ask(server, body, headers={"Accept": "application/x-ndjson"})
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


# The reply


@pytest.mark.also_engine
def test_the_whole_reply(server: Server) -> None:
    body = judge(
        server, "python", ECHO,
        {"stdin": "a", "expected_output": "a"}, {"stdin": "b", "expected_output": "c"}, {},
    )  # fmt: skip
    assert body.keys() == {"language", "version", "accepted", "runs"}
    assert reasons(body) == ["ok", "wrong", "ok"]
    assert [run["run"]["stdout"] for run in body["runs"]] == ["a\n", "b\n", "\n"]
    first, second, _ = body["runs"]
    assert first["run"]["verdict"] == "ok"
    assert first["message"] is None
    assert second["message"] == "line 1: expected 'c', got 'b'"


@pytest.mark.also_engine
def test_a_compiled_program_has_one_compilation(server: Server) -> None:
    code = '#include <stdio.h>\nint main() { int n; scanf("%d", &n); printf("%d", 2 * n); }'
    body = judge(server, "c", code, *({"stdin": str(n), "expected_output": str(2 * n)} for n in range(3)))  # fmt: skip
    assert reasons(body) == ["ok"] * 3
    assert body["compile"]["verdict"] == "ok"
    assert {run["run"]["stdout"] for run in body["runs"]} == {"0", "2", "4"}


def test_what_is_not_compiled_does_not_run(server: Server) -> None:
    body = judge(server, "c", "int main(", {}, {"expected_output": ""})
    assert "expected" in body["compile"]["stderr"]
    assert body["runs"] == [{"accepted": False, "reason": "compile", "message": None}] * 2


def test_a_run_has_its_own_fields(server: Server) -> None:
    code = "import sys, os; print(sys.argv[1:], sorted(os.listdir())); open('new', 'w')"
    body = judge(
        server, "python", code,
        {}, {"args": ["b"]}, {"files": [{"name": "data.py", "content": "1"}]},
        args=["a"],
    )  # fmt: skip
    outputs = [run["run"]["stdout"] for run in body["runs"]]
    main = outputs[0].split("'")[3]
    assert outputs == [
        f"['a'] ['{main}']\n", f"['b'] ['{main}']\n", f"['a'] ['data.py', '{main}']\n",
    ]  # fmt: skip


def test_a_run_has_its_own_limits(server: Server) -> None:
    code = "import time; time.sleep(float(input()))"
    body = judge(server, "python", code, {"stdin": "0"}, {"stdin": "9", "run_timeout": 300})
    assert reasons(body) == ["ok", "wall_time"]


@pytest.mark.also_engine
def test_the_stream(server: Server) -> None:
    runs = [{"stdin": text, "expected_output": "0.1"} for text in ("1.5", "0.1")]
    code = "import time; text = input(); time.sleep(float(text)); print(text)"
    head, *answers, last = stream(server, request("python", code, runs=runs))
    assert head.keys() == {"language", "version"}
    assert [(each["index"], each["reason"]) for each in answers] == [(1, "ok"), (0, "wrong")]
    assert last == {"accepted": False}


def test_stop_on_failure(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=2)  # so one run of a batch at a time
    runs = [{"stdin": text, "expected_output": "a"} for text in "abcd"]
    body = judge(server, "python", ECHO, *runs, stop_on_failure=True)
    assert reasons(body) == ["ok", "wrong", "skipped", "skipped"]
    assert "run" not in body["runs"][2]
    assert reasons(judge(server, "python", ECHO, *runs)) == ["ok", "wrong", "wrong", "wrong"]


# Checkers


def test_a_checker_decides(server: Server) -> None:
    runs = [{"stdin": "1\n2\n"}, {"stdin": "3\n", "expected_output": "anything"}]
    body = judge(server, "python", ECHO, *runs, checker=program(CHECKER))
    assert reasons(body) == ["ok", "ok"]
    assert body["runs"][0]["judge"]["output"] == "2 of 2 lines\n"
    body = judge(server, "python", "print(1)", *runs, checker=program(CHECKER))
    assert reasons(body) == ["wrong", "ok"]
    assert body["runs"][0]["judge"]["output"] == "1 of 2 lines\n"


def test_a_checker_gets_input_output_and_expected_output(server: Server) -> None:
    checker = "import sys; print([open(name).read() for name in sys.argv[1:]])"
    body = judge(
        server, "python", "print('out')", {"stdin": "in", "expected_output": "é"}, {},
        checker=program(checker),
    )  # fmt: skip
    assert [run["judge"]["output"] for run in body["runs"]] == [
        "['in\\n', 'out\\n', 'é']\n", "['\\n', 'out\\n', '']\n",
    ]  # fmt: skip


def test_a_checker_is_not_asked_about_a_program_that_failed(server: Server) -> None:
    body = judge(server, "python", "exit(3)", {}, checker=program("print(1)"))
    assert reasons(body) == ["exit"]
    assert "judge" not in body["runs"][0]


@pytest.mark.parametrize(
    ("checker", "verdict"),
    [
        ("import time; time.sleep(60)", "wall_time"),
        ("while True: print('x' * 10000)", "stdout"),
        ("import os; os.abort()", "signal"),
        ("import sys; sys.exit(3)", "exit"),
    ],
)
def test_a_checker_that_fails(serve: Callable[..., Server], checker: str, verdict: str) -> None:
    server = serve(run_timeout=700)
    body = judge(server, "python", "print(1)", {}, {}, checker=program(checker))
    assert reasons(body) == ["checker"] * 2
    for run in body["runs"]:
        assert run["judge"]["verdict"] == verdict
        assert len(run["judge"]["output"]) <= 4096


def test_a_compiled_checker(server: Server) -> None:
    code = "int main(int argc, char **argv) { return argc == 4 ? 0 : 1; }"
    assert reasons(judge(server, "python", "", {}, checker=program(code, "c"))) == ["ok"]
    response = ask(server, request("python", "", runs=[{}], checker=program("int main(", "c")))
    assert response.status_code == 400
    assert message(response).startswith("The checker can't be compiled (exit): ")


# Interactors

GUESS = "import random\nlow, high = 0, 1000\nwhile True:\n  middle = (low + high) // 2\n  print(middle, flush=True)\n  answer = input()\n  if answer == 'yes': break\n  if answer == 'less': high = middle\n  else: low = middle"
INTERACTOR = """
import sys
secret = int(open(sys.argv[1]).read())
for count in range(10):
    guess = int(input())
    print('yes' if guess == secret else 'less' if secret < guess else 'more', flush=True)
    if guess == secret:
        print(count + 1, 'guesses', file=sys.stderr)
        sys.exit(0)
print('too many guesses', file=sys.stderr)
sys.exit(1)
"""


@pytest.mark.also_engine
def test_an_interactor(server: Server) -> None:
    runs = [{"stdin": "500"}, {"stdin": "250"}, {"stdin": "1"}]
    body = judge(server, "python", GUESS, *runs, interactor=program(INTERACTOR))
    assert reasons(body) == ["ok"] * 3
    assert [run["judge"]["output"] for run in body["runs"]] == [
        "1 guesses\n", "2 guesses\n", "9 guesses\n",
    ]  # fmt: skip
    assert body["runs"][1]["run"]["stdout"] == "500\n250\n"


@pytest.mark.parametrize(
    ("code", "interactor", "expected"),
    [
        # Both wait for each other.
        ("input()", "input()", ("wall_time", "wall_time", "exit")),
        # The interactor never reads, and the program writes up to its limit.
        (
            "while True: print('x' * 1000)", "import time; time.sleep(1)",
            ("stdout", "stdout", "ok"),
        ),
        ("print(1); exit(3)", "input(); input()", ("exit", "exit", "exit")),
        ("import os; os.abort()", "input()", ("signal", "signal", "exit")),
        ("print(1)\ninput()", "exit(1)", ("wrong", "exit", "exit")),
        ("print(1)", "input(); exit(3)", ("interactor", "ok", "exit")),
        ("print(1)", "input(); import os; os.abort()", ("interactor", "ok", "signal")),
        ("print(1)", "while True: print('x' * 1000)", ("interactor", "ok", "stdout")),
        ("print(input())", "print(2); exit(input() != '2')", ("ok", "ok", "ok")),
        ("while True: pass", "exit(0)", ("wall_time", "wall_time", "ok")),
    ],
)  # fmt: skip
def test_who_is_to_blame(
    serve: Callable[..., Server], code: str, interactor: str, expected: tuple[str, str, str]
) -> None:
    server = serve(run_timeout=1500)
    (run,) = judge(server, "python", code, {}, interactor=program(interactor))["runs"]
    assert (run["reason"], run["run"]["verdict"], run["judge"]["verdict"]) == expected


def test_compiled_programs_that_interact(server: Server) -> None:
    code = '#include <stdio.h>\nint main() { int n; scanf("%d", &n); printf("%d", n + 1); }'
    asks = '#include <stdio.h>\nint main() { int n; puts("6"); fclose(stdout); scanf("%d", &n); return n != 7; }'
    body = judge(server, "c", code, {}, interactor=program(asks, "c"))
    assert reasons(body) == ["ok"], body


# Every verdict

# Reverses numbers, or ends otherwise, as its input says.
MANNERS = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char how[20];
    int count;
    long numbers[100];
    if (scanf("%19s %d", how, &count) != 2) return 9;
    for (int i = 0; i < count; i++) if (scanf("%ld", numbers + i) != 1) return 9;
    if (!strcmp(how, "slow")) sleep(60);
    if (!strcmp(how, "busy")) for (volatile long i = 0;; i++) {}
    if (!strcmp(how, "leak")) for (;;) memset(malloc(1 << 20), 1, 1 << 20);
    if (!strcmp(how, "crash")) *(volatile int *)0 = 0;
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "flood")) for (;;) puts("123456789");
    if (!strcmp(how, "exit")) return 7;
    if (!strcmp(how, "wrong")) numbers[0]++;
    while (count--) printf("%ld ", numbers[count]);
    return 0;
}
"""
ANY_ORDER = """
import sys
given = sorted(map(int, open(sys.argv[1]).read().split()[2:]))
found = sorted(map(int, open(sys.argv[2]).read().split()))
print(len(found), "numbers", file=sys.stderr)
sys.exit(0 if found == given else 1)
"""
VERDICTS = {
    "right": "ok", "wrong": "wrong", "slow": "wall_time", "busy": "cpu_time", "leak": "memory",
    "crash": "signal", "abort": "signal", "flood": "stdout", "exit": "exit",
}  # fmt: skip


@pytest.mark.engine
def test_a_hundred_cases_and_every_verdict(serve: Callable[..., Server]) -> None:
    """What a judge's author tries: a checker, and programs that fail in all possible manners."""
    server = serve(run_timeout=20_000, run_cpu_time=20_000)
    # Of their own, so that a machine that has no time for anybody changes no other verdict.
    limits = {"busy": {"run_cpu_time": 30}, "slow": {"run_timeout": 1000}}
    rare = [manner for manner in VERDICTS if manner != "right"]
    manners = [rare[number % len(rare)] if number % 5 == 0 else "right" for number in range(100)]
    numbers = " ".join(map(str, range(20)))
    body = request(
        "c",
        MANNERS,
        runs=[{"stdin": f"{manner} 20 {numbers}"} | limits.get(manner, {}) for manner in manners],
        checker=program(ANY_ORDER),
        run_memory_limit=64 * 1024 * 1024,
    )
    head, *answers, last = stream(server, body)
    assert head["compile"]["verdict"] == "ok"
    reasons = {answer["index"]: answer["reason"] for answer in answers}
    assert [reasons[index] for index in range(100)] == [VERDICTS[manner] for manner in manners]
    assert set(reasons.values()) == set(VERDICTS.values())
    assert last == {"accepted": False}


# Refusals


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"runs": None}, "runs is required as an array of at least one object"),
        ({"runs": []}, "runs is required as an array of at least one object"),
        ({"runs": [{}, 1]}, "runs[1] must be an object"),
        ({"runs": [{}] * 10_000}, "runs may have 500 entries at most, and has 10000"),
        (
            {"runs": [{}, {"run_timeout": "1"}]},
            "runs[1]: If specified, run_timeout must be a number",
        ),
        (
            {"runs": [{}, {}, {"run_memory_limit": 1}]},
            "runs[2]: run_memory_limit must be at least 6291456",
        ),
        ({"run_timeout": "1"}, "If specified, run_timeout must be a number"),
        ({"runs": [{"stdin": 1}]}, "runs[0]: If specified, stdin must be a string"),
        ({"runs": [{"args": 1}]}, "runs[0]: If specified, args must be an array of strings and numbers"),
        ({"runs": [{"files": 1}]}, "runs[0]: files is required as an array"),
        (
            {"runs": [{"files": [{"name": "../a", "content": ""}]}]},
            "runs[0]: files[0].name must stay within the directory: ../a",
        ),
        (
            {"runs": [{"expected_output": 1}]},
            "runs[0]: If specified, expected_output must be a string",
        ),
        (
            {"runs": [{"expected_output": "\ud800"}]},
            "runs[0]: expected_output is no valid Unicode",
        ),
        ({"compare": "about"}, "If specified, compare must be one of exact, lines, tokens, numbers"),
        ({"compare": []}, "If specified, compare must be one of exact, lines, tokens, numbers"),
        ({"tolerance": -1}, "If specified, tolerance must be a number from 0 on"),
        ({"tolerance": True}, "If specified, tolerance must be a number from 0 on"),
        ({"stop_on_failure": 1}, "If specified, stop_on_failure must be true or false"),
        ({"checker": "x"}, "checker must be an object with language and files"),
        ({"checker": {}}, "checker: language is required as a string"),
        ({"checker": program("", "nosuch")}, "checker: nosuch-* runtime is unknown"),
        ({"interactor": {"language": "python"}}, "interactor: files is required as an array"),
        (
            {"checker": program(""), "interactor": program("")},
            "checker and interactor exclude each other: send one of them",
        ),
        ({"version": "2"}, "python-2 runtime is unknown"),
    ],
)  # fmt: skip
def test_refusals(server: Server, fields: dict[str, Any], sentence: str) -> None:
    # As text, since `requests` can't send half a character.
    body = json.dumps(request("python", "", runs=[{}]) | fields).encode()
    response = ask(server, body)
    assert response.status_code == 400
    assert message(response) == sentence


def test_a_run_that_can_not_be_carried_out_is_one_of_many(server: Server) -> None:
    data = [{"name": "a/b", "content": ""}, {"name": "a", "content": ""}]
    body = judge(server, "python", "", {}, {"files": data}, {})
    assert reasons(body) == ["ok", "error", "ok"]
    assert body["runs"][1]["message"] == "File has the name of a directory: a"


def test_outputs_are_left_out_beyond_a_bound(serve: Callable[..., Server]) -> None:
    server = serve(output_limit=3_000_000)
    code = "print('x' * int(input()))"
    runs = [{"stdin": "2500000"}, {"stdin": "2500000"}, {"stdin": "3"}]
    runs = [run | {"expected_output": "x" * int(run["stdin"])} for run in runs]
    body = judge(server, "python", code, *runs)
    assert reasons(body) == ["ok"] * 3  # compared in full
    cut = [run["run"] for run in body["runs"] if run["run"].get("truncated")]
    assert [(run["stdout"], run["output"]) for run in cut] == [("", "")]
    answers = stream(server, request("python", code, runs=runs))[1:-1]
    assert {len(each["run"]["stdout"]) for each in answers} == {2_500_001, 4}


# Many, and clients that leave


def test_a_rate_counts_each_run(serve: Callable[..., Server]) -> None:
    server = serve(rate_limit="6/hour")
    judge(server, "python", "", {}, {}, {}, {})
    response = ask(server, request("python", "", runs=[{}] * 3))
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    # That has counted one.
    judge(server, "python", "", {})
    response = ask(server, request("python", "", runs=[{}] * 7))
    assert response.status_code in (400, 429)


def test_a_batch_that_no_rate_allows(serve: Callable[..., Server]) -> None:
    server = serve(rate_limit="100/second; 6/hour")
    response = ask(server, request("python", "", runs=[{}] * 7))
    assert response.status_code == 400
    assert message(response) == (
        "The rate limit of 6 per 1 hour allows no 7 runs in one request: send at most 6"
    )


@pytest.mark.also_engine
def test_a_large_batch_leaves_places_for_others(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=4, max_queue=0)
    runs = [{"stdin": "0.3"}] * 40
    code = "import time; time.sleep(float(input()))"
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(judge, server, "python", code, *runs)
        assert wait_until(lambda: taken(server) >= 2, 10)
        for _ in range(5):
            assert taken(server) <= 2
            # Without a queue it would be refused at once if no place were free.
            assert server.run(filename="a.sh", content="echo 1").text == "1\n"
            assert not batch.done()
        assert reasons(batch.result()) == ["ok"] * 40


def test_a_small_batch_does_not_wait_for_a_large_one(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=2)
    code = "import time; time.sleep(0.1)"
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(judge, server, "python", code, *[{}] * 40)
        assert wait_until(lambda: taken(server) == 1, 10)
        assert reasons(judge(server, "python", code, {}, {})) == ["ok"] * 2
        assert not large.done()
        large.result()


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.attack(
    "request", "batches whose clients hang up", "what runs is ended, and nothing else begins"
)
def test_a_client_that_leaves(
    serve: Callable[..., Server], containers: Callable[[], set[str]], accept: str
) -> None:
    server = serve(max_runs=4)
    body = json.dumps(
        request("python", "import time; time.sleep(2)", runs=[{}] * 100)
    ).encode()  # fmt: skip
    with dial(server) as connection:
        connection.sendall(post(PATH, "application/json", body, f"Accept: {accept}"))
        assert wait_until(lambda: taken(server) == 2, 10)
    left = time.monotonic()
    assert wait_until(lambda: taken(server) == 0, 5)
    assert time.monotonic() - left < 1.5
    time.sleep(0.5)
    assert taken(server) == 0
    assert wait_until(lambda: not containers(), 5)


@pytest.mark.engine
@pytest.mark.attack(
    "request", "a stream of a batch that nobody reads", "it ends after 10 s without a read"
)
def test_a_client_that_never_reads(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=4)
    fields = {"runs": [{}] * 100, "run_output_limit": -1}
    body = json.dumps(request("python", "print('x' * 3_000_000)", **fields)).encode()
    with dial(server) as connection:
        connection.sendall(post(PATH, "application/json", body, "Accept: application/x-ndjson"))
        assert wait_until(lambda: taken(server) > 0, 10)
        assert wait_until(lambda: taken(server) == 0, 10)  # two results wait for their reader
        time.sleep(scaled(12))
        connection.settimeout(scaled(10))
        received = 0
        while piece := connection.recv(1 << 20):
            received += len(piece)
    assert received < 100 * 3_000_000
    metrics = server.get("/metrics").text
    assert "bitrun_body_memory_bytes 0.0" in metrics


def taken(server: Server) -> int:
    """Return how many places are taken."""
    return int(metric(server, "bitrun_places_taken"))
