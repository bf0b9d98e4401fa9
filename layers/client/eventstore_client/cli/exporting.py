"""The command `eventstore export`: it writes events to a file, which `eventstore import` publishes again."""

from __future__ import annotations

import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client.cli.event_output import one_line
from eventstore_client.cli.files import is_regular
from eventstore_client.cli.outputs import print_lines, say, say_line
from eventstore_client.cli.own_files import passing_on, replacing
from eventstore_client.cli.progress import Progress
from eventstore_client.cli.queries import selection_of
from eventstore_client.cli.query_arguments import add_selection
from eventstore_client.cli.records import details
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.errors import BadInput
from eventstore_client.summary import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

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
        "all events are written: an export that is interrupted leaves it as it was, and is run again. A pipe "
        "or device receives them as they come.",
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
    with _output(options.file) as write:
        if is_compressed:
            packed = _Gzip(write)
            events, streams = _write(found, packed.write)
            packed.finish()
        else:
            events, streams = _write(found, write)
    if options.output is not None and options.file != "-":
        figures = {"file": options.file, "events": events, "streams": streams, "cursor": found.cursor}
        print_lines(details(figures, output=options.output))
        return
    where = "" if options.file == "-" else f" to {options.file}"
    say_line(f"exported {counted(events, 'event')} of {counted(streams, 'stream')}{where}")
    say_line(f"later events: --cursor {found.cursor}")


@contextmanager
def _output(name: str) -> Iterator[Callable[[bytes], object]]:
    """Write to a file, which is replaced as a whole, to a pipe or device, or to standard output.

    Raises:
        BadInput: The file cannot be written.
    """
    path = Path(name)
    if name == "-":
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
    elif path.is_dir():
        raise BadInput([f"{path}: is a folder"])
    else:
        with replacing(path) if is_regular(path) else passing_on(path) as write:
            yield write


class _Gzip:
    """Compresses what is written. The same events make the same bytes: these have no name and no time.

    Unlike `gzip.GzipFile`, it never ends the data by itself: without `finish`, they can be recognised as truncated.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._packing = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        # The header, without which the data would be those of an export without events.
        self.write(b"")

    def write(self, data: bytes) -> None:
        """Write data, most of which waits for more."""
        self._write(self._packing.compress(data))

    def finish(self) -> None:
        """Write the rest, and the end of the data."""
        self._write(self._packing.flush())


def _write(found: Search, write: Callable[[bytes], object]) -> tuple[int, int]:
    """Write events, and return the number of events and of streams."""
    progress = None if sys.stderr is None else Progress(None, out=sys.stderr)
    events, streams = 0, set()
    try:
        for event in found:
            write(f"{one_line(event.text)}\n".encode())
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
