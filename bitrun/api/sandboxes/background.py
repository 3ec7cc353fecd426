"""Routes of commands in the background: start, list, find, output, stdin, signals, delete."""

from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import client_connection
from bitrun.api.http.json_body import encode_text, parse_object
from bitrun.api.piston.request import read_flag
from bitrun.api.sandboxes.reply import command_reply, output_reply
from bitrun.api.sandboxes.request import (
    SIGNAL_FIELDS,
    START_FIELDS,
    STDIN_FIELDS,
    find_unknown,
    read_query,
    read_signal,
    read_start,
    read_wait,
    shown_command,
)
from bitrun.execution.sandboxes.sandbox import Sandbox
from bitrun.model.errors import RequestError, SandboxEnded
from bitrun.service.service import Service

_MAX_OFFSET = 1 << 53  # what JSON numbers hold everywhere

_COMMANDS = "/<sandbox_id>/commands"
_COMMAND = f"{_COMMANDS}/<command_id>"


def add_background(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    _add_commands(routes, service, auth, bodies)
    _add_streams(routes, service, auth, bodies)


def _add_commands(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    sandboxes = service.sandboxes

    @routes.post(_COMMANDS)
    def start_command(sandbox_id: str) -> tuple[Response, int]:
        with auth.granted(request) as owner, bodies.read(request) as body:
            sandbox = sandboxes.find(owner, sandbox_id)
            fields = parse_object(body.take())
            warnings = find_unknown(fields, START_FIELDS).warn()
            job = read_start(fields, sandbox, service.settings)
            stdin_open = read_flag(fields, "stdin_open")
            command = sandbox.start(job, shown_command(fields), stdin_open=stdin_open)
            return jsonify(command_reply(command) | warnings), 201

    @routes.get(_COMMANDS)
    def list_commands(sandbox_id: str) -> Response:
        with auth.granted(request) as owner:
            sandbox = sandboxes.find(owner, sandbox_id)
            return jsonify([command_reply(each) for each in sandbox.commands.all()])

    @routes.get(_COMMAND)
    def get_command(sandbox_id: str, command_id: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            sandbox = sandboxes.find(owner, sandbox_id)
            command = sandbox.commands.find(command_id)
            wait = read_wait(request.args)
            _hold_for(wait, held, service, sandbox)
            command.wait(wait, client_connection(request))
            _check_lives(sandbox)
            return jsonify(command_reply(command))

    @routes.delete(_COMMAND)
    def delete_command(sandbox_id: str, command_id: str) -> Response:
        with auth.granted(request) as owner:
            sandbox = sandboxes.find(owner, sandbox_id)
            with sandbox.used():
                sandbox.commands.delete(command_id)
            return jsonify({"id": command_id, "deleted": True})


def _add_streams(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    sandboxes = service.sandboxes

    @routes.get(f"{_COMMAND}/output")
    def read_output(sandbox_id: str, command_id: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            sandbox = sandboxes.find(owner, sandbox_id)
            command = sandbox.commands.find(command_id)
            offset = read_query(request.args, "offset", _MAX_OFFSET)
            wait = read_wait(request.args)
            _hold_for(wait, held, service, sandbox)
            part = command.read(offset, wait, client_connection(request))
            _check_lives(sandbox)
            return jsonify(output_reply(command, part))

    @routes.post(f"{_COMMAND}/stdin")
    def write_stdin(sandbox_id: str, command_id: str) -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            sandbox = sandboxes.find(owner, sandbox_id)
            command = sandbox.commands.find(command_id)
            fields = parse_object(body.take())
            warnings = find_unknown(fields, STDIN_FIELDS).warn()
            data, is_last = _read_data(fields), read_flag(fields, "end")
            with sandbox.used():
                command.write(data, is_last=is_last)
            return jsonify(command_reply(command) | warnings)

    @routes.post(f"{_COMMAND}/signal")
    def send_signal(sandbox_id: str, command_id: str) -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            sandbox = sandboxes.find(owner, sandbox_id)
            command = sandbox.commands.find(command_id)
            fields = parse_object(body.take())
            warnings = find_unknown(fields, SIGNAL_FIELDS).warn()
            number = read_signal(fields)
            with sandbox.used():
                command.signal(number)
            return jsonify(command_reply(command) | warnings)


def _hold_for(wait: float, held: ExitStack, service: Service, sandbox: Sandbox) -> None:
    """Count the request as use of the sandbox, and if it waits, as a command, too."""
    held.enter_context(sandbox.used())
    if wait:
        held.enter_context(service.sandboxes.command())


def _check_lives(sandbox: Sandbox) -> None:
    """Raise SandboxEnded if it has ended while the request waited."""
    if sandbox.reason is not None:
        raise SandboxEnded(sandbox.reason)


def _read_data(fields: dict[str, Any]) -> bytes:
    data = fields.get("data")
    if data is None and fields.get("end"):
        return b""
    if not isinstance(data, str):
        raise RequestError("data is required as a string, or end as true")
    return encode_text(data, "data")
