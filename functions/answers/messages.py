"""The messages that answer requests over WebSocket, in both subprotocols (docs/protocol.md)."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from functions.answers.members import Count, MissingRange, Name, Positive, Result, Results, Token
from functions.protocol import ID_PATTERN, REQUEST

__all__ = [
    "AckDeadline",
    "Acknowledged",
    "Answer",
    "Error",
    "HubClosed",
    "HubEvent",
    "HubPublished",
    "HubRefused",
    "HubSubscribed",
    "Joined",
    "MissingMore",
    "MissingRanges",
    "Pong",
    "Published",
    "Reason",
    "Recovery",
    "Refusal",
    "Released",
    "Subscribed",
    "SubscriptionId",
    "Unsubscribed",
]

SubscriptionId = Annotated[str, Field(pattern=f"^{ID_PATTERN}$", description="The subscription.")]
AckDeadline = Annotated[float, Field(gt=0, description="Seconds within which the member must acknowledge.")]
MissingRanges = Annotated[
    Sequence[MissingRange], Field(max_length=100, description="What was removed and not received.")
]
MissingMore = Annotated[Literal[True], Field(description="More is missing than `missing` names.")]

_Partitions = Annotated[Sequence[Count], Field(description="The numbers of the partitions concerned.")]


# Messages leave out what is None.
_Omitted = SkipJsonSchema[None]
_Request = Annotated[str, Field(max_length=REQUEST.maximum, description="As the request had it, if it had one.")]


class _Answer(TypedDict):
    request: NotRequired[_Request | _Omitted]


class Recovery(TypedDict):
    """How a subscription has begun."""

    recovery: Annotated[
        Literal["complete", "truncated", "new-epoch"],
        Field(description="`truncated`: events were removed since the cursor. `new-epoch`: the store was reset."),
    ]
    partitions: _Partitions
    missing: NotRequired[MissingRanges]
    missing_more: NotRequired[MissingMore]
    renewed: NotRequired[
        Annotated[
            Sequence[Count],
            Field(description="With `new-epoch`: the partitions that start from their beginning."),
        ]
    ]


class Reason(TypedDict):
    """Why the hub does something that the client did not ask for."""

    code: Annotated[
        str, Field(description="Stable; docs/protocol.md has a table of them.", examples=["invalid-filter"])
    ]
    detail: Annotated[str, Field(description="For a person.")]


class Refusal(Reason):
    """Why a request was refused."""

    pointer: NotRequired[Annotated[str, Field(description="The place in the message (RFC 6901).")]]
    position: NotRequired[
        Annotated[
            int | None,
            Field(
                description="Of `invalid-filter`: the character of the expression in SQL; null elsewhere in a filter.",
                json_schema_extra={"minimum": 0},
            ),
        ]
    ]
    stream: NotRequired[Annotated[Name, Field(description="Of `wrong-expected-version` and `event-conflict`.")]]
    actual: NotRequired[Annotated[Count, Field(description="Of `wrong-expected-version`: where the stream ends.")]]
    sequence: NotRequired[
        Annotated[Positive, Field(description="Of `event-conflict`: of the event that the stream holds.")]
    ]
    index: NotRequired[Annotated[Count, Field(description="Of `event-conflict`: of the event in the message.")]]
    results: NotRequired[
        Annotated[
            Sequence[Result | None],
            Field(
                description="Of a publish to several streams that failed between them; null for what was not stored."
            ),
        ]
    ]


class Subscribed(Recovery, _Answer):
    """The subscription has begun."""

    type: Literal["subscribed"]
    id: SubscriptionId
    cursor: Annotated[Token, Field(description="Where it starts, in every partition.")]


class Joined(_Answer):
    """The connection is a member of the durable subscription."""

    type: Literal["subscribed"]
    id: SubscriptionId
    subscription: Name
    partitions: _Partitions
    ack_deadline: AckDeadline


class Unsubscribed(_Answer):
    """The subscription has ended."""

    type: Literal["unsubscribed"]
    id: SubscriptionId


class Published(Results, _Answer):
    """Where the events are stored."""

    type: Literal["published"]


class Pong(_Answer):
    """The answer to a ping."""

    type: Literal["pong"]


class Acknowledged(_Answer):
    """The hub has the acknowledgement, or the nack."""

    type: Literal["acknowledged"]
    id: SubscriptionId


class Released(_Answer):
    """The partition is given back."""

    type: Literal["released"]
    id: SubscriptionId
    partition: Count


class Error(Refusal, _Answer):
    """The request was refused; or a durable subscription was deleted; or an operator closes the connection."""

    type: Literal["error"]
    id: NotRequired[SubscriptionId | _Omitted]


Answer = Subscribed | Joined | Unsubscribed | Published | Pong | Acknowledged | Released | Error


class HubEvent(TypedDict):
    """An event of the hub itself."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    source: Literal["/hub"]


_Subject = Annotated[str, Field(description="The id of the event that was sent.")]


class HubSubscribed(HubEvent):
    """The subscription of the URL has begun."""

    type: Literal["io.flunq.hub.subscribed"]
    data: Recovery
    hubcursor: Annotated[Token, Field(description="Where it starts, in every partition.")]


class HubPublished(HubEvent):
    """Where the event that was sent is stored."""

    type: Literal["io.flunq.hub.published"]
    data: Results
    subject: _Subject


class HubRefused(HubEvent):
    """The event that was sent was refused."""

    type: Literal["io.flunq.hub.refused"]
    data: Refusal
    subject: NotRequired[_Subject]


class HubClosed(HubEvent):
    """An operator closes the connection."""

    type: Literal["io.flunq.hub.closed"]
    data: Reason
