"""The translation of docker-py's, requests' and urllib3's exceptions."""

import gc
import weakref

import pytest
import requests
import urllib3
from docker import errors

from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine, translated_errors
from bitrun.model.errors import EngineError, EngineUnavailable


@pytest.mark.parametrize(
    ("raised", "translated"),
    [
        (errors.NotFound("404", explanation="no such container"), NotOnEngine),
        (errors.APIError("500", explanation="broken"), EngineError),
        (errors.DockerException("no version"), EngineUnavailable),
        (errors.StreamParseError("cut off"), EngineUnavailable),
        (requests.ConnectionError("refused"), EngineUnavailable),
        (requests.ReadTimeout("silent"), EngineUnavailable),
        (urllib3.exceptions.ProtocolError("reset"), EngineUnavailable),
        (ConnectionResetError("reset"), EngineUnavailable),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_translation(raised: Exception, translated: type[Exception]) -> None:
    with pytest.raises(translated) as caught, translated_errors():
        raise raised
    assert type(caught.value) is translated
    assert caught.value.__cause__ is raised


def test_errors_of_the_program_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated_errors():
        raise ZeroDivisionError


def test_a_failed_call_keeps_no_object() -> None:
    class Resource:
        pass

    def call() -> weakref.ref[Resource]:
        resource = Resource()
        seen.append(weakref.ref(resource))
        error = OSError("failed")
        raise error  # the frame refers to the exception, and the exception to the frame

    seen: list[weakref.ref[Resource]] = []
    gc.disable()
    try:
        with pytest.raises(EngineUnavailable), translated_errors():
            call()
        assert seen[0]() is None
    finally:
        gc.enable()


class Failing(Engine):
    """Every call fails with this error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._failure = error

    def fail(self, method: str) -> None:
        with self._call(method):
            raise self._failure


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (errors.APIError("500"), {("pull", "refused"): 2, ("ping", "refused"): 1}),
        (OSError(), {("pull", "unavailable"): 2, ("ping", "unavailable"): 1}),
        (errors.NotFound("404"), {}),  # a regular answer
    ],
)
def test_errors_are_counted(error: Exception, counts: dict[tuple[str, str], int]) -> None:
    engine = Failing(error)
    for method in ("pull", "ping", "pull"):
        with pytest.raises((EngineError, EngineUnavailable)):
            engine.fail(method)
    assert engine.error_counts == counts
