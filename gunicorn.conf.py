"""How gunicorn serves `app:app`; every value comes from `bitrun.config.settings`."""

import math
import sys
from typing import Any

from gunicorn.glogging import Logger

from bitrun.access.bind_check import check_exposure
from bitrun.config.settings import SettingsError
from bitrun.service import configuration
from bitrun.telemetry import log

try:
    # Here and not in a worker, so that a fault in it ends the start with a sentence instead of a
    # traceback for each. A reload executes this file anew, and has then kept what it has checked.
    _configuration = configuration.current()
except configuration.UNSOUND as error:
    sys.exit(str(error))

_settings = _configuration.settings
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
worker_class = "bitrun.server.worker.Worker"
# A session holds its thread while it lasts; plain requests keep theirs whatever sessions do.
threads = _settings.threads + _settings.sessions
# A request that has just begun may still take its whole time, and a box to run in.
graceful_timeout = math.ceil(_settings.v1_timeout) + 20
# A second way in, which nothing here needs.
control_socket_disable = True


def _addresses(server: Any) -> list[Any]:
    return [listener.getsockname() for listener in server.LISTENERS]


def on_starting(server: Any) -> None:
    """Have a reload of what is not sound change nothing; by itself gunicorn would end."""
    reload = server.reload

    def reload_if_sound() -> None:
        try:
            loaded = configuration.load()
            check_exposure(_addresses(server), loaded.settings, loaded.tokens)
        except configuration.UNSOUND as error:
            server.log.error("Not loaded anew, all stays as it was: %s", error)  # noqa: TRY400  a sentence is enough
        else:
            configuration.keep(loaded)
            reload()

    server.reload = reload_if_sound


def pre_fork(server: Any, _worker: object) -> None:
    """Stop before anyone is served who should not be."""
    try:
        check_exposure(_addresses(server), _settings, _configuration.tokens)
    except SettingsError as error:
        sys.exit(str(error))
    if not _configuration.tokens and not _settings.let_anyone_run_code:
        server.log.info("There is no API token, so this listens on loopback only")
    elif not _configuration.tokens:
        server.log.warning("There is no API token: whoever reaches this can run code here")


def worker_exit(_server: object, _worker: object) -> None:
    """Close the service that a worker has opened, once its last request is answered."""
    if "app" in sys.modules:
        sys.modules["app"].service.close()
