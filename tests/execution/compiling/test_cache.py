"""The compile cache without boxes: whose artifacts, what is kept, and who waits for whom."""

import dataclasses
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from bitrun.execution.compiling.artifact import MAX_OUTPUT
from bitrun.execution.compiling.cache import Collect, Compilation, CompileCache
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import BoxEnded, ClientDisconnected
from bitrun.model.job import File, Job
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import Collected, DroppedFile, DropReason, OutputFile, OutputLimits
from bitrun.model.result import Outcome, StageResult, Verdict
from tests.support.stages import BOX_LIMITS, stage

CAPACITY = 1 << 20
JOB = Job(
    package="gcc",
    image="sha256:1",
    files=(File("a.c", b"int x;"),),
    stages=(dataclasses.replace(stage("cc"), name="compile"), stage("./a")),
    limits=BOX_LIMITS,
)
LEFT = (OutputFile("a", 0o755, b"executable"), OutputFile("a.c", 0o644, b"int x;"))


class Client(ClientConnection):
    """A connection that notes when it is first checked, which is what a waiting thread does."""

    def __init__(self, owner: str | None) -> None:
        self.socket, self.peer = socket.socketpair()
        self.waits = threading.Event()
        super().__init__(self.socket, owner)

    def check(self) -> None:
        self.waits.set()
        super().check()

    def close(self) -> None:
        self.socket.close()
        self.peer.close()


NewClient = Callable[..., Client]


@pytest.fixture
def client() -> Iterator[NewClient]:
    made: list[Client] = []

    def client(owner: str | None = "alice") -> Client:
        made.append(Client(owner))
        return made[-1]

    yield client
    for each in made:
        each.close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileCache]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache = CompileCache(CAPACITY)
    yield cache
    cache.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def result(outcome: Outcome = Outcome.OK, output: bytes = b"warning") -> StageResult:
    verdict = Verdict(outcome, 0, None, oom_killed=False, wall_ms=9, cpu_ms=8, memory=7)
    return StageResult("compile", verdict, Output([(Stream.STDERR, output)]))


def leaves(*files: OutputFile, dropped: tuple[DroppedFile, ...] = ()) -> Collect:
    def collect(patterns: tuple[str, ...], limits: OutputLimits) -> Collected:
        assert patterns == ("**",)
        return Collected(files, dropped)

    return collect


def never(patterns: tuple[str, ...], limits: OutputLimits) -> Collected:
    pytest.fail("nothing is to be collected")


def compile_in(
    cache: CompileCache,
    client: ClientConnection | None,
    job: Job = JOB,
    compiled: StageResult | None = None,
    collect: Collect | None = None,
) -> Compilation:
    """Compile as a session does, and close."""
    compilation = cache.begin(job, client)
    if compilation.result is None:
        compilation.keep(compiled or result(), collect or leaves(*LEFT))
    compilation.close()
    return compilation


def test_the_second_time_it_is_there(cache: CompileCache, client: NewClient) -> None:
    assert compile_in(cache, client()).result is None
    found = cache.begin(JOB, client())
    assert found.result is not None
    assert found.result.stderr == b"warning"
    assert not found.is_wanted
    put: list[File] = []
    found.put_files(put.extend)
    assert put == [File("a.c", b"int x;"), File("a", b"executable", 0o755)]
    found.close()
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries) == (1, 1, 1)


def test_the_first_time_it_gets_its_own_files(cache: CompileCache, client: NewClient) -> None:
    put: list[File] = []
    compilation = cache.begin(JOB, client())
    compilation.put_files(put.extend)
    assert tuple(put) == JOB.files
    compilation.close()


def test_another_client_compiles(cache: CompileCache, client: NewClient) -> None:
    compile_in(cache, client("alice"))
    assert compile_in(cache, client("bob")).result is None


@pytest.mark.parametrize("owner", [None, "no connection"])
def test_a_client_that_is_not_known_compiles_each_time(
    cache: CompileCache, client: NewClient, owner: str | None
) -> None:
    for _ in range(2):
        connection = client(None) if owner is None else None
        compilation = cache.begin(JOB, connection)
        assert compilation.result is None
        assert not compilation.is_wanted
        compilation.keep(result(), never)
        compilation.close()
    assert cache.stats().misses == 0


def test_without_capacity_everything_is_compiled(client: NewClient) -> None:
    cache = CompileCache(0)
    compilation = cache.begin(JOB, client())
    assert not compilation.is_wanted
    compilation.keep(result(), never)


def test_a_failed_compilation_is_not_kept(cache: CompileCache, client: NewClient) -> None:
    compile_in(cache, client(), compiled=result(Outcome.EXIT), collect=never)
    assert compile_in(cache, client()).result is None
    assert compile_in(cache, client()).result is not None


LINK = DroppedFile("link", DropReason.NOT_REGULAR)


@pytest.mark.parametrize(
    ("compiled", "collect"),
    [
        (result(), leaves(*LEFT, dropped=(LINK,))),
        (result(), leaves(OutputFile("a", 0o644, bytes(CAPACITY)))),
        (result(output=bytes(MAX_OUTPUT + 1)), never),
    ],
    ids=["dropped", "too large", "output"],
)
def test_what_can_not_be_kept_is_not_tried_again(
    cache: CompileCache, client: NewClient, compiled: StageResult, collect: Collect
) -> None:
    assert compile_in(cache, client(), compiled=compiled, collect=collect).result is None
    again = cache.begin(JOB, client())
    assert again.result is None
    assert not again.is_wanted
    again.close()
    assert cache.stats().entries == 0


def test_limits_grow_with_the_files_of_the_job(cache: CompileCache, client: NewClient) -> None:
    asked: list[OutputLimits] = []

    def collect(_: tuple[str, ...], limits: OutputLimits) -> Collected:
        asked.append(limits)
        return Collected(LEFT)

    compile_in(cache, client(), collect=collect)
    large = dataclasses.replace(JOB, files=(*JOB.files, File("data", bytes(1000))))
    compile_in(cache, client(), large, collect=collect)
    assert asked[1].files == asked[0].files + 1
    assert asked[1].total_size == asked[0].total_size + 1000


def test_a_corrupt_file_on_disk_is_a_miss(
    cache: CompileCache, client: NewClient, tmp_path: Path
) -> None:
    compile_in(cache, client())
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    assert compile_in(cache, client()).result is None
    assert compile_in(cache, client()).result is not None


def test_everything_goes_with_the_cache(
    cache: CompileCache, client: NewClient, tmp_path: Path
) -> None:
    compile_in(cache, client())
    assert list(tmp_path.iterdir())
    cache.close()
    assert not list(tmp_path.iterdir())


# At the same time


def begin_waiting(
    cache: CompileCache, threads: ThreadPoolExecutor, clients: list[Client]
) -> list[Future[Compilation]]:
    found = [threads.submit(cache.begin, JOB, each) for each in clients]
    for each in clients:
        assert each.waits.wait(20)
    return found


def test_others_wait_for_the_first(
    cache: CompileCache, client: NewClient, threads: ThreadPoolExecutor
) -> None:
    leader = cache.begin(JOB, client())
    waiting = begin_waiting(cache, threads, [client() for _ in range(5)])
    assert not any(each.done() for each in waiting)
    leader.keep(result(), leaves(*LEFT))
    for each in waiting:
        assert each.result(20).result is not None
        each.result().close()
    leader.close()


def test_if_the_first_fails_each_compiles(
    cache: CompileCache, client: NewClient, threads: ThreadPoolExecutor
) -> None:
    leader = cache.begin(JOB, client())
    waiting = begin_waiting(cache, threads, [client() for _ in range(3)])
    leader.keep(result(Outcome.MEMORY), never)
    for each in waiting:
        assert each.result(20).result is None
        assert each.result().is_wanted
    waiting[0].result().keep(result(), leaves(*LEFT))
    assert compile_in(cache, client()).result is not None


@pytest.mark.parametrize("kept", [True, False])
def test_a_first_one_that_ends_early_lets_others_go(
    cache: CompileCache, client: NewClient, threads: ThreadPoolExecutor, kept: bool
) -> None:
    def ends(patterns: tuple[str, ...], limits: OutputLimits) -> Collected:
        raise BoxEnded

    leader = cache.begin(JOB, client())
    (waiting,) = begin_waiting(cache, threads, [client()])
    if kept:
        with pytest.raises(BoxEnded):
            leader.keep(result(), ends)
    leader.close()
    assert waiting.result(20).is_wanted


def test_a_client_that_hangs_up_does_not_wait(
    cache: CompileCache, client: NewClient, threads: ThreadPoolExecutor
) -> None:
    leader = cache.begin(JOB, client())
    gone = client()
    (waiting,) = begin_waiting(cache, threads, [gone])
    gone.peer.close()
    with pytest.raises(ClientDisconnected):
        waiting.result(20)
    leader.close()


def test_others_do_not_wait(cache: CompileCache, client: NewClient) -> None:
    leader = cache.begin(JOB, client())
    for owner, job, wait in (
        ("bob", JOB, True),
        ("alice", dataclasses.replace(JOB, image="sha256:2"), True),
        ("alice", JOB, False),
    ):
        other = cache.begin(job, client(owner), wait=wait)
        assert other.result is None
        assert other.is_wanted
        other.close()
    leader.close()
