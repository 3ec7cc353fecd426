"""Times as Jupyter writes them; its clients parse exactly this form."""

from datetime import UTC, datetime


def write_time(seconds: float) -> str:
    """Write seconds since the epoch as ISO 8601 in UTC, with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
