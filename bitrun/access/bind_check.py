"""Who can reach the service, told by the sockets that it listens on."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from bitrun.access.tokens import Tokens
from bitrun.config.settings import Settings, SettingsError

_WHAT_TO_DO = """\
Without a token BitRun listens on loopback only, and {address} can be reached from elsewhere. \
Either create a token, bitrun tokens create NAME >> FILE, and set BITRUN_API_TOKENS_FILE=FILE; \
or leave BITRUN_HOST at 127.0.0.1; or, where a proxy in front controls access, \
set BITRUN_LET_ANYONE_RUN_CODE=true."""


def check_exposure(addresses: Iterable[Any], settings: Settings, tokens: Tokens) -> None:
    """Check that nobody from elsewhere can come in without a token.

    `addresses` are the sockets' own, as getsockname() gives them: what a setting says is not what
    an argument of gunicorn's or a name's look-up makes of it.

    Raises:
        SettingsError: somebody could.
    """
    if tokens or settings.let_anyone_run_code:
        return
    for address in addresses:
        if not _is_local(address):
            raise SettingsError(_WHAT_TO_DO.format(address=address[0]))


def _is_local(address: Any) -> bool:
    # A Unix socket's is a path, and a file's permissions say who may use it.
    return not isinstance(address, tuple) or ipaddress.ip_address(address[0]).is_loopback
