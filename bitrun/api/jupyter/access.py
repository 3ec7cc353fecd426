"""Access to the kernels of a client: its token, in the places that Jupyter has for it."""

from contextlib import AbstractContextManager
from urllib.parse import unquote

from flask import Request, request

from bitrun.api.http.auth import Auth

# A browser's WebSocket can set no header, but name subprotocols: this one, and it with the token.
TOKEN_PROTOCOL = "v1.token.websocket.jupyter.org"  # noqa: S105


class Access:
    """Authorizes the requests of clients of Jupyter."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def granted(self) -> AbstractContextManager[str | None]:
        """Authorize the current request, and yield its client; see `Auth.granted`."""
        return self._auth.granted(request, more=tokens_of(request))


def tokens_of(asked: Request) -> tuple[str, ...]:
    """Return what `Authorization: token`, the query and the subprotocols have as a token."""
    scheme, _, rest = asked.headers.get("Authorization", "").partition(" ")
    header = rest.strip() if scheme.lower() == "token" else ""
    offered = (each.strip() for each in asked.headers.get("Sec-WebSocket-Protocol", "").split(","))
    start = f"{TOKEN_PROTOCOL}."
    named = (unquote(each.removeprefix(start)) for each in offered if each.startswith(start))
    return header, asked.args.get("token", ""), next(named, "")
