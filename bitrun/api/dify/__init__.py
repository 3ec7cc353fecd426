"""The dialect of Dify's sandbox, which runs the code nodes and templates of workflows."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.dify.errors import ERRORS, REST
from bitrun.api.dify.routes import PREFIX, register
from bitrun.api.http.errors import ErrorShape

DIALECT = Dialect(
    name="dify",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape(rows=ERRORS, rest=REST),
)
