"""Durable subscriptions: one of them in one partition, as a state and what moves it. Pure: no I/O, no clock.

A group stands at a `place` in the partition's log: every event before it was sent, or is of a stream that is held or
parked, or is none of the subscription's. What was sent and not acknowledged is in flight, in the order of the log.
"""

from __future__ import annotations

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
    Redrive,
    Release,
    Replay,
    Silence,
    decoded,
    encoded,
)
from eventstore.groups.losses import Loss, with_loss
from eventstore.groups.owning import owner_of
from eventstore.groups.state import MOST_ASIDE, Group, Held, InFlightEvent, Member, Parked, Rules
from eventstore.groups.step import Notification, Step, before
from eventstore.groups.steps import apply, apply_timeouts, due

__all__ = [
    "LONGEST_REASON",
    "MOST_ASIDE",
    "Ack",
    "AckStream",
    "Change",
    "Command",
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
    "Redrive",
    "Release",
    "Replay",
    "Rules",
    "Silence",
    "Step",
    "apply",
    "apply_timeouts",
    "before",
    "decoded",
    "due",
    "encoded",
    "owner_of",
    "with_loss",
]
