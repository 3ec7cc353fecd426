"""Routes of cells: code in a kernel of a sandbox, whose variables stay from cell to cell."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http import large_json, ndjson
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.connection import client_connection
from bitrun.api.http.json_body import parse_object
from bitrun.api.sandboxes.cell_reply import CellReply, cell_lines
from bitrun.api.sandboxes.request import (
    CELL_FIELDS,
    KERNEL_FIELDS,
    find_unknown,
    read_cell,
    read_kernel,
)
from bitrun.execution.kernels.cell import CellDisplay, CellEvent, run_cell, wait_until_ready
from bitrun.model.errors import Busy
from bitrun.service.service import Service


def add_cells(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    sandboxes = service.sandboxes

    @routes.post("/<sandbox_id>/cells")
    def run_in_kernel(sandbox_id: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            sandbox = sandboxes.find(owner, sandbox_id)
            body = held.enter_context(bodies.read(request))
            fields = parse_object(body.take())
            warnings = find_unknown(fields, CELL_FIELDS).warn()
            cell = read_cell(fields, sandbox, service.settings)
            name = read_kernel(fields)
            del fields
            held.enter_context(sandboxes.command())
            held.enter_context(sandbox.used())
            beyond = max(0, cell.output - service.settings.output_limit)
            body.keep(len(cell.code), 2 * beyond)
            kernel = sandbox.kernels.get(name)
            events = run_cell(kernel, cell, client_connection(request))
            held.callback(events.close)  # which interrupts the cell, if it still runs
            if ndjson.is_wanted(request):
                response = ndjson.stream(ndjson.begin(cell_lines(kernel, events)))
            else:
                reply = CellReply(kernel)
                for event in _within_budget(events, body):
                    reply.add(event)
                response = large_json.reply(reply.write() | warnings)
            response.call_on_close(held.pop_all().close)
        return response

    @routes.post("/<sandbox_id>/cells/interrupt")
    def interrupt_cell(sandbox_id: str) -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            sandbox = sandboxes.find(owner, sandbox_id)
            kernel = sandbox.kernels.running(_kernel_name(body))
            kernel.interrupt()
            return jsonify({"kernel": kernel.name, "interrupted": True})

    @routes.post("/<sandbox_id>/cells/restart")
    def restart_kernel(sandbox_id: str) -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body, sandboxes.command():
            sandbox = sandboxes.find(owner, sandbox_id)
            with sandbox.used():
                kernel = sandbox.kernels.restart(_kernel_name(body))
                wait_until_ready(kernel, client_connection(request))
            return jsonify({"kernel": kernel.name, "restarted": True})


def _kernel_name(body: Body) -> str | None:
    fields: dict[str, Any] = parse_object(body.take())
    find_unknown(fields, KERNEL_FIELDS).warn()
    return read_kernel(fields)


def _within_budget(events: Iterator[CellEvent], body: Body) -> Iterator[CellEvent]:
    """Hold memory for the results until they are sent.

    Raises:
        Busy: there is none now.
    """
    for event in events:
        if isinstance(event, CellDisplay) and not body.keep_reply(event.size):
            raise Busy
        yield event
