"""What can go wrong, as callers tell it apart.

EventstoreError
├── Invalid                     the request itself is wrong: correct it, sending it again does not help
│   ├── Malformed               it cannot be read at all: not JSON, not UTF-8, no CloudEvents mode
│   ├── UnsupportedMediaType    it is in a format that the hub does not read
│   ├── InvalidEvent            an event breaks a rule of CloudEvents or of the hub
│   ├── InvalidStream           a stream's name or settings break a rule
│   ├── InvalidQuery            a parameter of a read breaks a rule
│   ├── InvalidFilter           a filter, or an expression in CloudEvents SQL, breaks a rule
│   ├── InvalidCursor           a cursor was not made by this hub, or for this kind of read
│   ├── InvalidRequest          a message breaks a rule of the protocol (docs/protocol.md)
│   ├── UnknownAction           a message asks for an action that there is not
│   ├── TooManySubscriptions    the connection has as many as it may have: end one, or use another connection
│   └── TooLarge                more bytes or events than the hub takes at once
├── Conflict                    the store holds something else: read it, then decide
│   ├── WrongExpectedVersion    the stream does not end where the caller believes, or a condition is not true of it
│   ├── WrongSubscriptionVersion    the durable subscription was changed since the caller saw it
│   ├── EventConflict           the stream holds another event under the same source and id
│   ├── StreamConflict          the stream exists with other settings
│   ├── AmbiguousEvent          several events use the id: name the source, or the stream
│   └── SubscriptionConflict    a subscription of this id is there, or was on this connection: choose another
├── Absent                      it is not there
│   ├── StreamNotFound          no such stream yet
│   ├── EventNotFound           no such event, or it is no longer kept
│   ├── StreamGone              the stream was deleted for good, and takes no events again
│   ├── SubscriptionNotFound    there is no such subscription
│   ├── NothingParked           the durable subscription has set nothing aside, or not of this stream
│   ├── ConnectionNotFound      the connection is gone
│   └── NewEpoch                the store was made anew since the cursor was given: start over
├── Refused                     who asks may not have it: come with another credential
│   ├── Unauthorized            there is no credential, or none that is valid (any more)
│   └── Forbidden               the credential is valid, and does not reach that far
└── Unavailable                 nothing is wrong with the request: send it again later, it is safe
    ├── StoreUnavailable        the store does not answer
    │   └── StoreFull           it has no memory left for what is new: remove events, or give it more
    ├── QueueUnavailable        a queue did not take all messages
    ├── TurnLost                another turn of the partition has begun meanwhile: leave the rest to it
    ├── PartitionMismatch       the store was made with another number of partitions: correct the setting
    └── FormatMismatch          the store has a format that this version does not know: deploy one that does
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Absent",
    "AmbiguousEvent",
    "Conflict",
    "ConnectionNotFound",
    "EventConflict",
    "EventNotFound",
    "EventstoreError",
    "Forbidden",
    "FormatMismatch",
    "Invalid",
    "InvalidCursor",
    "InvalidEvent",
    "InvalidFilter",
    "InvalidQuery",
    "InvalidRequest",
    "InvalidStream",
    "Malformed",
    "NewEpoch",
    "NothingParked",
    "PartitionMismatch",
    "QueueUnavailable",
    "Refused",
    "SettingsError",
    "StoreFull",
    "StoreUnavailable",
    "StreamConflict",
    "StreamGone",
    "StreamNotFound",
    "SubscriptionConflict",
    "SubscriptionNotFound",
    "TooLarge",
    "TooManySubscriptions",
    "TurnLost",
    "Unauthorized",
    "Unavailable",
    "UnknownAction",
    "UnsupportedMediaType",
    "WrongExpectedVersion",
    "WrongSubscriptionVersion",
]


class EventstoreError(Exception):
    """Every error that the hub raises on purpose.

    Attributes:
        code: Stable across versions; programs may branch on it.
        detail: One sentence for a person: what is wrong, and what would be right.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(EventstoreError):
    """The request is wrong; `pointer` names the place in it (RFC 6901), where one can be named."""

    code = "invalid"

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class Malformed(Invalid):
    """The bytes cannot be read as what they claim to be."""

    code = "malformed"


class UnsupportedMediaType(Invalid):
    """The body is in a format that the hub does not read."""

    code = "unsupported-media-type"


class InvalidEvent(Invalid):
    """An event breaks a rule of CloudEvents 1.0 or of the hub."""

    code = "invalid-event"


class InvalidStream(Invalid):
    """A stream's name or settings break a rule."""

    code = "invalid-stream"


class InvalidQuery(Invalid):
    """A parameter of a read breaks a rule."""

    code = "invalid-query"


class InvalidFilter(Invalid):
    """A filter breaks a rule; `position` is the character (from 0) at which an expression in CloudEvents SQL does."""

    code = "invalid-filter"

    def __init__(self, detail: str, *, pointer: str = "", position: int | None = None) -> None:
        super().__init__(detail, pointer=pointer)
        self.position = position


class InvalidCursor(Invalid):
    """A cursor was not made by this hub, or for this kind of read."""

    code = "invalid-cursor"


class InvalidRequest(Invalid):
    """A member of a message is missing, unknown or wrong."""

    code = "invalid-request"


class UnknownAction(Invalid):
    """There is no such action."""

    code = "unknown-action"


class TooManySubscriptions(Invalid):
    """The connection has as many subscriptions as it may have."""

    code = "too-many-subscriptions"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"this connection has {most} subscriptions, the most that one may have; end one, or open another"
        )


class TooLarge(Invalid):
    """More than the hub takes at once."""

    code = "too-large"


class Conflict(EventstoreError):
    """The store holds something else than the caller believes; nothing was changed."""

    code = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream ends at `actual`, not where the caller believes, or is otherwise another than the caller knows.

    Attributes:
        expected: Where the caller believes that it ends; None if no one place was named.
    """

    code = "wrong-expected-version"

    def __init__(self, stream: str, *, expected: int | None, actual: int) -> None:
        if expected is None:
            detail = f"the condition is not true of stream {stream!r}, which ends at {actual}; GET it, then decide"
        elif expected == actual:
            detail = (
                f"stream {stream!r} ends at {actual}, but events were removed, or the store was made anew, since the "
                "ETag was given; GET it, then decide"
            )
        else:
            detail = f"stream {stream!r} ends at {actual}, not at {expected}; read on from there, then decide"
        super().__init__(detail)
        self.stream = stream
        self.expected = expected
        self.actual = actual


class WrongSubscriptionVersion(Conflict):
    """The durable subscription is at the version `actual`, and the caller knows another one."""

    code = "wrong-subscription-version"

    def __init__(self, name: str, *, actual: str) -> None:
        super().__init__(f"the durable subscription {name!r} is at version {actual}; GET it, then decide")
        self.name = name
        self.actual = actual


class EventConflict(Conflict):
    """The stream holds, at `sequence`, another event under the same source and id."""

    code = "event-conflict"

    def __init__(self, stream: str, *, index: int, source: str, event_id: str, sequence: int) -> None:
        super().__init__(
            f"stream {stream!r} holds another event of source {source!r} with id {event_id!r}, at sequence {sequence}; "
            "an event cannot be changed: give the new one an id of its own"
        )
        self.stream = stream
        self.index = index
        self.sequence = sequence


class StreamConflict(Conflict):
    """The stream exists with other settings."""

    code = "stream-conflict"


class AmbiguousEvent(Conflict):
    """Several events use the id; `candidates` lists their (stream, source), unless they are too many."""

    code = "ambiguous-event"

    def __init__(self, event_id: str, *, candidates: Sequence[tuple[str, str]]) -> None:
        many = str(len(candidates)) if candidates else "more events than can be listed"
        super().__init__(f"the id {event_id!r} is not unique ({many}): name the event by ?source= and ?stream=")
        self.candidates = tuple(candidates)


class SubscriptionConflict(Conflict):
    """The connection has, or had, a subscription of this id; or a `durable` one is there with another definition."""

    code = "subscription-conflict"

    def __init__(self, subscription: str, *, durable: bool = False) -> None:
        super().__init__(
            f"subscription {subscription!r} exists with another definition; delete that one, or choose another id"
            if durable
            else f"the id {subscription!r} was used on this connection; an id serves once: choose another"
        )


class Absent(EventstoreError):
    """What was asked for is not there."""

    code = "absent"


class StreamNotFound(Absent):
    """No event was ever published to the stream, and it was not created."""

    code = "stream-not-found"

    def __init__(self, stream: str) -> None:
        super().__init__(f"there is no stream {stream!r}; publishing to it creates it")


class EventNotFound(Absent):
    """No event has the id, or it is no longer kept."""

    code = "event-not-found"

    def __init__(self, event_id: str) -> None:
        super().__init__(f"no event with id {event_id!r} is kept here; retention or a deletion may have removed it")


class StreamGone(Absent):
    """The stream was deleted for good."""

    code = "stream-gone"

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream!r} was deleted for good, and takes no events again; use another name")


class SubscriptionNotFound(Absent):
    """The connection has no such subscription, or there is no `durable` one of this name; or it has ended."""

    code = "subscription-not-found"

    def __init__(self, subscription: str, *, durable: bool = False) -> None:
        super().__init__(
            f"there is no durable subscription {subscription[:200]!r}; POST /api/v1/subscriptions makes one"
            if durable
            else f"there is no subscription {subscription!r} on this connection"
        )


class NothingParked(Absent):
    """The durable subscription has set nothing aside."""

    code = "nothing-parked"

    def __init__(self, name: str, stream: str | None) -> None:
        where = f"stream {stream!r} is not parked" if stream else "nothing is parked"
        super().__init__(f"{where} for subscription {name!r}; GET /api/v1/dead-letters lists what is")


class ConnectionNotFound(Absent):
    """The connection is gone."""

    code = "connection-not-found"

    def __init__(self) -> None:
        super().__init__("this connection is not known, or no longer; connect again and resume from your cursors")


class NewEpoch(Absent):
    """The store, or a part of it that the cursor concerns, was made anew since the cursor was given."""

    code = "new-epoch"

    def __init__(self) -> None:
        super().__init__(
            "the store was made anew since this cursor was given: its place is lost; start over without it"
        )


class Refused(EventstoreError):
    """Who asks may not have it, whatever is there; nothing was changed."""

    code = "refused"


class Unauthorized(Refused):
    """There is no credential, or none that is valid; `detail` never quotes one."""

    code = "unauthorized"


class Forbidden(Refused):
    """The credential is valid and does not reach that far; `pointer` names the place, as in `Invalid`."""

    code = "forbidden"

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class Unavailable(EventstoreError):
    """Nothing is wrong with the request; publishing again is safe, for an event is stored once."""

    code = "unavailable"


class StoreUnavailable(Unavailable):
    """The store does not answer."""

    code = "store-unavailable"


class StoreFull(StoreUnavailable):
    """The store has no memory left for what is new. What it holds is still read and delivered, and can be removed."""

    code = "store-full"

    def __init__(self) -> None:
        super().__init__(
            "the store has no memory left for what is new; what it holds is still read and delivered: "
            "delete streams, let retention remove events, or give the cache more memory"
        )


class QueueUnavailable(Unavailable):
    """A queue did not take all messages."""

    code = "queue-unavailable"


class TurnLost(Unavailable):
    """Another turn of the partition has begun meanwhile, as after a time-out; it does what this one had to do."""

    code = "turn-lost"

    def __init__(self, partition: int) -> None:
        super().__init__(f"another turn of partition {partition} has begun; this one changes nothing")


class PartitionMismatch(Unavailable):
    """The store was made with another number of partitions than is configured."""

    code = "partition-mismatch"

    def __init__(self, *, configured: int, stored: int) -> None:
        super().__init__(
            f"PARTITIONS is {configured}, but the store was made with {stored}; "
            f"set PARTITIONS={stored}, or leave it unset"
        )


class FormatMismatch(Unavailable):
    """The store has a format that this version of the hub cannot use."""

    code = "format-mismatch"

    def __init__(self, *, stored: int, oldest: int, newest: int) -> None:
        known = f"format {newest}" if oldest == newest else f"formats {oldest} to {newest}"
        way_out = (
            "a newer version has written it: deploy that version, or a later one"
            if stored > newest
            else "deploy the version that has written it, export the events, and load them into a new store"
        )
        super().__init__(f"the store has format {stored}, and this version of the hub uses {known}; {way_out}")


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names it, and what would be right."""
