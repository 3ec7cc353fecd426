"""Kernels over Jupyter's protocol: their life, their messages, their owners."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bitrun.api.jupyter.framing import V1
from tests.support.jupyter import JupyterClient, catalogue, text_of
from tests.support.server import Server
from tests.support.waiting import wait_until

ALICE, BOB = "alice-has-a-long-token", "bob-has-a-long-token-too"


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return catalogue(tmp_path_factory.mktemp("languages"))


@pytest.fixture
def service(share: Callable[..., Server], languages: Path) -> Server:
    return share(
        languages=languages,
        dialects="jupyter,sandboxes",
        api_tokens=f"{ALICE},{BOB}",
        max_sandboxes_per_client=3,
    )


@pytest.fixture
def client(service: Server) -> Iterator[JupyterClient]:
    found = JupyterClient(service, ALICE)
    yield found
    assert found.call("GET", "/api/kernels").json() == []


def test_kernel_specs(client: JupyterClient) -> None:
    found = client.call("GET", "/api/kernelspecs").json()
    assert (found["default"], list(found["kernelspecs"])) == ("python3", ["echo", "python3"])
    spec = client.call("GET", "/api/kernelspecs/python3").json()
    assert spec == found["kernelspecs"]["python3"]
    assert spec["spec"].items() >= {"argv": [], "display_name": "python3"}.items()
    answer = client.call("GET", "/api/kernelspecs/julia")
    assert answer.status_code == 404
    assert answer.json()["message"] == "There is no kernel julia; there are: python3, echo"


def test_a_real_kernel(client: JupyterClient) -> None:
    with client.kernel("python3") as kernel_id, client.channels(kernel_id, V1) as channels:
        assert channels.printed("x = 6\nprint('Hello')") == "Hello\n"
        value = next(
            each for each in channels.execute("7 * x") if each["msg_type"] == "execute_result"
        )
        assert (value["channel"], value["content"]["data"]) == ("iopub", {"text/plain": "42"})
        channels.send("execute_request", {"code": "print(input('name? '))", "allow_stdin": True})
        asked = channels.until("input_request")[-1]
        assert (asked["channel"], asked["content"]["prompt"]) == ("stdin", "name? ")
        channels.send("input_reply", {"value": "Ada", "status": "ok"}, "stdin", asked["header"])
        assert text_of(channels.until("status", execution_state="idle")) == "Ada\n"

        channels.send("execute_request", {"code": "print('on', flush=True)\nwhile True: pass"})
        channels.until("stream")
        assert client.call("POST", f"/api/kernels/{kernel_id}/interrupt").status_code == 204
        assert channels.until("error")[-1]["content"]["ename"] == "KeyboardInterrupt"
        channels.until("status", execution_state="idle")

        restarted = client.call("POST", f"/api/kernels/{kernel_id}/restart")
        assert (restarted.status_code, restarted.json()["id"]) == (200, kernel_id)
        channels.until("status", execution_state="restarting")
        assert channels.printed("print('x' in globals())") == "False\n"
        model = client.call("GET", f"/api/kernels/{kernel_id}").json()
        assert (model["name"], model["execution_state"], model["connections"]) == (
            "python3", "idle", 1,
        )  # fmt: skip


@pytest.mark.parametrize("protocol", [None, V1])
def test_messages_in_both_ways(client: JupyterClient, protocol: str | None) -> None:
    with client.kernel("echo") as kernel_id, client.channels(kernel_id, protocol) as channels:
        messages = channels.execute("é")
        assert [(each["channel"], each["msg_type"]) for each in messages] == [
            ("iopub", "status"), ("iopub", "execute_input"), ("iopub", "stream"),
            ("shell", "execute_reply"), ("iopub", "status"),
        ]  # fmt: skip


def test_a_body_need_not_be_there(client: JupyterClient) -> None:
    made = client.call("POST", "/api/kernels")
    kernel_id = made.json()["id"]
    assert (made.status_code, made.json()["name"]) == (201, "python3")
    assert made.headers["Location"] == f"/jupyter/api/kernels/{kernel_id}"
    assert client.call("DELETE", f"/api/kernels/{kernel_id}").status_code == 204
    gone = client.call("GET", f"/api/kernels/{kernel_id}")
    assert (gone.status_code, gone.json()["message"]) == (
        404,
        f"There is no kernel {kernel_id}. The sandbox has ended: it was deleted",
    )


def test_all_clients_see_the_output_and_one_the_reply(client: JupyterClient) -> None:
    with (
        client.kernel("echo") as kernel_id,
        client.channels(kernel_id) as one,
        client.channels(kernel_id) as other,
    ):
        other.execute("other")  # so that it is connected for sure
        one.until("status", execution_state="idle")
        asked = one.send("execute_request", {"code": "both"})
        for each, has_reply in ((one, True), (other, False)):
            messages = each.until("status", execution_state="idle")
            assert {m["parent_header"]["msg_id"] for m in messages} == {asked}
            assert ("execute_reply" in [m["msg_type"] for m in messages]) == has_reply


def test_a_kernel_that_dies_is_restarted(client: JupyterClient) -> None:
    with (
        client.kernel("echo") as kernel_id,
        client.channels(kernel_id) as one,
        client.channels(kernel_id) as other,
    ):
        other.execute("connected")
        one.until("status", execution_state="idle")
        one.send("execute_request", {"code": "die"})
        for each in (one, other):
            states = [
                message["content"]["execution_state"]
                for message in each.until("status", execution_state="restarting")
                if message["msg_type"] == "status"
            ]
            assert "dead" not in states
        assert one.printed("alive") == "alive"


def test_one_that_dies_again_and_again_stays_dead(client: JupyterClient) -> None:
    with client.kernel("echo") as kernel_id, client.channels(kernel_id) as channels:
        for _ in range(5):
            channels.send("execute_request", {"code": "die"})
            channels.until("status", execution_state="restarting")
        channels.send("execute_request", {"code": "die"})
        channels.until("status", execution_state="dead")
        model = client.call("GET", f"/api/kernels/{kernel_id}").json()
        assert model["execution_state"] == "dead"
        assert client.call("POST", f"/api/kernels/{kernel_id}/restart").status_code == 200
        assert channels.printed("alive") == "alive"


def test_one_without_a_client_is_restarted_for_the_next(client: JupyterClient) -> None:
    with client.kernel("echo") as kernel_id:
        with client.channels(kernel_id) as channels:
            channels.send("execute_request", {"code": "die"})

        def is_dead() -> bool:
            model = client.call("GET", f"/api/kernels/{kernel_id}").json()
            return bool(model["execution_state"] == "dead")

        wait_until(is_dead, 1)  # unless its client was there to see it die
        with client.channels(kernel_id) as channels:
            assert channels.printed("alive") == "alive"


@pytest.mark.parametrize("end", ["kernel", "sandbox"])
def test_the_end_is_told(client: JupyterClient, service: Server, end: str) -> None:
    kernel_id = client.start("echo")
    with client.channels(kernel_id) as channels:
        channels.execute("on")
        if end == "kernel":
            client.call("DELETE", f"/api/kernels/{kernel_id}")
        else:
            headers = {"Authorization": f"Bearer {ALICE}"}
            url = f"{service.url}/api/v3/sandboxes"
            (found,) = requests.get(url, headers=headers, timeout=60).json()
            requests.delete(f"{url}/{found['id']}", headers=headers, timeout=60)
        channels.until("status", execution_state="dead")
        with pytest.raises(ConnectionClosed) as closed:
            channels.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    with pytest.raises(InvalidStatus) as refused, client.channels(kernel_id):
        pass
    assert refused.value.response.status_code == 404


def test_a_shutdown_request_ends_it(client: JupyterClient) -> None:
    environment = {"name": "python3", "env": {"KERNEL_A": "1"}}
    kernel_id = client.call("POST", "/api/kernels", json=environment).json()["id"]
    with client.channels(kernel_id) as channels:
        assert channels.printed("import os; print(os.environ['KERNEL_A'])") == "1\n"
        channels.send("shutdown_request", {"restart": False}, "control")
        channels.until("shutdown_reply")
        channels.until("status", execution_state="dead")

    def is_gone() -> bool:
        return client.call("GET", f"/api/kernels/{kernel_id}").status_code == 404

    assert wait_until(is_gone, 20)


def test_kernels_of_others_do_not_exist(client: JupyterClient, service: Server) -> None:
    bob = JupyterClient(service, BOB)
    with client.kernel("echo") as kernel_id:
        assert bob.call("GET", "/api/kernels").json() == []
        assert bob.call("GET", "/api/contents").json()["content"] == []
        path = f"/api/kernels/{kernel_id}"
        for method, what in (
            ("GET", path), ("DELETE", path), ("POST", f"{path}/interrupt"),
            ("POST", f"{path}/restart"), ("GET", f"{path}/channels"),
            ("GET", f"/api/contents/{kernel_id}"), ("PUT", f"/api/contents/{kernel_id}/a"),
            ("GET", f"/files/{kernel_id}/a"),
        ):  # fmt: skip
            assert bob.call(method, what).status_code == 404, what
        with pytest.raises(InvalidStatus) as refused, bob.channels(kernel_id):
            pass
        assert refused.value.response.status_code == 404
        session = {"path": "a.ipynb", "kernel": {"id": kernel_id}}
        assert bob.call("POST", "/api/sessions", json=session).status_code == 404


@pytest.mark.parametrize("token", [None, "no-such-token-anywhere"])
def test_without_a_token(service: Server, token: str | None) -> None:
    stranger = JupyterClient(service, token)
    for method, path in (
        ("GET", "/api/kernels"), ("POST", "/api/kernels"), ("GET", "/api/kernelspecs"),
        ("GET", "/api/contents"), ("GET", "/api/sessions"), ("GET", "/api/status"),
        ("GET", "/api/kernels/x/channels"),
    ):  # fmt: skip
        assert stranger.call(method, path).status_code == 401, path
    assert stranger.call("GET", "/api").json().keys() == {"version"}
    with pytest.raises(InvalidStatus) as refused, stranger.channels("x"):
        pass
    assert refused.value.response.status_code == 401


def test_where_a_token_may_be(client: JupyterClient, service: Server) -> None:
    stranger = JupyterClient(service)
    assert stranger.call("GET", f"/api/kernels?token={ALICE}").status_code == 200
    bearer = {"Authorization": f"Bearer {ALICE}"}
    assert stranger.call("GET", "/api/kernels", headers=bearer).status_code == 200
    with client.kernel("echo") as kernel_id:
        url = f"{client.url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
        with connect(f"{url}?token={ALICE}"):
            pass
        start = "v1.token.websocket.jupyter.org"
        offered: Any = [start, f"{start}.{ALICE}"]
        with connect(url, subprotocols=offered) as websocket:
            assert websocket.subprotocol == start


def test_bounds(client: JupyterClient) -> None:
    kernels = [client.start("echo") for _ in range(3)]
    refused = client.call("POST", "/api/kernels")
    assert refused.status_code == 429
    assert "At most 3 sandboxes" in refused.json()["message"]
    for each in kernels:
        client.call("DELETE", f"/api/kernels/{each}")


def test_environments_that_are_refused(client: JupyterClient) -> None:
    for body in ({"env": {"A": 1}}, {"env": {"A B": ""}}, {"name": 5}):
        assert client.call("POST", "/api/kernels", json=body).status_code == 400, body


def test_kernels_of_cells_are_there_too(client: JupyterClient, service: Server) -> None:
    headers = {"Authorization": f"Bearer {ALICE}"}
    url = f"{service.url}/api/v3/sandboxes"
    sent = {"language": "jupyter"}
    sandbox = requests.post(url, json=sent, headers=headers, timeout=60).json()["id"]
    cell = {"code": "x", "kernel": "echo"}
    requests.post(f"{url}/{sandbox}/cells", json=cell, headers=headers, timeout=60)
    (kernel,) = client.call("GET", "/api/kernels").json()
    with client.channels(kernel["id"]) as channels:
        assert channels.printed("seen") == "seen"
    assert client.call("DELETE", f"/api/kernels/{kernel['id']}").status_code == 204
    assert requests.delete(f"{url}/{sandbox}", headers=headers, timeout=60).status_code == 200


HEADER = {"msg_id": "1", "msg_type": "execute_request", "session": "s"}


@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        (None, "{"),
        (None, "[]"),
        (None, "[" * 100_000),
        (None, '{"header": {}}'),
        (None, json.dumps({"header": HEADER, "channel": "iopub"})),
        (None, json.dumps({"header": HEADER, "content": 5})),
        (None, b"\xff\xff\xff\xff"),
        (None, json.dumps({"header": HEADER | {"msg_id": "1" * 60_000}})),
        (V1, "text"),
        (V1, b"\xff" * 64),
    ],
    ids=range(10),
)
@pytest.mark.attack(
    "request", "messages to a kernel that are none", "closed with a sentence; the kernel lives on"
)
def test_hostile_messages(client: JupyterClient, protocol: str | None, data: str | bytes) -> None:
    with client.kernel("echo") as kernel_id:
        with client.channels(kernel_id, protocol) as channels:
            channels.websocket.send(data)
            with pytest.raises(ConnectionClosed) as closed:
                channels.until("never")
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, bool(closed.value.rcvd.reason)) == (1007, True)
        with client.channels(kernel_id) as channels:
            assert channels.printed("alive") == "alive"


@pytest.mark.chaos  # it waits until that client is given up
def test_a_client_that_does_not_read_disturbs_no_other(client: JupyterClient) -> None:
    with client.kernel("echo") as kernel_id, client.channels(kernel_id) as slow:
        slow.execute("connected")
        text = "x" * 1_000_000
        with client.channels(kernel_id) as fast:
            for _ in range(30):
                assert fast.printed(text) == text
        with contextlib.suppress(ConnectionClosed):
            slow.until("never")


def test_plain_requests_for_the_websocket(client: JupyterClient) -> None:
    with client.kernel("echo") as kernel_id:
        answer = client.call("GET", f"/api/kernels/{kernel_id}/channels")
        assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")


def test_sessions(client: JupyterClient) -> None:
    fields = {"path": "a.ipynb", "type": "notebook", "name": "a", "kernel": {"name": "echo"}}
    made = client.call("POST", "/api/sessions", json=fields)
    session = made.json()
    assert made.status_code == 201
    assert (session["path"], session["kernel"]["name"]) == ("a.ipynb", "echo")
    assert client.call("POST", "/api/sessions", json=fields).json()["id"] == session["id"]
    assert [each["id"] for each in client.call("GET", "/api/sessions").json()] == [session["id"]]
    path = f"/api/sessions/{session['id']}"
    changed = client.call("PATCH", path, json={"path": "b.ipynb", "kernel": {"name": "python3"}})
    assert (changed.json()["path"], changed.json()["kernel"]["name"]) == ("b.ipynb", "python3")
    listed = client.call("GET", "/api/kernels").json()
    assert [each["id"] for each in listed] == [changed.json()["kernel"]["id"]]
    assert client.call("GET", "/api/status").json()["kernels"] == 1
    assert client.call("DELETE", path).status_code == 204
    assert client.call("GET", path).status_code == 404
    for body in ({}, {"path": 5}, {"path": "a", "kernel": {"id": "none"}}):
        assert client.call("POST", "/api/sessions", json=body).status_code in (400, 404), body


@pytest.mark.attack(
    "request", "sessions of one kernel of Jupyter without end", "at most 16, then refused"
)
def test_so_many_sessions_of_a_kernel(client: JupyterClient) -> None:
    with client.kernel("echo") as kernel_id:
        statuses = [
            client.call(
                "POST", "/api/sessions", json={"path": f"{number}", "kernel": {"id": kernel_id}}
            ).status_code
            for number in range(17)
        ]
        assert statuses == [201] * 16 + [400]
        first, *_ = client.call("GET", "/api/sessions").json()
        path = f"/api/sessions/{first['id']}"
        assert client.call("PATCH", path, json={"path": "other"}).status_code == 200
    assert client.call("GET", "/api/sessions").json() == []


def test_a_session_goes_with_its_kernel(client: JupyterClient) -> None:
    session = client.call("POST", "/api/sessions", json={"path": "a"}).json()
    client.call("DELETE", f"/api/kernels/{session['kernel']['id']}")
    assert client.call("GET", "/api/sessions").json() == []
    assert client.call("GET", f"/api/sessions/{session['id']}").status_code == 404


def test_clients_of_a_proxy_have_what_they_know_the_id_of(
    serve: Callable[..., Server], languages: Path
) -> None:
    client = JupyterClient(serve(languages=languages, dialects="jupyter"))
    forwarded = {"X-Forwarded-For": "203.0.113.5"}

    def call(method: str, path: str) -> requests.Response:
        return client.call(method, path, headers=forwarded)

    kernel_id = call("POST", "/api/kernels").json()["id"]
    assert call("GET", "/api/kernels").json() == []
    assert call("GET", f"/api/kernels/{kernel_id}").status_code == 200
    assert client.call("GET", f"/api/kernels/{kernel_id}").status_code == 404
    assert call("DELETE", f"/api/kernels/{kernel_id}").status_code == 204


def test_no_installed_kernel(share: Callable[..., Server]) -> None:
    client = JupyterClient(share(dialects="jupyter", packages="bash"))
    specs = client.call("GET", "/api/kernelspecs").json()
    assert specs == {"default": "", "kernelspecs": {}}
    answer = client.call("POST", "/api/kernels")
    assert answer.status_code == 404
    assert "make install PACKAGES=jupyter" in answer.json()["message"]


@pytest.mark.attack("request", "many clients of one kernel at once", "each gets its own answers")
def test_many_clients(client: JupyterClient) -> None:
    failures: list[str] = []

    def work(number: int) -> None:
        with client.channels(kernel_id, V1 if number % 2 else None) as channels:
            for turn in range(4):
                text = f"{number} {turn}"
                if channels.printed(text) != text:
                    failures.append(text)

    with client.kernel("echo") as kernel_id:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
