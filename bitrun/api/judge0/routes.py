"""Routes of Judge0: submissions and their results, languages, and what the service is like."""

from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import NotFound

from bitrun.access.tokens import Role
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.json_body import parse_object, require_json
from bitrun.api.http.unknown_fields import UnknownFields, read_object
from bitrun.api.judge0 import information
from bitrun.api.judge0.client_submissions import Submissions, auth_tokens, flag
from bitrun.api.judge0.languages import Languages
from bitrun.api.judge0.reply import NoText, Replies, read_fields
from bitrun.api.judge0.request import FIELDS, Invalid
from bitrun.api.judge0.statuses import Status
from bitrun.api.judge0.submission import unpack
from bitrun.api.judge0.work import (
    CALLBACK_PLACES,
    CALLBACKS,
    KIND,
    QUEUE,
    CallbackSending,
    Judging,
)
from bitrun.model.errors import RequestError
from bitrun.service.service import Service
from bitrun.telemetry import request_context

PREFIX = "/judge0"

_PER_PAGE = 20
_MAX_PAGE = 1_000_000


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    languages = Languages(service.catalogue, service.runtimes)
    replies = Replies(languages, service.settings)
    judging = Judging(service, bodies, languages)
    service.work.serve(QUEUE, judging, service.settings.batch_places)
    service.work.serve(CALLBACKS, CallbackSending(service, replies), CALLBACK_PLACES)
    routes = Blueprint("judge0", __name__, url_prefix=PREFIX)
    submissions = Submissions(service, auth, bodies, languages, replies)
    _add_creation(routes, submissions)
    _add_single(routes, submissions)
    _add_several(routes, submissions)
    _add_languages(routes, auth, languages)
    _add_information(routes, service, auth)
    app.register_blueprint(routes)


def _add_creation(routes: Blueprint, submissions: Submissions) -> None:
    settings, replies = submissions.settings, submissions.replies

    @routes.errorhandler(Invalid)
    def refuse(error: Invalid) -> tuple[Response, int]:
        request_context.note(error="invalid_submission")
        return jsonify(error.problems), HTTPStatus.UNPROCESSABLE_ENTITY

    @routes.post("/submissions")
    def create() -> tuple[Response, int]:
        fields = read_fields(request.args.get("fields"))
        with ExitStack() as held:
            owner = submissions.granted(held)
            with submissions.bodies.read(request) as body:
                submission = submissions.read(read_object(request, body.take(), FIELDS))
                [token] = submissions.accept(owner, [submission])
            if not flag("wait"):
                return jsonify({"token": token}), HTTPStatus.CREATED
            del submission
            record = submissions.result(owner, token)
            try:
                reply = replies.write(record, fields, is_base64=flag("base64_encoded"))
            except NoText as error:
                reply = {"token": token, "error": str(error)}
            return jsonify(submissions.sent(reply)), HTTPStatus.CREATED

    @routes.post("/submissions/batch")
    def create_batch() -> tuple[Response, int]:
        with ExitStack() as held:
            owner = submissions.granted(held)
            body = held.enter_context(submissions.bodies.read(request))
            require_json(request)
            sent = _batch(parse_object(body.take()), settings.max_submission_batch)
            answers: list[dict[str, Any]] = []
            accepted = []
            for each in sent:
                try:
                    accepted.append(submissions.read(each))
                    answers.append({})
                except Invalid as error:
                    answers.append(dict(error.problems))
            tokens = iter(submissions.accept(owner, accepted) if accepted else ())
            reply = [answer or {"token": next(tokens)} for answer in answers]
            status = HTTPStatus.CREATED if accepted else HTTPStatus.UNPROCESSABLE_ENTITY
            return jsonify(reply), status


def _add_single(routes: Blueprint, submissions: Submissions) -> None:
    replies = submissions.replies

    @routes.get("/submissions/<token>")
    def show(token: str) -> Response:
        fields = read_fields(request.args.get("fields"))
        [reply] = submissions.written(submissions.owner(), [token], fields, "this submission")
        if reply is None:
            raise NotFound
        return jsonify(reply)

    @routes.delete("/submissions/<token>")
    def delete(token: str) -> Response:
        fields = read_fields(request.args.get("fields"))
        owner = submissions.owner()
        [record] = submissions.each(owner, [token])
        if record is None:
            raise NotFound
        status = replies.status(record, unpack(record.content)[1])
        if not submissions.delete(owner, record):
            raise RequestError(
                "submission cannot be deleted because its status is"
                f" {status.value} ({status.description})"
                if record.queue == QUEUE
                else "submission cannot be deleted because its callback is being sent"
            )
        return jsonify(submissions.sent(replies.write(record, fields, is_base64=True)))


def _add_several(routes: Blueprint, submissions: Submissions) -> None:
    settings = submissions.settings

    @routes.get("/submissions/batch")
    def show_batch() -> Response:
        fields = read_fields(request.args.get("fields"))
        text = request.headers.get("tokens") or request.args.get("tokens", "")
        tokens = [token.strip() for token in text.split(",") if token.strip()]
        _check_number(len(tokens), settings.max_submission_batch)
        return jsonify({"submissions": submissions.written(submissions.owner(), tokens, fields)})

    @routes.get("/submissions")
    def show_all() -> Response:
        fields = read_fields(request.args.get("fields"))
        page = _number("page", 1, 1, _MAX_PAGE)
        per_page = _number("per_page", _PER_PAGE, 0, settings.max_submission_batch)
        owner = submissions.owner()
        tokens, total = submissions.page(owner, page, per_page)
        pages = -(-total // per_page) if per_page else 0
        meta = {
            "current_page": page,
            "next_page": page + 1 if page < pages else None,
            "prev_page": page - 1 if page > 1 else None,
            "total_pages": pages,
            "total_count": total,
        }
        found = [each for each in submissions.written(owner, tokens, fields) if each]
        return jsonify({"submissions": found, "meta": meta})


def _add_languages(routes: Blueprint, auth: Auth, languages: Languages) -> None:
    @routes.get("/languages")
    def all_languages() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify([language.brief for language in languages.all()])

    @routes.get("/languages/all")
    def languages_and_archived() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify([language.brief | {"is_archived": False} for language in languages.all()])

    @routes.get("/languages/<language_id>")
    def one_language(language_id: str) -> Response:
        auth.check(request, more=auth_tokens())
        is_number = language_id.isascii() and language_id.isdigit()
        found = languages.find(int(language_id[:9]) if is_number else language_id)
        if found is None:
            raise NotFound
        return jsonify(found.full)

    @routes.get("/statuses")
    def statuses() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify([status.reply for status in Status])


def _add_information(routes: Blueprint, service: Service, auth: Auth) -> None:
    @routes.get("/about")
    def about() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify(information.about())

    @routes.get("/version")
    def version() -> Response:
        auth.check(request, more=auth_tokens())
        return Response(information.VERSION, content_type="text/plain")

    @routes.get("/config_info")
    def config_info() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify(information.config_info(service.settings))

    @routes.get("/system_info")
    def system_info() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify(information.system_info())

    @routes.get("/workers")
    def workers() -> Response:
        auth.check(request, more=auth_tokens())
        return jsonify(information.workers(service, QUEUE))

    @routes.get("/statistics")
    def statistics() -> Response:
        owner = auth.owner(request, auth_tokens())
        total = 0 if owner is None else service.store.count(KIND, owner)
        return jsonify({"submissions": {"total": total}})

    @routes.post("/authenticate")
    def authenticate() -> tuple[str, int]:
        auth.check(request, more=auth_tokens())
        return "", HTTPStatus.OK

    @routes.post("/authorize")
    def authorize() -> tuple[str, int]:
        auth.check(request, Role.ADMIN, more=auth_tokens())
        return "", HTTPStatus.OK


def _batch(body: dict[str, Any], most: int) -> list[Any]:
    sent = body.get("submissions")
    sent = sent if isinstance(sent, list) else []
    _check_number(len(sent), most)
    unknown = UnknownFields()
    unknown.add(body, ("submissions",))
    for index, each in enumerate(sent):
        unknown.add(each if isinstance(each, dict) else (), FIELDS, f"submissions[{index}].")
    unknown.warn()
    return sent


def _check_number(submissions: int, most: int) -> None:
    if submissions > most:
        raise RequestError(
            f"number of submissions in a batch should be less than or equal to {most}"
        )
    if not submissions:
        raise RequestError("there should be at least one submission in a batch")


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise RequestError(f"invalid {name}: {text[:20]}")
    return min(number, most)
