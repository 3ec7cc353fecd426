"""The description of the API: as OpenAPI for programs, as a page for people."""

from flask import Blueprint, Response, jsonify

from bitrun.api.dialect import Dialect
from bitrun.api.openapi.document import document as openapi_document
from bitrun.api.openapi.page import page


def blueprint(dialects: tuple[Dialect, ...]) -> Blueprint:
    routes = Blueprint("description", __name__)

    @routes.get("/openapi.json")
    def document() -> Response:
        return jsonify(openapi_document(dialects))

    @routes.get("/docs")
    def docs() -> Response:
        html, headers = page(dialects)
        response = Response(html, content_type="text/html; charset=utf-8")
        response.headers.update(headers)
        return response

    return routes
