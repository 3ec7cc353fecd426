"""Calls Judge0's client against the API and with the token of the arguments; prints the results."""

import json
import sys
from typing import Any

import judge0

HELLO = "print(f'Hello, {input()}')"
TWICE = '#include <cstdio>\nint main() { int x; scanf("%d", &x); printf("%d", 2 * x); }'
FILES = [
    judge0.File(name="compile", content="gcc -o program main.c"),
    judge0.File(name="run", content="./program"),
    judge0.File(name="main.c", content='#include <stdio.h>\nint main() { puts("built"); }'),
]


def main(url: str, token: str) -> None:
    client = judge0.Client(url, {"X-Auth-Token": token})

    def run(**options: Any) -> Any:
        return judge0.run(client=client, **options)

    hello = run(source_code=HELLO, stdin="Judge0", language=judge0.PYTHON)
    cases = [judge0.TestCase(input=str(n), expected_output=str(2 * n)) for n in range(30)]
    several = run(source_code=TWICE, language=judge0.CPP, test_cases=[*cases, ("1", "3")])
    submissions = [
        judge0.Submission(source_code="echo a", language=judge0.BASH),
        judge0.Submission(source_code="b", language=judge0.PLAIN_TEXT),
        judge0.Submission(source_code="throw 7", language=judge0.JAVASCRIPT),
    ]
    batch = run(submissions=submissions)
    built = run(
        source_code="",
        language=judge0.MULTI_FILE,
        additional_files=judge0.Filesystem(content=FILES),
    )
    words = judge0.Filesystem(content=judge0.File(name="words.txt", content="from a file"))
    read = run(
        source_code="print(open('words.txt').read())",
        language=judge0.PYTHON,
        additional_files=words,
    )
    limited = run(source_code="while True: pass", language=judge0.PYTHON, cpu_time_limit=0.5)
    bytes_out = run(source_code="printf '\\376'", language=judge0.BASH)
    waited = judge0.async_run(client=client, source_code="echo later", language=judge0.BASH)
    judge0.wait(client=client, submissions=waited)
    json.dump(
        {
            "hello": [hello.stdout, hello.status.name, hello.exit_code],
            "times": hello.time >= 0 and hello.memory > 0 and hello.finished_at > hello.created_at,
            "cases": [each.status.name for each in several],
            "batch": [[each.stdout, each.status.name] for each in batch],
            "built": built.stdout,
            "read": read.stdout,
            "limited": limited.status.name,
            "bytes": bytes_out.stdout,
            "waited": waited.stdout,
            "version": client.version,
            "statuses": len(client.get_statuses()),
            "language": client.get_language(71).source_file,
            "batch_size": client.config.max_submission_batch_size,
        },
        sys.stdout,
    )


main(*sys.argv[1:])
