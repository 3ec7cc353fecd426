"""gunicorn's entry for a service on the fake engine: `app.py` with another engine."""

import os
from pathlib import Path

from bitrun.api.app import create_app
from tests.support.fake_service import start_service
from tests.support.process_boxes import ProcessBoxes, Programs
from tests.support.services import JOURNAL, PROGRAMS

service = start_service(
    ProcessBoxes(Programs.of(Path(os.environ[PROGRAMS]))), Path(os.environ[JOURNAL])
)
app = create_app(service)
