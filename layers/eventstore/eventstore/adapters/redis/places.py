"""How the places of subscriptions that have yet to catch up are stored."""

from __future__ import annotations

from eventstore.adapters.redis.entries import end_of_entry, id_of_entry
from eventstore.ports import Behind
from eventstore.positions import BEGINNING, Position
from eventstore.subscriptions import SubscriptionKey

__all__ = ["decode_behind", "encode_place"]


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
    return f"{id_of_entry(position)}-{position.index}-{place.removals}"
