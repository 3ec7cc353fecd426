"""API tokens: whose they are and what they open. `python -m bitrun.access.tokens NAME` makes one.

Of a token only the hash is kept, a plain SHA-256. Slow hashes protect passwords, which can be
guessed; a long random token can't be, and every request waits for its hash.
"""

import argparse
import hashlib
import hmac
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bitrun.config.settings import PREFIX, Settings, SettingsError

_SHORTEST = 20  # characters; as many random ones are beyond any guessing
_FIT = re.compile(rf"[!-~]{{{_SHORTEST},}}")  # for a header, and for a list of words
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,63}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MAKE = "make one with: python -m bitrun.access.tokens NAME"


class Role(StrEnum):
    """What a token opens: running programs; for an admin's also installing what runs them."""

    RUN = "run"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    role: Role
    digest: bytes


class Tokens:
    """All tokens that are accepted; none at all is an open service."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = tuple(tokens)

    def find(self, secret: str) -> Token | None:
        """Return the token that this is."""
        digest = _digest(secret)
        found = None
        for token in self._tokens:
            # All are compared, so that the time taken does not tell which one came close.
            if hmac.compare_digest(digest, token.digest):
                found = token
        return found

    @property
    def names(self) -> frozenset[str]:
        return frozenset(token.name for token in self._tokens)

    def __bool__(self) -> bool:
        return bool(self._tokens)


def load(settings: Settings) -> Tokens:
    """Collect the tokens of the environment and of the file.

    Raises:
        SettingsError: one is too short, or the file can't be used. No token is in the text.
    """
    return Tokens(
        [
            *_from_words("API_TOKENS", settings.api_tokens, Role.RUN),
            *_from_words("ADMIN_TOKENS", settings.admin_tokens, Role.ADMIN),
            *(_from_file(settings.api_tokens_file) if settings.api_tokens_file else ()),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bitrun.access.tokens",
        description=f"Make a token. Standard output gets the line for {PREFIX}API_TOKENS_FILE, "
        "which holds no secret; the token itself is shown once, on standard error.",
    )
    parser.add_argument("name", metavar="NAME", help="whose it is, to tell clients apart")
    parser.add_argument("--role", choices=[*Role], default=Role.RUN, help="admin: packages, too")
    wanted = parser.parse_args(arguments)
    if not _NAME.fullmatch(wanted.name):
        parser.error("NAME: a letter, then letters, digits and _ . @ - (64 characters at most)")
    secret = f"bitrun_{secrets.token_urlsafe(32)}"
    sys.stderr.write(f"The token, shown this once:\n{secret}\n")
    sys.stdout.write(f"{wanted.name} {wanted.role} sha256:{_digest(secret).hex()}\n")
    return 0


def _from_words(setting: str, words: Iterable[str], role: Role) -> Iterator[Token]:
    for word in words:
        if not _FIT.fullmatch(word):
            raise SettingsError(
                f"{PREFIX}{setting}: a token has at least {_SHORTEST} characters, all of them "
                f"printable ASCII; {_MAKE}"
            )
        digest = _digest(word)
        yield Token(f"sha256:{digest.hex()[:12]}", role, digest)


def _from_file(path: Path) -> list[Token]:
    setting = f"{PREFIX}API_TOKENS_FILE"
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{setting}: {path} can't be read: {error}") from error
    tokens = [
        _from_line(line, f"{setting}: {path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not tokens:
        # An empty list would open the service to everyone, which nobody means who names a file.
        raise SettingsError(f"{setting}: {path} holds no token; {_MAKE} >> {path}")
    return tokens


def _from_line(line: str, where: str) -> Token:
    match line.split():
        case [name, Role.RUN | Role.ADMIN as role, hashed] if _NAME.fullmatch(name):
            if found := _DIGEST.fullmatch(hashed):
                return Token(name, Role(role), bytes.fromhex(found[1]))
    raise SettingsError(f"{where} is not: NAME run|admin sha256:HASH; {_MAKE}")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


if __name__ == "__main__":
    sys.exit(main())
