"""Jupyter's server, for its clients: kernels in sandboxes, their messages and files."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.jupyter.errors import ERRORS
from bitrun.api.jupyter.routes import PREFIX, register

DIALECT = Dialect(
    name="jupyter",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape(rows=ERRORS),
)
