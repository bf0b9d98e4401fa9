"""Events as a table that a person reads from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventstore_client.events import Recorded

__all__ = ["growing", "rows", "timeline"]

_HEAD = ("#", "time", "type", "task", "what")
_GROWING = {"stream": 16, "#": 4, "time": 23, "type": 28, "task": 16, "what": 0}
_WHAT = ("attempt", "error", "seconds", "reason", "outcome", "amount")
_FEW = 3
"""Members that are shown of data with none of these."""


def timeline(events: Iterable[Recorded]) -> Iterator[str]:
    """The table's lines, as wide as what stands in them."""
    table = [_HEAD, *rows(events)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    for number, row in enumerate(table):
        sequence, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{sequence.strip().rjust(widths[0])}  {'  '.join(rest)}".rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


def growing(events: Iterable[Recorded]) -> Iterator[str]:
    """The lines of a table that has no end, each as soon as its event is there; a wide cell widens those below it."""
    widths = [*_GROWING.values()]
    yield _line(tuple(_GROWING), widths)
    yield "  ".join("─" * (width or len(head)) for head, width in _GROWING.items())
    for event in events:
        for row in rows([event]):
            cells = (event.stream, *row)
            widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
            yield _line(cells, widths)


def rows(events: Iterable[Recorded]) -> Iterator[tuple[str, str, str, str, str]]:
    """A row for each event: sequence, time, type, task, and what its data say in short.

    Without a time of its producer's, an event has that at which the hub stored it.
    """
    for event in events:
        time = str(event.time or event.attributes.get("hubtime", "")).replace("T", " ").removesuffix("Z")
        task = str(event.attributes.get("taskid", ""))
        yield str(event.sequence), time, event.type, task, _what(event.data)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _what(data: Any) -> str:  # noqa: ANN401 - data is any JSON value
    if not isinstance(data, dict):
        return ""
    known = [name for name in _WHAT if name in data]
    shown = [name for name in known or list(data) if isinstance(data[name], str | int | float)]
    return ", ".join(f"{name} {data[name]}" for name in (shown if known else shown[:_FEW]))
