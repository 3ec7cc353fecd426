"""Sandboxes on all nodes of a cluster, used through any of them."""

import time
from http import HTTPStatus

from tools.cluster.load import Front
from tools.cluster.machine import MachineError

_PATH = "/api/v3/sandboxes"
_USES = 4  # of each sandbox: HAProxy takes another node each time
_GONE_SECONDS = 60.0
_RETRY_SECONDS = 0.5


class Sandboxes:
    """Sandboxes of one client, one on each node, with a file that has the sandbox's id."""

    def __init__(self, front: Front, nodes: int) -> None:
        """Make them.

        Raises:
            MachineError: one can't be made, or two are on the same node.
        """
        self._front = front
        self.ids = [self._make() for _ in range(nodes)]
        if len({name for _, _, name in (each.rpartition(".") for each in self.ids)}) < nodes:
            raise MachineError(f"the sandboxes are not on {nodes} nodes: {self.ids}")

    def _make(self) -> str:
        reply = self._front.request("POST", _PATH, json={"language": "bash"})
        if reply.status_code != HTTPStatus.CREATED:
            raise MachineError(f"no sandbox: {reply.status_code} {reply.text}")
        identity = str(reply.json()["id"])
        self._front.request("PUT", f"{_PATH}/{identity}/files/id", data=identity)
        return identity

    def complaints(self) -> list[str]:
        """Use each several times, and return what is wrong."""
        listed = {each["id"] for each in self._front.request("GET", _PATH).json()}
        wrong = [f"{id_} is listed, but was not asked for" for id_ in listed - {*self.ids}]
        for identity in self.ids:
            for _ in range(_USES):
                reply = self._front.request("GET", f"{_PATH}/{identity}/files/id")
                if reply.text != identity:
                    wrong.append(f"{identity}: {reply.status_code} {reply.text[:200]}")
        return wrong

    def forget_lost(self) -> int:
        """Return how many are gone for good (410); until then they may be unavailable (503).

        Raises:
            MachineError: one is unavailable for too long, or answers in another way.
        """
        gone = []
        deadline = time.monotonic() + _GONE_SECONDS
        for identity in self.ids:
            while True:
                reply = self._front.request("GET", f"{_PATH}/{identity}")
                if reply.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    break
                if time.monotonic() > deadline:
                    raise MachineError(f"{identity} is neither there nor gone: {reply.text}")
                time.sleep(_RETRY_SECONDS)
            if reply.status_code == HTTPStatus.GONE:
                gone.append(identity)
            elif reply.status_code != HTTPStatus.OK:
                raise MachineError(f"{identity}: {reply.status_code} {reply.text}")
        self.ids = [identity for identity in self.ids if identity not in gone]
        return len(gone)

    def delete(self) -> None:
        for identity in self.ids:
            self._front.request("DELETE", f"{_PATH}/{identity}")
