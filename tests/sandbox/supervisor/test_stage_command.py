import pytest

from bitrun.model.errors import RequestError
from bitrun.sandbox.supervisor.stage_command import encode_stage
from tests.support.stages import stage


@pytest.mark.parametrize("argument", ["a\0w99999999", "x" * (1 << 20), "x" * 131_072])
def test_an_argument_cannot_become_a_field(argument: str) -> None:
    with pytest.raises(RequestError):
        encode_stage(stage("sh", argument))
    with pytest.raises(RequestError):
        encode_stage(stage("sh", env={"A": argument}))


def test_too_many_are_refused() -> None:
    with pytest.raises(RequestError, match="At most 8192 arguments"):
        encode_stage(stage(*["x"] * 8193))
    with pytest.raises(RequestError, match="1024 variables"):
        encode_stage(stage("sh", env={f"A{number}": "" for number in range(1025)}))
