"""The dialect of codapi, whose widget runs the examples of documentation pages."""

from pathlib import Path

from bitrun.api.codapi.errors import ERRORS, REST
from bitrun.api.codapi.routes import PREFIX, register
from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape

DIALECT = Dialect(
    name="codapi",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape("stderr", ERRORS, REST),
)
