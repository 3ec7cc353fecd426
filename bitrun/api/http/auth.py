"""The door to whatever costs or changes something: who asks, and may they?"""

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from flask import Request

from bitrun.access.identity import key
from bitrun.access.rate_limits import RateLimits
from bitrun.access.tokens import Role, Token
from bitrun.api.http.connection import address, is_local
from bitrun.model.errors import PermissionDenied, TokenRequired
from bitrun.service.configuration import Configuration


class Auth:
    def __init__(self, configuration: Configuration, fairness: RateLimits) -> None:
        self._tokens = configuration.tokens
        self._fairness = fairness
        self._exempt_clients = configuration.exempt_clients
        self._proxies = configuration.settings.trusted_proxies
        # Without tokens, whoever is on this machine is the operator; a proxy's clients are not.
        self._local_is_admin = not configuration.settings.let_anyone_run_code

    @property
    def needs_token(self) -> bool:
        return bool(self._tokens)

    @contextmanager
    def granted(
        self, request: Request, role: Role = Role.RUN, more: Iterable[str] = ()
    ) -> Iterator[None]:
        """Let a request in while the block runs; `more` are tokens from elsewhere in it.

        Raises:
            TokenRequired: there are tokens, and it came with none of them.
            PermissionDenied: its token does not open so much.
            TooManyRequests: its client has had its share.
        """
        token = self.check(request, role, more)
        asking = address(request, self._proxies)
        if (token, asking) in self._exempt_clients:
            yield
        else:
            with self._fairness.admit(key(token, asking)):
                yield

    def check(
        self, request: Request, role: Role = Role.RUN, more: Iterable[str] = ()
    ) -> Token | None:
        """Check a request's token, and count nothing. Raises as `granted` does."""
        if not self._tokens:
            if role is Role.ADMIN and not (self._local_is_admin and is_local(request)):
                raise PermissionDenied
            return None
        token = self._token(request, more)
        if token is None:
            raise TokenRequired
        if token.role not in (role, Role.ADMIN):
            raise PermissionDenied
        return token

    def _token(self, request: Request, more: Iterable[str]) -> Token | None:
        # A proxy in front may use the header for a purpose of its own: either place will do.
        found = map(self._tokens.find, (_bearer(request), *more))
        return next((token for token in found if token is not None), None)


def protocol_token(request: Request) -> str:
    """Return the token that a browser's WebSocket came with.

    It can't have an `Authorization`, but names protocols that it speaks: the token is one of them,
    in base64 for URLs.
    """
    for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        name, _, packed = protocol.strip().partition(".")
        if name == "token":
            with suppress(ValueError):  # no base64, or not even ASCII
                # Padding is no part of a protocol's name; more of it than is needed does no harm.
                return base64.urlsafe_b64decode(f"{packed}==").decode("utf-8", "replace")
    return ""


def _bearer(request: Request) -> str:
    """Return the token that came; clients written for Piston send it without a scheme."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else scheme
