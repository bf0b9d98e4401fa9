"""The commands of `eventstore` that administer a hub, and their help texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.calls import UNCHANGED
from eventstore_client.cli.parsers import add_command, add_group
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.subscription_arguments import add_position, add_subscriptions
from eventstore_client.cli.values import label, non_negative, or_none, positive

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.calls import Unchanged
    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS"]


def _add_subscriptions(commands: Commands, common: Parser) -> None:
    add_subscriptions(
        add_group(commands, "subscriptions", "list, describe, create, change, replay and delete durable subscriptions"),
        common,
        output=add_output,
    )


def _add_replay(commands: Commands, common: Parser) -> None:
    replay = add_command(commands, common, "replay", "move a durable subscription or a rule to another position")
    replay.add_argument("name", metavar="NAME", help="the name of the durable subscription")
    add_position(replay)
    add_output(replay)


def _add_stats(commands: Commands, common: Parser) -> None:
    stats = commands.add_parser(
        "stats",
        parents=[common],
        help="print what the store holds, and how far durable subscriptions are",
        description="Print what the store holds, in total and per partition, and how far durable subscriptions are.",
    )
    stats.add_argument(
        "--watch",
        nargs="?",
        type=positive,
        const=2,
        metavar="SECONDS",
        help="print them again until interrupted, each 2 seconds by default; on a terminal, as a screen",
    )
    stats.add_argument("--count", type=positive, metavar="N", help="with --watch: end after N times")
    add_output(stats)


def _add_streams(commands: Commands, common: Parser) -> None:
    actions = add_group(commands, "streams", "list, describe, create, change, fork and delete streams")
    listing = add_command(actions, common, "list", "print the streams by name")
    listing.add_argument("--prefix", help="only streams whose names start with this text")
    add_output(listing)

    _named(actions, common, "show", "describe a stream: its events, retention and labels")

    create = _named(actions, common, "create", "create a stream with settings")
    _add_limits(create, positive, default=None)
    create.add_argument("--new", action="store_true", help="fail if the stream exists, even with the same settings")

    change = _named(actions, common, "change", "change the retention or the labels of a stream")
    _add_limits(change, or_none(positive), default=UNCHANGED, note="; none: no limit")
    change.add_argument(
        "--remove-label", action="append", default=[], metavar="NAME", help="remove a label (repeatable)"
    )
    _add_expected(change, "change")

    fork = _named(actions, common, "fork", "make a stream of the first events of another one")
    fork.add_argument("to", metavar="FORK", help="the name of the fork, which contains ~fork: STREAM~fork, for example")
    fork.add_argument(
        "--until", type=positive, metavar="N", help="the sequence of the last event to copy (default: all events)"
    )

    delete = _named(actions, common, "delete", "delete the events of a stream")
    delete.add_argument("--permanent", action="store_true", help="reject all later events of the stream")
    _add_expected(delete, "delete")


def _add_limits(
    command: argparse.ArgumentParser, parse: Callable[[str], int | None], *, default: Unchanged | None, note: str = ""
) -> None:
    command.add_argument(
        "--max-age",
        type=parse,
        default=default,
        metavar="SECONDS",
        help=f"how long events are kept, in seconds{note}",
    )
    command.add_argument(
        "--max-events",
        type=parse,
        default=default,
        metavar="N",
        help=f"how many of the newest events are kept{note}",
    )
    command.add_argument(
        "--label",
        type=label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a label (repeatable)",
    )


def _add_expected(command: argparse.ArgumentParser, verb: str) -> None:
    command.add_argument(
        "--expected",
        type=non_negative,
        metavar="N",
        help=f"{verb} the stream only if it ends at sequence N",
    )


def _add_dead_letters(commands: Commands, common: Parser) -> None:
    actions = add_group(commands, "dead-letters", "list, show, redrive and purge streams that are parked")
    listing = add_command(actions, common, "list", "print the parked streams and why they failed")
    listing.add_argument("--subscription", metavar="NAME", help="only streams that this durable subscription parked")
    listing.add_argument("--stream", metavar="NAME", help="only this stream")
    add_output(listing)

    show = add_command(actions, common, "show", "print a parked stream with the event that failed")
    show.add_argument("subscription", metavar="SUBSCRIPTION", help="the name of the durable subscription")
    show.add_argument("stream", metavar="STREAM", help="the name of the stream")
    add_output(show)

    redrive = add_command(actions, common, "redrive", "resume parked streams")
    _add_parked(redrive)
    redrive.add_argument(
        "--how",
        choices=["start", "skip", "drop"],
        default="start",
        help="start: with the event that failed; skip: after it; drop: after all events that wait (default: start)",
    )

    _add_parked(add_command(actions, common, "purge", "discard the events that wait in parked streams"))


def _add_parked(command: argparse.ArgumentParser) -> None:
    command.add_argument("subscription", metavar="SUBSCRIPTION", help="the name of the durable subscription")
    command.add_argument("--stream", metavar="NAME", help="only this stream (default: all that are parked)")
    add_output(command)


def _add_connections(commands: Commands, common: Parser) -> None:
    actions = add_group(commands, "connections", "list and close the connections of clients")
    add_output(add_command(actions, common, "list", "print the connections, oldest first"))
    close = add_command(actions, common, "close", "close a connection; its client is notified, and may connect again")
    close.add_argument("connection", metavar="ID", help="the id of the connection, as `connections list` prints it")
    add_output(close)


def _named(actions: Commands, common: Parser, name: str, purpose: str) -> Parser:
    command = add_command(actions, common, name, purpose)
    command.add_argument("name", metavar="STREAM", help="the name of the stream")
    add_output(command)
    return command


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {
    "connections": _add_connections,
    "dead-letters": _add_dead_letters,
    "replay": _add_replay,
    "stats": _add_stats,
    "streams": _add_streams,
    "subscriptions": _add_subscriptions,
}
"""Each adds a command, with the options that all commands have."""
