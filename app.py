"""gunicorn's entry: makes the app, nothing else."""

from bitrun import settings
from bitrun.api import create_app
from bitrun.service import Service

app = create_app(Service.open(settings.load()))
