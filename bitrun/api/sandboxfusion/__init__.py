"""The dialect of SandboxFusion, which trainers of models ask whether programs are right."""

from pathlib import Path

from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape
from bitrun.api.sandboxfusion.routes import PREFIX, register

DIALECT = Dialect(
    name="sandboxfusion",
    prefix=PREFIX,
    register=register,
    description=Path(__file__).with_name("openapi.yml"),
    errors=ErrorShape("detail"),
)
