"""API tokens: the clients they name and what they allow.

Only a token's hash is stored, a plain SHA-256. Slow hashes protect passwords, which can be guessed;
a long random token can't be, and every request waits for its hash.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bitrun.config.problems import reason
from bitrun.config.settings import PREFIX, Settings, SettingsError

_MIN_LENGTH = 20  # characters; that many random ones can't be guessed
_SECRET = re.compile(rf"[!-~]{{{_MIN_LENGTH},}}")  # fits into a header, and into a list of words
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,63}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_CREATE = "create one with: bitrun tokens create NAME"
_EGRESS = "egress"  # the word at the end of a line


class Role(StrEnum):
    """What a token allows: `run` programs; `admin` may also install and remove packages."""

    RUN = "run"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    role: Role
    digest: bytes
    egress: bool = False

    @property
    def line(self) -> str:
        """This token in the file that `BITRUN_API_TOKENS_FILE` names."""
        more = f" {_EGRESS}" if self.egress else ""
        return f"{self.name} {self.role} sha256:{self.digest.hex()}{more}"

    @property
    def may_egress(self) -> bool:
        """Whether its clients may have sandboxes that reach hosts of the allow-list."""
        return self.egress or self.role is Role.ADMIN


class Signed(Protocol):
    """Tokens that another service signs, all of which have one name."""

    @property
    def issuer(self) -> str: ...
    def accepts(self, text: str) -> bool: ...


class Tokens:
    """All accepted tokens. An empty set means that no token is asked for."""

    def __init__(self, tokens: Iterable[Token], signed: Signed | None = None) -> None:
        self._tokens = tuple(tokens)
        self._signed = signed

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret, or None."""
        digest = _digest(secret)
        found = None
        for token in self._tokens:
            # All are compared, so that the time taken does not reveal which one came close.
            if hmac.compare_digest(digest, token.digest):
                found = token
        if found is None and self._signed is not None and self._signed.accepts(secret):
            # The users of the other service are one client, as they would be with one token.
            return Token(self._signed.issuer, Role.RUN, digest)
        return found

    @property
    def names(self) -> frozenset[str]:
        signed = () if self._signed is None else (self._signed.issuer,)
        return frozenset((*(token.name for token in self._tokens), *signed))

    def __bool__(self) -> bool:
        return bool(self._tokens) or self._signed is not None


def load(settings: Settings) -> Tokens:
    """Read the tokens of the environment and of the file.

    Raises:
        SettingsError: one is too short, or a file can't be used. The text shows no token.
    """
    return Tokens(
        [
            *_from_words("API_TOKENS", settings.api_tokens, Role.RUN),
            *_from_words("ADMIN_TOKENS", settings.admin_tokens, Role.ADMIN),
            *(_from_file(settings.api_tokens_file) if settings.api_tokens_file else ()),
        ],
        None if settings.jwt_keys is None else _signed(settings),
    )


def _signed(settings: Settings) -> Signed:
    # The libraries take a tenth of a second, which most have no use for.
    from bitrun.access.signed_tokens import SignedTokens  # noqa: PLC0415

    return SignedTokens.read(settings)


def create(name: str, role: Role, *, egress: bool = False) -> tuple[str, Token]:
    """Create a token with a random secret; with `egress` its sandboxes may have a network.

    Returns:
        The secret, which is stored nowhere, and the token, whose `line` belongs in the file.

    Raises:
        ValueError: the name is not one.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a letter, then letters, digits and _ . @ - (64 characters at most)")
    secret = f"bitrun_{secrets.token_urlsafe(32)}"
    return secret, Token(name, role, _digest(secret), egress)


def _from_words(setting: str, words: Iterable[str], role: Role) -> Iterator[Token]:
    for word in words:
        if not _SECRET.fullmatch(word):
            raise SettingsError(
                f"{PREFIX}{setting}: a token has at least {_MIN_LENGTH} characters, all of them "
                f"printable ASCII; {_CREATE}"
            )
        digest = _digest(word)
        yield Token(f"sha256:{digest.hex()[:12]}", role, digest)


def _from_file(path: Path) -> list[Token]:
    setting = f"{PREFIX}API_TOKENS_FILE"
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{setting}: {path} can't be read: {reason(error)}") from error
    tokens = [
        _from_line(line, f"{setting}: {path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not tokens:
        # An empty list would open the service to everyone, which naming a file can't mean.
        raise SettingsError(f"{setting}: {path} holds no token; {_CREATE} >> {path}")
    return tokens


def _from_line(line: str, where: str) -> Token:
    match line.split():
        case [name, Role.RUN | Role.ADMIN as role, hashed, *more] if _NAME.fullmatch(name):
            if (found := _DIGEST.fullmatch(hashed)) and more in ([], [_EGRESS]):
                return Token(name, Role(role), bytes.fromhex(found[1]), bool(more))
    raise SettingsError(f"{where} is not: NAME run|admin sha256:HASH [{_EGRESS}]; {_CREATE}")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
