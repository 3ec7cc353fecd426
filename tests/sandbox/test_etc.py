"""A box's own `/etc`: names of hosts, a name for the user, and the image's other files."""

from collections.abc import Callable

import pytest

from bitrun.model.result import Result

pytestmark = pytest.mark.engine


def sh(run: Callable[..., Result], script: str) -> list[str]:
    return run("bash", "bash", "-c", script).last.output.decode().splitlines()


@pytest.mark.parametrize("name", ["localhost", "box"])
def test_a_name_has_an_address_of_each_family(run: Callable[..., Result], name: str) -> None:
    script = (
        "import socket\nfor family in socket.AF_INET, socket.AF_INET6:"
        f" print({{each[4][0] for each in socket.getaddrinfo('{name}', 80, family)}})"
    )
    shown = run("python", "python3", "-c", script).last.output.decode()
    assert shown.splitlines() == ["{'127.0.0.1'}", "{'::1'}"]


def test_an_unknown_host_has_none(run: Callable[..., Result]) -> None:
    assert sh(run, "getent hosts example.org; echo $?; cat /etc/hostname") == ["2", "box"]


def test_the_user_has_a_name_and_a_group(run: Callable[..., Result]) -> None:
    shown = sh(
        run, "whoami; id -gn; cd ~user; pwd; getent passwd $UID | cut -d: -f1,6,7; ls -ld /box"
    )
    assert shown[:4] == ["user", "user", "/tmp", "user:/tmp:/bin/sh"]
    assert shown[4].split()[2:4] == ["user", "user"]


def test_the_users_of_the_image_are_there(run: Callable[..., Result]) -> None:
    assert sh(run, "stat -c '%U %G' /; grep -c '^user:' /etc/passwd /etc/group") == [
        "root root", "/etc/passwd:1", "/etc/group:1",
    ]  # fmt: skip


def test_the_other_files_are_the_image_s(run: Callable[..., Result]) -> None:
    script = ". /etc/os-release; echo $ID; realpath /etc/alternatives /etc/mtab; cd /etc/profile.d"
    shown = sh(
        run,
        f"{script}; head -c1 /etc/shadow; ls -A /image-etc | while read name; do"
        " [ -e /etc/$name ] || [ -L /image-etc/$name ] || echo $name is missing; done",
    )
    assert shown[0] == "debian"
    assert shown[1] == "/image-etc/alternatives"
    assert shown[3:] == ["head: cannot open '/etc/shadow' for reading: Permission denied"]


@pytest.mark.attack("program", "new, changed and removed files in /etc", "refused: it is root's")
def test_nothing_in_it_can_be_changed(run: Callable[..., Result]) -> None:
    changes = (
        "touch /etc/new; echo x >>/etc/passwd; echo x >>/etc/hosts; rm -f /etc/hosts;"
        " mv /etc/alternatives /etc/a; ln -sf /box /etc/apt; chmod 777 /etc"
    )
    lines = sh(run, f"{(state := 'ls -lR /etc | md5sum')}; {changes}; {state}")
    assert len(lines) == 9
    assert lines[0] == lines[8]
