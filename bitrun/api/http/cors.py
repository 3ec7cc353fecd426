"""Cross-origin resource sharing: which pages of other sites may use the API.

Without tokens none: any page could otherwise drive a service on loopback. With tokens those of the
configured origin, which have to know a token.
"""

from collections.abc import Callable, Iterable

from flask import Flask, Response, request

from bitrun.api.http.unknown_fields import HEADER as WARNINGS

_COMMON_HEADERS = ("X-Request-Id", "Retry-After", WARNINGS)


def register(
    app: Flask,
    origin: str,
    owns: Callable[[str], bool],
    exposed_headers: Iterable[str],
    allowed_headers: Iterable[str],
) -> None:
    """Let pages of an origin use the paths that `owns` accepts, read and send these headers."""
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": ", ".join(
            ("Authorization", "Content-Type", *allowed_headers)
        ),
        "Access-Control-Expose-Headers": ", ".join((*exposed_headers, *_COMMON_HEADERS)),
    }

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Of the application and not of a blueprint, which never sees a request without a route.
        if owns(request.path):
            response.headers.update(headers)
        return response
