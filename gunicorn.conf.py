"""How gunicorn serves `app:app`; every value comes from `bitrun.settings`."""

import math
import sys
from typing import Any

from gunicorn.glogging import Logger

from bitrun import catalogue, log, settings, tokens
from bitrun.clients import Unlimited
from bitrun.exposure import check_exposure

_UNSOUND = (settings.SettingsError, catalogue.CatalogueError)


def _load() -> tuple[settings.Settings, tokens.Tokens]:
    loaded = settings.load()
    known = tokens.load(loaded)
    Unlimited(loaded, known)
    # Looked at here as well, so that a fault in it ends the start with a sentence instead of a
    # traceback for every worker.
    catalogue.load(loaded.languages)
    return loaded, known


try:
    _settings, _tokens = _load()
except _UNSOUND as error:
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


def _addresses(server: Any) -> list[Any]:
    return [listener.getsockname() for listener in server.LISTENERS]


def on_starting(server: Any) -> None:
    """Have a reload of what is not sound change nothing; by itself gunicorn would end."""
    reload = server.reload

    def reload_if_sound() -> None:
        try:
            check_exposure(_addresses(server), *_load())
        except _UNSOUND as error:
            server.log.error("Not loaded anew, all stays as it was: %s", error)  # noqa: TRY400  a sentence is enough
        else:
            reload()

    server.reload = reload_if_sound


def pre_fork(server: Any, _worker: object) -> None:
    """Stop before anyone is served who should not be."""
    try:
        check_exposure(_addresses(server), _settings, _tokens)
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
