"""How far a turn may go: less far than it meant to where very many may want its events, or very much is to be sent.

Both measures shrink, or stay, as subscriptions end: a later try of a turn finds no more to do than an earlier one,
which `Turns.narrow` relies on.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.frames.builder import FrameLimits
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription

__all__ = ["Groups", "affordable_to_match", "affordable_to_send", "fitting", "leading"]

Groups = dict[tuple[tuple[int, ...], bool], list["Subscription"]]
"""Who gets the same events: by the indexes of these, and whether they go as bare events."""

_SUBSCRIPTION = 25
"""To look at a subscription at all takes as long as to ask it about so many events (docs/operations/costs.md)."""


def affordable_to_match(
    places: Sequence[Position], at: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[str]], *, most: int
) -> int:
    """With how many of its events a turn may go on, given who may want them.

    Args:
        places: Where the events stand.
        at: Per term the indexes of its events, in order.
        found: Per term the subscriptions that are found under it.
        most: Pairs of an event and a subscription.
    """
    if sum(len(keys) * (len(at[term]) + _SUBSCRIPTION) for term, keys in found.items()) <= most:
        return len(places)
    costs = [0] * len(places)
    for term, keys in found.items():
        costs[at[term][0]] += len(keys) * _SUBSCRIPTION
        for index in at[term]:
            costs[index] += len(keys)
    return _affordable(places, costs, most)


def affordable_to_send(
    places: Sequence[Position], sizes: Sequence[int], groups: Groups, limits: FrameLimits, *, most: int
) -> int:
    """With how many of its events a turn may go on, given who gets them.

    Args:
        places: Where the events stand.
        sizes: How many bytes each has.
        groups: Who gets which.
        limits: How deliveries are cut.
        most: Bytes of all deliveries.
    """
    copies = {group: _copies(len(group[0]), len(to), limits, bare=group[1]) for group, to in groups.items()}
    if sum(sizes) * sum(copies.values()) <= most:
        return len(places)
    costs = [0] * len(places)
    for (indexes, _), times in copies.items():
        for index in indexes:
            costs[index] += times * sizes[index]
    return _affordable(places, costs, most)


def fitting(sizes: Iterable[int], most: int) -> int:
    """How many things in the lead are no larger than that together; one in any case."""
    return max(1, sum(size <= most for size in accumulate(sizes)))


def leading(groups: Groups, count: int) -> Groups:
    """The same, of only the first events."""
    left: Groups = {}
    for (indexes, bare), subscriptions in groups.items():
        if kept := tuple(index for index in indexes if index < count):
            left.setdefault((kept, bare), []).extend(subscriptions)
    return left


def _copies(events: int, addresses: int, limits: FrameLimits, *, bare: bool) -> int:
    """About how often each event of a group stands in deliveries; never more if there are fewer addresses."""
    together = limits.addresses
    if bare:
        together = max(1, min(together, limits.posts // min(events, limits.events)))
    return min(addresses, limits.shards) + addresses // together


def _affordable(places: Sequence[Position], costs: Iterable[int], most: int) -> int:
    """How many events in the lead cost no more than that together: those of whole appends, and of one in any case."""
    spent = whole = 0
    for number, (place, cost) in enumerate(zip(places, costs, strict=True)):
        if number and (place.time, place.order) != (places[number - 1].time, places[number - 1].order):
            whole = number
        spent += cost
        if spent > most and whole:
            return whole
    return len(places)
