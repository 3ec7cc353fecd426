"""The compile cache: identical compilations of one client happen once."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bitrun.execution.compiling import artifact
from bitrun.execution.compiling.artifact import Artifact, Corrupt
from bitrun.execution.compiling.key import compilation_key, is_cacheable
from bitrun.execution.compiling.store import Store
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.job import File, Job
from bitrun.model.output_files import Collected, OutputLimits
from bitrun.model.result import StageResult

# Of what a compile stage adds. An executable of any language is smaller, but for large arrays.
MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 1024

ALL_FILES = ("**",)

# Artifacts that are in memory at once, while they are on their way from a box or into one.
_MAX_TRANSFERS = 4
_MAX_UNFIT = 1024  # keys

_log = logging.getLogger(__name__)

Collect = Callable[[tuple[str, ...], OutputLimits], Collected]


@dataclass(frozen=True, slots=True)
class CacheStats:
    """State of the cache; `hits` and `misses` count the compile stages that it was asked for."""

    capacity: int
    bytes: int
    entries: int
    evictions: int
    hits: int
    misses: int


class CompileCache:
    """Artifacts of up to `capacity` bytes together; with 0 everything is compiled.

    Threads may share it.

    An artifact is found by its own client only: the speed of an answer would reveal to others that
    somebody has compiled the same.
    """

    def __init__(self, capacity: int) -> None:
        self._store = Store(capacity)
        self._active: set[str] = set()  # keys of compilations that others wait for
        self._unfit: OrderedDict[str, None] = OrderedDict()  # whose artifacts can't be kept
        self._hits = self._misses = 0
        self._changed = threading.Condition()
        self.transfers = threading.BoundedSemaphore(_MAX_TRANSFERS)

    def begin(
        self, job: Job, connection: ClientConnection | None, *, wait: bool = True
    ) -> "Compilation":
        """Look for the artifact of a job's compile stage; `close` what is returned.

        While the client has an identical compilation running, this waits for its end; if that
        leaves no artifact, all who have waited compile. Who already has a compilation open must not
        `wait`: two could do so for each other.

        Raises:
            ClientDisconnected: the client hung up while it waited.
        """
        if (
            not self._store.capacity
            or connection is None
            or connection.owner is None
            or not is_cacheable(job)
        ):
            return Compilation(self, job)
        key = compilation_key(connection.owner, job)
        leads = self._lead(key, connection, wait=wait)
        found = None if leads else self._find(key)
        with self._changed:
            if found is not None:
                self._hits += 1
                return Compilation(self, job, found)
            self._misses += 1
            if key in self._unfit:
                return Compilation(self, job)
        return Compilation(self, job, key=key, leads=leads)

    def keep(self, key: str, parts: list[bytes] | None) -> None:
        """Keep an artifact; None for one that can't be kept, nor later ones with this key."""
        if parts is not None and self._store.put(key, parts):
            return
        with self._changed:
            self._unfit[key] = None
            if len(self._unfit) > _MAX_UNFIT:
                self._unfit.popitem(last=False)

    def end(self, key: str) -> None:
        """Let those go on who wait for this compilation."""
        with self._changed:
            self._active.discard(key)
            self._changed.notify_all()

    def stats(self) -> CacheStats:
        store = self._store.stats()
        with self._changed:
            return CacheStats(
                capacity=self._store.capacity,
                bytes=store.bytes,
                entries=store.entries,
                evictions=store.evictions,
                hits=self._hits,
                misses=self._misses,
            )

    def close(self) -> None:
        """Remove all artifacts."""
        self._store.close()

    def _lead(self, key: str, connection: ClientConnection, *, wait: bool) -> bool:
        """Whether to compile for others, too. If not, the artifact is there, or never will be."""
        with self._changed:
            if key in self._active:
                while wait and key in self._active:
                    self._changed.wait(CHECK_SECONDS)
                    connection.check()
                return False
            if key in self._unfit or key in self._store:
                return False
            self._active.add(key)
            return True

    def _find(self, key: str) -> Artifact | None:
        file = self._store.open(key)
        if file is None:
            return None
        try:
            return Artifact.read(file)
        except (Corrupt, OSError) as error:
            _log.warning("An artifact of the compile cache can't be read: %r", error)
            file.close()
            self._store.discard(key)
            return None


class Compilation:
    """The compile stage of one job: done before, or to be done. For one thread; `close` it."""

    def __init__(
        self,
        cache: CompileCache,
        job: Job,
        found: Artifact | None = None,
        *,
        key: str | None = None,
        leads: bool = False,
    ) -> None:
        self._cache = cache
        self._job = job
        self._artifact = found
        self._key = key  # to keep what it leaves
        self._leads = leads

    @property
    def result(self) -> StageResult | None:
        """The result of the stage, if it need not run."""
        return None if self._artifact is None else self._artifact.result

    @property
    def is_wanted(self) -> bool:
        """Whether to keep what the stage leaves."""
        return self._key is not None

    def put_files(self, put: Callable[[Iterable[File]], None]) -> None:
        """Put the files for the next stage: those of the job, or those after its compile stage."""
        if self._artifact is None:
            put(self._job.files)
            return
        with self._cache.transfers:
            put(self._artifact.files(self._job.files))

    def keep(self, result: StageResult, collect: Collect) -> None:
        """Keep what the stage has left, if it has ended well; `collect` gets it from the box.

        Raises:
            BoxError: the box failed.
        """
        if self._key is None:
            return
        try:
            if not result.verdict.failed:
                with self._cache.transfers:
                    self._cache.keep(self._key, self._collect(result, collect))
        finally:
            self._end()

    def close(self) -> None:
        if self._artifact is not None:
            self._artifact.close()
        self._end()

    def _collect(self, result: StageResult, collect: Collect) -> list[bytes] | None:
        if len(result.streams) > artifact.MAX_OUTPUT:
            return None
        sent = sum(len(file.content) for file in self._job.files)
        limits = OutputLimits(
            files=MAX_FILES + len(self._job.files),
            file_size=MAX_BYTES + sent,
            total_size=MAX_BYTES + sent,
        )
        found = collect(ALL_FILES, limits)
        if found.dropped:
            return None
        left = [File(each.name, each.content, each.mode) for each in found.files]
        return artifact.encode(result, self._job.files, left)

    def _end(self) -> None:
        if self._leads and self._key is not None:
            self._cache.end(self._key)
        self._key, self._leads = None, False
