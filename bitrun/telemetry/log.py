"""Log formatting: one JSON object a line, or one line of text for a terminal."""

import json
import logging
import logging.config
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from bitrun.telemetry import request_context

# The key in `extra` for the fields of a line besides its message.
FIELDS = "fields"

# ASCII, since half a surrogate pair, which a path may contain, can't be encoded as UTF-8.
_ENCODER = json.JSONEncoder(ensure_ascii=True, default=str)

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        time = _time(record).astimezone().strftime("%H:%M:%S")
        line = f"{time} {record.levelname.lower():7} {_printable(record.getMessage())}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: str, kind: str) -> None:
    """Log to stderr; `level` and `kind` are the settings `log_level` and `log_format`."""
    as_text = kind == "text" or (kind == "auto" and sys.stderr.isatty())
    formatter = TextFormatter if as_text else JsonFormatter
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            # Below WARNING, messages of libraries are of no use to an operator, whatever the level.
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {name: {"level": level.upper()} for name in ("bitrun", "gunicorn")},
        }
    )
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        name = failure.thread.name if failure.thread else "?"
        _log.error("Thread %s has failed", name, exc_info=failure.exc_value)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    request_id = request_context.request_id()
    fields: dict[str, Any] = {} if request_id is None else {"request_id": request_id}
    return fields | getattr(record, FIELDS, {})


def _printable(text: str) -> str:
    """Escape control characters, so that a path can't steer the terminal or forge a line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _word(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)
