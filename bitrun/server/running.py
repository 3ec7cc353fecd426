"""The service of this worker, without an import of the application, which would start one."""

import sys

from bitrun.service.service import Service

_WSGI = "bitrun.server.wsgi"


def service() -> Service | None:
    """Return the service of this process; None until gunicorn has imported the application."""
    module = sys.modules.get(_WSGI)
    return None if module is None else module.service
