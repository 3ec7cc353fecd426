"""What the client sends for a sandbox, and what it reads."""

from bitrun.client import sandbox_calls

SENT = {
    "id": "sbx_1", "language": "python", "version": "3.13.5", "package": "python",
    "created_at": 0, "last_active_at": 0, "expires_at": 60, "memory": 1,
}  # fmt: skip


def test_the_hosts_that_it_may_reach() -> None:
    call = sandbox_calls.create("python", {"allowed_domains": ["pypi.org"]})
    policy = {"type": "allowlist", "allowed_domains": ["pypi.org"]}
    assert call.json == {"language": "python", "network_policy": policy}
    assert sandbox_calls.create("python", {}).json == {"language": "python"}
    info = sandbox_calls.read_info(SENT | {"network_policy": policy})
    assert info.allowed_domains == ("pypi.org",)
    for disabled in ({}, {"network_policy": {"type": "disabled"}}):
        assert sandbox_calls.read_info(SENT | disabled).allowed_domains == ()
