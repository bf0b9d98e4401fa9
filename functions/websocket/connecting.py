"""`$connect`: negotiates the subprotocol, and starts the subscription in the URL of a connection of bare events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.errors import InvalidQuery
from eventstore.frames.frame import Address
from eventstore.frames.hub_messages import note
from eventstore.subscriptions import BARE, EVENTSTORE, Connection, ConnectionId
from functions.access import access_of
from functions.handshake import UrlSubscription, query_of, url_subscription
from functions.hub import hub
from functions.websocket import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.access import Access

__all__ = ["accept"]

_HEADER = "sec-websocket-protocol"
# The prefix of a browser's credential, which is for the authorizer only: errors must not quote it.
_CREDENTIAL_PREFIX = "bearer."


def accept(event: Mapping[str, Any]) -> str | None:
    """Accept a connection.

    Returns:
        The subprotocol to confirm; None if the client offered none.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream, InvalidCursor: A parameter or the subprotocol is invalid.
        FilterNotFound: The named filter does not exist.
        Forbidden: The credentials do not allow the connection.
    """
    context = event["requestContext"]
    access = access_of(context)
    offered = _offered(event)
    protocol = next((name for name in offered if name in {EVENTSTORE, BARE}), None)
    if offered and protocol is None:
        raise InvalidQuery(f"unknown subprotocols {', '.join(offered)[:80]!r}; offer {EVENTSTORE} or {BARE}")
    connection_id, opened = ConnectionId(context["connectionId"]), int(context["connectedAt"])
    connection = Connection(connection_id, protocol or EVENTSTORE, opened)
    request = url_subscription(connection, query_of(event))
    hub().subscriptions.connect(connection, access=access)
    if request is not None:
        _subscribe(request, access)
    return protocol


def _offered(event: Mapping[str, Any]) -> list[str]:
    lines = [
        value
        for name, values in (event.get("multiValueHeaders") or {}).items()
        if name.lower() == _HEADER
        for value in values
    ]
    names = [name.strip() for line in lines for name in line.split(",")]
    return [name for name in names if name and not name.lower().startswith(_CREDENTIAL_PREFIX)]


def _subscribe(request: UrlSubscription, access: Access) -> None:
    subscription = request.subscription
    subscriptions = hub().subscriptions
    try:
        subscription = request.narrowed(access)
        subscribed = subscriptions.start(subscription, access=access, cursors=request.cursors, oldest=request.oldest)
        # The connection opens only after this function has returned: its first message is delivered like a frame.
        first_message = answers.bare_subscribed(subscribed, subscription.key)
        address = Address(subscription.connection, subscription.id, 0, subscription.opened)
        hub().deliveries.send([note(first_message, address, shards=hub().shards)])
    except Exception:
        # The connection is rejected and never opens.
        hub().members.disconnect(subscription.connection)
        raise
    subscriptions.wake(subscribed)
