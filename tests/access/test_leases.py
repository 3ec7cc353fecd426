"""Requests at once of a client, counted on all nodes; nodes and a Redis that end."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from bitrun.access.at_once import ConcurrencyLimit
from bitrun.access.leases import LeasedLimit
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.model.errors import LimitsUnavailable, TooManyRequests
from tests.support.redis import Redis
from tests.support.waiting import wait_until


@pytest.fixture
def short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitrun.access.leases.LIFE_SECONDS", 1)
    monkeypatch.setattr("bitrun.cluster.shared_redis._RETRY_SECONDS", 0.1)


def node(server: Redis, limit: int = 2) -> LeasedLimit:
    return LeasedLimit(SharedRedis(server.url), limit, ConcurrencyLimit(limit), "runs")


def is_admitted(limit: LeasedLimit, client: str = "alice") -> bool:
    try:
        with limit.acquire(client):
            return True
    except TooManyRequests:
        return False


def test_nodes_count_together(redis_server: Redis) -> None:
    one, other = node(redis_server), node(redis_server)
    with one.acquire("alice"):
        with other.acquire("alice"):
            assert not is_admitted(one)
            assert not is_admitted(other)
            assert is_admitted(one, "bob")
        assert is_admitted(one)
        assert is_admitted(other)
    with pytest.raises(ZeroDivisionError), one.acquire("alice"):
        raise ZeroDivisionError
    assert is_admitted(node(redis_server, 1))


KILLED = """
import os, signal, sys
from bitrun.access.at_once import ConcurrencyLimit
from bitrun.access import leases
from bitrun.cluster.shared_redis import SharedRedis
leases.LIFE_SECONDS = 1
limit = leases.LeasedLimit(SharedRedis(sys.argv[1]), 2, ConcurrencyLimit(2), "runs")
with limit.acquire("alice"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.attack(
    "fault", "a node is killed with the runs of a client", "the client has their places back"
)
@pytest.mark.usefixtures("short_lives")
def test_what_a_killed_node_held_comes_back(redis_server: Redis) -> None:
    subprocess.run([sys.executable, "-c", KILLED, redis_server.url], check=False)
    one, other = node(redis_server), node(redis_server)

    def is_free() -> bool:
        one.renew()
        return is_admitted(other)

    with one.acquire("alice"):
        assert not is_free()
        assert wait_until(is_free, 10)


def test_kinds_are_counted_apart(redis_server: Redis) -> None:
    redis = SharedRedis(redis_server.url)
    runs, sandboxes = (
        LeasedLimit(redis, 1, ConcurrencyLimit(1), kind) for kind in ("runs", "sandboxes")
    )
    with runs.acquire("alice"):
        assert not is_admitted(runs)
        assert is_admitted(sandboxes)


@pytest.mark.usefixtures("short_lives")
def test_a_long_run_keeps_its_place(redis_server: Redis) -> None:
    one, other = node(redis_server, 1), node(redis_server, 1)
    admitted: list[bool] = []

    def renewed() -> bool:
        one.renew()
        admitted.append(is_admitted(other))
        return False

    with one.acquire("alice"):
        wait_until(renewed, 2.5)
    assert not any(admitted)
    one.renew()
    assert is_admitted(other)


@pytest.mark.usefixtures("short_lives")
def test_without_redis_a_node_counts_for_itself(redis_server: Redis) -> None:
    one, other = node(redis_server, 1), node(redis_server, 1)
    with one.acquire("alice"):
        redis_server.stop()
        assert not is_admitted(one)
        assert is_admitted(other)
        redis_server.start()

        # It has lost its data; what runs is counted again.
        def is_counted() -> bool:
            one.renew()
            return not is_admitted(other)

        assert wait_until(is_counted, 5)
    assert wait_until(lambda: is_admitted(other), 5)


def test_without_redis_nobody_is_admitted(redis_server: Redis) -> None:
    limit = LeasedLimit(SharedRedis(redis_server.url, "refuse"), 1, ConcurrencyLimit(1), "runs")
    with ExitStack() as held:
        held.enter_context(limit.acquire("alice"))
        redis_server.stop()
        with pytest.raises(LimitsUnavailable):
            held.enter_context(limit.acquire("bob"))
