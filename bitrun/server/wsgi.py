"""The WSGI application: `bitrun.server.wsgi:app`. Importing it starts a service in this process."""

from bitrun.api.app import create_app
from bitrun.server import process_memory
from bitrun.service import configuration
from bitrun.service.service import Service

service = Service(configuration.current())
service.start(process_memory.give_back)
app = create_app(service)
