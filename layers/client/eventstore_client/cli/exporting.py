"""The command `eventstore export`: it writes events to a file, which `eventstore import` publishes again."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from gzip import GzipFile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from eventstore_client.cli.event_output import one_line
from eventstore_client.cli.outputs import print_lines, say, say_line
from eventstore_client.cli.own_files import replacing
from eventstore_client.cli.progress import Progress
from eventstore_client.cli.queries import selection_of
from eventstore_client.cli.query_arguments import add_selection
from eventstore_client.cli.records import details
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.summary import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser
    from eventstore_client.hub import EventStore
    from eventstore_client.searches import Search

__all__ = ["BUILDERS", "RUNNERS"]

_PAGE = 1_000
_SUFFIX = ".gz"


def _add_export(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "export",
        parents=[common],
        help="write events to a file, for `eventstore import`",
        description="Write the events that match all options to a file, one per line, in the order in which they were "
        "stored. Without options, these are the events of all streams but forks. The file is replaced as a whole once "
        "all events are written: an export that is interrupted leaves it as it was, and is run again.",
    )
    command.add_argument("file", metavar="FILE", help="the file, gzip if its name ends in .gz; - for standard output")
    add_selection(command)
    command.add_argument(
        "--cursor", help="only events behind those of an earlier export with the same options, which printed the cursor"
    )
    command.add_argument("--gzip", action="store_true", help="compress the events, whatever the name of the file is")
    add_output(command, default=None, without="a summary on standard error")


def _export(options: argparse.Namespace, store: EventStore) -> None:
    found = store.search(
        stream=options.stream,
        cursor=options.cursor,
        page=_PAGE,
        on_loss=lambda loss: say(str(loss)),
        **selection_of(options),
    )
    is_compressed = options.gzip or options.file.endswith(_SUFFIX)
    with ExitStack() as stack:
        if options.file == "-":
            out: BinaryIO = sys.stdout.buffer
        else:
            out = stack.enter_context(replacing(Path(options.file)))
        if is_compressed:
            # Without a name and a time, so that the same events make the same file.
            packed = GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6, mtime=0)
            out = cast("BinaryIO", stack.enter_context(packed))
        events, streams = _write(found, out)
        out.flush()
    if options.output is not None and options.file != "-":
        figures = {"file": options.file, "events": events, "streams": streams, "cursor": found.cursor}
        print_lines(details(figures, output=options.output))
        return
    where = "" if options.file == "-" else f" to {options.file}"
    say_line(f"exported {counted(events, 'event')} of {counted(streams, 'stream')}{where}")
    say_line(f"later events: --cursor {found.cursor}")


def _write(found: Search, out: BinaryIO) -> tuple[int, int]:
    """Write events, and return the number of events and of streams."""
    progress = None if sys.stderr is None else Progress(None, out=sys.stderr)
    events, streams = 0, set()
    try:
        for event in found:
            out.write(f"{one_line(event.text)}\n".encode())
            events += 1
            streams.add(event.stream)
            if progress is not None:
                progress.advance(1)
    finally:
        if progress is not None:
            progress.close()
    return events, len(streams)


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"export": _add_export}
"""Each adds a command, with the options that all commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"export": _export}
