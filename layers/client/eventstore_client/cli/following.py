"""The commands of `eventstore` that run until they are interrupted: tail, subscribe and work."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.cli.commands import CommandHandler
from eventstore_client.cli.event_output import EventOutput
from eventstore_client.cli.outputs import say, write_line
from eventstore_client.cli.signals import Signals, Terminated, terminable
from eventstore_client.cli.styles import style_of
from eventstore_client.cli.working import Printing, Tally
from eventstore_client.errors import BadInput, ClientError, HistoryLost

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

    from eventstore_client.hub import EventStore
    from eventstore_client.subscription import Subscription

__all__ = ["RUNNERS"]

_write = partial(write_line, wait=time.sleep)


def _subscribe(options: argparse.Namespace, store: EventStore) -> None:
    filters = [
        *([{"any": options.type}] if options.type else []),
        *([{"sql": options.filter}] if options.filter else []),
    ]
    with (
        terminable(),
        store.subscribe(
            filters=filters,
            filter_name=options.filter_name,
            stream=options.stream,
            start=options.start,
            cursor=options.cursor,
            patience=options.patience,
            follow_dataref=options.follow_dataref,
        ) as subscription,
    ):
        _print_events(subscription, _output_of(options), count=options.count)


def _print_events(subscription: Subscription, output: EventOutput, *, count: int | None) -> None:
    try:
        _write_lines(output.head())
        for event in islice(subscription, count):
            # Each line is written immediately, without a buffer. An event whose line cannot be written is not
            # handled: the next is not requested, and the cursor remains before it.
            _write(output.line(event))
    except HistoryLost as lost:
        _end(output, lost.cursor)
        raise
    except (ClientError, KeyboardInterrupt, Terminated):
        _end(output, subscription.cursor)
        raise
    except OSError:
        _print_cursor(subscription.cursor)
        raise
    _end(output, subscription.handled())


def _work(options: argparse.Namespace, store: EventStore) -> None:
    if options.run and shutil.which(options.run[0]) is None:
        raise BadInput([_not_found(options.run[0])])
    if options.concurrency > 1 and not options.run:
        raise BadInput(["--concurrency requires --exec: events are printed one after the other"])
    output = EventOutput("ndjson") if options.run else _output_of(options)
    with store.work(
        options.subscription,
        patience=options.patience,
        concurrency=options.concurrency,
        follow_dataref=options.follow_dataref,
    ) as worker:
        signals = Signals(worker)
        printing = Printing(output.line, worker)
        commands = CommandHandler(options.run, worker, signals)
        tally = Tally(commands if options.run else printing)
        _write_lines(output.head())
        try:
            with signals:
                worker.run(tally)
        finally:
            commands.end()
            say(str(tally))
            if printing.error is None:
                _write_lines(output.end())
    if error := commands.error or printing.error:
        raise error
    if signal.SIGINT in signals.received:
        raise KeyboardInterrupt


def _not_found(command: str) -> str:
    path = Path(command)
    if path.is_dir():
        return f"{command!r} is a folder, not a command"
    if path.is_file():
        return f"{command!r} is not executable: run chmod +x {command}"
    return f"command not found: {command!r}"


def _output_of(options: argparse.Namespace) -> EventOutput:
    """Return the output that the options select; by default, that of `tail` is a table on a terminal."""
    is_terminal = sys.stdout.isatty()
    output = options.output or ("table" if is_terminal else "ndjson")
    return EventOutput(output, style=style_of(sys.stdout), columns=_columns if is_terminal else None)


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _end(output: EventOutput, cursor: str) -> None:
    # The cursor is reported even if the end of the array cannot be written: all events are.
    try:
        _write_lines(output.end())
    finally:
        _print_cursor(cursor)


def _print_cursor(cursor: str) -> None:
    say(f"to resume: --cursor {cursor}")


def _write_lines(lines: Iterable[str]) -> None:
    for line in lines:
        _write(line)


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "subscribe": _subscribe,
    "tail": _subscribe,
    "work": _work,
}
