"""BitRun v1: form fields in, the program's plain output and `X-Run-*` headers out."""

import re
import time
from http import HTTPStatus

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.connection import client
from bitrun.api.piston import verdicts
from bitrun.api.v1.durations import go_duration
from bitrun.api.v1.form import Form, data, extension, read_form, variables
from bitrun.config import catalogue
from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.config.settings import SMALLEST_MEMORY, Settings
from bitrun.execution import planning
from bitrun.model.errors import PackageNotInstalled, RequestError, TokenRequired
from bitrun.model.job import STAGES, File, Job, Limits, Stage, StageName
from bitrun.model.result import Outcome, Result
from bitrun.service.service import Service

PREFIX = "/api/v1"

_HEADERS = (
    "X-Run-Command", "X-Run-Duration", "X-Run-Exitcode", "X-Run-Status", "X-Run-Message",
    "X-Run-Signal", "X-Run-Wall-Time", "X-Run-Cpu-Time", "X-Run-Memory", "X-Request-Id",
)  # fmt: skip
_LONGEST_HEADER = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[0-9]{1,19}")


def register(app: Flask, service: Service, auth: Auth) -> None:
    app.register_blueprint(_blueprint(service, auth))
    origin = service.settings.cors_origin

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Of the application and not of the blueprint, which never sees a request without a route.
        if origin and request.path.startswith(f"{PREFIX}/"):
            _allow_origin(response, origin)
        return response


def _blueprint(service: Service, auth: Auth) -> Blueprint:
    routes = Blueprint("v1", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.post("/run")
    def run() -> Response:
        started = time.perf_counter_ns()
        form = read_form(request)
        try:
            with auth.granted(request, more=(form.api_token,)):
                package, language = _language(form, service.catalogue)
                job = _job(form, package, language, service)
                result = service.runner.run(job, client(request))
        except TokenRequired as refused:
            raise RequestError("Api token is invalid") from refused
        if result.last.verdict.outcome is Outcome.WALL_TIME:
            return _timed_out(result, settings)
        response = Response(_output(result), content_type=language.format)
        command = form.command or catalogue.fill(language.command, [form.filename])
        _describe(response, command, result, time.perf_counter_ns() - started)
        return response

    @routes.get("/config")
    def config() -> Response:
        installed = service.installed()
        return jsonify(
            {
                extension: {
                    "image": package.image,
                    "command": language.command,
                    "format": language.format,
                    "language": language.name,
                    "package": package.name,
                    "installed": package.id in installed,
                }
                for package, language in service.catalogue.languages()
                for extension in language.extensions
            }
        )

    return routes


def _allow_origin(response: Response, origin: str) -> None:
    """Let pages of this origin read the reply, `X-Run-*` headers included."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Expose-Headers"] = ", ".join((*_HEADERS, "Retry-After"))


def _language(form: Form, catalogue: Catalogue) -> tuple[Package, Language]:
    wanted = extension(form.filename)
    if not form.content:
        raise RequestError("Content is required")
    found = catalogue.by_extension(wanted)
    if found is None:
        raise RequestError(f"Extension is not supported: .{wanted}")
    return found


def _job(form: Form, package: Package, language: Language, service: Service) -> Job:
    settings = service.settings
    name, image, version = _image(form, package, service)
    limits: dict[StageName, Limits] = {
        stage: Limits(
            wall_ms=settings.v1_timeout_ms,
            cpu_ms=None,  # the wall time bounds it
            output=planning.setting(language, settings, "output_limit"),
            memory=_memory(form, planning.setting(language, settings, f"{stage}_memory_limit")),
        )
        for stage in STAGES
    }
    stdin = data(form.input, "input")
    environment = planning.environment(language, variables(form.env))
    if form.command:
        command = ("sh", "-c", form.command)
        stages: tuple[Stage, ...] = (
            Stage("run", command, environment, limits["run"], stdin, merge=True),
        )
    else:
        sources = planning.sources(language, [form.filename])
        stages = planning.stages(language, sources, limits, environment, stdin=stdin, merge=True)
    return Job(
        package=name,
        image=image,
        files=(File(form.filename, data(form.content, "content")),),
        stages=stages,
        limits=planning.box_limits(language, settings),
        wall_ms=settings.v1_timeout_ms,
        fresh=form.clean not in ("", "0", "false"),
        language=language.name,
        version=version,
    )


def _image(form: Form, package: Package, service: Service) -> tuple[str, str, str]:
    """Find the image to run in: what it is called here and by the engine, and its version."""
    wanted = form.image or package.image
    installed = service.installed()
    for known in service.catalogue.packages:
        if known.image == wanted:
            if known.id not in installed:
                raise PackageNotInstalled(known.id)
            return known.id, installed[known.id].image, installed[known.id].version
    if wanted in service.settings.allowed_images:
        sealed = service.images.allowed()
        if wanted not in sealed:
            raise RequestError(f"Image is not installed: {wanted}. The operator runs: make install")
        return wanted, sealed[wanted], ""  # nobody has asked its tools
    raise RequestError(f"Image is not allowed: {wanted}")


def _memory(form: Form, most: int) -> int:
    if not form.memory_limit:
        return most
    if not _NUMBER.fullmatch(form.memory_limit):
        raise RequestError("Invalid memory_limit: a number of bytes is expected")
    memory = int(form.memory_limit)
    if not SMALLEST_MEMORY <= memory <= most:
        raise RequestError(f"Invalid memory_limit: {SMALLEST_MEMORY} to {most} bytes are possible")
    return memory


def _output(result: Result) -> bytes:
    return b"".join(stage.output for stage in result.stages)


def _timed_out(result: Result, settings: Settings) -> Response:
    limit = go_duration(settings.v1_timeout_ms * 1_000_000)
    response = jsonify(
        {
            "error": f"Operation timed out after {limit}",
            "output": _output(result).decode("utf-8", "replace"),
        }
    )
    response.status_code = HTTPStatus.BAD_REQUEST
    return response


def _describe(response: Response, command: str, result: Result, nanoseconds: int) -> None:
    verdict = result.last.verdict
    cpu_ms = sum(stage.verdict.cpu_ms for stage in result.stages)
    wall_ms = sum(stage.verdict.wall_ms for stage in result.stages)
    values = {
        "X-Run-Command": _header_text(command),
        "X-Run-Duration": go_duration(nanoseconds),
        "X-Run-Exitcode": str(verdict.shell_code),
        "X-Run-Status": verdicts.status(verdict),
        "X-Run-Message": verdicts.message(verdict),
        "X-Run-Signal": verdict.signal,
        "X-Run-Wall-Time": go_duration(round(wall_ms * 1_000_000)),
        "X-Run-Cpu-Time": go_duration(round(cpu_ms * 1_000_000)),
        "X-Run-Memory": str(max(stage.verdict.memory for stage in result.stages)),
    }
    response.headers.update({name: value for name, value in values.items() if value is not None})
    # A program's output is no page of ours, whatever a browser may take it for.
    response.headers["X-Content-Type-Options"] = "nosniff"


def _header_text(text: str) -> str:
    """Fit any text into a header: one line, its UTF-8 bytes as they are, not endless."""
    line = _CONTROL.sub(" ", text)
    return line.encode("utf-8", "surrogateescape")[:_LONGEST_HEADER].decode("latin-1")
