"""The dialect of BitRun v1: form fields in, plain output and `X-Run-*` headers out."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.v1.errors import ERRORS
from bitrun.api.v1.reply import HEADERS
from bitrun.api.v1.routes import PREFIX, register

DIALECT = Dialect(
    name="v1",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape("error", ERRORS),
    exposed_headers=HEADERS,
)
