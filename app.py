"""gunicorn's entry in a checkout, as `app:app`."""

from bitrun.server.wsgi import app

__all__ = ["app"]
