"""gunicorn's entry: makes the app, nothing else."""

from bitrun import settings
from bitrun.api import create_app
from bitrun.service import Service

service = Service(settings.load())
service.start()
app = create_app(service)
