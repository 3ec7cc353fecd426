"""Authentication, authorization and rate limits of requests."""

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain

from flask import Request

from bitrun.access.identity import Address, box_owner, find_address, key, within
from bitrun.access.rate_limits import RateLimits
from bitrun.access.tokens import Role, Token
from bitrun.api.http.connection import address, is_forwarded, is_operator
from bitrun.model.errors import PermissionDenied, TokenRequired
from bitrun.service.configuration import Configuration

# In the environment of a request that is part of one that was granted and counted.
GRANTED = "bitrun.granted"

# In the environment of a granted request: under which name its client is counted, unless no limit
# applies to it.
CLIENT = "bitrun.client"


class Auth:
    """Checks the token of a request, and counts the request for the limits of its client."""

    def __init__(self, configuration: Configuration, rate_limits: RateLimits) -> None:
        self._tokens = configuration.tokens
        self._rate_limits = rate_limits
        self._exempt_clients = configuration.exempt_clients
        self._proxies = configuration.settings.trusted_proxies
        # Without tokens, a client on this machine is the operator; clients of a proxy are not.
        self._local_is_admin = not configuration.settings.let_anyone_run_code

    @property
    def needs_token(self) -> bool:
        return bool(self._tokens)

    @contextmanager
    def granted(
        self, request: Request, role: Role = Role.RUN, more: Iterable[str] = ()
    ) -> Iterator[str | None]:
        """Authorize a request, and count it as running while the block runs.

        `more` are tokens from other places of the request than the `Authorization` header. Yields
        the client for whom used boxes may be kept; None if it can't be identified.

        Raises:
            TokenRequired: tokens are configured, and the request has none of them.
            PermissionDenied: the role of its token is not sufficient.
            TooManyRequests: its client is over a limit.
        """
        token = self.check(request, role, more)
        client = address(request, self._proxies)
        owner = self._owner(request, token, client)
        name = self._note_client(request, token, client)
        if GRANTED in request.environ or name is None:
            yield owner
        else:
            with self._rate_limits.admit(name):
                yield owner

    def owner(self, request: Request, more: Iterable[str] = ()) -> str | None:
        """Authorize a request that runs nothing, and is not counted; return as `granted` yields.

        Raises:
            TokenRequired: as `granted`.
        """
        token, client = self.check(request, Role.RUN, more), address(request, self._proxies)
        self._note_client(request, token, client)
        return self._owner(request, token, client)

    def client(self, request: Request) -> str:
        """Return the name under which the client of a request is counted."""
        return key(self._token(request, ()), address(request, self._proxies))

    def count_runs(self, request: Request, runs: int, more: Iterable[str] = ()) -> None:
        """Count all runs of a granted request, of which its grant has counted one.

        Raises:
            RequestError, TooManyRequests: they are too many for the rate of its client.
        """
        token, client = self._token(request, more), address(request, self._proxies)
        if (token, client) not in self._exempt_clients:
            self._rate_limits.count(key(token, client), runs - 1)

    def may_egress(self, request: Request) -> bool:
        """Whether the client of a granted request may have a sandbox with a network."""
        if not self._tokens:
            return self._local_is_admin
        token = self._token(request, ())
        return token is not None and token.may_egress

    def check(
        self, request: Request, role: Role = Role.RUN, more: Iterable[str] = ()
    ) -> Token | None:
        """Return the token of a request, without counting the request; raises as `granted` does."""
        if not self._tokens:
            if role is Role.ADMIN and not (self._local_is_admin and is_operator(request)):
                raise PermissionDenied(has_tokens=False)
            return None
        token = self._token(request, more)
        if token is None:
            raise TokenRequired(is_given=any((_header_token(request), *more)))
        if token.role not in (role, Role.ADMIN):
            raise PermissionDenied
        return token

    def _note_client(
        self, request: Request, token: Token | None, client: Address | None
    ) -> str | None:
        """Have the request name its client; return the name, None if no limit applies to it."""
        if (token, client) in self._exempt_clients:
            return None
        name = request.environ[CLIENT] = key(token, client)
        return name

    def _owner(self, request: Request, token: Token | None, client: Address | None) -> str | None:
        # A proxy that is not trusted has one address for all of its clients.
        is_hidden = is_forwarded(request) and not within(
            find_address(request.remote_addr or "", "", ()), self._proxies
        )
        return box_owner(token, None if is_hidden else client)

    def _token(self, request: Request, more: Iterable[str]) -> Token | None:
        # A proxy in front may use the header for another purpose: any place will do.
        found = map(self._tokens.find, chain((_header_token(request),), more))
        return next((token for token in found if token is not None), None)


def protocol_token(request: Request) -> str:
    """Return the token of a browser's WebSocket, or an empty text.

    A browser can't set `Authorization` there, but names subprotocols: one of them is
    `token.<token in URL-safe base64>`.
    """
    for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        name, _, packed = protocol.strip().partition(".")
        if name == "token":
            with suppress(ValueError):  # no base64, or not even ASCII
                # The name of a protocol can't have padding; superfluous padding does no harm.
                return base64.urlsafe_b64decode(f"{packed}==").decode("utf-8", "replace")
    return ""


def _header_token(request: Request) -> str:
    """Return the token of `Authorization`, which Piston's clients send without a scheme.

    Of Basic, which clients make of an address such as `https://any:TOKEN@host`, it is the password.
    No answer asks for it, so that no browser keeps it and sends it for the pages of others.
    """
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            with suppress(ValueError):
                decoded = base64.b64decode(rest, validate=True).decode("utf-8", "replace")
                return decoded.partition(":")[2]
    return scheme
