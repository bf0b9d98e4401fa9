"""Durable subscriptions: the state of each in a partition, and the functions that change it. Pure: no I/O, no clock.

A group has a position in the partition's log, its `place`. Every event before it was sent, or belongs to a stream that
is held or parked, or does not match the subscription. Events that were sent and not acknowledged are in flight, in the
order of the log.
"""

from __future__ import annotations

from eventstore.groups.applying import apply, apply_timeouts, due
from eventstore.groups.commands import (
    LONGEST_REASON,
    Ack,
    AckStream,
    Change,
    Command,
    Heard,
    Join,
    Leave,
    Nack,
    Pushed,
    Redrive,
    Release,
    Replay,
    Silence,
    decoded,
    encoded,
)
from eventstore.groups.losses import Loss, with_loss
from eventstore.groups.rebalancing import owner_of
from eventstore.groups.state import (
    MOST_ASIDE,
    TARGET,
    Circuit,
    DeliverySettings,
    Group,
    Held,
    InFlightEvent,
    Member,
    Parked,
)
from eventstore.groups.step import Notification, Step, has_pusher
from eventstore.groups.target import PUSH_LOST_MS, is_outstanding, is_resting

__all__ = [
    "LONGEST_REASON",
    "MOST_ASIDE",
    "PUSH_LOST_MS",
    "TARGET",
    "Ack",
    "AckStream",
    "Change",
    "Circuit",
    "Command",
    "DeliverySettings",
    "Group",
    "Heard",
    "Held",
    "InFlightEvent",
    "Join",
    "Leave",
    "Loss",
    "Member",
    "Nack",
    "Notification",
    "Parked",
    "Pushed",
    "Redrive",
    "Release",
    "Replay",
    "Silence",
    "Step",
    "apply",
    "apply_timeouts",
    "decoded",
    "due",
    "encoded",
    "has_pusher",
    "is_outstanding",
    "is_resting",
    "owner_of",
    "with_loss",
]
