"""gunicorn's configuration file, executed at its start and at each reload.

Every value comes from `bitrun.config.settings`. The names are those of gunicorn's settings and
server hooks.
"""

import itertools
import sys
from typing import Any

from gunicorn.glogging import Logger

from bitrun.access import at_once
from bitrun.access.bind_check import check_exposure
from bitrun.config.settings import SettingsError
from bitrun.server import grace, listeners, running
from bitrun.service import configuration
from bitrun.telemetry import log, worker_metrics

try:
    # Read here and not in a worker, so that a mistake in it ends the start with one message instead
    # of a traceback per worker. A reload executes this file again, after the new configuration has
    # been checked and stored.
    _configuration = configuration.current()
except configuration.UNSOUND as error:
    sys.exit(str(error))

_settings = _configuration.settings
log.configure(_settings.log_level, _settings.log_format)

worker_metrics.prepare(_settings.workers)


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Passes gunicorn's error log to our handler; requests are logged by the application."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        self.error_log.propagate = True


logger_class = _Logger
errorlog = None
loglevel = _settings.log_level
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
worker_class = "bitrun.server.worker.Worker"
workers = _settings.workers
# A session occupies a thread until it ends; plain requests keep theirs whatever the sessions do.
threads = _settings.threads + _settings.sessions
# Seconds. Longer than clients keep an idle connection (Node.js 4 s, httpx 5 s): a request into one
# that ends is lost, and no client repeats a POST. Connections without a request end by it, too.
keepalive = 6
# For a stop; a worker that a reload replaces waits for longer, see `Worker.run`.
graceful_timeout = grace.stop_seconds(_configuration)
# Headers that would move the application below another path: no proxy needs them here.
forwarder_headers = ""
forwarded_allow_ips = ""
# A second way to control the server, which nothing here needs.
control_socket_disable = True


def _addresses(server: Any) -> list[Any]:
    return [listener.getsockname() for listener in server.LISTENERS]


def on_starting(server: Any) -> None:
    """Check the addresses before anything says that it listens there.

    And make a reload with an invalid configuration a no-op; gunicorn by itself would exit.
    """
    if server.cfg.workers != _settings.workers:
        sys.exit(
            f"{server.cfg.workers} workers would not share the limits of a service: set "
            f"BITRUN_WORKERS={server.cfg.workers} instead of gunicorn's option"
        )
    try:
        listeners.open_listeners(server)
        check_exposure(_addresses(server), _settings, _configuration.tokens)
    except SettingsError as error:
        sys.exit(str(error))
    reload = server.reload

    def reload_if_valid() -> None:
        try:
            loaded = configuration.load()
            check_exposure(_addresses(server), loaded.settings, loaded.tokens)
        except configuration.UNSOUND as error:
            server.log.error("The new configuration is invalid and not loaded: %s", error)  # noqa: TRY400  the message is enough
        else:
            configuration.keep(loaded)
            reload()

    server.reload = reload_if_valid


def pre_fork(server: Any, worker: Any) -> None:
    """Check the addresses before the first worker, and make what all workers inherit."""
    worker.number = _free_number(server)
    if (shared := worker_metrics.current()) is not None:
        shared.own = worker.number
    try:
        check_exposure(_addresses(server), _settings, _configuration.tokens)
    except SettingsError as error:
        sys.exit(str(error))
    try:
        # Only now: the kernel keeps it until `on_exit`, which is not called when a start fails.
        at_once.limits_at_once(_settings)
    except OSError as error:
        sys.exit(f"BITRUN_WORKERS: the kernel has no semaphores for several workers: {error}")
    if worker.number:
        return  # the first has said it
    if not _configuration.tokens and not _settings.let_anyone_run_code:
        server.log.info("There is no API token, so this listens on loopback only")
    elif not _configuration.tokens:
        server.log.warning("There is no API token: anyone who can connect can run code here")


def post_fork(server: Any, worker: Any) -> None:
    worker.inherited_signals = server.SIG_QUEUE


def _free_number(server: Any) -> int:
    """Return the lowest number that no worker has; those that a reload replaces do not count."""
    taken = {each.number for each in server.WORKERS.values() if each.cfg is server.cfg}
    return next(number for number in itertools.count() if number not in taken)


def on_exit(_server: object) -> None:
    at_once.remove_shared()


def worker_exit(_server: object, _worker: object) -> None:
    """Close the worker's service after its last request."""
    if (service := running.service()) is not None:
        service.close()
