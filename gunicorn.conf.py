"""How gunicorn serves `app:app`; every value comes from `bitrun.settings`."""

import math
import sys
from typing import Any

from gunicorn.glogging import Logger

from bitrun import catalogue, log, settings, tokens
from bitrun.clients import Unlimited
from bitrun.exposure import check_exposure

try:
    _settings = settings.load()
    _tokens = tokens.load(_settings)
    Unlimited(_settings, _tokens)
    # Looked at here as well, so that a fault in it ends the start with a sentence instead of a
    # traceback for every worker.
    catalogue.load(_settings.languages)
except (settings.SettingsError, catalogue.CatalogueError) as error:
    sys.exit(str(error))

log.configure(_settings.log_level, _settings.log_format)


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own lines, written as all others are; those of requests are the app's."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        self.error_log.propagate = True


logger_class = _Logger
errorlog = None
loglevel = _settings.log_level
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
worker_class = "bitrun.api.worker.Worker"
# A session holds its thread while it lasts; plain requests keep theirs whatever sessions do.
threads = _settings.threads + _settings.sessions
# A request that has just begun may still take its whole time, and a box to run in.
graceful_timeout = math.ceil(_settings.v1_timeout) + 20
# A second way in, which nothing here needs.
control_socket_disable = True


def pre_fork(server: Any, _worker: object) -> None:
    """Stop before anyone is served who should not be, at a start as at a reload."""
    addresses = [listener.getsockname() for listener in server.LISTENERS]
    try:
        check_exposure(addresses, _settings, _tokens)
    except settings.SettingsError as error:
        sys.exit(str(error))
    if not _tokens and not _settings.let_anyone_run_code:
        server.log.info("There is no API token, so this listens on loopback only")
    elif not _tokens:
        server.log.warning("There is no API token: whoever reaches this can run code here")


def worker_exit(_server: object, _worker: object) -> None:
    """Close the service that a worker has opened, once its last request is answered."""
    if "app" in sys.modules:
        sys.modules["app"].service.close()
