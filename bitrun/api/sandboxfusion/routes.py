"""Routes of SandboxFusion: a program and its result, a model's answer and its judgement."""

from contextlib import ExitStack
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.connection import client_connection
from bitrun.api.http.json_body import parse_object, require_json
from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.api.sandboxfusion.jupyter import FIELDS as NOTEBOOK_FIELDS
from bitrun.api.sandboxfusion.jupyter import notebook_reply, read_notebook
from bitrun.api.sandboxfusion.reply import run_reply
from bitrun.api.sandboxfusion.request import FIELDS, read_program
from bitrun.api.sandboxfusion.submission import FIELDS as SUBMISSION_FIELDS
from bitrun.api.sandboxfusion.submission import read_submission, submission_reply
from bitrun.service.service import Service

PREFIX = "/sandboxfusion"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    app.register_blueprint(_blueprint(service, auth, bodies))


def _blueprint(service: Service, auth: Auth, bodies: Bodies) -> Blueprint:
    routes = Blueprint("sandboxfusion", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.get("/v1/ping")
    def ping() -> Response:
        return jsonify("pong")

    @routes.post("/run_code")
    def run_code() -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            fields = _fields(body, FIELDS)
            program = read_program(fields, service.runtimes, settings)
            del fields
            job = program.job
            body.keep(job.size, job.output_beyond(settings.output_limit))
            connection = client_connection(request, owner)
            result = service.runner.run(job, connection, hold=body.keep_file)
            return jsonify(run_reply(program, result))

    @routes.post("/run_jupyter")
    def run_jupyter() -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            notebook = read_notebook(_fields(body, NOTEBOOK_FIELDS), service.runtimes, settings)
            job = notebook.program.job
            body.keep(job.size, job.output_beyond(settings.output_limit))
            connection = client_connection(request, owner)
            result = service.runner.run(job, connection, hold=body.keep_file)
            return jsonify(notebook_reply(notebook, result))

    @routes.post("/submit")
    def submit() -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            body = held.enter_context(bodies.read(request))
            submission = read_submission(
                _fields(body, SUBMISSION_FIELDS), service.runtimes, settings
            )
            batch = submission.batch
            auth.count_runs(request, len(batch.cases))
            body.keep(batch.size)
            connection = client_connection(request, owner)
            judged = service.judge.judge(
                batch,
                auth.client(request),
                connection,
                partial(bodies.hold_output, connection=connection),
            )
            held.callback(judged.judgements.close)
            return jsonify(submission_reply(submission, judged, body.keep_reply))

    return routes


def _fields(body: Body, known: tuple[str, ...]) -> dict[str, Any]:
    require_json(request)
    fields = parse_object(body.take())
    unknown = UnknownFields()
    unknown.add(fields, known)
    unknown.warn()
    return fields
