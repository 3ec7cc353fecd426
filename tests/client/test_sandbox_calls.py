"""What the client sends for a sandbox, and what it reads."""

import pytest

from bitrun.client import Refused, sandbox_calls

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


@pytest.mark.parametrize(
    "path",
    ["..", "../..", "../../sbx_2/files/a", "d/../../../sbx_2", "./../a", "/etc/passwd", "//a"],
)
def test_no_path_leads_out_of_the_sandbox(path: str) -> None:
    calls = (
        lambda: sandbox_calls.read("sbx_1", path),
        lambda: sandbox_calls.write("sbx_1", path, b"", None),
        lambda: sandbox_calls.list_folder("sbx_1", path),
        lambda: sandbox_calls.remove("sbx_1", path),
    )
    for call in calls:
        with pytest.raises(Refused, match="must stay within the work directory"):
            call()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("./a", "a"),
        ("d/../a", "a"),
        ("d//a b", "d/a%20b"),
        ("..a/.b", "..a/.b"),
        (".", ""),
        ("d/", "d/"),
    ],
)
def test_a_path_of_a_file(path: str, sent: str) -> None:
    assert sandbox_calls.read("sbx_1", path).path == f"/api/v3/sandboxes/sbx_1/files/{sent}"
