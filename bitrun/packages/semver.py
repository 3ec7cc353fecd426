"""SemVer ranges in npm's syntax, which the clients of Piston use."""

from collections.abc import Iterable
from functools import lru_cache

import nodesemver

_MAX_LENGTH = 256  # the same as npm's


def newest_match(versions: Iterable[str], wanted: str) -> str | None:
    """Return the newest version in a range; None if there is none, or the range is invalid."""
    return None if len(wanted) > _MAX_LENGTH else _newest_match(tuple(versions), wanted)


@lru_cache(maxsize=1024)  # parsing a range takes a millisecond, and few are in use
def _newest_match(versions: tuple[str, ...], wanted: str) -> str | None:
    try:
        found = nodesemver.max_satisfying(list(versions), wanted, loose=False)
    except ValueError:
        return None
    return None if found is None else str(found)
