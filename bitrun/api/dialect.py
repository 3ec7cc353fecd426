"""The interface between a dialect and the application."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.errors import ErrorShape
from bitrun.service.service import Service


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire contract, in a folder and under a prefix of its own.

    `name` is that of the folder, and switches it on in `BITRUN_DIALECTS`. `register` adds its
    routes and hooks to the application. `errors` is the shape of all errors below `prefix`,
    including those of unknown routes. `description` is its part of the OpenAPI document.
    `exposed_headers` are those of its replies that pages of other sites may read, and
    `allowed_headers` those that they may send, besides the ones of all dialects.
    """

    name: str
    prefix: str
    register: Callable[[Flask, Service, Auth, Bodies], None]
    description: Path
    errors: ErrorShape
    exposed_headers: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()

    def owns(self, path: str) -> bool:
        return path == self.prefix or path.startswith(f"{self.prefix}/")
