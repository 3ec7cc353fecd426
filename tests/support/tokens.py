"""Tokens of the tests, and new ones."""

import os

from tests.support.command import run

RUN = "run-token-of-enough-characters"
ADMIN = "admin-token-of-enough-characters"


def make(*arguments: str) -> tuple[str, str]:
    """Make a token; return it and its line."""
    done = run("tokens", "create", *arguments, environment=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[1], done.stdout
