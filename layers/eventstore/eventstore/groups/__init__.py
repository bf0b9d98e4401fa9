"""Durable subscriptions: one of them in one partition, as a state and what moves it. Pure: no I/O, no clock.

A group stands at a `place` in the partition's log: every event before it was sent, or is of a stream that is held or
parked, or is none of the subscription's. What was sent and not acknowledged is in flight, in the order of the log.
"""

from __future__ import annotations

from eventstore.groups.commands import (
    LONGEST_REASON,
    Ack,
    AckStream,
    Command,
    Join,
    Leave,
    Nack,
    Redrive,
    Release,
    Replay,
    decoded,
    encoded,
)
from eventstore.groups.state import MOST_ASIDE, Group, Held, Member, Parked, Rules, Spot
from eventstore.groups.steps import Step, Told, apply, before, due, owner_of, renew

__all__ = [
    "LONGEST_REASON",
    "MOST_ASIDE",
    "Ack",
    "AckStream",
    "Command",
    "Group",
    "Held",
    "Join",
    "Leave",
    "Member",
    "Nack",
    "Parked",
    "Redrive",
    "Release",
    "Replay",
    "Rules",
    "Spot",
    "Step",
    "Told",
    "apply",
    "before",
    "decoded",
    "due",
    "encoded",
    "owner_of",
    "renew",
]
