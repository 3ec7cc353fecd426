"""A service on a fake engine, for gunicorn's entries."""

import subprocess
from pathlib import Path

from bitrun.sandbox.cleanup import janitor
from bitrun.server import process_memory
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support.fake_engine import Boxes
from tests.support.fake_images import engine_with_packages


def start_service(boxes: Boxes, journal: Path | None = None) -> Service:
    """Start a service with the packages of `make install`, whose containers are these boxes."""
    janitor.start = _no_janitor
    known = configuration.current()
    engine = engine_with_packages(boxes, known.settings.engine_timeout, journal)
    service = Service(known, engine)
    service.start(process_memory.give_back)
    return service


def _no_janitor(instance: str) -> "subprocess.Popen[bytes]":
    """Boxes on a fake engine end with the service, so there is nothing to clean up after it."""
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE)
