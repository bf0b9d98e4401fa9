"""The commands `eventstore rules`, and their help texts: durable subscriptions whose events are pushed to a target."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import UNCHANGED
from eventstore_client.cli.definitions import done, filters_of, has_filters, settings_of
from eventstore_client.cli.outputs import printing
from eventstore_client.cli.parsers import add_command, add_group
from eventstore_client.cli.records import details, records
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.subscription_arguments import add_filters, add_position, add_selection, add_settings
from eventstore_client.cli.values import json_object, or_none, positive
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser
    from eventstore_client.hub import EventStore
    from eventstore_client.subscription_status import SubscriptionStatus

__all__ = ["BUILDERS", "RUNNERS"]

_COLUMNS = ("id", "version", "filters", "filter_name", "stream", "target")
_KINDS = {
    "lambda": ("NAME", "a function of AWS Lambda, by name or ARN"),
    "sqs": ("URL", "a queue, by its URL"),
    "eventbridge": ("BUS", "an event bus, by name or ARN"),
    "http": ("URL", "an address to which events are posted"),
}
_MEMBERS = ("batch", "concurrency", "mode", "secret")


def _add_rules(commands: Commands, common: Parser) -> None:
    actions = add_group(
        commands, "rules", "list, describe, create, change, replay and delete rules: subscriptions with a target"
    )
    listing = add_command(actions, common, "list", "print the rules by name")
    listing.add_argument("--prefix", help="only rules whose names start with this text")
    add_output(listing)

    add_output(_named(actions, common, "show", "describe a rule: its definition, lag and circuits"))

    create = _named(actions, common, "create", "create a rule")
    _add_target(create, is_required=True)
    add_selection(create)
    add_settings(create)
    add_output(create)

    change = _named(actions, common, "change", "change a rule, which keeps its position")
    _add_target(change, is_required=False)
    add_filters(change, "from now on, only events")
    change.add_argument(
        "--filter-name",
        type=or_none(str),
        default=UNCHANGED,
        metavar="NAME",
        help="from now on, only events that this named filter of the hub matches; none: no named filter",
    )
    add_settings(change)
    add_output(change)

    replay = _named(actions, common, "replay", "move a rule to another position")
    add_position(replay)
    add_output(replay)

    add_output(_named(actions, common, "delete", "delete a rule, its position and its parked events"))


def _run(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    """Run a command, and return the lines to print.

    Raises:
        BadInput: The durable subscription of this name has no target.
    """
    subscriptions = store.subscriptions
    if options.action == "list":
        found = (rule.raw for rule in subscriptions.list(prefix=options.prefix) if "target" in rule.raw)
        return records(found, _COLUMNS, output=options.output)
    if options.action == "create":
        created = subscriptions.create(
            options.name,
            filters=filters_of(options),
            filter_name=options.filter_name,
            stream=options.stream,
            start=options.start,
            cursor=options.cursor,
            target=_target_of(options),
            **settings_of(options),
        )
        return details(created.raw, output=options.output)
    rule = _rule(options.name, store)
    match options.action:
        case "show":
            return details(rule.definition.raw, output=options.output)
        case "change":
            changed = subscriptions.change(
                options.name,
                filters=filters_of(options) if has_filters(options) else UNCHANGED,
                filter_name=options.filter_name,
                target=_target_of(options) or UNCHANGED,
                **settings_of(options),
            )
            return details(changed.raw, output=options.output)
        case "replay":
            moved = subscriptions.replay(options.name, start=options.start, cursor=options.cursor, since=options.since)
            return details({"id": options.name, "partitions": [*moved]}, output=options.output)
        case _:
            subscriptions.delete(options.name)
            return done(options, id=options.name, deleted=True)


def _rule(name: str, store: EventStore) -> SubscriptionStatus:
    found = store.subscriptions.get(name)
    if "target" not in found.definition.raw:
        raise BadInput([f"{name!r} is no rule: it has no target; use `eventstore subscriptions`"])
    return found


def _add_target(command: argparse.ArgumentParser, *, is_required: bool) -> None:
    group = command.add_argument_group("target", "Where events are pushed (docs/rules.md).")
    kinds = group.add_mutually_exclusive_group(required=is_required)
    for name, (metavar, meaning) in _KINDS.items():
        kinds.add_argument(f"--{name}", dest=f"target_{name}", metavar=metavar, help=meaning)
    kinds.add_argument(
        "--target",
        type=json_object,
        metavar="JSON",
        help='the target as a JSON object, such as \'{"lambda": "billing"}\'',
    )
    group.add_argument("--batch", type=positive, metavar="N", help="the most events of one call")
    group.add_argument(
        "--concurrency", type=positive, metavar="N", help="how many streams of a partition are pushed side by side"
    )
    group.add_argument("--mode", choices=["structured", "binary", "batched"], help="with --http: how events are sent")
    group.add_argument(
        "--header",
        type=_header,
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="with --http: a header field of each request (repeatable)",
    )
    group.add_argument("--secret", metavar="NAME", help="with --http: the secret that requests are signed with")


def _target_of(options: argparse.Namespace) -> Mapping[str, Any]:
    given = {name: getattr(options, f"target_{name}") for name in _KINDS}
    members = {**given, **{name: getattr(options, name) for name in _MEMBERS}}
    target = {**(options.target or {}), **{name: value for name, value in members.items() if value is not None}}
    if options.header:
        target["headers"] = {**target.get("headers", {}), **dict(options.header)}
    return target


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not (name.strip() and separator):
        raise argparse.ArgumentTypeError(f"must be NAME: VALUE, such as 'X-Team: billing', not {text!r}")
    return name.strip(), value.strip()


def _named(actions: Commands, common: Parser, name: str, purpose: str) -> Parser:
    command = add_command(actions, common, name, purpose)
    command.add_argument("name", metavar="NAME", help="the name of the rule")
    return command


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"rules": _add_rules}
"""Each adds a command, with the options that all commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"rules": printing(_run)}
