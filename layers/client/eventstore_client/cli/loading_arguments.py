"""The commands `eventstore load`, `import` and `demo`, and their help texts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.demo import DEMO_START
from eventstore_client.cli.shared_arguments import EXIT_CODES, add_event_output, add_output
from eventstore_client.cli.values import positive, time_with_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS"]

_FORMATS = """\
A file has one of these formats, which is detected by its content. It may be compressed with gzip.
  NDJSON            one CloudEvent per line, any number of lines
  JSON array        [{...}, {...}]
  single event      {"specversion": "1.0", ...}
  Temporal history  {"events": [{"eventId": "1", "eventType": ...}, ...]}, or the array alone
The output of `eventstore read` can be loaded, too, into this hub or another: the attributes that the hub added are
removed. All files are checked before any event is published. Loading again is safe: an event is stored once.
"""


_IMPORT = """\
The hub to import into gives each event the next sequence of its stream: the same as before, if the stream is exported
from its first event on and is empty there. All files are checked before any event is published. Importing again, also
after an interruption, is safe: an event is stored once.
"""


def _add_load(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "load",
        parents=[common],
        help="publish the events of files, in order within a stream",
        description="Publish the events of files, in order within a stream.",
        epilog=_FORMATS + "\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_publishers(command)
    command.add_argument("files", nargs="+", metavar="FILE", help="a file or pipe with events; - for standard input")
    command.add_argument("--stream", help="the stream of all events (default: by their attributes)")
    add_output(command, default=None, without="a summary on standard error")


def _add_import(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "import",
        parents=[common],
        help="publish events that `eventstore export` wrote, to streams of the same names",
        description="Publish events that `eventstore export` wrote, to streams of the same names and in their order.",
        epilog=_IMPORT + "\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_publishers(command)
    command.add_argument("files", nargs="+", metavar="FILE", help="a file or pipe, in order; - for standard input")
    add_output(command, default=None, without="a summary on standard error")


def _add_demo(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "demo",
        parents=[common],
        help="publish generated workflow runs, and print one of them",
        description="Publish generated workflow runs, and print one of them. The same seed generates the same runs.",
    )
    _add_publishers(command)
    command.add_argument("--runs", type=positive, default=60, metavar="N", help="number of runs (default: %(default)s)")
    command.add_argument(
        "--seed", type=int, default=1, metavar="S", help="seed of the generator (default: %(default)s)"
    )
    command.add_argument(
        "--start",
        type=time_with_zone,
        default=DEMO_START,
        metavar="TIME",
        help="start of the first run (default: 2026-01-05T09:00:00Z)",
    )
    add_event_output(command, default="table", without="table")


def _add_publishers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--publishers", type=positive, default=8, metavar="N", help="concurrent requests (default: %(default)s)"
    )


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {
    "demo": _add_demo,
    "import": _add_import,
    "load": _add_load,
}
"""Each adds a command, with the options that all commands have."""
