"""gunicorn's entry: makes the app, nothing else."""

from bitrun.api import create_app
from bitrun.service import configuration
from bitrun.service.service import Service

service = Service(configuration.current())
service.start()
app = create_app(service)
