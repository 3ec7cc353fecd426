"""The table of nodes: who is in it, who is lost, and what is known while Redis is away."""

import pytest

from bitrun.cluster.nodes import AUTO, Nodes, Place
from bitrun.cluster.shared_redis import SharedRedis
from tests.support.redis import Redis
from tests.support.waiting import wait_until

URL = "http://10.0.0.{}:5000"


@pytest.fixture(autouse=True)
def short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitrun.cluster.nodes.LIFE_SECONDS", 1)
    monkeypatch.setattr("bitrun.cluster.nodes._CACHE_SECONDS", 0.0)
    monkeypatch.setattr("bitrun.cluster.shared_redis._RETRY_SECONDS", 0.1)


def node(server: Redis, number: int) -> Nodes:
    found = Nodes(SharedRedis(server.url), URL.format(number), 5000)
    found.register()
    return found


def lost(seen_from: Nodes, name: str = "00000000") -> bool:
    """Whether a node counts as lost for another one, which is in the table itself."""
    seen_from.register()
    return seen_from.find(name).is_lost


def test_nodes_find_each_other(redis_server: Redis) -> None:
    one, other = node(redis_server, 1), node(redis_server, 2)
    assert one.find(other.own) == Place(URL.format(2), is_lost=False)
    assert one.others() == {other.own: URL.format(2)}
    assert other.others() == {one.own: URL.format(1)}
    assert one.known == 2


def test_the_node_that_an_id_names(redis_server: Redis) -> None:
    one, other = node(redis_server, 1), node(redis_server, 2)
    assert one.named_in(f"sbx_x.{other.own}") == other.own
    for identity in (f"sbx_x.{one.own}", "sbx_x", "sbx_x.", "sbx_x.UPPERCAS", "sbx_x.0123456789"):
        assert one.named_in(identity) is None


def test_a_node_that_ends_is_lost(redis_server: Redis) -> None:
    one, killed, stopped = (node(redis_server, number) for number in (1, 2, 3))
    assert not lost(one, killed.own)
    assert wait_until(lambda: lost(one, killed.own), 10)
    # Its address is still worth a try.
    assert one.find(killed.own).url == URL.format(2)
    stopped.register()
    assert not lost(one, stopped.own)
    stopped.leave()
    assert lost(one, stopped.own)
    assert lost(one)


def test_nobody_is_lost_while_redis_is_away(redis_server: Redis) -> None:
    one, other = node(redis_server, 1), node(redis_server, 2)
    assert wait_until(lambda: lost(one), 10)
    redis_server.stop()
    assert one.find(other.own) == Place(URL.format(2), is_lost=False)
    assert one.find("00000000") == Place(None, is_lost=False)
    redis_server.start()
    # It has lost its data: who has not registered again yet is not lost.
    assert wait_until(lambda: not lost(one, other.own) and one.known == 1, 10)
    assert wait_until(lambda: lost(one), 10)


def test_a_node_finds_its_own_address(redis_server: Redis) -> None:
    one, automatic = node(redis_server, 1), Nodes(SharedRedis(redis_server.url), AUTO, 5001)
    automatic.register()
    assert one.others() == {automatic.own: "http://127.0.0.1:5001"}
    for url in ("redis://nowhere.invalid", "redis+unix:///run/redis"):
        unknown = Nodes(SharedRedis(url), AUTO, 5001)
        unknown.register()
        unknown.leave()
    assert one.known == 2
