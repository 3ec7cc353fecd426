"""The pool: what it holds, what it gives, and that nothing of it is left."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.labels import INSTANCE, ROLE
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import ClientDisconnected, EngineUnavailable
from bitrun.model.result import Verdict
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool import pool as pool_module
from bitrun.sandbox.pool import refill
from bitrun.sandbox.pool.pool import Pool
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import engine_with_packages
from tests.support.fake_supervisor import ScriptedBoxes
from tests.support.stages import BOX_LIMITS, collect, stage
from tests.support.waiting import wait_until


@pytest.fixture
def fake_engine() -> Iterator[FakeEngine]:
    engine = engine_with_packages(ScriptedBoxes())
    yield engine
    assert wait_until(lambda: not engine.containers, 5), "left behind"
    engine.close()


@pytest.fixture
def boxes(engine: Engine) -> BoxMaker:
    return BoxMaker(engine, Settings())


class Pools:
    """Pools that are closed after the test."""

    def __init__(self, boxes: BoxMaker) -> None:
        self.boxes = boxes
        self.opened: list[Pool] = []

    def open(self, places: int, pinned: Mapping[BoxSpec, int], **options: int) -> Pool:
        pool = Pool(self.boxes, places, lambda: pinned, **options)
        self.opened.append(pool)
        pool.start()
        return pool


@pytest.fixture
def pools(boxes: BoxMaker) -> Iterator[Pools]:
    pools = Pools(boxes)
    yield pools
    for pool in pools.opened:
        pool.close()


def kind_of(engine: Engine, package: str) -> BoxSpec:
    image = engine.find_image(f"bitrun/{package}")
    assert image is not None
    return BoxSpec(image.id, BOX_LIMITS)


def of_instance(engine: Engine, boxes: BoxMaker) -> list[str]:
    """Return the images of the running containers."""
    found = engine.list_containers(INSTANCE, boxes.instance)
    return [container["ImageID"] for container in found if container["State"] == "running"]


def full(pools: Pools, engine: Engine, places: int, **options: int) -> tuple[Pool, BoxSpec]:
    """Open a pool of one kind, and wait until it has filled itself."""
    kind = kind_of(engine, "bash")
    pool = pools.open(places, {kind: 0}, **options)
    # Not by the engine, which has a box a moment before the pool does.
    assert wait_until(lambda: sum(pool.stats().idle.values()) == places, 10)
    return pool, kind


def say_hello(box: Box) -> Verdict:
    with box:
        verdict, stdout, _ = collect(box.supervisor, stage("echo", "hello"))
    assert stdout == b"hello\n"
    return verdict


@pytest.mark.also_engine
def test_it_fills_gives_and_refills(pools: Pools, boxes: BoxMaker, engine: Engine) -> None:
    pool, kind = full(pools, engine, 3)
    seen = set()
    for _ in range(5):
        box = pool.take(kind)
        seen.add(box.container)
        say_hello(box)
    assert len(seen) == 5, "a box was given twice"
    assert wait_until(lambda: len(of_instance(engine, boxes)) == 3, 10)


def test_a_fresh_box_never_waited(pools: Pools, engine: Engine) -> None:
    pool, kind = full(pools, engine, 2)
    asked = time.monotonic()
    box = pool.take(kind, fresh=True)
    assert box.created_at > asked
    say_hello(box)


def test_nothing_is_thrown_away_in_a_burst(
    pools: Pools,
    boxes: BoxMaker,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refill, "_BURST_SECONDS", 60.0)
    pool, kind = full(pools, engine, 2)
    first, second = pool.take(kind), pool.take(kind)
    say_hello(first)
    time.sleep(1)
    assert len(of_instance(engine, boxes)) == 2, "made or removed beside a run"
    say_hello(second)

    def of_these() -> int:
        found = engine.list_containers(ROLE)
        return sum(each["Id"] in (first.container, second.container) for each in found)

    assert wait_until(lambda: of_these() == 0, 5)
    assert wait_until(lambda: len(of_instance(engine, boxes)) == 2, 10)


def leave_files(box: Box, megabytes: int) -> str:
    """Leave files in `/tmp`, none of which is too large, and return the box's container."""
    script = f"for i in `seq {megabytes}`; do head -c 1000000 /dev/zero >/tmp/$i; done; echo left"
    with box:
        verdict, stdout, _ = collect(box.supervisor, stage("sh", "-c", script))
    assert (verdict.code, stdout) == (0, b"left\n")
    return box.container


@pytest.mark.engine
@pytest.mark.attack(
    "program",
    "leaving files, run after run, in boxes that wait to be discarded",
    "they together hold a bounded number of bytes, beyond it the largest is discarded at once",
)
def test_used_boxes_hold_little_even_in_a_burst(
    pools: Pools, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "_BURST_SECONDS", 60.0)
    pool, kind = full(pools, engine, 4, used_memory=50_000_000)
    running = pool.take(kind)
    small = leave_files(pool.take(kind), 1)
    large = leave_files(pool.take(kind), 35)
    assert pool.stats().used == 2
    larger = leave_files(pool.take(kind), 40)
    assert pool.stats().used == 2

    def left() -> set[str]:
        return {each["Id"] for each in engine.list_containers(ROLE)} & {small, large, larger}

    assert wait_until(lambda: left() == {small, large}, 5), left()
    say_hello(running)


def test_a_box_is_thrown_away_at_once_after_a_long_run(
    pools: Pools,
    boxes: BoxMaker,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its makers have nothing else to do by then, and would not look again so soon."""
    monkeypatch.setattr(pool_module, "_CHECK_INTERVAL_SECONDS", 60.0)
    pool, kind = full(pools, engine, 2)
    box = pool.take(kind)
    time.sleep(1)
    pool.refresh()
    assert wait_until(lambda: len(of_instance(engine, boxes)) == 3, 10)
    time.sleep(1)
    say_hello(box)
    assert wait_until(lambda: len(of_instance(engine, boxes)) == 2, 5)


@pytest.mark.engine
def test_demand_moves_the_places(pools: Pools, boxes: BoxMaker, engine: Engine) -> None:
    bash, ruby = kind_of(engine, "bash"), kind_of(engine, "ruby")
    pool = pools.open(6, {bash: 0, ruby: 0})

    def held() -> Counter[str]:
        return Counter(of_instance(engine, boxes))

    assert wait_until(lambda: held() == {bash.image: 3, ruby.image: 3}, 20)
    for _ in range(8):
        say_hello(pool.take(bash))
    # All would be bash's share; but for one box more or less none is thrown away.
    assert wait_until(lambda: held() == {bash.image: 5, ruby.image: 1}, 20), held()


def test_pinned_boxes_stay(pools: Pools, boxes: BoxMaker, engine: Engine) -> None:
    bash, ruby = kind_of(engine, "bash"), kind_of(engine, "ruby")
    pool = pools.open(4, {bash: 0, ruby: 2})
    for _ in range(8):
        say_hello(pool.take(bash))

    def held() -> Counter[str]:
        return Counter(of_instance(engine, boxes))

    # A third ruby box may be left of the time before there was any demand.
    enough = ({bash.image: 2, ruby.image: 2}, {bash.image: 1, ruby.image: 3})
    assert wait_until(lambda: held() in enough, 20), held()


@pytest.mark.also_engine
def test_a_replaced_image_takes_its_boxes_along(
    pools: Pools, boxes: BoxMaker, engine: Engine
) -> None:
    bash, ruby = kind_of(engine, "bash"), kind_of(engine, "ruby")
    offered = {bash: 0}
    pool = pools.open(2, offered)
    assert wait_until(lambda: of_instance(engine, boxes) == 2 * [bash.image], 10)
    offered[ruby] = offered.pop(bash)
    pool.refresh()
    assert wait_until(lambda: of_instance(engine, boxes) == 2 * [ruby.image], 10)


@pytest.mark.also_engine
def test_a_dead_box_is_never_given(pools: Pools, boxes: BoxMaker, engine: Engine) -> None:
    pool, kind = full(pools, engine, 2)
    for container in engine.list_containers(INSTANCE, boxes.instance):
        engine.remove_container(container["Id"])
    say_hello(pool.take(kind))


@pytest.mark.also_engine
def test_more_requests_than_places_all_get_one(pools: Pools, engine: Engine) -> None:
    kind = kind_of(engine, "bash")
    pool = pools.open(2, {kind: 0})
    verdicts: list[Verdict] = []
    threads = [
        threading.Thread(target=lambda: verdicts.append(say_hello(pool.take(kind))))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [verdict.code for verdict in verdicts] == [0] * 12


@pytest.mark.also_engine
def test_close_leaves_nothing(boxes: BoxMaker, engine: Engine) -> None:
    kind = kind_of(engine, "bash")
    pool = Pool(boxes, 4, lambda: {kind: 0})
    pool.start()
    time.sleep(0.3)  # in the middle of filling it
    pool.close()
    assert wait_until(lambda: not engine.list_containers(INSTANCE, boxes.instance), 5)


def test_before_its_start_it_keeps_nothing(boxes: BoxMaker, engine: Engine) -> None:
    pool = Pool(boxes, 4, dict)
    say_hello(pool.take(kind_of(engine, "bash")))
    assert wait_until(lambda: not of_instance(engine, boxes), 5)
    pool.close()


def test_an_image_that_is_gone(pools: Pools) -> None:
    pool = pools.open(2, {BoxSpec("sha256:" + "0" * 64, BOX_LIMITS): 0})
    with pytest.raises(NotOnEngine):
        pool.take(BoxSpec("sha256:" + "0" * 64, BOX_LIMITS))


def test_an_engine_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    pool = Pool(BoxMaker(Engine(), Settings()), 2, lambda: {BoxSpec("x", BOX_LIMITS): 0})
    pool.start()
    with pytest.raises(EngineUnavailable):
        pool.take(BoxSpec("x", BOX_LIMITS))
    pool.close()


@pytest.mark.attack(
    "request", "clients that hang up while no box can be made", "their wait is over at once"
)
def test_one_who_hangs_up_waits_for_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = BoxSpec("x", BOX_LIMITS)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(4) as threads:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        pool = Pool(BoxMaker(Engine(20.0), Settings()), 0, dict)
        stuck = [threads.submit(pool.take, kind) for _ in range(4)]
        time.sleep(0.5)
        ours, theirs = socket.socketpair()
        theirs.close()
        started = time.monotonic()
        with ours, pytest.raises(ClientDisconnected):
            pool.take(kind, connection=ClientConnection(ours))
        assert time.monotonic() - started < 1
        assert not any(each.done() for each in stuck)
        silent.close()
        for each in stuck:
            with pytest.raises(EngineUnavailable):
                each.result()
