"""Events as a table for people: complete, or growing with each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventstore_client.events import Recorded

__all__ = ["live_table", "rows", "timeline"]

_HEAD = ("#", "time", "type", "task", "what")
_LIVE_WIDTHS = {"stream": 16, "#": 4, "time": 23, "type": 28, "task": 16, "what": 0}
_SUMMARY = ("attempt", "error", "seconds", "reason", "outcome", "amount")
_FEW = 3
"""The number of members shown of data that have none of these."""


def timeline(events: Iterable[Recorded]) -> Iterator[str]:
    """Iterate over the lines of a table whose columns are as wide as their cells."""
    table = [_HEAD, *rows(events)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    for number, row in enumerate(table):
        sequence, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{sequence.strip().rjust(widths[0])}  {'  '.join(rest)}".rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


def live_table(events: Iterable[Recorded]) -> Iterator[str]:
    """Iterate over the lines of a table without an end. A wide cell widens its column from there on."""
    widths = [*_LIVE_WIDTHS.values()]
    yield _line(tuple(_LIVE_WIDTHS), widths)
    yield "  ".join("─" * (width or len(head)) for head, width in _LIVE_WIDTHS.items())
    for event in events:
        for row in rows([event]):
            cells = (event.stream, *row)
            widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
            yield _line(cells, widths)


def rows(events: Iterable[Recorded]) -> Iterator[tuple[str, str, str, str, str]]:
    """Iterate over the rows of events: sequence, time, type, task and a summary of the data.

    An event without a time of its producer has the time at which the hub stored it.
    """
    for event in events:
        time = str(event.time or event.attributes.get("hubtime", "")).replace("T", " ").removesuffix("Z")
        task = str(event.attributes.get("taskid", ""))
        yield str(event.sequence), time, event.type, task, _summary(event.data)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _summary(data: Any) -> str:  # noqa: ANN401 - data is any JSON value
    if not isinstance(data, dict):
        return ""
    known = [name for name in _SUMMARY if name in data]
    shown = [name for name in known or list(data) if isinstance(data[name], str | int | float)]
    return ", ".join(f"{name} {data[name]}" for name in (shown if known else shown[:_FEW]))
