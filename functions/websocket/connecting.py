"""`$connect`: which subprotocol, and, for bare CloudEvents, the subscription that stands in the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.errors import InvalidQuery
from eventstore.frames.builder import note
from eventstore.frames.frame import Address
from eventstore.subscriptions import BARE, EVENTSTORE, Connection
from functions.access import access_of
from functions.handshake import UrlSubscription, query_of, url_subscription
from functions.hub import hub
from functions.websocket import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.access import Access

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
    asked = url_subscription(connection, query_of(event))
    hub().subscriptions.connect(connection, access=access)
    if asked is not None:
        _subscribe(asked, access)
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


def _subscribe(asked: UrlSubscription, access: Access) -> None:
    subscription = asked.subscription
    subscriptions = hub().subscriptions
    try:
        subscribed = subscriptions.start(subscription, access=access, cursors=asked.cursors, oldest=asked.oldest)
        # The connection opens only once this function has answered: its first message goes the way of frames.
        first = answers.bare_subscribed(subscribed, subscription.key)
        to = Address(subscription.connection, subscription.id, 0, subscription.opened)
        hub().deliveries.send([note(first, to)])
    except Exception:
        # It is refused, and never opens.
        hub().members.disconnect(subscription.connection)
        raise
    subscriptions.wake(subscribed)
