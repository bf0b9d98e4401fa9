"""The client of flunq-eventstore: publish CloudEvents, and read them back in order.

with EventStore() as store:
store.publish([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}], stream="order-1")
for event in store.read("order-1"):
print(event.sequence, event.type)
"""

from __future__ import annotations

from eventstore_client.backoff import Backoff
from eventstore_client.errors import (
    BadInput,
    ClientError,
    Conflict,
    ConnectFailed,
    EventConflict,
    Gone,
    Invalid,
    LoadFailed,
    LoadInterrupted,
    NotFound,
    ProblemError,
    TooLarge,
    Unavailable,
    UnexpectedAnswer,
    WrongExpectedVersion,
)
from eventstore_client.events import Publishable, Recorded, Stored
from eventstore_client.hub import EventStore

__all__ = [
    "Backoff",
    "BadInput",
    "ClientError",
    "Conflict",
    "ConnectFailed",
    "EventConflict",
    "EventStore",
    "Gone",
    "Invalid",
    "LoadFailed",
    "LoadInterrupted",
    "NotFound",
    "ProblemError",
    "Publishable",
    "Recorded",
    "Stored",
    "TooLarge",
    "Unavailable",
    "UnexpectedAnswer",
    "WrongExpectedVersion",
]
