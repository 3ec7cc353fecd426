"""Translates the exceptions of docker-py, requests and urllib3 into those of `bitrun.model`."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from docker import errors

from bitrun.model.errors import EngineError, EngineUnavailable


class NotOnEngine(EngineError):
    """The engine has no such image, container or network."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what fails in the block as NotOnEngine, EngineError or EngineUnavailable."""
    try:
        yield
    except errors.NotFound as error:
        raise NotOnEngine(str(error.explanation)) from error
    except errors.APIError as error:
        raise EngineError(str(error.explanation or error)) from error
    except (
        errors.DockerException,  # raised when docker-py can't query the engine's version
        errors.StreamParseError,  # a stream that ends in the middle of a message
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        _clear_frames(error)
        raise EngineUnavailable(f"The Docker engine does not answer: {error}") from error


def _clear_frames(error: BaseException | None) -> None:
    """Drop the references that the frames of a failed call keep.

    A local variable of urllib3 refers to the exception, whose traceback refers to the frame: such a
    cycle would keep its socket until the next garbage collection, a hundred of them in an outage of
    30 s.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
