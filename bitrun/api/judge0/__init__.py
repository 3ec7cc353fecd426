"""The dialect of Judge0, which judges submissions in the background and keeps their results."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.judge0.client_submissions import TOKEN_HEADERS
from bitrun.api.judge0.routes import PREFIX, register

DIALECT = Dialect(
    name="judge0",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape("error"),
    allowed_headers=TOKEN_HEADERS,
)
