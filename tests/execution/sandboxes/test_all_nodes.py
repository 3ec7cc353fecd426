"""Sandboxes of a client that are counted on all nodes together, with a Redis server or without."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Literal

import pytest

from bitrun.access.at_once import ConcurrencyLimit
from bitrun.access.leases import LeasedLimit
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.config.settings import Settings
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.errors import Busy, LimitsUnavailable, TooManySandboxes
from bitrun.sandbox.pool.pool import Pool
from tests.execution.sandboxes.conftest import OWNER, plan
from tests.support.redis import Redis

LIMIT = 2
SETTINGS = Settings(max_sandboxes_per_client=LIMIT, max_sandboxes=LIMIT)

Node = Callable[..., Sandboxes]


@pytest.fixture
def node(pool: Pool, redis_server: Redis) -> Iterator[Node]:
    """Another node of the cluster; what it does without Redis is its argument."""
    with ExitStack() as made:

        def node(when_away: Literal["local", "refuse"] = "local") -> Sandboxes:
            redis = SharedRedis(redis_server.url, when_away)
            limit = LeasedLimit(redis, LIMIT, ConcurrencyLimit(LIMIT), "sandboxes")
            sandboxes = Sandboxes(pool, SETTINGS, lambda _: None, "", limit)
            made.callback(sandboxes.close)
            return sandboxes

        yield node


def test_nodes_count_the_sandboxes_of_a_client_together(node: Node) -> None:
    one, other = node(), node()
    first = one.create(OWNER, plan(), None)
    other.create(OWNER, plan(), None)
    for each in (one, other):
        with pytest.raises(TooManySandboxes, match="At most 2 sandboxes"):
            each.create(OWNER, plan(), None)
    one.create("token bob", plan(), None)
    one.delete(OWNER, first.id)
    assert other.create(OWNER, plan(), None)


def test_one_that_finds_no_room_is_not_counted(node: Node) -> None:
    full, other = node(), node()
    for client in ("token bob", "token carol"):
        full.create(client, plan(), None)
    for _ in range(LIMIT + 1):
        with pytest.raises(Busy):
            full.create(OWNER, plan(), None)
    for _ in range(LIMIT):
        other.create(OWNER, plan(), None)


def test_a_node_that_stops_gives_back_its_places(node: Node) -> None:
    one, other = node(), node()
    for _ in range(LIMIT):
        one.create(OWNER, plan(), None)
    one.close()
    assert other.create(OWNER, plan(), None)


def test_without_redis_a_node_counts_for_itself(node: Node, redis_server: Redis) -> None:
    one, other = node(), node()
    one.create(OWNER, plan(), None)
    redis_server.stop()
    one.create(OWNER, plan(), None)
    with pytest.raises(TooManySandboxes):
        one.create(OWNER, plan(), None)
    for _ in range(LIMIT):
        other.create(OWNER, plan(), None)


def test_without_redis_there_may_be_no_more(node: Node, redis_server: Redis) -> None:
    one = node("refuse")
    made = one.create(OWNER, plan(), None)
    redis_server.stop()
    with pytest.raises(LimitsUnavailable):
        one.create(OWNER, plan(), None)
    assert one.find(OWNER, made.id) is made
    assert one.stats().memory == made.limits.memory
