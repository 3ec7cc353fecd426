"""Sandboxes: boxes that a client keeps for a while, with commands, programs and files in them."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.sandboxes.other_nodes import SILENT_NODES_HEADER
from bitrun.api.sandboxes.routes import MODE_HEADER, PREFIX, register

DIALECT = Dialect(
    name="sandboxes",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape(),
    exposed_headers=(MODE_HEADER, SILENT_NODES_HEADER),
)
