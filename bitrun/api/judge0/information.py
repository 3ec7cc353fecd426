"""What Judge0 says of itself: its configuration, its machine, its workers."""

import os
import platform
from pathlib import Path
from typing import Any

from bitrun import __version__
from bitrun.api.judge0 import limits
from bitrun.callbacks.callbacks import MAX_TRIES, TRY_SECONDS
from bitrun.config.settings import Settings
from bitrun.service.service import Service

# Clients choose the numbers of languages by it.
VERSION = "1.13.1"

_SIZES = ("memory_limit", "stack_limit", "max_file_size")


def about() -> dict[str, str]:
    return {
        "version": VERSION,
        "homepage": "/docs",
        "source_code": "",
        "maintainer": f"BitRun {__version__}, which answers Judge0's clients",
    }


def config_info(settings: Settings) -> dict[str, Any]:
    """Return the configuration; those of single languages may be lower or higher."""
    maxima = limits.maxima(None, settings)
    defaults = limits.defaults(None, settings)
    found: dict[str, Any] = {
        "maintenance_mode": False,
        "enable_wait_result": True,
        "enable_compiler_options": True,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": True,
        "enable_submission_delete": True,
        "enable_callbacks": True,
        "callbacks_max_tries": MAX_TRIES,
        "callbacks_timeout": TRY_SECONDS,
        "enable_additional_files": True,
        "max_queue_size": settings.max_queued_submissions,
        "enable_per_process_and_thread_time_limit": False,
        "allow_enable_per_process_and_thread_time_limit": True,
        "enable_per_process_and_thread_memory_limit": False,
        "allow_enable_per_process_and_thread_memory_limit": True,
        "redirect_stderr_to_stdout": False,
        "max_extract_size": settings.workdir_size // limits.KILOBYTE,
        "enable_batched_submissions": True,
        "max_submission_batch_size": settings.max_submission_batch,
        "submission_cache_duration": 0.0,
        "use_docs_as_homepage": False,
        "allow_enable_network": False,
        "enable_network": False,
    }
    for name in limits.FIELDS:
        whole = name in _SIZES or name in ("max_processes_and_or_threads", "number_of_runs")
        kind = int if whole else float
        found[name] = kind(defaults[name])
        found[f"max_{name}"] = kind(maxima[name])
    return found


def system_info() -> dict[str, str]:
    """Return the machine of the service, with the keys of lscpu and free."""
    return {
        "Architecture": platform.machine(),
        "CPU(s)": str(os.cpu_count()),
        "Model name": _value(Path("/proc/cpuinfo"), "model name"),
        "Mem": _value(Path("/proc/meminfo"), "MemTotal"),
        "Swap": _value(Path("/proc/meminfo"), "SwapTotal"),
    }


def workers(service: Service, queue: str) -> list[dict[str, Any]]:
    """Return the state of the queue: of it all workers know, of places each its own."""
    length = service.store.length(queue)
    available = service.work.places(queue)
    return [
        {
            "queue": queue,
            "size": length.waiting,
            "available": available,
            "idle": max(0, available - length.taken),
            "working": length.taken,
            "paused": 0,
            "failed": 0,
        }
    ]


def _value(path: Path, name: str) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")
