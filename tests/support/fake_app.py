"""gunicorn's entry for a service on the fake engine: `app.py` with another engine."""

import os
import subprocess
from pathlib import Path

from bitrun.api.app import create_app
from bitrun.sandbox.cleanup import janitor
from bitrun.server import process_memory
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support.fake_images import engine_with_packages
from tests.support.process_boxes import ProcessBoxes, Programs
from tests.support.services import JOURNAL, PROGRAMS


def _no_janitor(instance: str) -> "subprocess.Popen[bytes]":
    """Boxes of processes end with the service, so there is nothing to clean up after it."""
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE)


janitor.start = _no_janitor

_configuration = configuration.current()
_boxes = ProcessBoxes(Programs.of(Path(os.environ[PROGRAMS])))
_engine = engine_with_packages(
    _boxes, _configuration.settings.engine_timeout, Path(os.environ[JOURNAL])
)
service = Service(_configuration, _engine)
service.start(process_memory.give_back)
app = create_app(service)
