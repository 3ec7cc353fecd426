"""Tokens that another service signs: which keys, which claims, and that nothing else counts."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public

from bitrun.access import tokens
from bitrun.access.tokens import Role, Tokens
from bitrun.config.settings import Settings, SettingsError
from tests.support.tokens import RUN

ED25519 = Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505


def pem(key: Any) -> str:
    found: bytes = key.public_key().public_bytes(Encoding.PEM, Public.SubjectPublicKeyInfo)
    return found.decode()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    sound: dict[str, Any] = {"iss": "librechat", "aud": "codeapi", "sub": "user-1"}
    sound |= {"iat": now, "nbf": now, "exp": now + 300, "jti": "1"}
    return {name: value for name, value in (sound | changes).items() if value is not None}


def signed(key: Any = ED25519, algorithm: str = "EdDSA", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": "k"})


@pytest.fixture
def known(tmp_path: Path) -> Tokens:
    keys = tmp_path / "keys"
    keys.write_text(f"# of LibreChat\n{pem(ED25519)}{pem(RSA)}")
    return tokens.load(Settings(jwt_keys=keys, api_tokens=(RUN,)))


def test_both_kinds_of_signatures(known: Tokens) -> None:
    for token in (signed(), signed(RSA, "RS256"), signed(aud=["other", "codeapi"])):
        found = known.find(token)
        assert found is not None
        assert (found.name, found.role) == ("librechat", Role.RUN)
    assert known.find(RUN) is not None
    assert "librechat" in known.names
    assert known


NOW = int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "else"},
        {"iss": None},
        {"aud": "else"},
        {"aud": None},
        {"sub": None},
        {"iat": None},
        {"exp": None},
        {"exp": NOW - 3600},
        {"exp": NOW + 10_000},  # valid for too long
        {"iat": NOW + 3600, "exp": NOW + 3700},
        {"nbf": NOW + 3600},
        {"exp": "x"},
        {"iat": [], "exp": {}},
    ],
)
def test_claims_that_do_not_count(known: Tokens, changes: dict[str, Any]) -> None:
    payload = json.dumps(claims(**changes)).encode()
    assert known.find(jwt.api_jws.encode(payload, ED25519, "EdDSA")) is None


@pytest.mark.attack(
    "request", "a signed token of another key, without a signature, or signed with the public key",
    "401, as any unknown token",
)  # fmt: skip
def test_signatures_that_do_not_count(known: Tokens) -> None:
    head, body, signature = signed().split(".")
    other = Ed25519PrivateKey.generate()
    public = pem(ED25519)
    bits = ec.generate_private_key(ec.SECP256R1())
    for token in (
        signed(other),
        signed(bits, "ES256"),
        signed(RSA, "RS512"),
        jwt.encode(claims(), "", "none"),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{signed(sub='else').split('.')[1]}.{signature}",
        # As if the public key were a secret that both sides know.
        _signed_with_secret(public),
        "..",
        "a.b.c",
        "\ud800.é.\0",
        "." * 1000,
    ):
        assert known.find(token) is None, token


def _signed_with_secret(public: str) -> str:
    def pack(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    text = b".".join(
        pack(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims())
    )
    signature = hmac.digest(public.encode(), text, hashlib.sha256)
    return b".".join((text, pack(signature))).decode()


def test_a_set_of_jwks(tmp_path: Path) -> None:
    keys = [
        json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(ED25519.public_key())) | {"kid": "a"},
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())) | {"kid": "b"},
    ]
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    known = tokens.load(Settings(jwt_keys=file, jwt_issuer="chat", jwt_audience="bitrun"))
    assert known.find(signed()) is None
    found = known.find(signed(RSA, "RS256", iss="chat", aud="bitrun"))
    assert found is not None
    assert found.name == "chat"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't be read"),
        ("", "holds no key in PEM"),
        ("{}", "can't be read"),
        ("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n", "can't be read"),
        (
            pem(ec.generate_private_key(ec.SECP256R1())),
            "must be a public one of Ed25519, or of RSA",
        ),
        (pem(SHORT_RSA), "with 2048 bits at least"),
        (
            ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "can't be read",
        ),
    ],
)
def test_files_that_can_not_be_used(tmp_path: Path, content: str | None, sentence: str) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=f"BITRUN_JWT_KEYS: .*{sentence}"):
        tokens.load(Settings(jwt_keys=file))
