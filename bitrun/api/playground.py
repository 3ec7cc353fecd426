"""The playground at `/`: a page, its assets, and its initial data.

The sources are in `playground/`; their build makes the files that are served here. The page uses
the API like any other client.
"""

import gzip
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import NotFound

from bitrun import __version__
from bitrun.api.http.auth import Auth
from bitrun.api.piston.reply import runtime_reply
from bitrun.execution.limits import language_limits
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

FOLDER = Path(__file__).resolve().parent.parent / "static" / "playground"
_PAGE = "index.html"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

# Whatever gets into the page, it runs our scripts only and connects to this service only. Styles
# need the nonce, since the editor creates its style elements at runtime.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {parents}; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    compressed: bytes
    content_type: str
    etag: str
    is_immutable: bool  # its name contains a hash of its content


def register(app: Flask, service: Service, auth: Auth, *, is_on: bool) -> None:
    """Serve `/`: the playground to browsers if `is_on`, and a greeting to other clients.

    The playground is a client of Piston's dialect.
    """
    if is_on:
        app.register_blueprint(_blueprint(service, auth))

    # Of other sites; none, unless the operator names some.
    parents = " ".join(service.settings.embed_origins) or "'none'"

    @app.get("/")
    def root() -> Response:
        is_browser = "text/html" in request.headers.get("Accept", "")
        greeting = f"BitRun v{__version__}"
        response = _new_page(parents) if is_on and is_browser else jsonify(message=greeting)
        response.headers["Vary"] = "Accept"
        return response


def _blueprint(service: Service, auth: Auth) -> Blueprint:
    routes = Blueprint("playground", __name__, url_prefix="/playground")
    assets = _assets()

    @routes.get("/<name>")
    def asset(name: str) -> Response:
        if name not in assets:
            raise NotFound
        return _reply(assets[name])

    @routes.get("/server.json")
    def server() -> Response:
        return jsonify(
            runtimes=[_runtime(runtime, service) for runtime in service.runtimes.all()],
            wants_token=auth.needs_token,
            sandboxes="sandboxes" in service.settings.dialects
            and service.sandboxes.why_none() is None,
        )

    return routes


def _new_page(parents: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    response = Response(_page().replace("{nonce}", nonce), content_type="text/html; charset=utf-8")
    response.headers.update(_HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce, parents=parents)
    # A cached page would use its nonce again.
    response.headers["Cache-Control"] = "no-store"
    return response


@cache
def _page() -> str:
    return (FOLDER / _PAGE).read_text(encoding="utf-8")


def _assets() -> Mapping[str, _Asset]:
    return {path.name: _asset(path) for path in FOLDER.iterdir() if path.suffix in _CONTENT_TYPES}


def _asset(path: Path) -> _Asset:
    body = path.read_bytes()
    return _Asset(
        body=body,
        compressed=gzip.compress(body, mtime=0),
        content_type=_CONTENT_TYPES[path.suffix],
        etag=hashlib.sha256(body).hexdigest()[:16],
        is_immutable="-" in path.stem,
    )


def _reply(asset: _Asset) -> Response:
    compressed = bool(request.accept_encodings["gzip"])
    response = Response(
        asset.compressed if compressed else asset.body, content_type=asset.content_type
    )
    response.headers.update(_HEADERS)
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if asset.is_immutable else "no-cache"
    )
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{asset.etag}-gzip" if compressed else asset.etag)
    response.make_conditional(request)
    return response


def _runtime(runtime: Runtime, service: Service) -> dict[str, Any]:
    """Describe a runtime as the API does, with what the editor needs in addition."""
    folder = service.settings.images / runtime.package.id / "samples" / runtime.language.name
    return runtime_reply(runtime, service.settings) | {
        "hello": _hello(folder),
        "run_timeout": language_limits(runtime.language, service.settings).session_wall_ms,
    }


@cache
def _hello(folder: Path) -> Mapping[str, str] | None:
    """Read the program by which a language was first tried; None where it has none of ours."""
    found = next(folder.glob("hello.*"), None)
    if found is None:
        return None
    return {"name": found.name, "content": found.read_text(encoding="utf-8", errors="replace")}
