"""The budget of a turn: how many events it can carry, given how many subscriptions match them and what they add up to.

Both costs only decrease as subscriptions end. So a retry of a turn finds no more to do than an earlier try, which
`Turns.narrow` relies on.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.frames.limits import FrameLimits
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription, SubscriptionKey

__all__ = ["RecipientsByEvents", "affordable_to_match", "affordable_to_send", "fitting", "leading"]

RecipientsByEvents = dict[tuple[tuple[int, ...], bool], list["Subscription"]]
"""Subscriptions that receive the same events, by the indexes of the events and whether they are sent as bare events."""

_SUBSCRIPTION = 25
"""The cost of loading a subscription, as a number of events that it is matched with (docs/operations/costs.md)."""


def affordable_to_match(
    positions: Sequence[Position],
    indexes_by_term: Mapping[str, Sequence[int]],
    keys_by_term: Mapping[str, Sequence[SubscriptionKey]],
    *,
    most: int,
) -> int:
    """Return how many of its first events a turn can match with their candidate subscriptions.

    Args:
        positions: The positions of the events.
        indexes_by_term: Per index term the indexes of its events, in order.
        keys_by_term: Per index term the keys of the subscriptions that are stored under it.
        most: The most pairs of an event and a subscription.
    """
    pairs = sum(len(keys) * (len(indexes_by_term[term]) + _SUBSCRIPTION) for term, keys in keys_by_term.items())
    if pairs <= most:
        return len(positions)
    costs = [0] * len(positions)
    for term, keys in keys_by_term.items():
        costs[indexes_by_term[term][0]] += len(keys) * _SUBSCRIPTION
        for index in indexes_by_term[term]:
            costs[index] += len(keys)
    return _affordable(positions, costs, most)


def affordable_to_send(
    positions: Sequence[Position], sizes: Sequence[int], groups: RecipientsByEvents, limits: FrameLimits, *, most: int
) -> int:
    """Return how many of its first events a turn can send.

    Args:
        positions: The positions of the events.
        sizes: The size of each event in bytes.
        groups: The subscriptions that receive the events.
        limits: The limits of frames and deliveries.
        most: The most bytes of all deliveries.
    """
    copies = {group: _copies(len(group[0]), len(to), limits, bare=group[1]) for group, to in groups.items()}
    if sum(sizes) * sum(copies.values()) <= most:
        return len(positions)
    costs = [0] * len(positions)
    for (indexes, _), count in copies.items():
        for index in indexes:
            costs[index] += count * sizes[index]
    return _affordable(positions, costs, most)


def fitting(sizes: Iterable[int], most: int) -> int:
    """Return how many of the first items fit into a total size; at least one.

    Args:
        sizes: The size of each item.
        most: The total size.
    """
    sizes = list(sizes)
    if sum(sizes) <= most:
        return max(1, len(sizes))
    return max(1, sum(total <= most for total in accumulate(sizes)))


def leading(groups: RecipientsByEvents, count: int) -> RecipientsByEvents:
    """Return groups without the events after the first ones.

    Args:
        groups: The groups.
        count: The number of events to keep.
    """
    result: RecipientsByEvents = {}
    for (indexes, bare), subscriptions in groups.items():
        if kept := tuple(index for index in indexes if index < count):
            result.setdefault((kept, bare), []).extend(subscriptions)
    return result


def _copies(events: int, addresses: int, limits: FrameLimits, *, bare: bool) -> int:
    """Return about how many deliveries hold each event of a group. Fewer addresses never lead to more."""
    per_part = limits.addresses
    if bare:
        per_part = max(1, min(per_part, limits.posts // min(events, limits.events)))
    return min(addresses, limits.shards) + addresses // per_part


def _affordable(positions: Sequence[Position], costs: Iterable[int], most: int) -> int:
    """Return how many of the first events cost at most `most`. The events of one append stay together.

    The first append is affordable in any case.
    """
    total = whole_appends = 0
    for index, (position, cost) in enumerate(zip(positions, costs, strict=True)):
        if index and not position.is_in_append_of(positions[index - 1]):
            whole_appends = index
        total += cost
        if total > most and whole_appends:
            return whole_appends
    return len(positions)
