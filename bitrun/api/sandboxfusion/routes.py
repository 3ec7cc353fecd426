"""Routes of SandboxFusion: a program and its result, a model's answer and its judgement."""

from contextlib import ExitStack

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.runs import judged_batch, run_job
from bitrun.api.http.unknown_fields import read_object
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
            fields = read_object(request, body.take(), FIELDS)
            program = read_program(fields, service.runtimes, settings)
            del fields
            result = run_job(request, service, owner, body, program.job)
            return jsonify(run_reply(program, result))

    @routes.post("/run_jupyter")
    def run_jupyter() -> Response:
        with auth.granted(request) as owner, bodies.read(request) as body:
            notebook = read_notebook(
                read_object(request, body.take(), NOTEBOOK_FIELDS), service.runtimes, settings
            )
            result = run_job(request, service, owner, body, notebook.program.job)
            return jsonify(notebook_reply(notebook, result))

    @routes.post("/submit")
    def submit() -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            body = held.enter_context(bodies.read(request))
            submission = read_submission(
                read_object(request, body.take(), SUBMISSION_FIELDS), service.runtimes, settings
            )
            batch = submission.batch
            auth.count_runs(request, len(batch.cases))
            body.keep(batch.size)
            client = auth.client(request)
            judging = judged_batch(request, service, bodies, batch, client=client, owner=owner)
            judged = held.enter_context(judging)
            return jsonify(submission_reply(submission, judged, body.keep_reply))

    return routes
