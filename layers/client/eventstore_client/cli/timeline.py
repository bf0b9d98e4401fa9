"""Events as a table for people: complete, or growing with each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_client.cli.styles import PLAIN
from eventstore_client.cli.widths import clipped, padded, printable, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from eventstore_client.cli.styles import Style
    from eventstore_client.recorded import Recorded

__all__ = ["LiveTable", "live_table", "rows", "timeline"]

_HEAD = ("#", "time", "type", "task", "what")
_COLOURS = ("dim", "dim", None, "blue", None)
_LIVE_WIDTHS = {"stream": 16, "#": 4, "time": 23, "type": 28, "task": 16, "what": 0}
_SUMMARY = ("attempt", "error", "seconds", "reason", "outcome", "amount")
_GAP = "  "
_FEW = 3
"""The number of members shown of data that have none of these."""

_BY_ENDING = {
    **dict.fromkeys(("failed", "timedout", "alert"), "red"),
    **dict.fromkeys(("retried", "cancelled", "paused", "skipped"), "yellow"),
    **dict.fromkeys(("completed", "resumed"), "green"),
}
"""The colours of types of events, by their last part; all others are cyan."""


def timeline(events: Iterable[Recorded], *, style: Style = PLAIN) -> Iterator[str]:
    """Iterate over the lines of a table whose columns are as wide as their cells."""
    table = [_HEAD, *rows(events)]
    widths = [max(width_of(row[column]) for row in table) for column in range(len(_HEAD))]
    for number, row in enumerate(table):
        sequence, *rest = row
        cells = (" " * (widths[0] - len(sequence)) + sequence, *rest)
        colours = ["bold"] * len(_HEAD) if number == 0 else _colours(row)
        yield _line(cells, widths, colours, style)
        if number == 0:
            yield style.paint(_GAP.join("─" * width for width in widths), "dim")


class LiveTable:
    """A table without an end. A wide cell widens its column from there on.

    Args:
        style: The colours of its lines.
        columns: Returns the width of the terminal, to which the last cell is cut; None to cut none.
    """

    def __init__(self, style: Style = PLAIN, *, columns: Callable[[], int] | None = None) -> None:
        self._style = style
        self._columns = columns
        self._widths = [*_LIVE_WIDTHS.values()]

    def head(self) -> Sequence[str]:
        """Return the lines above the first row."""
        names = tuple(_LIVE_WIDTHS)
        rule = _GAP.join("─" * (width or len(name)) for name, width in _LIVE_WIDTHS.items())
        return _line(names, self._widths, ["bold"] * len(names), self._style), self._style.paint(rule, "dim")

    def row(self, event: Recorded) -> str:
        """Return the line of an event."""
        [row] = rows([event])
        cells = [printable(event.stream), *row]
        self._widths = [max(width, width_of(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        if self._columns:
            taken = sum(self._widths[:-1]) + len(_GAP) * (len(cells) - 1)
            cells[-1] = clipped(cells[-1], max(0, self._columns() - taken))
        return _line(cells, self._widths, [None, *_colours(row)], self._style)


def live_table(events: Iterable[Recorded], *, style: Style = PLAIN) -> Iterator[str]:
    """Iterate over the lines of a table without an end."""
    table = LiveTable(style)
    yield from table.head()
    yield from map(table.row, events)


def rows(events: Iterable[Recorded]) -> Iterator[tuple[str, str, str, str, str]]:
    """Iterate over the rows of events: sequence, time, type, task and a summary of the data.

    An event without a time of its producer has the time at which the hub stored it.
    """
    for event in events:
        time = str(event.time or event.attributes.get("hubtime", "")).replace("T", " ").removesuffix("Z")
        task = str(event.attributes.get("taskid", ""))
        summary = printable(_summary(event.data))
        yield str(event.sequence), printable(time), printable(event.type), printable(task), summary


def _colours(row: Sequence[str]) -> Sequence[str | None]:
    ending = row[2].rpartition(".")[2]
    return [*_COLOURS[:2], _BY_ENDING.get(ending, "cyan"), *_COLOURS[3:]]


def _line(cells: Sequence[str], widths: Sequence[int], colours: Sequence[str | None], style: Style) -> str:
    # Padding is outside of the colour, so that the end of a line can be stripped.
    padding = [padded(cell, width)[len(cell) :] for cell, width in zip(cells, widths, strict=True)]
    painted = [style.paint(cell, colour) for cell, colour in zip(cells, colours, strict=True)]
    return _GAP.join(f"{cell}{rest}" for cell, rest in zip(painted, padding, strict=True)).rstrip()


def _summary(data: Any) -> str:  # noqa: ANN401 - data is any JSON value
    if not isinstance(data, dict):
        return ""
    known = [name for name in _SUMMARY if name in data]
    shown = [name for name in known or list(data) if isinstance(data[name], str | int | float)]
    return ", ".join(f"{name} {data[name]}" for name in (shown if known else shown[:_FEW]))
