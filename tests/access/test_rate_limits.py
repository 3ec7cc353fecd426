"""Shares of a client, over time and at once, and a Redis that comes and goes."""

import socket
import time
from contextlib import ExitStack
from ipaddress import ip_address, ip_network
from typing import Literal

import pytest

from bitrun.access.identity import ExemptClients, find_address, key
from bitrun.access.rate_limits import RateLimits
from bitrun.access.tokens import Role, Token, Tokens
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.config.settings import Settings, SettingsError
from bitrun.model.errors import LimitsUnavailable, RequestError, TooManyRequests
from tests.support.redis import Redis
from tests.support.waiting import wait_until

ALICE = Token("alice", Role.RUN, b"")


def ask(limits: RateLimits, client: str = "alice") -> int:
    """Ask once; return after how many seconds one may ask again, 0 for at once."""
    try:
        with limits.admit(client):
            return 0
    except TooManyRequests as refused:
        return refused.seconds


def test_each_client_has_a_rate_of_its_own() -> None:
    limits = RateLimits(Settings(rate_limit="3/hour"))
    for client in ("alice", "bob"):
        assert [ask(limits, client) for _ in range(3)] == [0, 0, 0]
        assert 0 < ask(limits, client) <= 3600


def test_what_a_client_may_have_is_said() -> None:
    limits = RateLimits(Settings(max_runs_per_client=2, rate_limit="3/hour"))
    with ExitStack() as active:
        for _ in range(2):
            active.enter_context(limits.admit("alice"))
        with pytest.raises(TooManyRequests) as refused, limits.admit("alice"):
            pass
        assert refused.value.detail == (
            "A client may have 2 runs at once: try again when one has ended"
        )
        with pytest.raises(TooManyRequests) as refused, limits.admit("alice"):
            pass
        assert refused.value.detail == (
            f"A client may make 3 per 1 hour: try again in {refused.value.seconds} s"
        )


def test_a_rate_comes_back() -> None:
    limits = RateLimits(Settings(rate_limit="2/second; 3/hour"))
    assert [ask(limits) for _ in range(3)] == [0, 0, 1]
    assert wait_until(lambda: ask(limits) == 0, 3)
    assert ask(limits) > 0


def test_a_request_that_stands_for_many() -> None:
    limits = RateLimits(Settings(rate_limit="100/second; 10/hour"))
    with limits.admit("alice"):
        limits.count("alice", 7)
    assert [ask(limits) for _ in range(2)] == [0, 0]
    assert ask(limits) > 0
    with limits.admit("bob"):
        limits.count("bob", 9)  # all that is possible
        with pytest.raises(TooManyRequests):
            limits.count("bob", 1)
    with limits.admit("carol"), pytest.raises(RequestError, match="allows no 11 runs"):
        limits.count("carol", 10)
    RateLimits(Settings()).count("dave", 10_000)


def test_so_much_at_once() -> None:
    limits = RateLimits(Settings(max_runs_per_client=2))
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(limits.admit("alice"))
        assert ask(limits) == 1
        assert ask(limits, "bob") == 0
    with pytest.raises(ZeroDivisionError), limits.admit("alice"):
        raise ZeroDivisionError
    with limits.admit("alice"):
        assert ask(limits) == 0


# Who is who


PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.attack(
    "request", "an invented X-Forwarded-For", "believed only as far as trusted proxies wrote it"
)
@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.2,10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7:80", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_addresses(peer: str, forwarded: str, address: str) -> None:
    assert find_address(peer, forwarded, PROXIES) == ip_address(address)


def test_keys() -> None:
    sites = [ip_address(text) for text in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")]
    assert key(None, sites[0]) == key(None, sites[1]) == "2001:db8::/64"
    assert key(None, sites[2]) == "2001:db8:0:1::/64"
    assert key(ALICE, sites[0]) == key(ALICE, ip_address("192.0.2.1")) == "token alice"
    assert find_address("", "", PROXIES) is None
    assert key(None, None)


def test_exempt_clients() -> None:
    tokens = Tokens([ALICE])
    exempt = ExemptClients(Settings(unlimited_clients=("alice", "192.0.2.0/24")), tokens)
    near, far = ip_address("192.0.2.9"), ip_address("198.51.100.7")
    assert [(None, near) in exempt, (ALICE, far) in exempt] == [True, True]
    bob = Token("bob", Role.ADMIN, b"")
    assert [each in exempt for each in ((None, far), (bob, far), (None, None))] == [False] * 3
    with pytest.raises(SettingsError, match="UNLIMITED_CLIENTS: alcie is neither a network nor"):
        ExemptClients(Settings(unlimited_clients=("alcie",)), tokens)


# Replicas that share a Redis


def node(rate: str, url: str, when_away: Literal["local", "refuse"] = "local") -> RateLimits:
    return RateLimits(Settings(rate_limit=rate), redis=SharedRedis(url, when_away))


def test_replicas_share_what_they_count(redis_server: Redis) -> None:
    one, other = (node("4/hour", redis_server.url) for _ in range(2))
    assert [ask(each) for each in (one, other, one, other)] == [0, 0, 0, 0]
    assert 0 < ask(one) <= 3600
    assert 0 < ask(other) <= 3600
    assert ask(one, "bob") == 0


@pytest.mark.attack(
    "fault",
    "the Redis of the rate limits is killed, and comes back",
    "runs go on, counted by each replica, then together again",
)
def test_a_redis_that_goes_and_comes(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bitrun.cluster.shared_redis._RETRY_SECONDS", 0.5)
    one, other = (node("2/hour", redis_server.url) for _ in range(2))
    assert ask(one) == 0
    redis_server.stop()
    started = time.monotonic()
    assert [ask(one), ask(one), ask(other)] == [0, 0, 0]
    assert ask(one) > 0  # by its own count
    assert time.monotonic() - started < 1
    assert "does not answer" in caplog.text
    redis_server.start()
    time.sleep(0.6)
    assert [ask(one, "bob"), ask(other, "bob")] == [0, 0]
    assert ask(one, "bob") > 0


@pytest.mark.attack(
    "fault",
    "the Redis of the rate limits hangs",
    "a run waits for it 0.25 s, the next ones not at all",
)
def test_a_redis_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        limits = node("2/hour", url)
        times = []
        for expected in (True, True, False):
            started = time.monotonic()
            assert (ask(limits) == 0) is expected
            times.append(time.monotonic() - started)
    assert 0.2 < times[0] < 1
    assert max(times[1:]) < 0.1


def test_a_rate_that_is_not_counted_admits_nobody(redis_server: Redis) -> None:
    limits = node("2/hour", redis_server.url, "refuse")
    assert ask(limits) == 0
    redis_server.stop()
    for _ in range(2):
        with pytest.raises(LimitsUnavailable):
            ask(limits)
