"""The interfaces through which the core reaches stores, queues, clients and the clock.

Adapters implement them and keep their promises. The core never depends on which adapter is in use.
"""

from __future__ import annotations

from eventstore.ports.clock import Clock
from eventstore.ports.connections import Connections
from eventstore.ports.durables import Durables
from eventstore.ports.event_schemas import EventSchemas
from eventstore.ports.history import History
from eventstore.ports.hot_window import HotWindow
from eventstore.ports.instances import ALIVE_MS, FIRST_MESSAGE, InstanceId, Instances, Received
from eventstore.ports.letters import DeadLetter, DeadLetters
from eventstore.ports.log import Log
from eventstore.ports.log_values import Appended, Deleted, Lag, LogEnd, Missing, PartitionStats, Slice, Tail
from eventstore.ports.named_filters import NamedFilters
from eventstore.ports.queues import Deliveries, DispatchQueue, Pushes
from eventstore.ports.registry import (
    FIRST_LISTED,
    ConnectionRecord,
    EphemeralRecord,
    EphemeralSubscriptions,
    ListedConnection,
    Registry,
    Start,
    Started,
)
from eventstore.ports.schema_values import MOST_SCHEMAS, EventSchema
from eventstore.ports.secrets import Secrets, SecretUnavailable, SigningKey
from eventstore.ports.targets import Refusal, TargetAdapter, TargetThrottled, TargetUnavailable
from eventstore.ports.turns import LEASE_MS, Behind, Candidates, Lease, Turn, TurnResult, Turns
from eventstore.ports.wakeups import Wakeups

__all__ = [
    "ALIVE_MS",
    "FIRST_LISTED",
    "FIRST_MESSAGE",
    "LEASE_MS",
    "MOST_SCHEMAS",
    "Appended",
    "Behind",
    "Candidates",
    "Clock",
    "ConnectionRecord",
    "Connections",
    "DeadLetter",
    "DeadLetters",
    "Deleted",
    "Deliveries",
    "DispatchQueue",
    "Durables",
    "EphemeralRecord",
    "EphemeralSubscriptions",
    "EventSchema",
    "EventSchemas",
    "History",
    "HotWindow",
    "InstanceId",
    "Instances",
    "Lag",
    "Lease",
    "ListedConnection",
    "Log",
    "LogEnd",
    "Missing",
    "NamedFilters",
    "PartitionStats",
    "Pushes",
    "Received",
    "Refusal",
    "Registry",
    "SecretUnavailable",
    "Secrets",
    "SigningKey",
    "Slice",
    "Start",
    "Started",
    "Tail",
    "TargetAdapter",
    "TargetThrottled",
    "TargetUnavailable",
    "Turn",
    "TurnResult",
    "Turns",
    "Wakeups",
]
