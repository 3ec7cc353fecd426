"""Refuses to listen beyond loopback without a token."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from bitrun.access.tokens import Tokens
from bitrun.config.settings import Settings, SettingsError

_REFUSAL = """\
Without a token BitRun listens on loopback only, and {address} can be reached from elsewhere. \
Either create a token, bitrun tokens create NAME >> FILE, and set BITRUN_API_TOKENS_FILE=FILE; \
or leave BITRUN_HOST at 127.0.0.1; or, where a proxy in front controls access, \
set BITRUN_LET_ANYONE_RUN_CODE=true."""


def check_exposure(addresses: Iterable[Any], settings: Settings, tokens: Tokens) -> None:
    """Check that no other machine can connect while no token is required.

    `addresses` are those of the listening sockets, as getsockname() returns them. The setting alone
    is not enough: an argument of gunicorn or the resolution of a name may lead elsewhere.

    Raises:
        SettingsError: another machine could connect.
    """
    if tokens or settings.let_anyone_run_code:
        return
    for address in addresses:
        if not _is_local(address):
            raise SettingsError(_REFUSAL.format(address=address[0]))


def _is_local(address: Any) -> bool:
    # The address of a Unix socket is a path, whose permissions control access.
    return not isinstance(address, tuple) or ipaddress.ip_address(address[0]).is_loopback
