"""The dialect of the Model Context Protocol over HTTP."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.mcp.routes import PREFIX, register

DIALECT = Dialect(
    name="mcp",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape(),
)
