"""The known name that an unknown one was probably meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_LENGTH = 64  # comparing takes quadratic time
_CUTOFF = 0.7  # with the default of 0.6 "nothing" is taken for "kotlin"


def suggestion(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return the end of a sentence that refuses a name; empty if no known name is similar.

    `prefix` precedes the known names for the reader.
    """
    found = get_close_matches(name[:_MAX_LENGTH], known, n=1, cutoff=_CUTOFF)
    return f"; did you mean {prefix}{found[0]}?" if found else ""


def choices(known: Iterable[str]) -> str:
    """Return the end of a sentence that refuses a name, with all that there are."""
    return f"; there are: {', '.join(sorted(known))}"
