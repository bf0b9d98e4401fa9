"""The commands of `eventstore` that query events, and their help texts: get, read and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.cli.parsers import add_command
from eventstore_client.cli.shared_arguments import WORKFLOW_ATTRIBUTES, add_event_output
from eventstore_client.cli.values import positive, time_with_zone, type_pattern

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "add_selection"]

_ATTRIBUTES = {
    "source": "from this source",
    "subject": "about this subject",
    "workflow": "of this workflow",
    "execution": "of this execution",
    "tenant": "of this tenant",
}


def _add_get(commands: Commands, common: Parser) -> None:
    command = add_command(commands, common, "get", "print one event by its id")
    command.add_argument("event", metavar="ID", help="the CloudEvents id of the event")
    command.add_argument("--source", help="the source of the event, if several events have this id")
    command.add_argument("--stream", metavar="NAME", help="the stream of the event, if several events have this id")
    add_event_output(command)


def _add_read(commands: Commands, common: Parser) -> None:
    command = add_command(commands, common, "read", "print the events of a stream in order")
    command.add_argument("stream", metavar="STREAM", help="the name of the stream, such as acme:order-1")
    command.add_argument(
        "--from", dest="start", type=positive, default=1, metavar="N", help="the first sequence (default: %(default)s)"
    )
    add_event_output(command)


def _add_search(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "search",
        parents=[common],
        help="print the events of all streams that match",
        description="Print the events of all streams that match all options, in the order in which they were stored. "
        "A repeated option matches any of its values.",
    )
    add_selection(command)
    command.add_argument(
        "--order", choices=["asc", "desc"], default="asc", help="asc: oldest first; desc: newest first (default: asc)"
    )
    command.add_argument("--count", type=positive, metavar="N", help="end after N events (default: all events)")
    add_event_output(command)


def add_selection(command: argparse.ArgumentParser) -> None:
    """Add the options that select events; see `queries.selection_of`."""
    command.add_argument(
        "--type",
        type=type_pattern,
        action="append",
        metavar="TYPE",
        help="only events of this type; may end in * (repeatable)",
    )
    for name, meaning in _ATTRIBUTES.items():
        attribute = WORKFLOW_ATTRIBUTES.get(name, name)
        command.add_argument(
            f"--{name}", dest=attribute, action="append", metavar="VALUE", help=f"only events {meaning} (repeatable)"
        )
    command.add_argument("--stream", action="append", metavar="NAME", help="only events of this stream (repeatable)")
    command.add_argument(
        "--since",
        type=time_with_zone,
        metavar="TIME",
        help="only events stored at or after this time, such as 2026-01-05T09:00:00Z",
    )
    command.add_argument("--until", type=time_with_zone, metavar="TIME", help="only events stored before this time")
    command.add_argument(
        "--filter", metavar="SQL", help="only events for which this CloudEvents SQL expression is true"
    )
    command.add_argument("--filter-name", metavar="NAME", help="only events that this named filter of the hub matches")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {
    "get": _add_get,
    "read": _add_read,
    "search": _add_search,
}
"""Each adds a command, with the options that all commands have."""
