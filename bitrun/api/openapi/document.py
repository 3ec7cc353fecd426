"""The description of the API: OpenAPI 3.1, as data, and as a page.

The YAML files contain what has to be written by hand. What follows from the code by rule is added
here: the second prefix of Piston's calls, the errors that any call may end with, the request id.
"""

import copy
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bitrun import __version__
from bitrun.api.dialect import Dialect
from bitrun.api.dialects import DIALECTS
from bitrun.api.http import unknown_fields
from bitrun.api.http.errors import TABLE

_HEALTH = Path(__file__).with_name("health.yml")

METHODS = ("get", "post", "put", "patch", "delete")

_INFO = """\
BitRun runs untrusted code, every run in a Docker container of its own. One engine serves several
dialects: BitRun's own v1, Piston's v2, and those of other services that `BITRUN_DIALECTS` switches
on, for whose clients only the address changes.

Every answer carries `X-Request-Id`: the one that the request came with, if it is up to 64 letters,
digits and `._:+/=@-`, else a new one. It stands in the log of the service, too.

Every error is a JSON object with a sentence: `error` in v1, of LibreChat and of Judge0, `stderr`
of codapi, `detail` of SandboxFusion, `message` of all others.

Unknown fields of a request are ignored, and the header `X-BitRun-Warnings` of its reply names them,
as does `warnings` in the JSON replies of v2. A batch with unknown fields is refused.
"""


@cache
def document(dialects: tuple[Dialect, ...] = DIALECTS) -> Mapping[str, Any]:
    """Return the document of these dialects, which must not be modified."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    security: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for description in (*(dialect.description for dialect in dialects), _HEALTH):
        part = yaml.safe_load(description.read_text(encoding="utf-8"))
        components = part.get("components", {})
        schemas |= components.get("schemas", {})
        security |= components.get("securitySchemes", {})
        for base in part["x-base"]:
            for path, operations in part["paths"].items():
                paths[base + path] = {
                    method: _completed(operation, base, part["x-base"][0], part["x-errors"])
                    for method, operation in operations.items()
                }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BitRun",
            "version": __version__,
            "description": _INFO,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in _tags(paths)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": security,
        },
    }


def _tags(paths: Mapping[str, Any]) -> Iterable[str]:
    operations = (operation for found in paths.values() for operation in found.values())
    return dict.fromkeys(tag for operation in operations for tag in operation["tags"])


def _completed(described: Any, base: str, first_base: str, error: str) -> dict[str, Any]:
    operation: dict[str, Any] = copy.deepcopy(described)
    if base != first_base:
        # Ids of operations must be unique.
        operation["operationId"] += "_" + base.rpartition("/")[2]
    responses = operation["responses"]
    for status in _statuses(operation, error):
        responses.setdefault(status, _error(_meaning(int(status)), error))
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-Id"] = {
            "required": True,
            "schema": {"type": "string"},
            "description": "the id of the request",
        }
        if "requestBody" in operation and operation["tags"] != ["AI agents"]:
            response["headers"][unknown_fields.HEADER] = {
                "schema": {"type": "string"},
                "description": "names the fields of the request that are unknown",
            }
    operation["responses"] = dict(sorted(responses.items()))
    return operation


def _meaning(status: int) -> str:
    """Describe an error status by the rows of the error table that have it."""
    rows = [row for row in TABLE if row.status == status]
    texts = [row.sentence or (row.error.__doc__ or "").partition("\n")[0] for row in rows]
    return " · ".join(text.rstrip(".") for text in texts)


def _statuses(operation: Mapping[str, Any], error: str) -> list[str]:
    statuses = []
    if {"bearer": []} in operation["security"] and error != "V1Error":  # v1 answers 400
        statuses.append("401")
    if {"bearer": []} in operation["security"] and operation["tags"] != ["Operating"]:
        statuses.append("429")
    if "requestBody" in operation:
        statuses.append("413")
        # v1 takes any other type for a form, and uploads may have any.
        if error != "V1Error" and "application/json" in operation["requestBody"]["content"]:
            statuses.append("415")
    if operation["tags"] != ["Operating"]:
        statuses += ["500", "503"]
    return statuses


def _error(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
