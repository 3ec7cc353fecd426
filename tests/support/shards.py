"""`--shards N`: runs the tests in N processes that share one collection.

Most tests wait for another process, so that one after the other uses a fraction of the machine. The
processes are forked once the tests are collected, as importing them takes as long as a third of
them. Each takes the next module whenever it is done with one. Tests follow that are marked `alone`, or
that use the engine: they look for what others have left on it.
"""

import gc
import json
import os
import select
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

_ALONE = ("alone", "engine", "builds")
_INDEX_SIZE = 4
_DURATIONS = "shards/durations"  # of the modules, in seconds, in the cache of pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shards", type=int, default=1, help="run in so many processes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    if session.config.option.shards > 1:
        gc.disable()  # next to nothing of what is imported ever goes


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    shards: int = session.config.option.shards
    if shards < 2 or session.config.option.collectonly or session.testsfailed:
        return None
    alone = [item for item in session.items if any(map(item.get_closest_marker, _ALONE))]
    shared = [item for item in session.items if item not in alone]
    modules = [list(group) for _, group in groupby(shared, lambda item: item.path)]
    # The longest first, so that none is left for the end.
    durations: dict[str, float] = session.config.cache.get(_DURATIONS, {})
    modules.sort(key=lambda items: durations.get(_module(items[0].nodeid), 60), reverse=True)
    queue, fill = os.pipe()
    os.write(fill, b"".join(at.to_bytes(_INDEX_SIZE) for at in range(len(modules))))
    os.close(fill)
    session.config.getini("timeout")  # read before the processes part
    base = session.config._tmp_path_factory.mktemp("shards")  # type: ignore[attr-defined]  # noqa: SLF001  pytest has no other way
    readers = {}
    # The collector would look at all of it again and again, and make each process copy it.
    gc.freeze()
    gc.enable()
    for number in range(shards):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _run_shard(session, _taken(modules, queue), base / str(number), writer)
        os.close(writer)
        readers[reader] = pid
    os.close(queue)
    session.config.cache.set(_DURATIONS, durations | _collect(session, readers))
    for item, following in zip(alone, [*alone[1:], None], strict=False):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return True


def _taken(modules: Sequence[list[pytest.Item]], queue: int) -> Iterator[pytest.Item]:
    while index := os.read(queue, _INDEX_SIZE):
        yield from modules[int.from_bytes(index)]


# In each of the processes


def _run_shard(
    session: pytest.Session, items: Iterator[pytest.Item], base: Path, writer: int
) -> None:
    """Run tests and write their reports; never returns."""
    config = session.config
    code = 1
    try:
        capture = config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        config.pluginmanager.unregister(config.pluginmanager.getplugin("terminalreporter"))
        config.pluginmanager.register(_Writer(config, writer))
        base.mkdir()
        config._tmp_path_factory._basetemp = base  # type: ignore[attr-defined]  # noqa: SLF001
        item = next(items, None)
        while item is not None:
            # A fixture is kept as long as the next test may need it.
            following = next(items, None)
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            item = following
        code = 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class _Writer:
    def __init__(self, config: pytest.Config, writer: int) -> None:
        self._config = config
        self._writer = writer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        line = json.dumps(data, default=str).encode() + b"\n"
        while line:
            line = line[os.write(self._writer, line) :]


# In the one that they were forked from


def _collect(session: pytest.Session, readers: dict[int, int]) -> dict[str, float]:
    """Report what the processes report, until all have ended; return how long each module took."""
    durations: dict[str, float] = defaultdict(float)
    pending = dict.fromkeys(readers, b"")
    while pending:
        for reader in select.select(list(pending), [], [])[0]:
            data = os.read(reader, 1 << 16)
            *lines, pending[reader] = (pending[reader] + data).split(b"\n")
            for line in lines:
                report = _read(session.config, json.loads(line))
                durations[_module(report.nodeid)] += report.duration
                session.config.hook.pytest_runtest_logreport(report=report)
            if not data:
                del pending[reader]
                os.close(reader)
                _, status = os.waitpid(readers[reader], 0)
                if status:
                    raise session.Failed(f"a process of the tests ended with {status}")
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
    return durations


def _read(config: pytest.Config, data: dict[str, Any]) -> pytest.TestReport:
    report: pytest.TestReport = config.hook.pytest_report_from_serializable(
        config=config, data=data
    )
    return report


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0]
