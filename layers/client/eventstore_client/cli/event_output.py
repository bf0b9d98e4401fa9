"""Events as NDJSON, as one JSON array or as a table, formatted one by one as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.cli.styles import PLAIN
from eventstore_client.cli.timeline import LiveTable
from eventstore_client.cli.widths import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore_client.cli.styles import Style
    from eventstore_client.recorded import Recorded

__all__ = ["EventOutput", "one_line"]


class EventOutput:
    """Formats events.

    Args:
        output: `ndjson`, `json` for one array, or `table`.
        style: The colours of a table.
        columns: Returns the width of the terminal, to which the lines of a table are cut; None to cut none.
    """

    def __init__(self, output: str, *, style: Style = PLAIN, columns: Callable[[], int] | None = None) -> None:
        self._output = output
        self._table = LiveTable(style, columns=columns)
        self._has_events = False

    def head(self) -> Sequence[str]:
        """Return the lines before the first event."""
        if self._output == "json":
            return ["["]
        return self._table.head() if self._output == "table" else []

    def line(self, event: Recorded) -> str:
        """Return the line of an event, which is written before the next is formatted."""
        if self._output == "table":
            return self._table.row(event)
        is_next, self._has_events = self._has_events, True
        return ("," if is_next and self._output == "json" else "") + one_line(event.text)

    def end(self) -> Sequence[str]:
        """Return the lines behind the last event, after which an array is valid, whenever a signal came."""
        return ["]"] if self._output == "json" else []


def one_line(text: str) -> str:
    """Return JSON in one line, without what a terminal may obey."""
    # In JSON, line breaks occur only between tokens: within strings they are escaped (RFC 8259, 7).
    return escaped(text.replace("\r", " ").replace("\n", " "))
