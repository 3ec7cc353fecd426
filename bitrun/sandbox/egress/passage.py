"""The way of one box to the proxy: what the box gets for it."""

import dataclasses
import threading
from dataclasses import dataclass, field

from bitrun.model.job import Stage

VOLUME = "bitrun-egress"  # on the engine, for all services: a folder in memory with their sockets
FOLDER = "/bitrun/egress"  # where boxes and proxies have it
CA_BUNDLE = "ca-bundle.pem"

_ONLINE = "/bitrun/online"  # images/supervisor/egress
_PROXY = "http://127.0.0.1:3128"
_LOOPBACK = "localhost,127.0.0.1,::1"

# In both cases: curl reads the small ones only, others the large ones.
_ENVIRONMENT = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _PROXY),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), _LOOPBACK),
    "NODE_USE_ENV_PROXY": "1",  # for fetch() of Node.js
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "npm_config_update_notifier": "false",
}

_PROGRAMS = "/tmp/.local/bin"  # noqa: S108  where pip puts those of packages, in the box

# An image need not have certificates at all.
_CERTIFICATES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A gate of the proxy: a Unix socket that only processes of the user `uid` can connect to.

    `folder` is that of the service in the volume, `address` what squid knows the box by, and
    `patterns` are the hosts that it may connect to, as `HOST:PORT`.
    """

    folder: str
    gate: str
    uid: int
    address: str
    patterns: tuple[str, ...]
    opened: threading.Event = field(default_factory=threading.Event, compare=False)

    def online(self, stage: Stage) -> Stage:
        """Return a stage whose program finds the proxy."""
        bundle = f"{self.folder}/{CA_BUNDLE}"
        env = {**_ENVIRONMENT, **dict.fromkeys(_CERTIFICATES, bundle), **stage.env}
        if "PATH" in env:
            env["PATH"] += f":{_PROGRAMS}"
        return dataclasses.replace(
            stage,
            argv=(_ONLINE, f"{self.folder}/{self.gate}", *stage.argv),
            env=env,
        )
