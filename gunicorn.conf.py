"""How gunicorn serves `app:app`; every value comes from `bitrun.settings`."""

import math
import sys

from bitrun import catalogue, settings

try:
    _settings = settings.load()
    # Looked at here as well, so that a fault in it ends the start with a sentence instead of a
    # traceback for every worker.
    catalogue.load(_settings.languages)
except (settings.SettingsError, catalogue.CatalogueError) as error:
    sys.exit(str(error))

bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
# A session holds its thread while it lasts; plain requests keep theirs whatever sessions do.
threads = _settings.threads + _settings.sessions
# A request that has just begun may still take its whole time, and a box to run in.
graceful_timeout = math.ceil(_settings.v1_timeout) + 20
# A second way in, which nothing here needs.
control_socket_disable = True


def worker_exit(_server: object, _worker: object) -> None:
    """Close the service that a worker has opened, once its last request is answered."""
    if "app" in sys.modules:
        sys.modules["app"].service.close()
