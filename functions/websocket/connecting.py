"""`$connect`: which subprotocol, and, for bare CloudEvents, the subscription that stands in the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import Scope
from eventstore.errors import InvalidQuery
from eventstore.frames.builder import note
from eventstore.frames.frame import Address
from eventstore.hub import bootstrap
from eventstore.subscriptions import BARE, EVENTSTORE, Connection
from functions.access import access_of
from functions.handshake import UrlSubscription, query_of, url_subscription
from functions.websocket import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["accept"]

_HEADER = "sec-websocket-protocol"
# What browsers tell the authorizer by: nothing for this function, not even to quote in an error.
_CREDENTIAL = "bearer."


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
    asked = url_subscription(connection, query_of(event), access)
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


def _subscribe(asked: UrlSubscription) -> None:
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
