"""The door to whatever costs or changes something: who asks, and may they?"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from flask import Request

from bitrun.faults import RoleRefused, TokenRefused
from bitrun.settings import Settings
from bitrun.tokens import Role, Token, Tokens


class Access:
    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._tokens = tokens
        # On loopback everyone is the operator; whoever else is let in without a token is not.
        self._anyone_is_admin = not settings.let_anyone_run_code

    @property
    def needs_token(self) -> bool:
        return bool(self._tokens)

    @contextmanager
    def granted(
        self, request: Request, role: Role = Role.RUN, more: Iterable[str] = ()
    ) -> Iterator[None]:
        """Let a request in while the block runs; `more` are tokens from elsewhere in it.

        Raises:
            TokenRefused: there are tokens, and it came with none of them.
            RoleRefused: its token does not open so much.
        """
        self._check(request, role, more)
        yield

    def _check(self, request: Request, role: Role, more: Iterable[str]) -> None:
        if not self._tokens:
            if role is Role.ADMIN and not self._anyone_is_admin:
                raise RoleRefused
            return
        token = self._token(request, more)
        if token is None:
            raise TokenRefused
        if token.role not in (role, Role.ADMIN):
            raise RoleRefused

    def _token(self, request: Request, more: Iterable[str]) -> Token | None:
        # A proxy in front may use the header for a purpose of its own: either place will do.
        found = map(self._tokens.find, (_bearer(request), *more))
        return next((token for token in found if token is not None), None)


def _bearer(request: Request) -> str:
    """Return the token that came; clients written for Piston send it without a scheme."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else scheme
