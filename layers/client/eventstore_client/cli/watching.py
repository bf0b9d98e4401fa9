"""`eventstore stats --watch`: the statistics again and again, on a terminal as a screen."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eventstore_client.cli.outputs import write_line
from eventstore_client.cli.records import compact, table
from eventstore_client.cli.signals import terminable
from eventstore_client.cli.standings import COLUMNS, lag_of, standing
from eventstore_client.cli.styles import style_of
from eventstore_client.cli.widths import clipped, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore_client.cli.styles import Style
    from eventstore_client.hub import EventStore

__all__ = ["screen", "watch"]

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The alternate screen, without a cursor: what was on the terminal is there again afterwards."""

_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def watch(options: argparse.Namespace, store: EventStore, *, wait: Callable[[float], object] = time.sleep) -> None:
    """Print the statistics each few seconds, until interrupted or `options.count` times.

    Args:
        options: The output is `ndjson` for a line each time, `json` for an array of them, or `table`, which is a screen
            on a terminal.
        store: The hub.
        wait: Waits for a number of seconds.
    """
    is_screen = options.output == "table" and sys.stdout.isatty()
    before, number = None, 0
    with terminable(), _screen() if is_screen else nullcontext():
        try:
            if options.output == "json":
                write_line("[", wait=wait)
            while options.count is None or number < options.count:
                if number:
                    wait(options.watch)
                stats = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **store.stats().raw}
                if options.output == "table":
                    _show(screen(stats, before, style=style_of(sys.stdout)), is_screen=is_screen)
                else:
                    write_line(("," if number and options.output == "json" else "") + compact(stats), wait=wait)
                before, number = stats, number + 1
        finally:
            if options.output == "json":
                write_line("]", wait=wait)


def screen(stats: Mapping[str, Any], before: Mapping[str, Any] | None, *, style: Style) -> Sequence[str]:
    """Return the lines that show statistics to people.

    Args:
        stats: The statistics with their `time`.
        before: Those before, of which the rate of appends is computed; None for none.
        style: The colours.
    """
    backend = stats["backend"]
    facts = {"backend": printable(str(backend["name"])), "partitions": stats["partitions"]}
    facts |= {name: stats[name] for name in ("streams", "appends", "newest") if name in stats}
    if (rate := _rate(stats, before)) is not None:
        facts["appends/s"] = f"{rate:,.1f}"
    if backend.get("lag"):
        facts["index lag"] = backend["lag"]
    head = "  ".join(f"{style.paint(name, 'dim')} {value}" for name, value in facts.items())
    lines = [*table([[*standing(row).values()] for row in stats["subscriptions"]], COLUMNS)]
    painted = [style.paint(line, _colour(row)) for line, row in zip(lines[2:], stats["subscriptions"], strict=True)]
    return [style.paint(str(stats["time"]), "bold"), head, "", style.paint(lines[0], "bold"), lines[1], *painted]


def _colour(subscription: Mapping[str, Any]) -> str | None:
    if subscription.get("parked") or subscription.get("open_circuits"):
        return "red"
    return "yellow" if lag_of(subscription) not in {"", "0"} else None


def _rate(stats: Mapping[str, Any], before: Mapping[str, Any] | None) -> float | None:
    if before is None or stats.get("appends") is None or before.get("appends") is None:
        return None
    times = [datetime.fromisoformat(str(each["time"])) for each in (before, stats)]
    seconds = (times[1] - times[0]).total_seconds()
    # Retention removes appends, so that there may be less than before.
    return max(0.0, (stats["appends"] - before["appends"]) / seconds) if seconds > 0 else None


@contextmanager
def _screen() -> Iterator[None]:
    try:
        sys.stdout.write(_ENTER)
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def _show(lines: Sequence[str], *, is_screen: bool) -> None:
    if is_screen:
        columns, rows = shutil.get_terminal_size()
        shown = [line if "\x1b" in line else clipped(line, columns) for line in lines[: rows - 1]]
        sys.stdout.write(f"{_HOME}{f'{_REST_OF_LINE}{chr(10)}'.join(shown)}{_REST_OF_LINE}{_REST_OF_SCREEN}")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in (*lines, "")))
    sys.stdout.flush()
