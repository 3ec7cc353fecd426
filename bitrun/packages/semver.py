"""Versions as npm understands them, which is what Piston's clients write."""

from collections.abc import Iterable
from functools import lru_cache

import nodesemver

_LONGEST = 256  # npm refuses longer ones, too


def newest_match(versions: Iterable[str], wanted: str) -> str | None:
    """Return the newest version that a range admits; None if there is none, or it is no range."""
    return None if len(wanted) > _LONGEST else _newest_match(tuple(versions), wanted)


@lru_cache(maxsize=1024)  # a range takes a millisecond to parse, and few are in use
def _newest_match(versions: tuple[str, ...], wanted: str) -> str | None:
    try:
        found = nodesemver.max_satisfying(list(versions), wanted, loose=False)
    except ValueError:
        return None
    return None if found is None else str(found)
