"""The answers of calls that concern durable subscriptions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Count, Name, Positive, RecordedEvent, Time, Token

__all__ = [
    "DeadLetter",
    "DeadLetters",
    "EventBridgeTarget",
    "Figures",
    "Filter",
    "HttpTarget",
    "KafkaTarget",
    "Lags",
    "LambdaTarget",
    "Moved",
    "Redriven",
    "SqsTarget",
    "Subscription",
    "SubscriptionStanding",
    "SubscriptionSummary",
    "Subscriptions",
    "Target",
]


class Filter(TypedDict):
    """A filter, as it was sent: its schema is declared, in `openapi.filters`, for the core parses it without a type."""


class _Target(TypedDict):
    batch: Annotated[Positive, Field(description="The most events of one call.")]
    concurrency: Annotated[Positive, Field(description="How many streams of a partition are pushed side by side.")]


# `lambda` is a keyword of Python.
_Lambda = TypedDict("_Lambda", {"lambda": Annotated[str, Field(description="The name or ARN of the function.")]})


class LambdaTarget(_Lambda, _Target):
    """A Lambda function that events are pushed to."""


class SqsTarget(_Target):
    """An SQS queue that events are pushed to."""

    sqs: Annotated[str, Field(description="The URL of the queue.")]


class HttpTarget(_Target):
    """A URL that events are pushed to."""

    http: str
    mode: Annotated[str, Field(json_schema_extra={"enum": ["structured", "binary", "batched"]})]
    headers: NotRequired[
        Annotated[Mapping[str, str], Field(description="Sent with every request; `***` stands for each value.")]
    ]
    secret: NotRequired[
        Annotated[str, Field(description="The name or ARN of the secret that requests are signed with.")]
    ]


class EventBridgeTarget(_Target):
    """An EventBridge event bus that events are pushed to."""

    eventbridge: Annotated[str, Field(description="The name or ARN of the event bus.")]


class KafkaTarget(_Target):
    """The topic of Kafka that the hub's own subscription writes (`KAFKA_EVENTS_TOPIC`)."""

    kafka: Annotated[str, Field(description="The name of the topic.")]


Target = LambdaTarget | SqsTarget | HttpTarget | EventBridgeTarget | KafkaTarget


class Subscription(TypedDict):
    """The definition of a durable subscription."""

    id: Name
    filters: Sequence[Filter]
    filter_name: NotRequired[
        Annotated[Name, Field(description="The named filter that it follows: an event must match that one, too.")]
    ]
    stream: NotRequired[Annotated[Sequence[Name], Field(description="Of these streams; without it, of all.")]]
    ack_deadline: Annotated[Positive, Field(description="Seconds that a member, or a call of the target, may take.")]
    max_attempts: Annotated[Positive, Field(description="How often an event is tried before its stream is parked.")]
    max_in_flight: Annotated[Positive, Field(description="Events of a partition that may wait for acknowledgement.")]
    target: NotRequired[Annotated[Target, Field(description="Where its events are pushed, in place of members.")]]
    created: Time
    version: Annotated[Positive, Field(description="Counts its definitions, from 1.")]


class Subscriptions(TypedDict):
    """Durable subscriptions, in the order of their names."""

    subscriptions: Sequence[Subscription]
    next: NotRequired[Token]


class Lags(TypedDict, total=False):
    """How far a durable subscription is behind."""

    lag: Annotated[
        Count,
        Field(
            description="Events that match and that it has yet to come to, as far as they were counted. Left out where "
            "the credential is for some streams alone, and in `GET /stats` where events would have to be read."
        ),
    ]
    lag_more: Annotated[bool, Field(description="Whether there may be more of these; with `lag`.")]
    log_lag: Annotated[
        Count,
        Field(
            description="Events of the log that it has yet to come to, whether they match or not; per partition, "
            "10,000 are 10,000 or more. Left out where the credential is for some streams alone."
        ),
    ]


class Figures(Lags):
    """How a durable subscription stands, in all or in one partition."""

    in_flight: Annotated[Count, Field(description="Events that were sent and not acknowledged.")]
    held: Annotated[Count, Field(description="Streams of which an event failed and is to be tried again.")]
    parked: Annotated[Count, Field(description="Streams that are set aside.")]
    full: Annotated[
        bool,
        Field(
            description="Whether 1,000 streams of a partition are held or parked: nothing new of it is taken until "
            "there is room."
        ),
    ]
    oldest_age: Annotated[
        float | None,
        Field(
            description="Seconds since the oldest event was stored that it has not acknowledged, parked ones apart; "
            "where `log_lag` is left out, of those that were sent or are to be tried again.",
            json_schema_extra={"minimum": 0},
        ),
    ]


class Circuit(TypedDict):
    """Whether events are pushed to the target of a durable subscription."""

    state: Annotated[
        str,
        Field(
            description="`closed`: events are pushed. `open`: the target was unavailable three times in a row, and "
            "single events are pushed to find out whether it is back. `paused`: the target asked to slow down.",
            json_schema_extra={"enum": ["closed", "open", "paused"]},
        ),
    ]
    reason: NotRequired[Annotated[str, Field(description="Why it is not closed.")]]
    next_try: NotRequired[Annotated[Time, Field(description="When the next event may be pushed.")]]


class Circuits(TypedDict, total=False):
    """How the target of a durable subscription stands, in all."""

    open_circuits: Annotated[Count, Field(description="With a target, in how many partitions its circuit is open.")]


class SubscriptionSummary(Figures, Circuits):
    """How a durable subscription stands, in all."""

    id: Name
    members: Count


class SubscriptionMember(TypedDict):
    """A member of a durable subscription."""

    connection: str
    id: Annotated[str, Field(description="As it calls the subscription.")]


class PartitionCircuit(TypedDict, total=False):
    """How the target of a durable subscription stands in one partition."""

    circuit: Annotated[Circuit, Field(description="With a target, whether events are pushed to it.")]


class SubscriptionPartition(Figures, PartitionCircuit):
    """How a durable subscription stands in one partition."""

    partition: Count
    owner: Annotated[
        str | None, Field(description="The connection that the partition belongs to; null if there is a target.")
    ]
    version: Annotated[
        Positive,
        Field(description="Of the definition that it goes by; that of a change comes with its next turn."),
    ]


class SubscriptionStanding(Subscription, Figures, Circuits):
    """The definition of a durable subscription, and how it stands."""

    cursor: Annotated[
        str | None,
        Field(
            description="Its place, an opaque token: all before it was acknowledged, but for streams that are held or "
            "parked. Null if the subscription is deleted meanwhile."
        ),
    ]
    members: Sequence[SubscriptionMember]
    partitions: Sequence[SubscriptionPartition]


class Moved(TypedDict):
    """The partitions of a durable subscription that will go on from another place."""

    id: Name
    partitions: Sequence[Count]


class DeadLetter(TypedDict):
    """A stream that a durable subscription has parked."""

    subscription: Name
    stream: Name
    partition: Count
    sequence: Annotated[Positive, Field(description="Of the event that failed.")]
    attempts: Positive
    errors: Annotated[
        Sequence[str],
        Field(description="Why it failed, attempt by attempt; the newest five, of 300 characters each."),
    ]
    since: Annotated[Time, Field(description="When the stream was parked.")]
    letters: Annotated[Count, Field(description="How many of its events the dead letter queue was given.")]
    event: NotRequired[RecordedEvent]


class DeadLetters(TypedDict):
    """Parked streams, in the order of subscriptions and streams."""

    dead_letters: Sequence[DeadLetter]
    next: NotRequired[Token]


class Redriven(TypedDict):
    """The streams of a durable subscription that will go on."""

    subscription: Name
    streams: Sequence[Name]
