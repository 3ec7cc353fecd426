"""The sessions API: names of notebooks for kernels, which some clients want."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import client_connection
from bitrun.api.jupyter.access import Access
from bitrun.api.jupyter.errors import NoSuchKernel, NoSuchSession
from bitrun.api.jupyter.registry import OwnKernel, Registry
from bitrun.api.jupyter.reply import kernel_reply
from bitrun.api.jupyter.request import read_kernel, read_name
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import RequestError

_MAX_NAME = 4096  # characters of a path or a name
_MAX_OF_KERNEL = 16  # sessions; each is kept for as long as the kernel lives


@dataclass(frozen=True, slots=True)
class Session:
    """A notebook, a console or the like of a client, and its kernel."""

    id: str
    owner: str | None
    path: str
    name: str
    type: str
    kernel_id: str


class Sessions:
    """The sessions of all clients. One goes with its kernel. Threads share it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, owner: str | None) -> list[tuple[Session, OwnKernel]]:
        """List a client's sessions, each with its kernel; none if it can't be identified."""
        kernels = {each.id: each for each in self._registry.of(owner)}
        with self._lock:
            sessions = [each for each in self._sessions.values() if each.owner == owner]
        return [(each, kernels[each.kernel_id]) for each in sessions if each.kernel_id in kernels]

    def find(self, owner: str | None, session_id: str) -> tuple[Session, OwnKernel]:
        """Return a client's session and its kernel.

        Raises:
            NoSuchSession: it has none of this id, or its kernel has ended.
        """
        with self._lock:
            session = self._sessions.get(session_id)
        if session is None or session.owner != owner:
            raise NoSuchSession
        try:
            return session, self._registry.find(owner, session.kernel_id)
        except NoSuchKernel as error:
            self._remove(session)
            raise NoSuchSession from error

    def start(
        self, owner: str | None, fields: Mapping[str, Any], connection: ClientConnection | None
    ) -> tuple[Session, OwnKernel]:
        """Start a session and, unless it names one, its kernel; return that of its path if it is.

        Raises:
            NoSuchKernel: the client has no kernel of the id.
            RequestError: the kernel has as many as one may have.
            RequestError, Busy, ServiceError: as `Registry.create`.
        """
        path = _text(fields, "path")
        if path is None:
            raise RequestError("path is required as a string: the name of the notebook")
        name, kind = _text(fields, "name") or "", _text(fields, "type") or "notebook"
        for session, found in self.of(owner):
            if session.path == path:
                return session, found
        found = self._kernel(owner, fields.get("kernel"), connection)
        session = Session(str(uuid.uuid4()), owner, path, name, kind, found.id)
        self._forget_ended()
        self._put(session)
        return session, found

    def change(
        self,
        owner: str | None,
        session_id: str,
        fields: Mapping[str, Any],
        connection: ClientConnection | None,
    ) -> tuple[Session, OwnKernel]:
        """Rename a session, or give it another kernel, which ends the one before.

        Raises:
            NoSuchSession: as `find`; the rest as `start`.
        """
        session, found = self.find(owner, session_id)
        texts = {name: _text(fields, name) for name in ("path", "name", "type")}
        changes = {name: text for name, text in texts.items() if text is not None}
        if fields.get("kernel") is not None:
            found = self._kernel(owner, fields["kernel"], connection)
        changed = replace(session, **changes, kernel_id=found.id)
        self._forget_ended()
        self._put(changed)
        if changed.kernel_id != session.kernel_id:
            self._registry.delete(owner, session.kernel_id)
        return changed, found

    def delete(self, owner: str | None, session_id: str) -> None:
        """End a client's session and its kernel; raises as `find` does."""
        session, found = self.find(owner, session_id)
        self._remove(session)
        self._registry.delete(owner, found.id)

    def _kernel(
        self, owner: str | None, wanted: Any, connection: ClientConnection | None
    ) -> OwnKernel:
        """Return the kernel that is named by its id, or start one."""
        model = wanted if isinstance(wanted, Mapping) else {}
        if kernel_id := read_name(model, "id"):
            return self._registry.find(owner, kernel_id)
        return self._registry.create(owner, *read_kernel(model), connection)

    def _put(self, session: Session) -> None:
        """Add or replace a session.

        Raises:
            RequestError: its kernel has as many as one may have.
        """
        with self._lock:
            others = [
                each
                for each in self._sessions.values()
                if each.kernel_id == session.kernel_id and each.id != session.id
            ]
            if len(others) >= _MAX_OF_KERNEL:
                raise RequestError(f"A kernel may have {_MAX_OF_KERNEL} sessions at most")
            self._sessions[session.id] = session

    def _forget_ended(self) -> None:
        """Forget the sessions whose kernels have ended."""
        with self._lock:
            known = list(self._sessions.values())
        for each in known:
            try:
                self._registry.find(each.owner, each.kernel_id)
            except NoSuchKernel:
                self._remove(each)

    def _remove(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.id, None)


def add_sessions(routes: Blueprint, registry: Registry, access: Access, bodies: Bodies) -> None:
    sessions = Sessions(registry)

    @routes.get("/api/sessions")
    def list_sessions() -> Response:
        with access.granted() as owner:
            return jsonify([_reply(*each) for each in sessions.of(owner)])

    @routes.post("/api/sessions")
    def create_session() -> tuple[Response, int]:
        with access.granted() as owner:
            found = sessions.start(owner, bodies.read_json(request), client_connection(request))
            return jsonify(_reply(*found)), 201

    @routes.get("/api/sessions/<session_id>")
    def get_session(session_id: str) -> Response:
        with access.granted() as owner:
            return jsonify(_reply(*sessions.find(owner, session_id)))

    @routes.patch("/api/sessions/<session_id>")
    def change_session(session_id: str) -> Response:
        with access.granted() as owner:
            connection = client_connection(request)
            found = sessions.change(owner, session_id, bodies.read_json(request), connection)
            return jsonify(_reply(*found))

    @routes.delete("/api/sessions/<session_id>")
    def delete_session(session_id: str) -> tuple[str, int]:
        with access.granted() as owner:
            sessions.delete(owner, session_id)
            return "", 204


def _reply(session: Session, found: OwnKernel) -> dict[str, Any]:
    return {
        "id": session.id,
        "path": session.path,
        "name": session.name,
        "type": session.type,
        "kernel": kernel_reply(found),
    }


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _MAX_NAME):
        raise RequestError(f"{name} must be a string of {_MAX_NAME} characters at most")
    return value
