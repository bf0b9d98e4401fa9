"""The subscription that stands in the URL of a connection: read for the handshake, and for who asks beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.streams import stream_name
from eventstore.subscriptions import BARE, Connection, Subscription
from functions.hub import hub
from functions.parameters import HANDSHAKE, START_FROM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access

__all__ = ["UrlSubscription", "query_of", "require_acceptable", "url_subscription"]

_PARAMETERS = tuple(parameter.name for parameter in HANDSHAKE)
_TOKEN = "access_token"  # noqa: S105 - the name of a parameter


@dataclass(frozen=True, slots=True)
class UrlSubscription:
    """What the URL of a connection of bare events asks for."""

    subscription: Subscription
    cursors: Sequence[str]
    oldest: bool


def query_of(event: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The parameters of a URL, but for the credential, which is the authorizer's."""
    query = event.get("multiValueQueryStringParameters") or {}
    return {name: values for name, values in query.items() if name != _TOKEN}


def url_subscription(connection: Connection, query: Mapping[str, Sequence[str]]) -> UrlSubscription | None:
    """What the URL of a connection asks for; None, if its subprotocol has no subscription there.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream: A parameter breaks a rule.
    """
    known = _PARAMETERS if connection.protocol == BARE else ()
    for name, values in query.items():
        if name not in known:
            knows = ", ".join(known) or f"none; a subscription in the URL needs the subprotocol {BARE}"
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; known are: {knows}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} is empty; give it a value, or leave it out", pointer=name)
    if connection.protocol != BARE:
        return None
    start, cursors = query.get("from", ()), query.get("cursor", ())
    if len(start) > 1 or (start and start[0] not in START_FROM.choices):
        raise InvalidQuery("from is 'now' or 'start', once", pointer="from")
    if start and cursors:
        raise InvalidQuery("from and cursor contradict each other; send one of them", pointer="from")
    streams = tuple(dict.fromkeys(stream_name(name, pointer="stream") for name in query.get("stream", ())))
    wanted = filter_of_parameters({name: query[name] for name in query if name in {*ATTRIBUTES, "filter"}})
    subscription = Subscription(
        key=hub().new_id(),
        connection=connection.id,
        id="url",
        filter=wanted,
        streams=streams,
        bare=True,
        opened=connection.opened,
    )
    return UrlSubscription(subscription, cursors, oldest=tuple(start) == ("start",))


def require_acceptable(query: Mapping[str, Sequence[str]], access: Access) -> None:
    """Raise what a handshake with these parameters would be refused for; nothing is opened.

    Raises:
        InvalidQuery, InvalidFilter, InvalidStream, InvalidCursor: A parameter breaks a rule.
        StreamGone: A stream that it names was deleted for good.
        Forbidden: It is not for who asks.
    """
    asked = url_subscription(Connection("handshake", BARE, 0), query)
    if asked is not None:
        hub().subscriptions.check(asked.subscription, access=access, cursors=asked.cursors, oldest=asked.oldest)
