"""Allow-lists: what is a host, which hosts cover which, what a request may select."""

import pytest

from bitrun.model.allow_list import AllowList, Host

LIST = AllowList.parse(
    [
        "pypi.org",
        "*.example.org",
        "git.example.com:22",
        "git.example.com",
        "10.1.2.3",
        "10.9.0.0/16",
    ]
)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("pypi.org", Host("pypi.org")),
        ("PyPI.org.", Host("pypi.org")),
        ("*.pythonhosted.org:443", Host("*.pythonhosted.org", (443,))),
        ("registry", Host("registry")),
        ("xn--bcher-kva.example", Host("xn--bcher-kva.example")),
        ("10.1.2.3:8080", Host("10.1.2.3", (8080,))),
    ],
)
def test_a_host(text: str, host: Host) -> None:
    assert Host.parse(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "*.", ".org", "a..b", "pypi.org/simple", "https://pypi.org", "a b", "a\nb",
        "a*.example.org", "*.*.org", "bücher.example", "-a.example", "a" * 64, ".".join("a" * 128),
        "::1", "[::1]:443", "a.example:0", "a.example:65536", "a.example:", "a.example:x", "a:b:c",
        # Addresses in the disguises that a resolver takes.
        "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "a.1", "*.1", "1.2.3.4.5", "256.1.1.1",
        "127.0.0.0x1", "*.0.0.1",
    ],
)  # fmt: skip
def test_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no host|has no port"):
        Host.parse(text)


@pytest.mark.parametrize("word", ["10.0.0.1/8", "10.0.0.0/33", "fd00::/8", "a/b", "/"])
def test_no_network(word: str) -> None:
    with pytest.raises(ValueError, match="is no network of IPv4"):
        AllowList.parse([word])


@pytest.mark.parametrize(
    ("wanted", "patterns"),
    [
        (["pypi.org"], ("pypi.org:80", "pypi.org:443")),
        (["pypi.org:443", "PYPI.ORG:443"], ("pypi.org:443",)),
        (["a.example.org:80"], ("a.example.org:80",)),
        (["*.b.example.org:443"], ("*.b.example.org:443",)),
        (["*.example.org"], ("*.example.org:80", "*.example.org:443")),
        (
            ["git.example.com"],
            ("git.example.com:22", "git.example.com:80", "git.example.com:443"),
        ),
        (["10.1.2.3:80"], ("10.1.2.3:80",)),
        (["10.9.8.7:443"], ("10.9.8.7:443",)),
        ([], ()),
    ],
)
def test_a_part_of_the_list(wanted: list[str], patterns: tuple[str, ...]) -> None:
    assert LIST.select(wanted) == patterns


@pytest.mark.parametrize(
    "wanted",
    [
        "example.com", "example.org", "evilexample.org", "pypi.org.example.com", "a.pypi.org",
        "*.pypi.org", "*.org", "pypi.org:22", "a.example.org:22", "10.1.2.4", "10.9.8.7:22",
        "10.10.0.1",
    ],
)  # fmt: skip
def test_no_part_of_the_list(wanted: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not among the hosts that are possible here: pypi\.org, "
    ):
        LIST.select(["pypi.org", wanted])


def test_all_of_the_list() -> None:
    assert "git.example.com:22" in LIST.patterns
    assert "pypi.org:443" in LIST.patterns
    assert "10.1.2.3:443" in LIST.patterns
    assert [str(network) for network in LIST.networks] == ["10.1.2.3/32", "10.9.0.0/16"]
    assert not AllowList.parse([])
    assert AllowList().patterns == ()
