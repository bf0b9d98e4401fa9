"""The command `eventstore publish`, and its help text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.values import json_text, label, non_negative

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "DEFAULT_SOURCE"]

DEFAULT_SOURCE = "/eventstore-cli"
"""The source of an event that is made of options."""

_EXAMPLES = """\
Examples:
  eventstore publish --type order.placed --workflow order-7 --data '{"amount": 12.5}'
  eventstore publish '{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}' --stream order-7
  eventstore publish --file events.ndjson
More than 1,000 events, compressed files and exported events: eventstore load
"""


def _add_publish(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "publish",
        parents=[common],
        help="publish events in one request, and print their positions",
        description="Publish events in one request, and print the stream, the sequence and the id of each. All events "
        "of a stream are stored, or none.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    events = command.add_mutually_exclusive_group(required=True)
    events.add_argument(
        "event",
        nargs="?",
        metavar="JSON",
        help="an event in the CloudEvents JSON format; - for standard input: an event, an array of events, or NDJSON",
    )
    events.add_argument("--file", metavar="FILE", help="a file with an event, an array of events, or NDJSON")
    events.add_argument("--type", metavar="TYPE", help="make an event of this type of the options below")
    made = command.add_argument_group("an event that is made")
    made.add_argument("--source", metavar="URI", help=f"its source (default: {DEFAULT_SOURCE})")
    made.add_argument("--id", metavar="ID", help="its id (default: a random UUID)")
    made.add_argument("--data", type=json_text, metavar="JSON", help="its data, a JSON value")
    made.add_argument("--subject", metavar="TEXT", help="its subject")
    made.add_argument("--workflow", metavar="ID", help="its attribute workflowid, by which it gets its stream")
    made.add_argument("--execution", metavar="ID", help="its attribute executionid")
    made.add_argument("--tenant", metavar="NAME", help="its attribute tenantid")
    made.add_argument(
        "--attribute",
        type=label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a further attribute, whose value is text (repeatable)",
    )
    command.add_argument("--stream", help="the stream of the events (default: by their attributes)")
    command.add_argument(
        "--expected",
        type=non_negative,
        metavar="N",
        help="store the events only if the stream ends at sequence N; 0: only if the stream is new",
    )
    add_output(command, default=None, without="stream, sequence and id, separated by tabs")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"publish": _add_publish}
"""Each adds a command, with the options that all commands have."""
