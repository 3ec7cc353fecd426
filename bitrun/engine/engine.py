"""The facade of the seam to docker-py, and the only class of it that other rooms call."""

from collections.abc import Iterator, Sequence
from typing import Any

from bitrun.engine.containers import ContainerCalls
from bitrun.engine.images import ImageCalls
from bitrun.engine.info import InfoCalls


class Engine(ContainerCalls, ImageCalls, InfoCalls):
    """The engine that `DOCKER_HOST` (and `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`) names.

    `timeout` bounds every call, in seconds. Threads may share it. It connects at its first call and
    again after an outage, so a service can start before its engine does.

    Every method returns plain data or raises an exception of `bitrun.model.errors`, never one of
    docker-py or requests: EngineUnavailable if the engine does not answer, EngineError if it
    answers with an error, of which NotOnEngine if it has no such object.
    """

    def events(self, actions: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the events of containers and images after this call: action and object's id.

        `actions` are the engine's names of events. The iterator ends when the engine stops.
        """
        filters = {"type": ["container", "image"], "event": list(actions)}
        with self._call("events"):
            events = self._client().events(decode=True, filters=filters)
        return self._events(events)

    def _events(self, events: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        with self._call("events"):
            for event in events:
                yield event["Action"], event["Actor"]["ID"]
