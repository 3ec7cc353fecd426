"""Jupyter's protocol over HTTP and WebSockets, and kernels in boxes without Docker."""

import json
import shlex
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from bitrun.api.jupyter.framing import V1
from bitrun.execution.kernels.message import KernelMessage
from tests.support.kernels import DRIVER, LANGUAGE, SCRIPTS
from tests.support.piston import package, write_catalogue
from tests.support.server import Server

PREFIX = "/jupyter"


def catalogue(folder: Path, **language: Any) -> Path:
    """Write a catalogue whose kernels need no file of their package: `python3` and `echo`.

    `language` are further keys of their language.
    """
    frame, echo = ((SCRIPTS / f"{name}.py").read_text() for name in ("frame", "echo"))
    module = "import sys, types\nframe = types.ModuleType('frame')\nsys.modules['frame'] = frame\n"
    kernels = [
        _spec("python3", DRIVER.read_text(), "python3"),
        _spec("echo", f"{module}exec({frame!r}, vars(frame))\n{echo}"),
    ]
    return write_catalogue(
        folder, package("jupyter", "python", kernels=kernels, **LANGUAGE, **language)
    )


def _spec(name: str, source: str, *arguments: str) -> dict[str, str]:
    command = shlex.join(["python3", "-c", source, *arguments])
    return {"name": name, "display_name": name, "language": name, "command": command}


class JupyterClient:
    """Calls of a client with this token."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        self.url = f"{server.url}{PREFIX}"
        self._headers = {"Authorization": f"token {token}"} if token else {}

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = self._headers | options.pop("headers", {})
        url = f"{self.url}{path}"
        return requests.request(method, url, headers=headers, timeout=60, **options)

    def start(self, name: str | None = None) -> str:
        answer = self.call("POST", "/api/kernels", json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    @contextmanager
    def kernel(self, name: str | None = None) -> Iterator[str]:
        """Start a kernel, whose id this yields, and delete it at the end."""
        kernel_id = self.start(name)
        try:
            yield kernel_id
        finally:
            self.call("DELETE", f"/api/kernels/{kernel_id}")

    @contextmanager
    def channels(self, kernel_id: str, protocol: str | None = None) -> Iterator["ChannelsClient"]:
        url = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
        offered: Any = [protocol] if protocol else None
        with connect(
            url, additional_headers=self._headers, subprotocols=offered, compression=None
        ) as websocket:
            assert websocket.subprotocol == protocol
            yield ChannelsClient(websocket, protocol)


class ChannelsClient:
    """One WebSocket of a kernel."""

    def __init__(self, websocket: ClientConnection, protocol: str | None = None) -> None:
        self.websocket = websocket
        self._protocol = protocol

    def send(
        self,
        msg_type: str,
        content: dict[str, Any],
        channel: str = "shell",
        parent: dict[str, Any] | None = None,
    ) -> str:
        """Send a message and return its id."""
        # Without a version, a kernel takes it for one of Jupyter's first protocol.
        header = {"msg_id": uuid.uuid4().hex, "msg_type": msg_type, "version": "5.3"}
        message = {
            "channel": channel,
            "header": header,
            "parent_header": parent or {},
            "metadata": {},
            "content": content,
        }
        encoded = (
            KernelMessage.from_dict(message).encode()
            if self._protocol == V1
            else json.dumps(message)
        )
        self.websocket.send(encoded)
        return header["msg_id"]

    def receive(self, timeout: float = 60) -> dict[str, Any]:
        data = self.websocket.recv(timeout)
        if self._protocol == V1:
            assert isinstance(data, bytes)
            return KernelMessage.decode(data).as_dict()
        found: dict[str, Any] = json.loads(data)
        return found

    def until(self, msg_type: str, **content: Any) -> list[dict[str, Any]]:
        """Receive until a message of this type with this content; return all, it included."""
        messages = []
        while True:
            messages.append(self.receive())
            last = messages[-1]
            if last["msg_type"] == msg_type and content.items() <= last["content"].items():
                return messages

    def execute(self, code: str, **fields: Any) -> list[dict[str, Any]]:
        """Run a cell; return the messages that belong to it, up to its end."""
        asked = self.send("execute_request", {"code": code, "allow_stdin": False} | fields)
        messages: list[dict[str, Any]] = []
        wanted = {"execute_reply", "idle"}
        while wanted:
            message = self.receive()
            if message["parent_header"].get("msg_id") == asked:
                messages.append(message)
                wanted -= {message["msg_type"], message["content"].get("execution_state")}
        return messages

    def printed(self, code: str) -> str:
        """Return what a cell has printed."""
        return text_of(self.execute(code))


def text_of(messages: list[dict[str, Any]]) -> str:
    """Return what messages have of stdout and stderr, which may come in any pieces."""
    return "".join(each["content"]["text"] for each in messages if each["msg_type"] == "stream")
