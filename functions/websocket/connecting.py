"""`$connect`: which subprotocol, and, for bare CloudEvents, the subscription that stands in the URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore import bootstrap
from eventstore.access import Scope
from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.frames import Address
from eventstore.framing import note
from eventstore.streams import stream_name
from eventstore.subscriptions import BARE, EVENTSTORE, Connection, Subscription
from functions.access import access_of
from functions.websocket import answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access

__all__ = ["accept"]

_HEADER = "sec-websocket-protocol"
_PARAMETERS = (*ATTRIBUTES, "stream", "filter", "from", "cursor")

# What browsers tell the authorizer by: nothing for this function, not even to quote in an error.
_CREDENTIAL = "bearer."
_TOKEN = "access_token"  # noqa: S105 - the name of a parameter


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the URL of a connection of bare events asks for."""

    subscription: Subscription
    cursors: Sequence[str]
    oldest: bool


def accept(event: Mapping[str, Any]) -> str | None:
    """Take in a connection; answers the subprotocol to name, if the client named any.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream, InvalidCursor: The connection is refused.
        Forbidden: It is not for who asks.
    """
    context = event["requestContext"]
    access = access_of(context)
    named = _named(event)
    protocol = next((name for name in named if name in {EVENTSTORE, BARE}), None)
    if named and protocol is None:
        raise InvalidQuery(f"the subprotocols {', '.join(named)[:80]!r} are not known; name {EVENTSTORE} or {BARE}")
    connection = Connection(context["connectionId"], protocol or EVENTSTORE, int(context["connectedAt"]))
    asked = _asked(connection, _query(event), access)
    if asked is None:
        access.require(Scope.PUBLISH, Scope.SUBSCRIBE)
    bootstrap.registry().connect(connection)
    if asked is not None:
        _subscribe(asked)
    return protocol


def _named(event: Mapping[str, Any]) -> list[str]:
    lines = [
        value
        for name, values in (event.get("multiValueHeaders") or {}).items()
        if name.lower() == _HEADER
        for value in values
    ]
    names = [name.strip() for line in lines for name in line.split(",")]
    return [name for name in names if name and not name.lower().startswith(_CREDENTIAL)]


def _query(event: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    query = event.get("multiValueQueryStringParameters") or {}
    return {name: values for name, values in query.items() if name != _TOKEN}


def _asked(connection: Connection, query: Mapping[str, Sequence[str]], access: Access) -> _Asked | None:
    known = _PARAMETERS if connection.protocol == BARE else ()
    for name, values in query.items():
        if name not in known:
            knows = ", ".join(known) or f"none; a subscription in the URL needs the subprotocol {BARE}"
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; known are: {knows}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} is empty; give it a value, or leave it out", pointer=name)
    if connection.protocol != BARE:
        return None
    access.require(Scope.SUBSCRIBE)
    start, cursors = query.get("from", ()), query.get("cursor", ())
    if len(start) > 1 or (start and start[0] not in {"now", "start"}):
        raise InvalidQuery("from is 'now' or 'start', once", pointer="from")
    if start and cursors:
        raise InvalidQuery("from and cursor contradict each other; send one of them", pointer="from")
    streams = tuple(dict.fromkeys(stream_name(name, pointer="stream") for name in query.get("stream", ())))
    access.require_streams(streams, pointer="stream")
    wanted = filter_of_parameters({name: query[name] for name in query if name in {*ATTRIBUTES, "filter"}})
    subscription = Subscription(
        key=bootstrap.new_id(),
        connection=connection.id,
        id="url",
        filter=wanted if streams else access.confined(wanted, pointer="filter"),
        streams=streams,
        bare=True,
        opened=connection.opened,
    )
    return _Asked(subscription, cursors, oldest=tuple(start) == ("start",))


def _subscribe(asked: _Asked) -> None:
    subscription = asked.subscription
    subscriptions = bootstrap.subscriptions()
    try:
        subscribed = subscriptions.start(subscription, cursors=asked.cursors, oldest=asked.oldest)
    except Exception:
        bootstrap.members().disconnect(subscription.connection)
        raise
    # The connection opens only once this function has answered: its first message goes the way of frames.
    first = answers.bare_subscribed(subscribed, subscription.key)
    to = Address(subscription.connection, subscription.id, 0, subscription.opened)
    bootstrap.deliveries().send([note(first, to)])
    subscriptions.ring(subscribed)
