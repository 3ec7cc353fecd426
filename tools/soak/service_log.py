"""Looks up requests in the service's log, which has one JSON object a line."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from tools.soak.results import WrongAnswer

_POLL_SECONDS = 0.2


class LoggedRequest:
    """A request whose result is read from the log, since its client is not there to receive it.

    Send `id` in the header `X-Request-Id`.
    """

    def __init__(self, log: Path) -> None:
        self.id = f"soak-{secrets.token_hex(8)}"
        self._log = log
        self._offset = log.stat().st_size  # the record can only be written after this

    def wait(self, timeout: float) -> dict[str, Any]:
        """Return the record that the service writes at the end of the request.

        Raises:
            WrongAnswer: there is none within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (record := self._find()) is None:
            if time.monotonic() > deadline:
                raise WrongAnswer(f"no record of {self.id} in the log within {timeout:.0f} s")
            time.sleep(_POLL_SECONDS)
        return record

    def _find(self) -> dict[str, Any] | None:
        with self._log.open("rb") as file:
            file.seek(self._offset)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(lines) + len(newline)
        for line in lines.splitlines():
            # Other lines may carry the id, too; only the last one, the request's own, has a status.
            if self.id.encode() in line:
                record: dict[str, Any] = json.loads(line)
                if record.get("request_id") == self.id and "status" in record:
                    return record
        return None
