"""How the places of turns and subscriptions in a partition's log are stored."""

from __future__ import annotations

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.ports import Behind
from eventstore.positions import BEGINNING, END_OF_APPEND, Position
from eventstore.subscriptions import SubscriptionKey

__all__ = ["decode_behind", "encode_place", "end_of_entry", "entry_id"]


def end_of_entry(stored: bytes) -> Position:
    """Return the position after all events of an entry of the log, by the id of the entry."""
    return Position(*sequence_and_time(stored), END_OF_APPEND)


def entry_id(position: Position) -> str:
    """Return the id of the entry of the log that holds the event at a position."""
    return f"{position.major}-{position.minor}"


def decode_behind(key: bytes, place: bytes, end: bytes) -> Behind:
    """Return a subscription that has yet to catch up.

    Args:
        key: Its key.
        place: Its place, as `encode_place` returns it.
        end: The id of the last entry of the log when it started; empty if it started there.
    """
    time, order, index, removals = map(int, place.split(b"-"))
    position = Position(time, order, index)
    return Behind(SubscriptionKey(key.decode()), position, removals, end_of_entry(end) if end else BEGINNING)


def encode_place(place: Behind) -> str:
    """Return the place of a subscription that has yet to catch up."""
    position = place.position
    return f"{position.major}-{position.minor}-{position.index}-{place.removals}"
