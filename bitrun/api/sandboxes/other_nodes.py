"""Sandboxes of other nodes of a cluster: requests for them are passed on, and lists have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Request, Response, jsonify, request

from bitrun.api.http import forward
from bitrun.api.http.auth import Auth, protocol_token
from bitrun.cluster.nodes import Nodes, Passed
from bitrun.model.errors import Busy, NodeUnavailable, SandboxEnded
from bitrun.model.sandbox import EndReason
from bitrun.service.service import Service

# How many nodes have not answered, whose sandboxes a list lacks.
SILENT_NODES_HEADER = "X-Silent-Nodes"


def is_passed_on(asked: Request) -> bool:
    """Whether another node has sent a request, which is passed on once only."""
    return forward.HEADER in asked.headers


def pass_on_to_other_nodes(routes: Blueprint, service: Service, auth: Auth) -> None:
    """Pass on the requests of these routes whose `sandbox_id` names another node."""
    nodes = service.nodes
    if nodes is None:
        return

    @routes.before_request
    def pass_on() -> Response | None:
        name = nodes.named_in((request.view_args or {}).get("sandbox_id", ""))
        if name is None:
            return None
        # Only the other node counts the request. But who has no token can make none of two.
        auth.check(request, more=(protocol_token(request),))
        place = nodes.find(name)
        # Passed on to this node, it was for the one that had its address before.
        is_second = is_passed_on(request)
        try:
            with _place(service):
                response = forward.pass_on(request, None if is_second else place.url, nodes.own)
        except NodeUnavailable as error:
            is_lost = place.is_lost or is_second
            nodes.count(Passed.LOST if is_lost else Passed.UNAVAILABLE)
            if is_lost:
                raise SandboxEnded(EndReason.LOST) from error
            raise
        nodes.count(Passed.OK)
        return response


def list_with_other_nodes(own: list[dict[str, Any]], nodes: Nodes | None) -> Response:
    """Answer with the sandboxes of the current request's client on all nodes."""
    if nodes is None:
        return jsonify(own)
    others = nodes.others()
    replies = forward.ask_all(request, others.values(), nodes.own)
    found = own + [each for reply in replies for each in reply]
    response = jsonify(sorted(found, key=lambda each: float(each["created_at"])))
    if silent := len(others) - len(replies):
        response.headers[SILENT_NODES_HEADER] = str(silent)
    return response


@contextmanager
def _place(service: Service) -> Iterator[None]:
    """Hold a place for a request of another node's sandbox, as if the sandbox were here.

    Raises:
        Busy: none is free.
    """
    if "Upgrade" not in request.headers:
        with service.sandboxes.command():
            yield
        return
    if not service.limits.sessions.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        service.limits.sessions.release()
