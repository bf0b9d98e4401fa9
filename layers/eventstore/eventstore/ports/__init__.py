"""What the core asks of the outside world. An adapter keeps these promises; nothing above knows which one it is."""

from __future__ import annotations

from eventstore.ports.clock import Clock
from eventstore.ports.connections import Connections
from eventstore.ports.durables import Durables
from eventstore.ports.letters import DeadLetter, DeadLetters
from eventstore.ports.log import Appended, Deleted, Lag, Log, Missing, PartitionStats, Slice, Tail
from eventstore.ports.queues import Bells, Deliveries
from eventstore.ports.registry import Registry, Start, Started
from eventstore.ports.turns import Behind, Turn, TurnResult, Turns
from eventstore.ports.wakeups import Wakeups

__all__ = [
    "Appended",
    "Behind",
    "Bells",
    "Clock",
    "Connections",
    "DeadLetter",
    "DeadLetters",
    "Deleted",
    "Deliveries",
    "Durables",
    "Lag",
    "Log",
    "Missing",
    "PartitionStats",
    "Registry",
    "Slice",
    "Start",
    "Started",
    "Tail",
    "Turn",
    "TurnResult",
    "Turns",
    "Wakeups",
]
