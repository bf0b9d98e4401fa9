"""Errors of a request that contradicts what the store holds; nothing was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors.base import EventstoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AmbiguousEvent",
    "Conflict",
    "EventConflict",
    "FilterInUse",
    "StreamConflict",
    "SubscriptionConflict",
    "SubscriptionHasMembers",
    "SubscriptionHasTarget",
    "WrongExpectedVersion",
    "WrongFilterVersion",
    "WrongSchemaVersion",
    "WrongSubscriptionVersion",
]


class Conflict(EventstoreError):
    """The store holds something other than the caller expects; nothing was changed."""

    code = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream is not at the version that the caller expects, or a precondition failed.

    Attributes:
        stream: The stream's name.
        expected: The last sequence that the caller expects; None if the caller named no single one.
        actual: The stream's last sequence.
    """

    code = "wrong-expected-version"

    def __init__(self, stream: str, *, expected: int | None, actual: int) -> None:
        if expected is None:
            detail = f"the precondition failed: stream {stream!r} is at version {actual}; GET it, then decide"
        elif expected == actual:
            detail = (
                f"stream {stream!r} is at version {actual}, but events were removed or the store was reset since the "
                "ETag was returned; GET it, then decide"
            )
        else:
            detail = f"stream {stream!r} is at version {actual}, not {expected}; read the events after it, then decide"
        super().__init__(detail)
        self.stream = stream
        self.expected = expected
        self.actual = actual


class WrongSubscriptionVersion(Conflict):
    """The durable subscription is not at the version that the caller expects.

    Attributes:
        name: The subscription's name.
        actual: Its version, as in its ETag.
    """

    code = "wrong-subscription-version"

    def __init__(self, name: str, *, actual: str) -> None:
        super().__init__(f"durable subscription {name!r} is at version {actual}; GET it, then decide")
        self.name = name
        self.actual = actual


class WrongFilterVersion(Conflict):
    """The named filter is not at the version that the caller expects.

    Attributes:
        name: The filter's name.
        actual: Its version, as in its ETag; None if it does not exist.
    """

    code = "wrong-filter-version"

    def __init__(self, name: str, *, actual: str | None) -> None:
        state = f"is at version {actual}" if actual else "does not exist"
        super().__init__(f"filter {name!r} {state}; GET it, then decide")
        self.name = name
        self.actual = actual


class WrongSchemaVersion(Conflict):
    """The schema of an event type is not at the version that the caller expects.

    Attributes:
        name: The type.
        actual: Its version, as in its ETag; None if none is stored.
    """

    code = "wrong-schema-version"

    def __init__(self, name: str, *, actual: str | None) -> None:
        state = f"is at version {actual}" if actual else "is not stored"
        super().__init__(f"the schema of {name!r} {state}; GET it, then decide")
        self.name = name
        self.actual = actual


class FilterInUse(Conflict):
    """A durable subscription names the filter.

    Attributes:
        name: The filter's name.
        subscription: The name of a subscription that names it; None if the caller may see none of them.
    """

    code = "filter-in-use"

    def __init__(self, name: str, *, subscription: str | None) -> None:
        by = f"durable subscription {subscription!r}" if subscription else "a durable subscription"
        super().__init__(f"{by} names filter {name!r}; change the subscription or delete it, then delete the filter")
        self.name = name
        self.subscription = subscription


class EventConflict(Conflict):
    """The stream holds another event with the same source and id.

    Attributes:
        stream: The stream's name.
        index: The index of the new event in the request.
        sequence: The sequence of the stored event.
    """

    code = "event-conflict"

    def __init__(self, stream: str, *, index: int, source: str, event_id: str, sequence: int) -> None:
        super().__init__(
            f"stream {stream!r} holds another event with source {source!r} and id {event_id!r} at sequence {sequence}; "
            "stored events cannot change: give the new event another id"
        )
        self.stream = stream
        self.index = index
        self.sequence = sequence


class StreamConflict(Conflict):
    """The stream exists with other settings."""

    code = "stream-conflict"


class AmbiguousEvent(Conflict):
    """Several events have the id.

    Attributes:
        candidates: The (stream, source) of each; empty if there are too many to list.
    """

    code = "ambiguous-event"

    def __init__(self, event_id: str, *, candidates: Sequence[tuple[str, str]]) -> None:
        count = str(len(candidates)) if candidates else "too many to list"
        super().__init__(f"several events have the id {event_id!r} ({count}); select one with ?source= and ?stream=")
        self.candidates = tuple(candidates)


class SubscriptionConflict(Conflict):
    """The connection has or had a subscription with this id; or a `durable` one exists with another definition."""

    code = "subscription-conflict"

    def __init__(self, subscription: str, *, durable: bool = False) -> None:
        super().__init__(
            f"subscription {subscription!r} exists with another definition; delete it, or choose another id"
            if durable
            else f"subscription id {subscription!r} was already used on this connection; choose another id"
        )


class SubscriptionHasMembers(Conflict):
    """The durable subscription has members, and a target would take their place."""

    code = "subscription-has-members"

    def __init__(self, name: str, *, members: int) -> None:
        super().__init__(
            f"durable subscription {name!r} has members ({members}); let them leave before it gets a target, "
            "or create another subscription"
        )


class SubscriptionHasTarget(Conflict):
    """The durable subscription has a target, and no connection can join it."""

    code = "subscription-has-target"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the events of durable subscription {name!r} are pushed to a target; "
            "join another subscription, or remove the target"
        )
