"""The client of flunq-eventstore: publish CloudEvents, read them back in order, and follow them live.

with EventStore() as store:
    store.publish([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}], stream="order-1")
    for event in store.read("order-1"):
        print(event.sequence, event.type)
    with store.subscribe(stream="order-1") as events:
        for event in events:
            print(event.sequence, event.type)

Threads may share an `EventStore`. One thread iterates a `Subscription`, or runs a `Worker` and its handler; any thread
may close it. A forked process may use its parent's `EventStore`, over connections of its own, and creates its own
subscriptions and workers. Its calls block; those of `AsyncEventStore` are awaited:

async with AsyncEventStore() as store:
    await store.publish([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}])
    async with store.subscribe() as events:
        async for event in events:
            print(event.sequence, event.type)

The logger `eventstore_client` reports what delays events: connections lost and restored, partitions owned and released,
failed events with the handler's traceback, and handlers that exceed their deadline.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventstore_client.backoff import Backoff
from eventstore_client.calls import UNCHANGED, Unchanged
from eventstore_client.credentials import Anonymous, ApiKey, Bearer, Credentials
from eventstore_client.errors import (
    BadInput,
    ClientError,
    Conflict,
    ConnectFailed,
    Denied,
    EventConflict,
    Gone,
    HistoryLost,
    Invalid,
    LoadFailed,
    LoadInterrupted,
    NoCredentials,
    NotFound,
    ProblemError,
    TooLarge,
    Unavailable,
    Unencrypted,
    UnexpectedAnswer,
    WrongExpectedVersion,
    WrongProcess,
    WrongVersion,
)
from eventstore_client.events import Publishable, Stored
from eventstore_client.hub import EventStore
from eventstore_client.verdicts import Park, Retry
from eventstore_client.version import __version__

if TYPE_CHECKING:
    from eventstore_client.async_hub import AsyncEventStore
    from eventstore_client.async_subscription import AsyncSubscription
    from eventstore_client.async_worker import AsyncWorker
    from eventstore_client.aws_iam import AwsIam
    from eventstore_client.dead_letters import AsyncDeadLetters, DeadLetter, DeadLetters
    from eventstore_client.durable_subscriptions import AsyncDurableSubscriptions, DurableSubscriptions
    from eventstore_client.event_schemas import AsyncEventSchemas, EventSchema, EventSchemas
    from eventstore_client.losses import Loss, Missing
    from eventstore_client.named_filters import AsyncNamedFilters, NamedFilter, NamedFilters
    from eventstore_client.open_connections import AsyncConnections, ConnectionInfo, Connections, ConnectionSubscription
    from eventstore_client.recorded import Recorded
    from eventstore_client.searches import AsyncSearch, Search, Selection
    from eventstore_client.statistics import PartitionStats, Stats
    from eventstore_client.streams import AsyncStreams, Origin, Retention, StreamInfo, Streams
    from eventstore_client.subscription import Subscription
    from eventstore_client.subscription_status import (
        Circuit,
        Figures,
        Member,
        PartitionStatus,
        SubscriptionInfo,
        SubscriptionStatus,
        SubscriptionSummary,
    )
    from eventstore_client.worker import Worker

__all__ = [
    "UNCHANGED",
    "Anonymous",
    "ApiKey",
    "AsyncConnections",
    "AsyncDeadLetters",
    "AsyncDurableSubscriptions",
    "AsyncEventSchemas",
    "AsyncEventStore",
    "AsyncNamedFilters",
    "AsyncSearch",
    "AsyncStreams",
    "AsyncSubscription",
    "AsyncWorker",
    "AwsIam",
    "Backoff",
    "BadInput",
    "Bearer",
    "Circuit",
    "ClientError",
    "Conflict",
    "ConnectFailed",
    "ConnectionInfo",
    "ConnectionSubscription",
    "Connections",
    "Credentials",
    "DeadLetter",
    "DeadLetters",
    "Denied",
    "DurableSubscriptions",
    "EventConflict",
    "EventSchema",
    "EventSchemas",
    "EventStore",
    "Figures",
    "Gone",
    "HistoryLost",
    "Invalid",
    "LoadFailed",
    "LoadInterrupted",
    "Loss",
    "Member",
    "Missing",
    "NamedFilter",
    "NamedFilters",
    "NoCredentials",
    "NotFound",
    "Origin",
    "Park",
    "PartitionStats",
    "PartitionStatus",
    "ProblemError",
    "Publishable",
    "Recorded",
    "Retention",
    "Retry",
    "Search",
    "Selection",
    "Stats",
    "Stored",
    "StreamInfo",
    "Streams",
    "Subscription",
    "SubscriptionInfo",
    "SubscriptionStatus",
    "SubscriptionSummary",
    "TooLarge",
    "Unavailable",
    "Unchanged",
    "Unencrypted",
    "UnexpectedAnswer",
    "Worker",
    "WrongExpectedVersion",
    "WrongProcess",
    "WrongVersion",
    "__version__",
]

_MODULES = {
    "AsyncConnections": "eventstore_client.open_connections",
    "AsyncDeadLetters": "eventstore_client.dead_letters",
    "AsyncDurableSubscriptions": "eventstore_client.durable_subscriptions",
    "AsyncEventSchemas": "eventstore_client.event_schemas",
    "AsyncEventStore": "eventstore_client.async_hub",
    "AsyncNamedFilters": "eventstore_client.named_filters",
    "AsyncSearch": "eventstore_client.searches",
    "AsyncStreams": "eventstore_client.streams",
    "AsyncSubscription": "eventstore_client.async_subscription",
    "AsyncWorker": "eventstore_client.async_worker",
    "AwsIam": "eventstore_client.aws_iam",
    "Circuit": "eventstore_client.subscription_status",
    "ConnectionInfo": "eventstore_client.open_connections",
    "ConnectionSubscription": "eventstore_client.open_connections",
    "Connections": "eventstore_client.open_connections",
    "DeadLetter": "eventstore_client.dead_letters",
    "DeadLetters": "eventstore_client.dead_letters",
    "DurableSubscriptions": "eventstore_client.durable_subscriptions",
    "EventSchema": "eventstore_client.event_schemas",
    "EventSchemas": "eventstore_client.event_schemas",
    "Figures": "eventstore_client.subscription_status",
    "Loss": "eventstore_client.losses",
    "Member": "eventstore_client.subscription_status",
    "Missing": "eventstore_client.losses",
    "NamedFilter": "eventstore_client.named_filters",
    "NamedFilters": "eventstore_client.named_filters",
    "Origin": "eventstore_client.streams",
    "PartitionStats": "eventstore_client.statistics",
    "PartitionStatus": "eventstore_client.subscription_status",
    "Recorded": "eventstore_client.recorded",
    "Retention": "eventstore_client.streams",
    "Search": "eventstore_client.searches",
    "Selection": "eventstore_client.searches",
    "Stats": "eventstore_client.statistics",
    "StreamInfo": "eventstore_client.streams",
    "Streams": "eventstore_client.streams",
    "Subscription": "eventstore_client.subscription",
    "SubscriptionInfo": "eventstore_client.subscription_status",
    "SubscriptionStatus": "eventstore_client.subscription_status",
    "SubscriptionSummary": "eventstore_client.subscription_status",
    "Worker": "eventstore_client.worker",
}
"""The modules of the names that are imported when they are used: a program that publishes needs none of them. Their
names are in full: what checks builds of the client finds its imports so."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any name of these modules
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
