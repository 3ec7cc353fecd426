"""The dialect of LibreChat's Code API, with which its agents run code and share files with it."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.librechat.errors import ERRORS
from bitrun.api.librechat.routes import PREFIX, register

DIALECT = Dialect(
    name="librechat",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape("error", ERRORS),
)
