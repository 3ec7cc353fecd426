"""Calls SandboxFusion's client against the API named as the argument; prints the replies as JSON."""

import asyncio
import base64
import json
import sys
from typing import Any

import sandbox_fusion as sf  # type: ignore[import-not-found]  # only here

CPP = """#include <iostream>
int main() { int x; std::cin >> x; std::cout << 2 * x << std::endl; }"""
COMPLETION = f"Here it is:\n```python\nprint('no')\n```\n```cpp\n{CPP}\n```\nDone."
CASES = [{"input": {"stdin": str(n)}, "output": {"stdout": str(2 * n)}} for n in range(8)]


def run(**fields: Any) -> Any:
    return sf.run_code(sf.RunCodeRequest(**fields), max_attempts=1)


def submit(completion: str, cases: object, **config: Any) -> Any:
    data = {"id": 7, "content": "Twice", "labels": {}, "test": cases}
    request = sf.SubmitRequest(
        dataset="mine",
        id=7,
        completion=completion,
        config=sf.TestConfig(
            dataset_type="CommonOJDataset", language="cpp", provided_data=data, **config
        ),
    )
    return sf.submit(request, max_attempts=1)


def refusal(**fields: Any) -> str:
    try:
        return str(run(**fields))
    except Exception as error:  # noqa: BLE001  the client raises nothing narrower
        return str(error)


def main(url: str) -> None:
    sf.set_endpoint(url)
    program = (
        "import sys; print(input()); print('err', file=sys.stderr); open('out', 'w').write('x')"
    )
    python = run(language="python", code=program, stdin="typed", fetch_files=["out"])
    files = {"words.py": base64.b64encode(b"HELLO = 'Hello'").decode()}
    module = run(language="python", code="import words; print(words.HELLO)", files=files)
    failed = run(language="python", code="raise SystemExit(3)")
    late = run(language="bash", code="echo so far; sleep 60", run_timeout=3)
    wrong = run(language="cpp", code="int main() { return x; }")
    mapping = sf.SummaryMapping(CompileFailed="compile", RunTimeout="late")
    accepted = submit(COMPLETION, CASES, extra={"run_all_cases": True})
    rejected = submit(
        COMPLETION, [*CASES[:2], {"input": {"stdin": "1"}, "output": {"stdout": "3"}}, *CASES]
    )
    concurrent = sf.run_concurrent(
        run, kwargs=[{"language": "cpp", "code": CPP, "stdin": str(n)} for n in range(20)]
    )
    by_async = asyncio.run(sf.run_code_async(sf.RunCodeRequest(language="bash", code="echo a")))
    cells = ["a = 6", "a * 7", "1 / 0"]
    notebook = sf.run_jupyter(sf.RunJupyterRequest(cells=cells), max_attempts=1)
    replies = {
        "cells": [notebook.cells[1].display, notebook.cells[2].error[0]["ename"]],
        "python": [python.status, python.run_result.stdout, python.run_result.stderr, python.files],
        "module": module.run_result.stdout,
        "failed": [failed.status, failed.run_result.status, failed.run_result.return_code],
        "late": [late.run_result.status, late.run_result.return_code, late.run_result.stdout],
        "summaries": [sf.summary_run_code_result(each, mapping) for each in (python, late, wrong)],
        "wrong": [wrong.compile_result.return_code, wrong.run_result],
        "accepted": [accepted.accepted, len(accepted.tests), accepted.extracted_code == CPP],
        "rejected": [rejected.accepted, [test.passed for test in rejected.tests]],
        "compiled": [each.run_result.stdout for each in concurrent],
        "async": by_async.run_result.stdout,
        "unknown": refusal(language="lean", code="x"),
    }
    json.dump(replies, sys.stdout)


main(sys.argv[1])
