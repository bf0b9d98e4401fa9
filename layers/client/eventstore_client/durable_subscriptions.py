"""The durable subscriptions of a hub: creating, describing, changing, replaying and deleting them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from eventstore_client.calls import (
    UNCHANGED,
    Call,
    empty,
    etag_condition,
    given,
    listing,
    path_of,
    seconds,
    several,
    time_text,
)
from eventstore_client.operations import Asynchronous, Blocking, listed, request
from eventstore_client.subscription_status import SubscriptionInfo, SubscriptionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from eventstore_client.calls import Listing, Reply, Unchanged
    from eventstore_client.rest import Rest

__all__ = ["AsyncDurableSubscriptions", "DurableSubscriptionCalls", "DurableSubscriptions"]


class DurableSubscriptionCalls:
    """The operations of `DurableSubscriptions` and `AsyncDurableSubscriptions`."""

    __slots__ = ()

    @listed
    def list(self, *, prefix: str | None = None, page: int = 100) -> Call[Listing[SubscriptionInfo]]:
        """Iterate over the definitions by name, fetching a page whenever the last one is used up.

        Args:
            prefix: Only subscriptions whose names start with it.
            page: Subscriptions per request, 1 to 1,000.
        """
        query = {"prefix": prefix, "limit": page}
        return listing(path_of("subscriptions"), "subscriptions", SubscriptionInfo.parse, query=query)

    @request
    def get(self, name: str) -> Call[SubscriptionStatus]:
        """Return a subscription, and how far it is.

        Raises:
            NotFound: There is no subscription of this name.
        """
        return Call(method="GET", path=path_of("subscriptions", name), parse=_parse_status)

    @request
    def create(
        self,
        name: str,
        *,
        filters: Iterable[Mapping[str, Any]] = (),
        filter_name: str | None = None,
        stream: str | Iterable[str] | None = None,
        start: Literal["now", "start"] = "now",
        cursor: str | None = None,
        ack_deadline: float | timedelta | Unchanged = UNCHANGED,
        max_attempts: int | Unchanged = UNCHANGED,
        max_in_flight: int | Unchanged = UNCHANGED,
        target: Mapping[str, Any] | None = None,
    ) -> Call[SubscriptionInfo]:
        """Create a subscription. One of the same name and definition is returned, and keeps its position.

        Args:
            name: The name of the subscription.
            filters: As for `EventStore.subscribe`.
            filter_name: The name of a filter that the hub keeps; the subscription follows its changes.
            stream: The name of a stream, or up to 100 names; by default, all streams but forks.
            start: `now`, or `start` for the oldest event kept.
            cursor: Begin behind this cursor, whatever `start` is: one of `Subscription`, `search` or another durable
                subscription.
            ack_deadline: The time that a member may take for an event, 1 s to 1 hour, in seconds or as a timedelta; a
                call of a target at most 100 s. By default, 30 s.
            max_attempts: How often an event is tried before its stream is parked, 1 to 100. By default, 5.
            max_in_flight: The events of a partition that may wait for acknowledgement, 1 to 1,000. By default, 100.
            target: Where events are pushed, such as `{"lambda": "billing", "batch": 1}` (docs/rules.md); without it,
                members receive them.

        Raises:
            Invalid: A filter, a name, a limit or the target is invalid.
            Conflict: A subscription of this name has another definition.
            NotFound: There is no filter of the name `filter_name`.
        """
        deadline = ack_deadline if ack_deadline is UNCHANGED else seconds(ack_deadline)
        optional = {
            "filter_name": filter_name,
            "stream": several(stream),
            "target": None if target is None else dict(target),
        }
        body = {
            "id": name,
            "filters": _listed(filters),
            **({"from": start} if cursor is None else {"cursor": cursor}),
            **{member: value for member, value in optional.items() if value is not None},
            **given(ack_deadline=deadline, max_attempts=max_attempts, max_in_flight=max_in_flight),
        }
        return Call(method="POST", path=path_of("subscriptions"), parse=_parse, body=body)

    @request
    def change(
        self,
        name: str,
        *,
        filters: Iterable[Mapping[str, Any]] | Unchanged = UNCHANGED,
        filter_name: str | Unchanged | None = UNCHANGED,
        ack_deadline: float | timedelta | Unchanged = UNCHANGED,
        max_attempts: int | Unchanged = UNCHANGED,
        max_in_flight: int | Unchanged = UNCHANGED,
        target: Mapping[str, Any] | Unchanged | None = UNCHANGED,
        expected: str | None = None,
    ) -> Call[SubscriptionInfo]:
        """Change a subscription. It keeps its position, and what is in flight ends under the former definition.

        Args:
            name: The name of the subscription.
            filters: Its filters from now on.
            filter_name: The named filter to follow; None for none.
            ack_deadline: As for `create`.
            max_attempts: As for `create`.
            max_in_flight: As for `create`.
            target: The members of the target to change; None removes the target, so that members receive events.
            expected: Change it only if it still has the definition of this `SubscriptionInfo.etag`.

        Raises:
            NotFound: There is no subscription of this name.
            WrongVersion: `expected` does not hold. A change whose response was lost, and that is retried, may raise it
                although the first attempt succeeded.
            Conflict: It has members, and a target cannot be set.
        """
        body = given(
            filters=filters if filters is UNCHANGED else _listed(filters),
            filter_name=filter_name,
            ack_deadline=ack_deadline if ack_deadline is UNCHANGED else seconds(ack_deadline),
            max_attempts=max_attempts,
            max_in_flight=max_in_flight,
            target=target if target is None or target is UNCHANGED else dict(target),
        )
        path, headers = path_of("subscriptions", name), etag_condition(expected)
        return Call(method="PATCH", path=path, parse=_parse, headers=headers, body=body, is_patch=True)

    @request
    def replay(
        self,
        name: str,
        *,
        start: Literal["now", "start"] | None = None,
        cursor: str | None = None,
        since: datetime | str | None = None,
    ) -> Call[tuple[int, ...]]:
        """Move a subscription to another position, usually at once, and return the partitions that move.

        Pass one of `start`, `cursor` and `since`. What is in flight, held or parked is discarded.

        Args:
            name: The name of the subscription.
            start: `now`, or `start` for the oldest event kept.
            cursor: A cursor, as for `create`.
            since: With the events stored at or after this time: a datetime with a time zone, or RFC 3339.

        Raises:
            NotFound: There is no subscription of this name.
            Invalid: None or several positions were passed, or the position is invalid.
        """
        position = {"from": start, "cursor": cursor, "since": None if since is None else time_text(since)}
        body = {member: value for member, value in position.items() if value is not None}
        path = path_of("subscriptions", name, "replay")
        return Call(method="POST", path=path, parse=_parse_partitions, body=body)

    @request
    def delete(self, name: str, *, expected: str | None = None) -> Call[None]:
        """Delete a subscription, with its position and its parked events. Its members are notified.

        Args:
            name: The name of the subscription.
            expected: Delete it only if it still has the definition of this `SubscriptionInfo.etag`.

        Raises:
            NotFound: There is no subscription of this name.
            WrongVersion: `expected` does not hold.
        """
        path, headers = path_of("subscriptions", name), etag_condition(expected)
        return Call(method="DELETE", path=path, parse=empty, headers=headers, already_done=lambda: None)


@dataclass(frozen=True, slots=True)
class DurableSubscriptions(DurableSubscriptionCalls, Blocking):
    """The durable subscriptions of one hub (`EventStore.subscriptions`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncDurableSubscriptions(DurableSubscriptionCalls, Asynchronous):
    """The durable subscriptions of one hub (`AsyncEventStore.subscriptions`)."""

    _rest: Rest


def _listed(filters: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if isinstance(filters, str | bytes | dict):
        raise TypeError("filters must be a list of filters; wrap a single filter in a list")
    return [*filters]


def _parse(reply: Reply) -> SubscriptionInfo:
    return SubscriptionInfo.parse(json.loads(reply.body), etag=reply.etag)


def _parse_status(reply: Reply) -> SubscriptionStatus:
    return SubscriptionStatus.parse(json.loads(reply.body), etag=reply.etag)


def _parse_partitions(reply: Reply) -> tuple[int, ...]:
    return tuple(map(int, json.loads(reply.body)["partitions"]))
