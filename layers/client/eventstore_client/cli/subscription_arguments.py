"""The commands `eventstore subscriptions`, and their help texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.calls import UNCHANGED
from eventstore_client.cli.parsers import add_command
from eventstore_client.cli.values import event_type, json_list, json_object, or_none, positive, time_with_zone

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["add_filters", "add_position", "add_selection", "add_settings", "add_subscriptions"]

_TARGET = 'where events are pushed, such as \'{"lambda": "billing", "batch": 1}\' (docs/rules.md)'


def add_subscriptions(
    actions: Commands, common: Parser, *, output: Callable[[argparse.ArgumentParser], object]
) -> None:
    """Add the commands.

    Args:
        actions: The commands of `eventstore subscriptions`.
        common: The options that all commands have.
        output: Adds the option that selects the output.
    """
    listing = add_command(actions, common, "list", "print the durable subscriptions by name")
    listing.add_argument("--prefix", help="only subscriptions whose names start with this text")
    output(listing)

    show = _named(actions, common, "show", "describe a durable subscription: its definition, members, lag and cursor")
    output(show)

    create = _named(actions, common, "create", "create a durable subscription, or a rule if it has a target")
    add_selection(create)
    add_settings(create)
    create.add_argument("--target", type=json_object, metavar="JSON", help=_TARGET)
    output(create)

    change = _named(actions, common, "change", "change a durable subscription, which keeps its position")
    add_filters(change, "from now on, only events")
    change.add_argument(
        "--filter-name",
        type=or_none(str),
        default=UNCHANGED,
        metavar="NAME",
        help="from now on, only events that this named filter of the hub matches; none: no named filter",
    )
    add_settings(change)
    change.add_argument(
        "--target",
        type=or_none(json_object),
        default=UNCHANGED,
        metavar="JSON",
        help="the members of the target to change; none: remove the target, so that members receive events",
    )
    output(change)

    replay = _named(actions, common, "replay", "move a durable subscription to another position")
    add_position(replay)
    output(replay)

    output(_named(actions, common, "delete", "delete a durable subscription, its position and its parked events"))


def add_selection(create: argparse.ArgumentParser) -> None:
    """Add the options that select the events of a new durable subscription, and where it begins."""
    add_filters(create, "only events")
    create.add_argument("--filter-name", metavar="NAME", help="only events that this named filter of the hub matches")
    create.add_argument("--stream", action="append", metavar="NAME", help="only events of this stream (repeatable)")
    create.add_argument(
        "--from",
        dest="start",
        choices=["start", "now"],
        default="now",
        help="start: from the oldest event kept; now: new events only (default: now)",
    )
    create.add_argument("--cursor", metavar="C", help="begin behind this cursor; --from is ignored")


def add_position(replay: argparse.ArgumentParser) -> None:
    """Add the options that name another position."""
    position = replay.add_mutually_exclusive_group(required=True)
    position.add_argument(
        "--from", dest="start", choices=["start", "now"], help="start: the oldest event kept; now: new events only"
    )
    position.add_argument("--cursor", metavar="C", help="behind this cursor")
    position.add_argument(
        "--since",
        type=time_with_zone,
        metavar="TIME",
        help="the events stored at or after this time, such as 2026-01-05T09:00:00Z",
    )


def add_filters(command: argparse.ArgumentParser, only: str) -> None:
    """Add the options that select events by filters."""
    command.add_argument(
        "--type",
        type=event_type,
        action="append",
        default=[],
        metavar="TYPE",
        help=f"{only} of this type; may end in * (repeatable)",
    )
    command.add_argument("--filter", metavar="SQL", help=f"{only} for which this CloudEvents SQL expression is true")
    command.add_argument(
        "--filters",
        type=json_list,
        metavar="JSON",
        help=f"{only} that match all of these CloudEvents filters, a JSON array; []: all events",
    )


def add_settings(command: argparse.ArgumentParser) -> None:
    """Add the options of delivery."""
    for name, metavar, meaning in (
        ("--ack-deadline", "SECONDS", "how long a member may take for an event (default of a new one: 30)"),
        ("--max-attempts", "N", "how often an event is tried before its stream is parked (default of a new one: 5)"),
        ("--max-in-flight", "N", "events of a partition that may wait for acknowledgement (default of a new one: 100)"),
    ):
        command.add_argument(name, type=positive, default=UNCHANGED, metavar=metavar, help=meaning)


def _named(actions: Commands, common: Parser, name: str, purpose: str) -> Parser:
    command = add_command(actions, common, name, purpose)
    command.add_argument("name", metavar="NAME", help="the name of the durable subscription")
    return command
