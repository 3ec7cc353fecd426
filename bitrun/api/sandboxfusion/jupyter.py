"""Body of a SandboxFusion `run_jupyter` to a job, and the reply to it.

All cells are one program, `cell_runner`, in one box: the namespace lives as long as the request.
"""

import dataclasses
import glob
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bitrun.api.http.json_body import parse_json
from bitrun.api.sandboxfusion.languages import find_mode
from bitrun.api.sandboxfusion.reply import stages_reply, wanted_files
from bitrun.api.sandboxfusion.request import Program, fetched_names, read_files, read_limits
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.sources import unused_name
from bitrun.model.errors import RequestError
from bitrun.model.job import File
from bitrun.model.result import Result
from bitrun.packages.runtimes import Runtimes

FIELDS = (
    "cells", "cell_timeout", "total_timeout", "memory_limit_MB", "kernel", "files", "fetch_files",
)  # fmt: skip

_KERNEL = "python3"
_RUNNER, _CELLS, _RESULTS = "run_cells.py", "cells.json", "cells_results.json"
_RESULT_TYPES = {"stdout": str, "stderr": str, "display": list, "error": list}


@dataclasses.dataclass(frozen=True, slots=True)
class Notebook:
    """The program of the cells, and the name of the file with their results."""

    program: Program
    results: str


def read_notebook(body: Mapping[str, Any], runtimes: Runtimes, settings: Settings) -> Notebook:
    """Check a request and make its job.

    Raises:
        RequestError: a field can't be used.
    """
    cells = body.get("cells")
    if not isinstance(cells, list) or any(not isinstance(cell, str) for cell in cells):
        raise RequestError("cells is required as an array of strings")
    if body.get("kernel", _KERNEL) != _KERNEL:
        raise RequestError(f"kernel must be {_KERNEL}: there is no other")
    mode = find_mode("python", runtimes)
    limits = {"run_timeout": body.get("total_timeout")}
    limits["memory_limit_MB"] = body.get("memory_limit_MB")
    files = read_files(body.get("files"), settings.workdir_inodes)
    fetched = fetched_names(body.get("fetch_files"))
    runner, source, results = (unused_name(name, files) for name in (_RUNNER, _CELLS, _RESULTS))
    own = [File(runner, _runner()), File(source, json.dumps(cells).encode())]
    job = build_job(
        Target.of(mode.runtime),
        settings,
        [*own, *files.values()],
        code={runner},
        arguments=(source, results),
        limits=read_limits(limits, mode, settings),
        output_files=[glob.escape(path) for path in {**fetched, results: results}],
    )
    return Notebook(Program(job, fetched), results)


def notebook_reply(notebook: Notebook, result: Result) -> dict[str, Any]:
    """Write the results of the cells; without any, the program has not come to its end."""
    made = {file.name: file.content for file in result.files}
    cells = _cells(made.pop(notebook.results, b""))
    stages = stages_reply(result.stages, result.files_dropped)
    return {
        "status": "Failed" if cells is None else "Success",
        "message": stages["message"],
        "driver": stages["run_result"],
        "cells": cells or [],
        "executor_pod_name": None,
        "files": {} if cells is None else wanted_files(notebook.program, result.files),
    }


@cache
def _runner() -> bytes:
    return Path(__file__).with_name("cell_runner.py").read_bytes()


def _cells(results: bytes) -> list[dict[str, Any]] | None:
    """Read the results, which the cells may have written themselves."""
    try:
        found = parse_json(results)
    except RequestError:
        return None
    if not isinstance(found, list):
        return None
    for cell in found:
        if not isinstance(cell, dict) or any(
            not isinstance(cell.get(name), kind) for name, kind in _RESULT_TYPES.items()
        ):
            return None
    return [{name: cell[name] for name in _RESULT_TYPES} for cell in found]
