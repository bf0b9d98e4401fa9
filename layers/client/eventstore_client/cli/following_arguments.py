"""The commands `eventstore tail`, `subscribe` and `work`, and their help texts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.shared_arguments import EXIT_CODES, add_event_output, add_websocket_url
from eventstore_client.cli.values import Command, event_type, positive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS"]

_WORK = """\
With --exec, the command runs once for each event, in order within a stream. It receives the event on standard input,
and EVENT_ID, EVENT_TYPE, EVENT_STREAM, EVENT_SEQUENCE and EVENT_ATTEMPT in its environment. Its exit code decides:
  0          the event is handled
  65         the event is parked, and the later events of its stream with it
  any other  the event is redelivered later; the last line of standard error is kept as the reason
The command has ended when it exits, even if it leaves child processes.
Without --exec, events are printed, and count as handled when printed.
If a command takes long, or the output has no room, the other events wait and are not redelivered.
SIGINT or SIGTERM: the current events are finished; the other events received go to other members immediately.
"""
_DESCRIPTION = (
    "Print events as they arrive, until SIGINT or SIGTERM. At the end, the cursor to resume from is printed on "
    "standard error. Resuming misses no event, and may repeat a few. While the hub is unavailable, the command "
    "retries and reports it."
)


def _add_tail(commands: Commands, common: Parser) -> None:
    purpose = "print events as they arrive, from any position"
    tail = commands.add_parser("tail", parents=[common], help=purpose, description=_DESCRIPTION, epilog=EXIT_CODES)
    _add_live_options(tail)
    _add_subscribe_options(tail)
    add_event_output(tail, default=None, without="table on a terminal, else ndjson")


def _add_subscribe(commands: Commands, common: Parser) -> None:
    subscribe = commands.add_parser(
        "subscribe",
        parents=[common],
        help="the same as tail, and NDJSON on a terminal, too",
        description=_DESCRIPTION,
        epilog=EXIT_CODES,
    )
    _add_live_options(subscribe)
    _add_subscribe_options(subscribe)
    add_event_output(subscribe)


def _add_work(commands: Commands, common: Parser) -> None:
    command = commands.add_parser(
        "work",
        parents=[common],
        help="join a durable subscription: run a command for each event, or print it",
        description="Join a durable subscription, and acknowledge each event that is handled, until interrupted.",
        epilog=_WORK + "\n" + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_live_options(command)
    command.add_argument(
        "subscription",
        metavar="NAME",
        help="the name of the subscription; `eventstore subscriptions create` creates one",
    )
    add_event_output(command)
    command.add_argument(
        "--concurrency",
        type=positive,
        default=1,
        metavar="N",
        help="run up to N commands at the same time, each for another stream (default: 1)",
    )
    command.add_argument(
        "--exec",
        dest="run",
        nargs=argparse.REMAINDER,
        action=Command,
        default=[],
        metavar="COMMAND",
        help="the command and its arguments, run for each event; must be the last option",
    )


def _add_live_options(command: argparse.ArgumentParser) -> None:
    add_websocket_url(command)
    command.add_argument(
        "--no-dataref",
        dest="follow_dataref",
        action="store_false",
        help="do not fetch the data of events that are too large for a frame",
    )


def _add_subscribe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--type",
        type=event_type,
        action="append",
        default=[],
        metavar="TYPE",
        help="only events of this type; may end in * (repeatable)",
    )
    command.add_argument(
        "--stream", action="append", default=[], metavar="NAME", help="only events of this stream (repeatable)"
    )
    command.add_argument(
        "--filter", metavar="SQL", help="only events for which this CloudEvents SQL expression is true"
    )
    command.add_argument("--filter-name", metavar="NAME", help="only events that this named filter of the hub matches")
    command.add_argument(
        "--from",
        dest="start",
        choices=["start", "now"],
        default="now",
        help="start: from the oldest event kept; now: new events only (default: now)",
    )
    command.add_argument("--cursor", metavar="C", help="resume from this cursor; --from is ignored")
    end = command.add_mutually_exclusive_group()
    end.add_argument(
        "--follow", dest="count", action="store_const", const=None, help="continue until interrupted (the default)"
    )
    end.add_argument("--count", type=positive, metavar="N", help="end after N events")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {
    "subscribe": _add_subscribe,
    "tail": _add_tail,
    "work": _add_work,
}
"""Each adds a command, with the options that all commands have."""
