"""Random submissions, nearly right: each is judged or refused."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.judge0 import archive, call
from tests.support.server import Server

COUNT = 40

texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\0", "x" * 600, "é", "", "%", "eA=="])
numbers = st.integers(-1, 10**6) | st.floats() | st.integers(-(10**400), 10**400)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


ZIP, PROJECT = archive({"a": "x"}), archive({"run": "echo ok"})
GOOD: dict[str, list[Any]] = {
    "stdin": ["x", None],
    "expected_output": ["x", None],
    "additional_files": [ZIP, PROJECT, "", None],
    "command_line_arguments": ["a b", '"a b"'],
    "compiler_options": ["-x"],
    "cpu_time_limit": [0.1, "0.2"],
    "wall_time_limit": [0.3],
    "memory_limit": [64000],
    "stack_limit": [8000],
    "max_file_size": [1, 0.1],
    "max_processes_and_or_threads": [10],
    "redirect_stderr_to_stdout": [True, "false", 1],
    "enable_network": [False],
}
BAD: dict[str, list[Any]] = {
    "language_id": [0, "", 10**400, True, 1.5],
    "source_code": ["", 7],
    "additional_files": [archive({"../a": "x"}), "UEsDBA==", "x"],
    "command_line_arguments": ["'"],
    "cpu_time_limit": [0, 1e9, "x"],
    "wall_time_limit": [-1],
    "memory_limit": [1],
    "max_file_size": [10**9],
    "number_of_runs": [21, 0.5],
    "enable_network": [True],
    "callback_url": ["http://127.0.0.1/", "x"],
    "test_cases": [[], [7], [{}] * 4],
}
good = st.fixed_dictionaries(
    {
        "language_id": st.sampled_from([46, "46", 89, 43, "bash"]),
        "source_code": st.sampled_from(["cat", "echo ok", "exit 3", "ZWNobyBvaw=="]),
    },
    optional={name: st.sampled_from(choices) for name, choices in GOOD.items()},
)
faults = st.sampled_from(sorted(BAD)).flatmap(
    lambda name: st.fixed_dictionaries({name: st.sampled_from(BAD[name]) | values})
)
submissions = good | st.builds(lambda body, fault: body | fault, good, faults)
queries = st.fixed_dictionaries(
    {"wait": st.sampled_from(["true", "true", "false", "x"])},
    optional={
        "base64_encoded": st.sampled_from(["true", "false", ""]),
        "fields": st.sampled_from(["*", "stdout,status", "nothing", "", "test_cases"]),
    },
)


@pytest.mark.attack(
    "request", "40 random submissions to Judge0's API, nearly right", "judged, or refused"
)
def test_submissions(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    server = serve(dialects="judge0", run_timeout=500, max_batch_runs=3)
    seen: Counter[int] = Counter()

    @settings(
        max_examples=COUNT,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(body=submissions, query=queries)
    def check(body: dict[str, Any], query: dict[str, str]) -> None:
        response = call(
            server,
            "POST",
            "/submissions",
            data=json.dumps(body),
            headers={"Content-Type": "application/json"},
            params=query,
        )
        assert response.status_code in (201, 400, 422), response.text
        reply = response.json()
        if "status" in reply:
            # Nothing here is the service's fault, but for a multi-file program without `run`.
            assert reply["status"]["id"] != 13 or body["language_id"] == 89, reply
        seen[response.status_code] += 1

    check()
    assert seen[201] > COUNT // 8, seen
    assert seen[422] > COUNT // 8, seen
    assert "Traceback" not in capfd.readouterr().err
