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
subscriptions and workers. All calls block: in an event loop, run them in a thread (`asyncio.to_thread`).

The logger `eventstore_client` reports what delays events: connections lost and restored, partitions owned and released,
failed events with the handler's traceback, and handlers that exceed their deadline.
"""

from __future__ import annotations

from eventstore_client.aws_iam import AwsIam
from eventstore_client.backoff import Backoff
from eventstore_client.credentials import ApiKey, Bearer, Credentials
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
)
from eventstore_client.events import Publishable, Recorded, Stored
from eventstore_client.hub import EventStore
from eventstore_client.losses import Loss, Missing
from eventstore_client.subscription import Subscription
from eventstore_client.verdicts import Park, Retry
from eventstore_client.worker import Worker

__all__ = [
    "ApiKey",
    "AwsIam",
    "Backoff",
    "BadInput",
    "Bearer",
    "ClientError",
    "Conflict",
    "ConnectFailed",
    "Credentials",
    "Denied",
    "EventConflict",
    "EventStore",
    "Gone",
    "HistoryLost",
    "Invalid",
    "LoadFailed",
    "LoadInterrupted",
    "Loss",
    "Missing",
    "NoCredentials",
    "NotFound",
    "Park",
    "ProblemError",
    "Publishable",
    "Recorded",
    "Retry",
    "Stored",
    "Subscription",
    "TooLarge",
    "Unavailable",
    "Unencrypted",
    "UnexpectedAnswer",
    "Worker",
    "WrongExpectedVersion",
    "WrongProcess",
]
