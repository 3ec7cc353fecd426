"""Which store a service has, by its settings."""

import os
import tempfile
from pathlib import Path

from bitrun.config.settings import Settings
from bitrun.store.redis_store import RedisStore
from bitrun.store.sqlite import SqliteStore
from bitrun.store.store import Bounds, Store


def open_store(settings: Settings) -> Store:
    """Return the store of these settings; it is opened, or created, with its first use."""
    bounds = Bounds(
        settings.store_bytes, settings.store_bytes_per_client, settings.max_queued_submissions
    )
    if settings.store_url:
        return RedisStore(settings.store_url, bounds)
    return SqliteStore(Path(settings.store) if settings.store else default_path(), bounds)


def default_path() -> Path:
    """Return a file in a folder of this user among the temporary ones."""
    return Path(tempfile.gettempdir(), f"bitrun-store-{os.getuid()}", "store.db")
