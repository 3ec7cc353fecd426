"""Each step of the reset and of its proof is needed: without it, the tests of the reset would fail.

For each of them, the supervisor is compiled with a change of its source that leaves the step out.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bitrun.config.settings import Settings
from bitrun.model.errors import BoxError, ResidueLeft
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.sandbox.supervisor.test_reset import NETWORK, reset, run
from tests.support.fake_images import engine_with_packages
from tests.support.paths import ROOT
from tests.support.process_boxes import ProcessBoxes, Programs
from tests.support.stages import BOX_LIMITS
from tests.support.waiting import wait_until
from tools.bench import machine

pytestmark = pytest.mark.builds

SOURCES = ROOT / "images" / "supervisor"
COMPILE = ("gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O0")


@dataclass(frozen=True)
class Change:
    """A text of a source file, and what it is replaced by."""

    file: str
    before: str
    after: str = ""


NO_PROOF = (
    Change("reset.c", "if ((changed = roots_changed()) != NULL)", "if ((changed = NULL))"),
    Change("reset.c", "if (!devices_restored())", "if (false)"),
    Change("reset.c", "if ((changed = tables_changed()) != NULL)", "if ((changed = NULL))"),
)


def but_root(number: int) -> Change:
    step = "empty_directory(roots_path(at));"
    return Change("cleaner.c", step, f"if (at != {number}) {step}")


def no_objects(name: str, function: str) -> Change:
    return Change(
        "cleaner.c", f'remove_objects("/proc/sysvipc/{name}", {function});', f"(void){function};"
    )


# By name: the step, and the word of the proof that finds what it leaves.
STEPS = {
    "empty /tmp": (but_root(0), "files"),
    "empty /dev/shm": (but_root(1), "files"),
    "empty /dev/mqueue": (but_root(2), "files"),
    "empty /box": (but_root(3), "files"),
    "open directories": (Change("cleaner.c", "chmod(entry->d_name, 0700) < 0 ||"), "cleaner"),
    "remove shared memory": (no_objects("shm", "remove_shared_memory"), "namespaces"),
    "remove semaphores": (no_objects("sem", "remove_semaphores"), "namespaces"),
    "remove queues": (no_objects("msg", "remove_queue"), "namespaces"),
    "remove objects until there are none": (
        Change("cleaner.c", "while (removed > 0 && !failed);", "while (false);"),
        "namespaces",
    ),
    "restore modes": (
        Change("roots.c", "(void)chmod(root->path, root->status.st_mode & 07777);"),
        "files|directories",
    ),
    "restore modes first": (
        Change("cleaner.c", "roots_restore(); /* their modes, to get in */"),
        "files",
    ),
    "restore times": (
        Change("roots.c", "(void)utimensat(AT_FDCWD, root->path, times, 0);", "(void)times;"),
        "directories",
    ),
    "restore times last": (
        Change("cleaner.c", "roots_restore(); /* their times, which all this has changed */"),
        "directories",
    ),
    "restore the times of root's": (Change("reset.c", "devices_restore();"), "directories"),
    "remove attributes": (
        Change("roots.c", "remove_attributes(root);", "(void)remove_attributes;"),
        "files|directories",  # they may take room
    ),
}


KEPT_OBJECTS = (
    no_objects("shm", "remove_shared_memory"),
    no_objects("sem", "remove_semaphores"),
    no_objects("msg", "remove_queue"),
)
# The proof names all tables that read otherwise, not only the first.
ALL_TABLES = Change(
    "tables.c",
    "const char *\ntables_changed(void)\n{",
    """
    const char *tables_changed(void) {
        static char text[sizeof recorded], all[512];
        *all = 0;
        for (size_t at = 0; at < COUNT; at++)
            if (!same(text, read_path(TABLES[at], text, sizeof text), at))
                strcat(strcat(all, " "), TABLES[at]);
        if (sockets_count() > recorded_sockets)
            strcat(all, " /proc/net/sockstat");
        return *all ? all : NULL;
    }
    const char *unused(void) {
    """,
)
HOLD_SOCKETS = """
from socket import *
held = [
    socket(AF_UNIX),
    *(socket(family, kind, protocol)
      for family in (AF_INET, AF_INET6)
      for kind, protocol in ((SOCK_DGRAM, 0), (SOCK_RAW, IPPROTO_UDP))),
]
for each in held[1:]:
    each.bind(("", 0))
print(end=".", flush=True)
input()
"""


class Mutants:
    """Boxes whose supervisor is compiled from changed sources, and the others' `objects`."""

    def __init__(self, programs: Path, objects: Path, folder: Path) -> None:
        self._programs = programs
        self._objects = objects
        self._folder = folder

    def box(self, *changes: Change) -> Box:
        for name in {change.file for change in changes}:
            shutil.copy(SOURCES / name, self._folder)
        for change in changes:
            path = self._folder / change.file
            text = path.read_text()
            assert text.count(change.before) == 1, change
            path.write_text(text.replace(change.before, change.after))
        changed = list(self._folder.glob("*.c"))
        names = {path.stem for path in changed}
        objects = [path for path in self._objects.glob("*.o") if path.stem not in names]
        supervisor = self._folder / "supervisor"
        subprocess.run(
            [*COMPILE, "-static", "-o", supervisor, f"-I{SOURCES}", *changed, *objects], check=True
        )
        self.engine = engine_with_packages(
            ProcessBoxes(Programs(supervisor, Programs.of(self._programs).box))
        )
        return BoxMaker(self.engine, Settings()).make("bitrun/bash", BOX_LIMITS)


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    subprocess.run([*COMPILE, "-c", *SOURCES.glob("*.c")], cwd=folder, check=True)
    return folder


@pytest.fixture
def mutants(programs: Path, objects: Path, tmp_path: Path) -> Iterator[Mutants]:
    mutants = Mutants(programs, objects, tmp_path)
    yield mutants
    assert wait_until(lambda: not mutants.engine.containers, 5)
    mutants.engine.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_step_left_out_is_found_by_the_proof(mutants: Mutants, step: str) -> None:
    change, word = STEPS[step]
    with mutants.box(change) as box:
        run(box, "leave_residue", code=7)
        with pytest.raises(ResidueLeft, match=word):
            reset(box)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_left_out_is_found_by_the_next_program(mutants: Mutants, step: str) -> None:
    """And so the proof of it is needed: here it is left out, too."""
    with mutants.box(STEPS[step][0], *NO_PROOF) as box:
        assert not stays_as_new(box)


def test_a_cleaner_that_comes_to_no_end(mutants: Mutants) -> None:
    changes = (
        Change("cleaner.c", "LONGEST_SECONDS = 5", "LONGEST_SECONDS = 1"),
        Change("cleaner.c", "rmdir(entry->d_name) == 0)", "false)"),
    )
    with mutants.box(*changes) as box:
        run(box, "leave_residue", code=7)
        with pytest.raises(ResidueLeft, match="cleaner: status 0xe"):  # SIGALRM
            reset(box)


def test_inode_flags_are_found_by_the_next_program(mutants: Mutants) -> None:
    with mutants.box(
        Change("cleaner.c", "clear_flags(roots_path(at));", "(void)clear_flags;")
    ) as box:
        assert not stays_as_new(box)


def test_without_a_proof_of_the_namespaces_counters_are_found(mutants: Mutants) -> None:
    with mutants.box(*NO_PROOF) as box:
        assert not stays_as_new(box, "1", "connection")


def test_each_table_shows_residue(mutants: Mutants) -> None:
    """That of programs, or sockets that a process outside of the box has in its network."""
    tables = set(re.findall(r'"(/proc/\S+)"', (SOURCES / "tables.c").read_text()))
    if "Counters:" not in Path("/proc/net/fib_triestat").read_text():  # this kernel does not count
        tables.remove("/proc/net/fib_triestat")
    with mutants.box(*KEPT_OBJECTS, ALL_TABLES) as box:
        run(box, "leave_residue", "1", *NETWORK, code=7)
        running = mutants.engine.containers[box.container].running
        assert running is not None
        (supervisor,) = machine.children(running.pid)
        command = ["nsenter", "-t", str(supervisor), "-n", sys.executable, "-c", HOLD_SOCKETS]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
            assert stranger.stdout is not None
            assert stranger.stdout.read(1) == b"."
            with pytest.raises(ResidueLeft) as left:
                reset(box)
            stranger.communicate()
    assert set(re.findall(r"/proc/\S+", str(left.value))) == tables


def stays_as_new(box: Box, *arguments: str) -> bool:
    """Whether a program can't see that another has left all it can in the box before its reset."""
    new = run(box, "observe")
    reset(box)
    run(box, "leave_residue", *arguments, code=7)
    try:
        reset(box)
        return run(box, "observe") == new
    except BoxError:
        return False
