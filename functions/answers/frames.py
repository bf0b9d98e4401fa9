"""The messages that subscriptions are sent, in both subprotocols (docs/protocol.md).

The core builds them, mostly spliced from the texts of events (`eventstore.frames`), and imports nothing of functions:
tests, not the type checker, compare what it sends with these types.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Count, Name, Positive, RecordedEvent, Token
from functions.answers.messages import AckDeadline, HubEvent, MissingMore, MissingRanges, SubscriptionId

__all__ = ["BareEvent", "Changed", "Events", "HubTruncated", "Live", "Owned", "Revoked", "Truncated"]

_Cursor = Annotated[Token, Field(description="The position after this frame, in its partition.")]


class _Frame(TypedDict):
    id: SubscriptionId
    partition: Count
    frame: Annotated[Positive, Field(description="Numbered per subscription and partition, with no gap.")]


class Loss(TypedDict):
    """What a subscription will not receive."""

    missing: MissingRanges
    missing_more: NotRequired[MissingMore]
    gone: NotRequired[Annotated[Sequence[Name], Field(description="Streams that were deleted for good.")]]


class _BareFrame(TypedDict):
    hubpartition: Count
    hubframe: Annotated[Positive, Field(description="Numbered per partition, with no gap.")]
    hubcursor: Annotated[Token, Field(description="The cursor behind this event, in its partition.")]


class Events(_Frame):
    """Events of one partition, in the order of its log; or, with `stream`, of one stream that are tried again."""

    type: Literal["events"]
    events: Annotated[Sequence[RecordedEvent], Field(max_length=100)]
    cursor: NotRequired[_Cursor]
    attempt: NotRequired[
        Annotated[Positive, Field(description="How often the events were sent, with this one; without it, once.")]
    ]
    stream: NotRequired[
        Annotated[Name, Field(description="The stream that was held; without events, it has caught up.")]
    ]
    reason: NotRequired[Annotated[str, Field(description="Why the first event comes again.")]]


class Live(_Frame):
    """The partition has caught up: what comes now is live."""

    type: Literal["live"]
    cursor: _Cursor


class Truncated(Loss, _Frame):
    """Events were removed that the subscription had not come to."""

    type: Literal["truncated"]
    cursor: _Cursor


class Owned(_Frame):
    """The partition is this member's from here on."""

    type: Literal["owned"]
    ack_deadline: AckDeadline
    cursor: _Cursor


class Revoked(_Frame):
    """The partition is to go to another member: release it."""

    type: Literal["revoked"]


class Changed(TypedDict):
    """The durable subscription was changed."""

    type: Literal["changed"]
    id: SubscriptionId
    subscription: Name
    version: Positive
    ack_deadline: AckDeadline


class BareEvent(RecordedEvent, _BareFrame):
    """An event of a stream."""


class HubTruncated(HubEvent, _BareFrame):
    """Events were removed that the subscription had not come to."""

    type: Literal["io.flunq.hub.truncated"]
    data: Loss
