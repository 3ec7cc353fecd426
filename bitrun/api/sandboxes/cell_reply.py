"""What comes of a cell, as JSON: as a whole, or as lines."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bitrun.api.http import large_json
from bitrun.execution.kernels.cell import (
    CellClear,
    CellDisplay,
    CellEnd,
    CellError,
    CellEvent,
    CellText,
)
from bitrun.execution.kernels.kernel import Kernel
from bitrun.model.output import Stream


class CellReply:
    """Gathers what comes of a cell, as a notebook shows it at its end."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._texts: dict[Stream, list[str]] = {stream: [] for stream in Stream}
        self._displays: list[CellDisplay] = []
        self._error: CellError | None = None
        self._end: CellEnd | None = None
        self._clears_next = False

    def add(self, event: CellEvent) -> None:
        if isinstance(event, CellEnd):
            self._end = event
            return
        if self._clears_next or (isinstance(event, CellClear) and not event.waits):
            self._clear()
        match event:
            case CellText():
                self._texts[event.stream].append(event.text)
            case CellDisplay():
                self._show(event)
            case CellError():
                self._error = event
            case CellClear():
                self._clears_next = event.waits

    def write(self) -> dict[str, Any]:
        """Return the reply; without an end, which always comes, it has no verdict."""
        texts = {
            stream.value: large_json.text(pieces.copy, sum(map(len, pieces)))
            for stream, pieces in self._texts.items()
        }
        return {
            "kernel": self._kernel.name,
            **texts,
            "results": [_display(each) for each in self._displays],
            "error": None if self._error is None else _error(self._error),
            **({} if self._end is None else _end(self._end)),
        }

    def _show(self, display: CellDisplay) -> None:
        if not display.is_update:
            self._displays.append(display)
            return
        for at, before in enumerate(self._displays):
            if before.display_id is not None and before.display_id == display.display_id:
                self._displays[at] = display

    def _clear(self) -> None:
        self._clears_next = False
        self._displays.clear()
        for pieces in self._texts.values():
            pieces.clear()


def cell_lines(kernel: Kernel, events: Iterator[CellEvent]) -> Iterator[dict[str, Any]]:
    """Write what comes of a cell as messages, beside those of commands."""
    for event in events:
        match event:
            case CellText():
                yield {"type": "data", "stream": event.stream, "data": event.text}
            case CellDisplay():
                yield {**_display(event), "update": event.is_update}
            case CellClear():
                yield {"type": "clear_output", "wait": event.waits}
            case CellError():
                yield {"type": "exception", **_error(event)}
            case CellEnd():
                yield {"type": "exit", "kernel": kernel.name, **_end(event)}


def _display(display: CellDisplay) -> dict[str, Any]:
    return {
        "type": "execute_result" if display.is_result else "display_data",
        "data": display.data,
        "metadata": display.metadata,
        "display_id": display.display_id,
    }


def _error(error: CellError) -> dict[str, Any]:
    return asdict(error)


def _end(end: CellEnd) -> dict[str, Any]:
    return {
        "verdict": end.outcome,
        "message": end.message,
        "execution_count": end.execution_count,
        "wall_time": round(end.wall_ms),
    }
