"""Routes of LibreChat's Code API: a run with its files, and whether the service answers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http import errors
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.runs import run_job
from bitrun.api.http.unknown_fields import read_object
from bitrun.api.librechat import programs
from bitrun.api.librechat.auth import api_key
from bitrun.api.librechat.errors import ERRORS, SHOWN
from bitrun.api.librechat.files import add_files
from bitrun.api.librechat.inputs import open_inputs
from bitrun.api.librechat.languages import served
from bitrun.api.librechat.outputs import store_outputs
from bitrun.api.librechat.reply import exec_reply, refusal_reply
from bitrun.api.librechat.request import FIELDS, WORKDIR, make_job, read_request
from bitrun.execution.uploads import random_id
from bitrun.model.errors import Busy, RequestError
from bitrun.model.job import Job
from bitrun.service.service import Service

PREFIX = "/librechat"

_Run = Callable[[Service, str | None, Body, str], dict[str, Any]]  # the last is the session's id
_Refusal = Callable[[RequestError, str], dict[str, Any]]


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    service.use_workdir(WORKDIR, served())
    app.register_blueprint(_blueprint(service, auth, bodies))


def _blueprint(service: Service, auth: Auth, bodies: Bodies) -> Blueprint:
    routes = Blueprint("librechat", __name__, url_prefix=f"{PREFIX}/v1")

    @routes.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    def answer(run: _Run, shown: tuple[type[RequestError], ...], refusal: _Refusal) -> Response:
        session_id = random_id()
        with (
            auth.granted(request, more=(api_key(request),)) as owner,
            bodies.read(request) as body,
        ):
            try:
                return jsonify(run(service, owner, body, session_id))
            except shown as error:
                errors.report(error, ERRORS)
                return jsonify(refusal(error, session_id))

    @routes.post("/exec")
    def execute() -> Response:
        return answer(_execute, SHOWN, refusal_reply)

    @routes.post("/exec/programmatic")
    def execute_with_tools() -> Response:
        shown = (*SHOWN, programs.ProgramNotFound)
        return answer(_execute_with_tools, shown, programs.error_reply)

    add_files(routes, service, auth)
    return routes


def _execute(service: Service, owner: str | None, body: Body, session_id: str) -> dict[str, Any]:
    wanted = read_request(read_object(request, body.take(), FIELDS))
    uploads = partial(service.uploads.of, owner)
    inputs = open_inputs(wanted.files, uploads(), service.settings) if wanted.files else []
    job = make_job(wanted, inputs, service.runtimes, service.settings)
    _hold(job, body)
    result = run_job(request, service, owner, body, job)
    return exec_reply(result, store_outputs(result, job, inputs, uploads, session_id), session_id)


def _execute_with_tools(
    service: Service, owner: str | None, body: Body, session_id: str
) -> dict[str, Any]:
    fields = read_object(request, body.take(), programs.FIELDS)
    uploads = service.uploads.of(owner)
    client = str(owner)  # which `of` has made sure of
    if fields.get("continuation_token") is None:
        program = programs.read_program(fields)
    else:
        program = programs.continue_program(fields, service.store, client)
    del fields
    inputs = open_inputs(program.files, uploads, service.settings)
    job, calls_file = programs.make_job(program, inputs, service.runtimes, service.settings)
    _hold(job, body)
    result = run_job(request, service, owner, body, job)
    calls, result = programs.take_calls(result, calls_file)
    if calls and not result.last.verdict.failed:
        token = programs.keep(program, service.store, client)
        return programs.calls_reply(token, calls, session_id)
    programs.drop(program, service.store, client)
    outputs = store_outputs(result, job, inputs, lambda: uploads, session_id)
    return programs.ended_reply(program, result, outputs, session_id)


def _hold(job: Job, body: Body) -> None:
    """Hold the memory of a job's files that were not in its body, but in a store."""
    if not body.keep_file(job.size):
        raise Busy
