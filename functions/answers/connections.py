"""The answers of calls that concern connections."""

from collections.abc import Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from eventstore.subscriptions import BARE, EVENTSTORE, GRPC
from functions.answers.members import Count, Name, Positive, Time, Token
from functions.answers.subscriptions import Filter

__all__ = ["Connection", "ConnectionMembership", "ConnectionSubscription", "Connections", "LastFrame"]

_OwnId = Annotated[str, Field(description="As the client calls the subscription.")]
_InFlight = Annotated[
    Count,
    Field(description="Events of durable subscriptions that the connection was sent and has not acknowledged."),
]


class LastFrame(TypedDict):
    """The number of the last frame of a partition."""

    partition: Count
    frame: Positive


class ConnectionSubscription(TypedDict):
    """An ephemeral subscription of a connection."""

    id: _OwnId
    filters: Annotated[Sequence[Filter], Field(description="Including the restriction of the credential.")]
    stream: NotRequired[Annotated[Sequence[Name], Field(description="Of these streams; without it, of all.")]]
    frames: Annotated[Sequence[LastFrame], Field(description="The last frame of each partition that has sent any.")]


class ConnectionMembership(TypedDict):
    """A connection's part in a durable subscription."""

    id: _OwnId
    subscription: Annotated[Name, Field(description="The durable subscription.")]
    in_flight: _InFlight
    frames: Annotated[
        Sequence[LastFrame], Field(description="The last frame of each partition that the connection owns.")
    ]


class Connection(TypedDict):
    """A client that is connected over WebSocket or gRPC, and its subscriptions."""

    id: str
    connected: Time
    protocol: Annotated[str, Field(json_schema_extra={"enum": [EVENTSTORE, BARE, GRPC]})]
    subject: NotRequired[
        Annotated[
            str,
            Field(
                description="Whose credential it has. Left out where no authorizer decides, as with AWS credentials."
            ),
        ]
    ]
    tenants: NotRequired[
        Annotated[Sequence[str], Field(description="The tenants of its credential, if it is limited to some.")]
    ]
    prefixes: NotRequired[
        Annotated[
            Sequence[str],
            Field(description="The prefixes of the streams that its credential reaches, if it is limited to some."),
        ]
    ]
    in_flight: _InFlight
    subscriptions: Annotated[
        Sequence[ConnectionSubscription | ConnectionMembership],
        Field(description="Those of the connection itself, then its part in durable subscriptions."),
    ]


class Connections(TypedDict):
    """Connections, in the order in which they were opened."""

    connections: Sequence[Connection]
    next: NotRequired[Token]
