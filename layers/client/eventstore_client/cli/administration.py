"""The commands of `eventstore` that administer a hub. Each returns the lines to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.calls import UNCHANGED
from eventstore_client.cli.definitions import done, filters_of, has_filters, settings_of
from eventstore_client.cli.event_output import one_line
from eventstore_client.cli.outputs import printing, say
from eventstore_client.cli.records import details, records
from eventstore_client.cli.standings import standing
from eventstore_client.cli.watching import watch

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

    from eventstore_client.dead_letters import DeadLetter
    from eventstore_client.hub import EventStore

__all__ = ["RUNNERS"]

_STREAM_COLUMNS = ("id", "head", "first", "count", "bytes", "updated", "retention", "labels")
_SUBSCRIPTION_COLUMNS = ("id", "version", "filters", "filter_name", "stream", "ack_deadline", "max_attempts", "target")
_LETTER_COLUMNS = ("subscription", "stream", "sequence", "attempts", "letters", "since", "errors")
_CONNECTION_COLUMNS = ("id", "connected", "protocol", "subject", "in_flight")


def _streams(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    streams, output = store.streams, options.output
    match options.action:
        case "list":
            found = (stream.raw for stream in streams.list(prefix=options.prefix))
            return records(found, _STREAM_COLUMNS, output=output)
        case "show":
            shown = streams.get(options.name)
        case "create":
            shown = streams.create(
                options.name,
                max_age=options.max_age,
                max_events=options.max_events,
                labels=dict(options.label),
                new=options.new,
            )
        case "change":
            labels = {**dict(options.label), **dict.fromkeys(options.remove_label)}
            shown = streams.change(
                options.name,
                max_age=options.max_age,
                max_events=options.max_events,
                labels=labels or UNCHANGED,
                expected=options.expected,
            )
        case "fork":
            shown = streams.fork(options.name, options.to, until=options.until)
            if shown.forked_from and shown.forked_from.first > 1:
                say(
                    f"events before {shown.forked_from.first} of {options.name} were removed before, and are not copied"
                )
        case _:
            streams.delete(options.name, expected=options.expected, permanent=options.permanent)
            return done(options, id=options.name, deleted=True)
    return details(shown.raw, output=output)


def _subscriptions(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    subscriptions, output = store.subscriptions, options.output
    match options.action:
        case "list":
            found = (subscription.raw for subscription in subscriptions.list(prefix=options.prefix))
            return records(found, _SUBSCRIPTION_COLUMNS, output=output)
        case "show":
            shown = subscriptions.get(options.name).definition
        case "create":
            shown = subscriptions.create(
                options.name,
                filters=filters_of(options),
                filter_name=options.filter_name,
                stream=options.stream,
                start=options.start,
                cursor=options.cursor,
                target=options.target,
                **settings_of(options),
            )
        case "change":
            shown = subscriptions.change(
                options.name,
                filters=filters_of(options) if has_filters(options) else UNCHANGED,
                filter_name=options.filter_name,
                target=options.target,
                **settings_of(options),
            )
        case "replay":
            return _replay(options, store)
        case _:
            subscriptions.delete(options.name)
            return done(options, id=options.name, deleted=True)
    return details(shown.raw, output=output)


def _dead_letters(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    letters, output = store.dead_letters, options.output
    match options.action:
        case "list":
            found = (letter.raw for letter in letters.list(subscription=options.subscription, stream=options.stream))
            return records(found, _LETTER_COLUMNS, output=output)
        case "show":
            letter = letters.get(options.subscription, options.stream)
            return details(letter.raw, output=output, texts=_event_text(letter))
        case "redrive":
            streams = letters.redrive(options.subscription, stream=options.stream, how=options.how)
        case _:
            streams = letters.purge(options.subscription, stream=options.stream)
    return details({"subscription": options.subscription, "streams": [*streams]}, output=output)


def _connections(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    if options.action == "list":
        found = (connection.raw for connection in store.open_connections.list())
        return records(found, _CONNECTION_COLUMNS, output=options.output)
    store.open_connections.close(options.connection)
    return done(options, id=options.connection, closed=True)


def _replay(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    partitions = store.subscriptions.replay(
        options.name, start=options.start, cursor=options.cursor, since=options.since
    )
    return details({"id": options.name, "partitions": [*partitions]}, output=options.output)


def _stats(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    stats = store.stats().raw
    if options.output == "table":
        stats = {**stats, "subscriptions": [*map(standing, stats["subscriptions"])]}
    return details(stats, output=options.output)


def _event_text(letter: DeadLetter) -> Mapping[str, str]:
    # The text of the event is exact; the numbers of its members are Python's.
    return {} if letter.event is None else {"event": one_line(letter.event.text)}


def _watch_or_print(options: argparse.Namespace, store: EventStore) -> None:
    if options.watch is None:
        printing(_stats)(options, store)
    else:
        watch(options, store)


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "connections": printing(_connections),
    "dead-letters": printing(_dead_letters),
    "replay": printing(_replay),
    "stats": _watch_or_print,
    "streams": printing(_streams),
    "subscriptions": printing(_subscriptions),
}
