"""The seccomp profile: which rule decides a call, and what the engine makes of it."""

import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bitrun.model.result import Result
from bitrun.sandbox import seccomp

ALLOW, REFUSE, NOTHING = ("SCMP_ACT_ALLOW", None), ("SCMP_ACT_ERRNO", None), ("SCMP_ACT_ERRNO", 0)
NO_MEMORY, INVALID = ("SCMP_ACT_ERRNO", 12), ("SCMP_ACT_ERRNO", 22)
UNKNOWN = ("SCMP_ACT_ERRNO", 38)
ABOVE = 1 << 32  # the kernel does not see it in an `int`, the filter does
POINTER = 0x7FFE12345000
CORE, NOFILE, MERGEABLE = 4, 7, 12


def rules_of(i386: bool) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = json.loads(seccomp.profile(i386=i386))["syscalls"]
    return rules


def matches(argument: dict[str, Any], values: tuple[int, ...]) -> bool:
    value, operand = values[argument["index"]], argument["value"]
    match argument["op"]:
        case "SCMP_CMP_EQ":
            return bool(value == operand)
        case "SCMP_CMP_NE":
            return bool(value != operand)
        case "SCMP_CMP_MASKED_EQ":
            return bool(value & operand == argument["valueTwo"])
    raise ValueError(argument["op"])


def actions(name: str, *values: int) -> set[tuple[str, int | None]]:
    """Return the actions of all rules that match a call, or that of a call without a rule."""
    return {
        (rule["action"], rule.get("errnoRet"))
        for rule in rules_of(i386=False)
        if name in rule["names"] and all(matches(each, values) for each in rule["args"])
    } or {REFUSE}


@pytest.mark.parametrize("i386", [False, True])
def test_no_rule_hides_another(i386: bool) -> None:
    """A call has one rule without conditions, or only rules with conditions."""
    rules = rules_of(i386)
    plain = Counter(name for rule in rules if not rule["args"] for name in rule["names"])
    assert [name for name, count in plain.items() if count > 1] == []
    assert not plain.keys() & {name for rule in rules if rule["args"] for name in rule["names"]}


@pytest.mark.parametrize(
    ("call", "values", "action"),
    [
        ("fcntl", (3, 1036, POINTER), INVALID),
        ("fcntl", (3, ABOVE + 1036, POINTER), INVALID),
        ("fcntl", (3, 1035, POINTER), ALLOW),
        ("fcntl", (3, 12, 0), ALLOW),
        ("sync", (), NOTHING),
        ("syncfs", (3,), NOTHING),
        ("fsync", (3,), NOTHING),
        ("fdatasync", (3,), NOTHING),
        ("sync_file_range", (3, 0, 0, 7), NOTHING),
        ("fadvise64", (3, 0, 0, 4), NOTHING),
        ("readahead", (3, 0, 4096), ALLOW),
        ("cachestat", (3, 0, 0, 0), REFUSE),
        ("io_uring_setup", (8, POINTER), UNKNOWN),
        # Advice about memory
        *(("madvise", (POINTER, 4096, advice), ALLOW) for advice in range(26) if advice != 12),
        *(("prctl", (option, 1), ALLOW) for option in range(80) if option != 62),
        *(("prctl", (option, 1), ALLOW) for option in (0x53564D41, 0x59616D61, 0xFFFFFFFF)),
        ("prctl", (62, 1), INVALID),
        ("prctl", (62 | ABOVE, 1), INVALID),
        ("madvise", (POINTER, 4096, MERGEABLE), INVALID),
        ("madvise", (POINTER, 4096, MERGEABLE | ABOVE), INVALID),
        ("madvise", (POINTER, 4096, 4 | ABOVE), ALLOW),
        # Huge pages
        ("mmap", (0, 4096, 3, 0x22, -1, 0), ALLOW),
        ("mmap", (0, 1 << 21, 3, 0x40022, -1, 0), NO_MEMORY),
        ("mmap", (0, 1 << 21, 3, 0x40022 | ABOVE, -1, 0), NO_MEMORY),
        ("memfd_create", (POINTER, 3), ALLOW),
        ("memfd_create", (POINTER, 4), UNKNOWN),
        # The limit of core dumps
        *(("setrlimit", (limit, POINTER), ALLOW) for limit in range(16) if limit != CORE),
        ("setrlimit", (CORE, POINTER), NOTHING),
        ("setrlimit", (CORE | ABOVE, POINTER), NOTHING),
        *(("prlimit64", (0, limit, POINTER, 0), ALLOW) for limit in range(16) if limit != CORE),
        ("prlimit64", (0, NOFILE, POINTER, POINTER), ALLOW),
        ("prlimit64", (0, CORE, 0, POINTER), ALLOW),
        ("prlimit64", (0, CORE, POINTER, 0), NOTHING),
        ("prlimit64", (0, CORE, POINTER, POINTER), REFUSE),
        ("prlimit64", (0, CORE | ABOVE, POINTER, POINTER), REFUSE),
    ],
)
def test_calls_with_conditions(
    call: str, values: tuple[int, ...], action: tuple[str, int | None]
) -> None:
    assert actions(call, *values) == {action}


@pytest.mark.parametrize(
    "call", ["prlimit64", "setrlimit", "madvise", "mmap", "memfd_create", "prctl"]
)
def test_rules_do_not_overlap(call: str) -> None:
    """Of two rules with different actions, libseccomp does not say which one decides."""
    firsts = (0, 62, 63, POINTER)
    for values in itertools.product(firsts, range(40), (0, 4, 12, POINTER), (0, 1 << 18)):
        assert len(actions(call, *values)) == 1, values


def python(run: Callable[..., Result], script: str) -> Result:
    return run("python", "python3", "-c", script, wall_ms=10_000)


# The kernel would refuse the descriptor -1.
_SYNC = """
import ctypes, os
libc = ctypes.CDLL(None)
os.sync()
print([libc.syncfs(fd) for fd in (os.open("/", os.O_RDONLY), -1)], libc.fsync(-1), libc.fdatasync(-1))
print(libc.posix_fadvise(-1, 0, 0, 4), libc.sync_file_range(-1, 0, 0, 7))
"""


@pytest.mark.engine
@pytest.mark.attack(
    "program",
    "having the host write and flush its disks by sync, syncfs and fsync",
    "returns 0, nothing is written",
)
@pytest.mark.attack(
    "program",
    "evicting files of an image, which other boxes need, from the page cache by fadvise",
    "returns 0, the files stay",
)
def test_calls_that_do_nothing_succeed(run: Callable[..., Result]) -> None:
    result = python(run, _SYNC)
    assert result.last.output == b"[0, 0] 0 0\n0 0\n"


_ADVICE = """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
for advice in (4, 8, 12, 14):
    print(advice, libc.madvise(address, 4096, advice), ctypes.get_errno())
"""


@pytest.mark.engine
@pytest.mark.attack(
    "program", "having the host merge its memory with that of other boxes (KSM)", "refused"
)
def test_memory_is_not_merged(run: Callable[..., Result]) -> None:
    result = python(run, _ADVICE)
    assert result.last.output == b"4 0 0\n8 0 0\n12 -1 22\n14 0 22\n"


_HUGE_PAGES = """
import mmap, os
print(len(mmap.mmap(-1, 1 << 21)))
try:
    mmap.mmap(-1, 1 << 21, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
except OSError as error:
    print(error.errno)
try:
    os.memfd_create("name", os.MFD_HUGETLB)
except OSError as error:
    print(error.errno)
os.close(os.memfd_create("name"))
"""


@pytest.mark.engine
@pytest.mark.attack(
    "program", "huge pages, which its memory limit does not count", "refused by the seccomp profile"
)
def test_no_huge_pages(run: Callable[..., Result]) -> None:
    expected = f"{1 << 21}\n12\n38\n"
    assert python(run, _HUGE_PAGES).last.output.decode() == expected


_LIMITS = """
import ctypes, resource
core = resource.RLIMIT_CORE
print(resource.getrlimit(core))
for limit in ((0, 0), (0, 1), (1000, 1000), (-1, -1)):
    resource.setrlimit(core, limit)
    print(resource.getrlimit(core))
try:
    resource.prlimit(0, core, (0, 0))
except PermissionError as error:
    print(error.errno)
print(resource.prlimit(0, core))
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.engine
def test_the_limit_of_core_dumps_is_fixed(run: Callable[..., Result]) -> None:
    expected = "(1, 1)\n" * 5 + "1\n(1, 1)\n(100, 100)\n"
    assert python(run, _LIMITS).last.output.decode() == expected
