"""Submissions that the cluster has accepted, and must judge whatever happens to its nodes."""

import time
from collections import Counter
from http import HTTPStatus

from tools.cluster.load import Front
from tools.cluster.machine import MachineError

_PATH = "/judge0/submissions"
_BASH = 46  # Judge0's number
_WAITING = ("In Queue", "Processing")
_JUDGED_SECONDS = 180.0
_RETRY_SECONDS = 0.5


class Submissions:
    """Programs that sleep, accepted to be judged later."""

    def __init__(self, front: Front, count: int, sleep: float) -> None:
        """Submit them.

        Raises:
            MachineError: one is not accepted.
        """
        self._front = front
        self.tokens = []
        body = {"language_id": _BASH, "source_code": f"sleep {sleep}; echo ok", "stdin": ""}
        for _ in range(count):
            reply = front.request("POST", _PATH, json=body)
            if reply.status_code != HTTPStatus.CREATED:
                raise MachineError(f"no submission: {reply.status_code} {reply.text}")
            self.tokens.append(str(reply.json()["token"]))

    def complaints(self) -> list[str]:
        """Wait until all are judged, and return what is wrong."""
        deadline = time.monotonic() + _JUDGED_SECONDS
        results: Counter[str] = Counter(self._result(token, deadline) for token in self.tokens)
        results.pop("Accepted ok", None)
        return [f"{count} submissions: {result}" for result, count in results.items()]

    def _result(self, token: str, deadline: float) -> str:
        while True:
            reply = self._front.request("GET", f"{_PATH}/{token}")
            if reply.status_code != HTTPStatus.OK:
                return f"{reply.status_code} {reply.text[:200]}"
            state = reply.json()["status"]["description"]
            if state not in _WAITING or time.monotonic() > deadline:
                return f"{state} {(reply.json()['stdout'] or '').strip()}"
            time.sleep(_RETRY_SECONDS)
