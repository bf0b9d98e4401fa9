"""The subscription in the URL of a connection of bare events: parsed for the handshake, and to check it beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventstore.access import IN_URL
from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.streams import FilterName, stream_name
from eventstore.subscriptions import BARE, Connection, ConnectionId, Subscription, SubscriptionId, SubscriptionKey
from functions.hub import hub
from functions.parameters import HANDSHAKE, START_FROM, require_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access

__all__ = ["UrlSubscription", "query_of", "require_acceptable", "url_subscription"]

_TOKEN = "access_token"  # noqa: S105 - the name of a parameter


@dataclass(frozen=True, slots=True)
class UrlSubscription:
    """The subscription that the URL of a connection of bare events requests.

    Attributes:
        filter_name: The named filter that events must match as well; None for none.
        oldest: Whether to start with the oldest event; else with new ones, or at `cursors`.
    """

    subscription: Subscription
    filter_name: FilterName | None
    cursors: Sequence[str]
    oldest: bool

    def narrowed(self, access: Access) -> Subscription:
        """Return the subscription with the named filter, as it is now, beside its own.

        Raises:
            Forbidden: The caller may not use filters.
            FilterNotFound: There is no filter of this name.
            InvalidFilter: The filters are too long together.
        """
        if self.filter_name is None:
            return self.subscription
        own = self.subscription.filter
        combined = hub().filters.combined(own, self.filter_name, access=access, pointers=IN_URL)
        return replace(self.subscription, filter=combined)


def query_of(event: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Return the parameters of the URL without the credential, which only the authorizer reads."""
    query = event.get("multiValueQueryStringParameters") or {}
    return {name: values for name, values in query.items() if name != _TOKEN}


def url_subscription(connection: Connection, query: Mapping[str, Sequence[str]]) -> UrlSubscription | None:
    """Return the subscription that the URL requests; None if the subprotocol has no subscription in the URL.

    Args:
        connection: The connection, whose subprotocol decides.
        query: The values of each parameter.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream: A parameter violates a rule.
    """
    known = HANDSHAKE if connection.protocol == BARE else ()
    require_known(query, known, none=f"none; a subscription in the URL requires the subprotocol {BARE}")
    if connection.protocol != BARE:
        return None
    start, cursors = query.get("from", ()), query.get("cursor", ())
    if len(start) > 1 or (start and start[0] not in START_FROM.choices):
        raise InvalidQuery("from must be 'now' or 'start' and occur once", pointer="from")
    if len(named := query.get("filter_name", ())) > 1:
        raise InvalidQuery("filter_name must not occur more than once", pointer="filter_name")
    if start and cursors:
        raise InvalidQuery("from and cursor exclude each other; send one of them", pointer="from")
    streams = tuple(dict.fromkeys(stream_name(name, pointer="stream") for name in query.get("stream", ())))
    event_filter = filter_of_parameters({name: query[name] for name in query if name in {*ATTRIBUTES, "filter"}})
    subscription = Subscription(
        key=SubscriptionKey(hub().new_id()),
        connection=connection.id,
        id=SubscriptionId("url"),
        filter=event_filter,
        streams=streams,
        bare=True,
        opened=connection.opened,
    )
    filter_name = FilterName(named[0]) if named else None
    return UrlSubscription(subscription, filter_name, cursors, oldest=tuple(start) == ("start",))


def require_acceptable(query: Mapping[str, Sequence[str]], access: Access) -> None:
    """Raise unless a handshake with these parameters would be accepted; nothing is opened.

    Args:
        query: The values of each parameter.
        access: The caller's permissions.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream, InvalidCursor: A parameter violates a rule.
        FilterNotFound: The named filter does not exist.
        StreamGone: A requested stream was permanently deleted.
        Forbidden: The credentials do not allow the subscription.
    """
    request = url_subscription(Connection(ConnectionId("handshake"), BARE, 0), query)
    if request is not None:
        subscription = request.narrowed(access)
        hub().subscriptions.check(subscription, access=access, cursors=request.cursors, oldest=request.oldest)
