"""The command `eventstore publish`, and its help text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.values import non_negative

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS"]


def _add_publish(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "publish",
        parents=[common],
        help="publish one event, and print its position",
        description="Publish one event, and print its stream, sequence and id.",
    )
    command.add_argument("event", metavar="JSON", help="the event in the CloudEvents JSON format; - for standard input")
    command.add_argument("--stream", help="the stream of the event (default: by its attributes)")
    command.add_argument(
        "--expected",
        type=non_negative,
        metavar="N",
        help="store the event only if the stream ends at sequence N; 0: only if the stream is new",
    )
    add_output(command, default=None, without="stream, sequence and id, separated by tabs")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"publish": _add_publish}
"""Each adds a command, with the options that all commands have."""
