"""Who may call: the check of API tokens."""

import hmac

from flask import Request

from bitrun.settings import Settings


def bearer_token(request: Request) -> str:
    """Return the token that came; clients written for Piston send it without a scheme."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else scheme


def token_is_valid(token: str, settings: Settings) -> bool:
    """Whether a token opens the API; any does where none is configured."""
    if not settings.api_tokens:
        return True
    given = token.encode("utf-8", "surrogatepass")
    # Every token is compared, so that the time taken does not tell which one came close.
    matches = [hmac.compare_digest(given, known.encode()) for known in settings.api_tokens]
    return any(matches)
