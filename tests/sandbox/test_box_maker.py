"""What the engine is asked for when a box is made, and what is left if that fails."""

import dataclasses
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from bitrun.config.settings import MEBIBYTE, Settings
from bitrun.engine.engine import Engine
from bitrun.model.errors import EgressUnavailable, EngineError, EngineUnavailable
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.egress.passage import Passage
from bitrun.telemetry import request_context
from tests.support.stages import BOX_LIMITS, stage

if TYPE_CHECKING:
    from bitrun.sandbox.egress.proxy import EgressProxy


class Recorder(Engine):
    """Records the options of the container; fails in the call named `failing`."""

    def __init__(self, failing: str = "") -> None:
        super().__init__()
        self.failing = failing
        self.command: list[str] = []
        self.host: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.removed: list[str] = []
        self.socket, self.supervisor_end = socket.socketpair()

    def create_container(
        self, image: str, command: list[str], host: dict[str, Any], **options: Any
    ) -> str:
        assert image == "sha256:0"
        self.command, self.host, self.options = command, host, options
        return "container"

    def attach_container(self, container: str) -> socket.socket:
        self._fail_in("attach_container")
        return self.socket

    def start_container(self, container: str) -> None:
        self._fail_in("start_container")

    def remove_container(self, container: str) -> None:
        self.removed.append(container)
        raise EngineUnavailable

    def _fail_in(self, call: str) -> None:
        if call == self.failing:
            raise EngineError(call)

    def close(self) -> None:
        self.socket.close()
        self.supervisor_end.close()


@pytest.fixture
def engine() -> Iterator[Recorder]:
    engine = Recorder()
    yield engine
    engine.close()


def test_a_box_is_confined(engine: Recorder) -> None:
    BoxMaker(engine, Settings()).make("sha256:0", BOX_LIMITS).discard()
    host = engine.host
    assert host["mem_limit"] == host["memswap_limit"] == BOX_LIMITS.memory
    assert host["pids_limit"] == BOX_LIMITS.processes + 2  # PID 1, and its watchdog
    assert (host["cap_drop"], host["cap_add"]) == (["ALL"], ["SETUID", "SETGID", "KILL"])
    assert host["security_opt"][0] == "no-new-privileges"
    assert host["security_opt"][1].startswith('seccomp={"defaultAction":"SCMP_ACT_ERRNO"')
    assert host["read_only"]
    assert host["auto_remove"]
    assert host["network_mode"] == "none"
    assert engine.options["network_disabled"]
    assert not engine.host["binds"]
    mounts = dict(host["tmpfs"])
    assert mounts.pop("/etc") == "rw,noexec,nosuid,nodev,noatime,mode=0755,size=1m,nr_inodes=4096"
    sizes = {options.partition(",size=")[2] for options in mounts.values()}
    assert mounts.keys() == {"/box", "/tmp", "/dev/shm"}
    assert sizes == {f"{64 * MEBIBYTE},nr_inodes=4096"}
    limits = {each["Name"]: (each["Soft"], each["Hard"]) for each in host["ulimits"]}
    assert limits == {
        "nofile": (BOX_LIMITS.open_files,) * 2,
        "fsize": (-1, -1),
        "core": (1, 1),
    }


def test_each_box_has_a_user_of_its_own(engine: Recorder) -> None:
    boxes = BoxMaker(engine, Settings())
    users = set()
    for _ in range(3):
        boxes.make("sha256:0", BOX_LIMITS)
        program, uid, workdir = engine.command
        assert (program, workdir) == ("/bitrun/supervisor", "/box")
        for folder in ("/box", "/tmp"):
            options = engine.host["tmpfs"][folder]
            assert f"uid={uid},gid={uid},mode=0700" in options.split(",size")[0]
        assert 20000 <= int(uid) < 60000
        users.add(uid)
    assert len(users) == 3


def test_a_box_with_ptys(engine: Recorder) -> None:
    BoxMaker(engine, Settings()).make("sha256:0", dataclasses.replace(BOX_LIMITS, ptys=True))
    assert engine.command[3:] == ["ptys"]


def test_buffers_of_tcp_are_small(engine: Recorder) -> None:
    BoxMaker(engine, Settings()).make("sha256:0", BOX_LIMITS)
    sizes = "4096 131072 131072"
    assert engine.host["sysctls"] == {"net.ipv4.tcp_rmem": sizes, "net.ipv4.tcp_wmem": sizes}


class Gates:
    """A proxy that opens every gate; notes the users it is for, and those that are gone."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.gone: set[int] = set()

    def admit(self, uid: int, patterns: tuple[str, ...]) -> Passage:
        self.open.add(uid)
        return Passage("/bitrun/egress/service", "gate", uid, "127.1.0.0", patterns)

    def withdraw(self, passage: Passage) -> None:
        self.open.remove(passage.uid)
        self.gone.add(passage.uid)


ONLINE = dataclasses.replace(BOX_LIMITS, network=("pypi.org:443",))


def with_gates(engine: Recorder) -> tuple[BoxMaker, Gates]:
    boxes, gates = BoxMaker(engine, Settings()), Gates()
    boxes.egress = cast("EgressProxy", gates)
    return boxes, gates


def test_a_box_that_reaches_hosts_has_no_network_either(engine: Recorder) -> None:
    boxes, gates = with_gates(engine)
    box = boxes.make("sha256:0", ONLINE)
    assert engine.host["network_mode"] == "none"
    assert engine.options["network_disabled"]
    assert engine.host["binds"] == {"bitrun-egress": {"bind": "/bitrun/egress", "mode": "ro"}}
    assert gates.open == {int(engine.command[1])}
    assert box.online(stage("true")).argv == (
        "/bitrun/online",
        "/bitrun/egress/service/gate",
        "true",
    )
    box.discard()
    assert gates.open == set()


def test_a_gate_is_closed_if_its_box_fails(engine: Recorder) -> None:
    boxes, gates = with_gates(engine)
    engine.failing = "start_container"
    with pytest.raises(EngineError):
        boxes.make("sha256:0", ONLINE)
    assert (gates.open, gates.gone) == (set(), {int(engine.command[1])})


def test_without_a_proxy_there_is_no_such_box(engine: Recorder) -> None:
    with pytest.raises(EgressUnavailable):
        BoxMaker(engine, Settings()).make("sha256:0", ONLINE)
    assert engine.command == []


def test_labels_name_the_owner_and_the_request(engine: Recorder) -> None:
    boxes = BoxMaker(engine, Settings())
    boxes.make("sha256:0", BOX_LIMITS)
    labels = {"bitrun.role": "box", "bitrun.instance": boxes.instance}
    assert engine.options["labels"] == labels
    request_context.begin("checkout-7")
    boxes.make("sha256:0", BOX_LIMITS)
    request_context.end()
    assert engine.options["labels"] == labels | {"bitrun.request": "checkout-7"}


@pytest.mark.parametrize("failing", ["attach_container", "start_container"])
def test_a_failure_leaves_no_container(engine: Recorder, failing: str) -> None:
    engine.failing = failing
    with pytest.raises(EngineError, match=failing):
        BoxMaker(engine, Settings()).make("sha256:0", BOX_LIMITS)
    assert engine.removed == ["container"]
