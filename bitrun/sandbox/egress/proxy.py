"""Runs the egress proxy of a service, squid in a container of its own, and replaces it.

A box has no network: the one thing that it shares with the proxy is a Unix socket of its own, in a
volume that it can only read. So nothing else can be reached from it, whatever the engine's networks
and its firewall are; see `docs/design.md`.
"""

import contextlib
import itertools
import logging
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitrun.config.catalogue import EGRESS_IMAGE
from bitrun.config.settings import MEBIBYTE
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.labels import INSTANCE, ROLE
from bitrun.model.allow_list import AllowList
from bitrun.model.errors import BoxEnded, EgressUnavailable, ServiceError
from bitrun.sandbox.egress.passage import CA_BUNDLE, FOLDER, VOLUME, Passage
from bitrun.sandbox.egress.squid_conf import site_conf
from bitrun.sandbox.supervisor.attached_stream import AttachedStream

NETWORK = "bitrun"  # of the proxies; no box is in it

_SERVE = "/usr/local/lib/egress/serve"
# Writable for the root of a user namespace, too; boxes mount it read-only, and nobody can list it.
_VOLUME_OPTIONS = {"type": "tmpfs", "device": "tmpfs", "o": "size=16m,mode=1733"}
_MEMORY = 256 * MEBIBYTE
_PROCESSES = 2048  # a gate is one

_ADDRESSES = 65_536  # 127.1.0.0/16: one for each box
_OPEN_TIMEOUT = 20.0  # until a gate is open, with the proxy's start or replacement
_CHECK_SECONDS = 0.25
_RETRY_SECONDS = 1.0
_RECEIVE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class EgressProxy:
    """The proxy of one service. Threads share it; it does nothing before `start`."""

    def __init__(
        self, engine: Engine, instance: str, allow_list: AllowList, ca_bundle: Path | None
    ) -> None:
        self._engine = engine
        self._instance = instance
        self._allow_list = allow_list
        self._ca_bundle = ca_bundle
        self._passages: dict[str, Passage] = {}  # by address
        self._numbers = itertools.count()
        self._stream: AttachedStream | None = None
        self._problem = "The egress proxy does not run"
        self._requests: Counter[str] = Counter(dict.fromkeys(("allowed", "denied", "failed"), 0))
        self._started = False
        self._has_failed = False  # to start, since it last ran
        self._starts = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the proxy in the background, unless the allow-list is empty."""
        if self._allow_list:
            self._started = True
            threading.Thread(target=self._keep, name="egress", daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._closed.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def admit(self, uid: int, patterns: tuple[str, ...]) -> Passage:
        """Open a gate for a box whose programs have this user id.

        Raises:
            EgressUnavailable: the proxy does not run.
        """
        if not self._started:
            raise EgressUnavailable(self._problem)
        with self._lock:
            passage = Passage(
                folder=f"{FOLDER}/{self._instance}",
                gate=secrets.token_hex(16),
                uid=uid,
                address=self._free_address(),
                patterns=patterns,
            )
            self._passages[passage.address] = passage
            self._send(_open_line(passage))
        if not self._is_opened(passage):
            self.withdraw(passage)
            raise EgressUnavailable(self._problem)
        return passage

    def withdraw(self, passage: Passage) -> None:
        """Close a gate, and all connections through it. Only the first call counts."""
        with self._lock:
            if self._passages.get(passage.address) is passage:
                del self._passages[passage.address]
                self._send(f"close {passage.gate} {passage.address}\n")

    @property
    def is_running(self) -> bool:
        return self._stream is not None

    @property
    def starts(self) -> int:
        """How often it was started: more than once means that it was replaced."""
        return self._starts

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests of programs by their end: `allowed`, `denied`, or `failed` on their way."""
        return self._requests

    def _is_opened(self, passage: Passage) -> bool:
        """Wait until a gate is open, through a replacement of the proxy; not if it can't start."""
        deadline = time.monotonic() + _OPEN_TIMEOUT
        while not self._has_failed and time.monotonic() < deadline:
            if passage.opened.wait(_CHECK_SECONDS):
                return True
        return passage.opened.is_set()

    def _free_address(self) -> str:
        # Not the one that was used last: squid may still have a connection of it.
        for number in itertools.islice(self._numbers, _ADDRESSES):
            high, low = divmod(number % _ADDRESSES, 256)
            if (address := f"127.1.{high}.{low}") not in self._passages:
                return address
        raise EgressUnavailable("All addresses of the egress proxy are taken")

    def _send(self, lines: str) -> None:
        if self._stream is not None:
            # A proxy that has just ended is replaced, and the next one gets all passages.
            with contextlib.suppress(BoxEnded):
                self._stream.send(lines.encode())

    # The thread

    def _keep(self) -> None:
        logged = ""
        while not self._closed.is_set():
            try:
                self._run()
                logged = ""
                self._problem = "The egress proxy has ended, and is being replaced"
            except NotOnEngine:
                self._problem = "The egress proxy is not installed. Run: bitrun install"
                self._has_failed = True
            except ServiceError as error:
                self._problem = f"The egress proxy does not start: {error}"
                self._has_failed = True
            except Exception:  # noqa: BLE001
                # Without this thread there would be none until the service is started again.
                _log.exception("The egress proxy could not be run")
            if not self._closed.is_set():
                # Once, however long the engine is away.
                if self._problem != logged:
                    _log.warning("%s", self._problem)
                logged = self._problem
                self._closed.wait(_RETRY_SECONDS)

    def _run(self) -> None:
        """Run one proxy to its end."""
        beginning = self._beginning()
        self._engine.ensure_network(NETWORK, {ROLE: "network"})
        self._engine.ensure_volume(VOLUME, {ROLE: "egress"}, _VOLUME_OPTIONS)
        container = self._engine.create_container(
            EGRESS_IMAGE,
            [_SERVE, f"{FOLDER}/{self._instance}"],
            _host_options(),
            entrypoint=[],
            hostname="egress",
            user="0:0",
            labels={ROLE: "egress", INSTANCE: self._instance},
        )
        try:
            stream = AttachedStream(self._engine.attach_container(container))
            try:
                self._engine.start_container(container)
                stream.send(beginning.encode())
                self._serve(stream)
            finally:
                stream.close()
        finally:
            with contextlib.suppress(ServiceError):
                self._engine.remove_container(container)

    def _beginning(self) -> str:
        files = {"site.conf": site_conf(self._allow_list.networks, os.environ)}
        if self._ca_bundle is not None:
            try:
                files[CA_BUNDLE] = self._ca_bundle.read_text()
            except (OSError, ValueError) as error:
                raise EgressUnavailable(f"BITRUN_BUILD_CA_BUNDLE can't be read: {error}") from error
        # A line with only a dot would end it: no certificate and no configuration has one.
        put = (f"put {name}\n{text.strip()}\n.\n" for name, text in files.items())
        return "".join((*put, "start\n"))

    def _serve(self, stream: AttachedStream) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._stream = stream
            self._has_failed = False
            self._starts += 1
            self._send("".join(map(_open_line, self._passages.values())))
        try:
            rest = b""
            while True:
                try:
                    data = stream.receive(_RECEIVE_SECONDS)
                except TimeoutError:
                    continue
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._note(line.decode(errors="replace"))
        finally:
            with self._lock:
                self._stream = None

    def _note(self, line: str) -> None:
        """Take a line of the proxy: an opened gate, or the end of a request, see squid.conf."""
        match line.split():
            case ["opened", path]:
                gate = path.rpartition("/")[2]
                with self._lock:
                    for passage in self._passages.values():
                        if passage.gate == gate:
                            passage.opened.set()
            case [result, status, method, target]:
                self._requests[_end_of(result, status)] += 1
                _log.debug("Egress: %s %s %s %s", method, target, status, result)
            case _:
                _log.debug("Egress: %s", line)


def _open_line(passage: Passage) -> str:
    patterns = " ".join(passage.patterns)
    return f"open {passage.gate} {passage.uid} {passage.address} {patterns}\n"


def _end_of(result: str, status: str) -> str:
    if "DENIED" in result:
        return "denied"
    return "allowed" if "000" < status < "500" else "failed"


def _host_options() -> dict[str, Any]:
    return {
        "auto_remove": True,
        "read_only": True,
        "network_mode": NETWORK,
        "binds": {VOLUME: {"bind": FOLDER, "mode": "rw"}},
        "tmpfs": {"/run": "rw,noexec,nosuid,nodev,mode=0755,size=16m"},
        "cap_drop": ["ALL"],
        "cap_add": ["CHOWN", "SETUID", "SETGID", "KILL"],
        "security_opt": ["no-new-privileges"],
        # Nobody but the gates connects to it, and it never passes packets on.
        "sysctls": {"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.disable_ipv6": "1"},
        "mem_limit": _MEMORY,
        "memswap_limit": _MEMORY,
        "pids_limit": _PROCESSES,
        "log_config": {"Type": "none"},
    }
