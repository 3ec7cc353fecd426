"""The dialect of Piston v2: runtimes, execute, packages and the WebSocket connect."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.piston.errors import ERRORS
from bitrun.api.piston.routes import PREFIX, register

DIALECT = Dialect(
    name="piston",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape(rows=ERRORS),
)
