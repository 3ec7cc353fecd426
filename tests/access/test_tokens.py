"""Tokens: where they are read from, which are refused, how one is made."""

from pathlib import Path

import pytest

from bitrun.access import tokens
from bitrun.access.bind_check import check_exposure
from bitrun.access.tokens import Role, Tokens
from bitrun.config.settings import Settings, SettingsError
from tests.support.tokens import ADMIN, RUN, make


def test_tokens_of_the_environment() -> None:
    known = tokens.load(Settings(api_tokens=(RUN,), admin_tokens=(ADMIN,)))
    for secret, role in ((RUN, Role.RUN), (ADMIN, Role.ADMIN)):
        token = known.find(secret)
        assert token is not None
        assert token.role is role
        assert secret not in repr(token)
    for other in ("", RUN[:-1], RUN + "x", RUN.upper(), "\ud800", "é", "x" * 100_000):
        assert known.find(other) is None
    assert known
    assert not tokens.load(Settings())


def test_a_token_that_was_made_works(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    alice, line = make("alice")
    root, more = make("root@example.org", "--role", "admin")
    assert alice not in line
    assert len({alice, root, make("alice")[0]}) == 3
    file.write_text(f"# of the class\n\n{line}{more}")
    known = tokens.load(Settings(api_tokens_file=file, api_tokens=(RUN,)))
    found = [known.find(each) for each in (alice, root, RUN, line.split()[-1])]
    assert [(each.name, each.role) for each in found[:2] if each] == [
        ("alice", Role.RUN),
        ("root@example.org", Role.ADMIN),
    ]
    assert found[2] is not None
    assert found[3] is None  # what the file holds opens nothing


def test_who_may_have_a_network(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    (alice, line), (bob, more) = make("alice"), make("bob", "--egress")
    assert more == f"{more.rstrip().removesuffix(' egress')} egress\n"
    file.write_text(line + more)
    known = tokens.load(Settings(api_tokens_file=file, api_tokens=(RUN,), admin_tokens=(ADMIN,)))
    found = [known.find(each) for each in (alice, bob, RUN, ADMIN)]
    assert [each.may_egress for each in found if each] == [False, True, False, True]


@pytest.mark.parametrize("name", ["", "a b", "127.0.0.1", "é", "a" * 65, "-a", "a:b"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="a letter, then letters"):
        tokens.create(name, Role.RUN)


@pytest.mark.parametrize("word", ["short", "x" * 19, "é" * 20, "x" * 19 + "\x7f"])
@pytest.mark.parametrize("setting", ["api_tokens", "admin_tokens"])
def test_a_token_that_could_be_guessed_is_refused(setting: str, word: str) -> None:
    with pytest.raises(SettingsError, match=f"BITRUN_{setting.upper()}: a token has") as refused:
        tokens.load(Settings(**{setting: (word,)}))  # type: ignore[arg-type]
    assert word not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "alice", RUN, f"alice run {RUN}", "alice run sha256:abc", f"alice run sha256:{'0' * 65}",
        f"alice root sha256:{'0' * 64}", f"10.0.0.1 run sha256:{'0' * 64}",
        f"alice run sha256:{'0' * 64} x", f"alice run sha256:{'0' * 64} egress x",
    ],
)  # fmt: skip
def test_a_line_that_is_none(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# one\n{line}\n")
    with pytest.raises(SettingsError, match="line 2 is not: NAME") as refused:
        tokens.load(Settings(api_tokens_file=file))
    assert RUN not in str(refused.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        tokens.load(Settings(api_tokens_file=tmp_path / "nothing"))
    (tmp_path / "empty").write_text("# none yet\n")
    with pytest.raises(SettingsError, match="holds no token"):
        tokens.load(Settings(api_tokens_file=tmp_path / "empty"))


@pytest.mark.parametrize(
    "address", [("0.0.0.0", 5000), ("192.0.2.1", 5000), ("::", 5000, 0, 0), ("fe80::1", 1, 0, 2)]
)
def test_only_loopback_is_open(address: tuple[object, ...]) -> None:
    nobody, someone = Tokens(()), tokens.load(Settings(api_tokens=(RUN,)))
    local = [("127.0.0.1", 5000), ("127.9.9.9", 1), ("::1", 5000, 0, 0), "/run/bitrun.sock"]
    check_exposure(local, Settings(), nobody)
    check_exposure([address], Settings(), someone)
    check_exposure([address], Settings(let_anyone_run_code=True), nobody)
    with pytest.raises(SettingsError, match="Without a token BitRun listens on loopback only"):
        check_exposure([*local, address], Settings(), nobody)
