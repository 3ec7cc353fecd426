"""Progress messages of builds, pulls and imports: lines for a report, or a BuildError."""

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from bitrun.model.errors import BuildError

Report = Callable[[str], None]

_LAST_LINES = 20  # in the error of a failed build
# Lines of the classic builder about layers, intermediate containers and internal names.
_SKIPPED_PREFIXES = (" ---> ", "Removing intermediate container ", "Successfully tagged ")
_COLOUR = re.compile(r"\x1b\[\d*m")


def ignore(_: str) -> None:
    """Report to nobody."""


def report_lines(messages: Iterable[dict[str, Any]], report: Report) -> None:
    """Report each complete line.

    Raises:
        BuildError: the messages contain an error. Its text ends with the last lines.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    unfinished = failure = ""
    for message in messages:
        # Output comes in pieces of any size; a status is one line.
        *lines, unfinished = (unfinished + _text(message)).split("\n")
        for line in lines:
            if line.strip() and not line.startswith(_SKIPPED_PREFIXES):
                last.append(line)
                report(line)
        # It is the last message, but a stream must be read to its end to return its connection.
        failure = message.get("error", failure)
    if failure:
        raise BuildError("\n".join([*last, *filter(None, (unfinished, failure))]))


def _text(message: dict[str, Any]) -> str:
    if "status" in message and "progress" not in message:
        return f"{message['status']}\n"
    return _COLOUR.sub("", message.get("stream", ""))
