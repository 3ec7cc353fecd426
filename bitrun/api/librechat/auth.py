"""The token of a request, where LibreChat puts it."""

from flask import Request


def api_key(request: Request) -> str:
    """Return the key that LibreChat is told as `LIBRECHAT_CODE_API_KEY`; empty without one."""
    return request.headers.get("X-API-Key", "")
