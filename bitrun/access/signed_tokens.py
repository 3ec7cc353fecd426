"""Tokens that another service signs for its requests (JWT, RFC 7519), checked without a network.

Its public keys are in a file of the operator's: PEM, or a set of JWKs. Only signatures with a
private key count, Ed25519 and RSA: who can check one must not be able to make one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bitrun.config.problems import reason
from bitrun.config.settings import PREFIX, Settings, SettingsError

PublicKey = Ed25519PublicKey | RSAPublicKey

MAX_LIFETIME = 300  # seconds; what LibreChat's tokens have

_CLOCK_SKEW = 30  # seconds that both clocks may differ
_MIN_RSA_BITS = 2048
_CLAIMS = ["iss", "aud", "sub", "iat", "exp"]
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """The keys of one service, and what its tokens name."""

    keys: tuple[PublicKey, ...]
    issuer: str
    audience: str

    @classmethod
    def read(cls, settings: Settings) -> Self:
        """Read the keys of `BITRUN_JWT_KEYS`.

        Raises:
            SettingsError: the file can't be used.
        """
        keys = () if settings.jwt_keys is None else tuple(_read_keys(settings.jwt_keys))
        return cls(keys, settings.jwt_issuer, settings.jwt_audience)

    def accepts(self, text: str) -> bool:
        """Whether one of the keys has signed this token, for this service and for now."""
        if text.count(".") != 2:  # noqa: PLR2004  most tokens are none of these
            return False
        return any(self._is_signed(text, key) for key in self.keys)

    def _is_signed(self, text: str, key: PublicKey) -> bool:
        # The algorithm follows from the key, never from the token.
        algorithm = "EdDSA" if isinstance(key, Ed25519PublicKey) else "RS256"
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                issuer=self.issuer,
                audience=self.audience,
                leeway=_CLOCK_SKEW,
                options={"require": _CLAIMS},
            )
            return 0 < int(claims["exp"]) - int(claims["iat"]) <= MAX_LIFETIME
        except (jwt.InvalidTokenError, TypeError, ValueError):
            return False


def _read_keys(path: Path) -> Iterator[PublicKey]:
    where = f"{PREFIX}JWT_KEYS"
    try:
        found = [*_parse(path.read_text())]
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise SettingsError(f"{where}: {path} can't be read: {reason(error)}") from error
    if not found:
        raise SettingsError(f"{where}: {path} holds no key in PEM, and is no set of JWKs")
    for key in found:
        is_long = isinstance(key, RSAPublicKey) and key.key_size >= _MIN_RSA_BITS
        if not is_long and not isinstance(key, Ed25519PublicKey):
            raise SettingsError(
                f"{where}: each key of {path} must be a public one of Ed25519, or of RSA with "
                f"{_MIN_RSA_BITS} bits at least"
            )
        yield key


def _parse(text: str) -> Iterator[Any]:
    if text.lstrip().startswith("{"):
        yield from (each.key for each in jwt.PyJWKSet.from_json(text).keys)
    else:
        yield from (load_pem_public_key(found.encode()) for found in _PEM.findall(text))
