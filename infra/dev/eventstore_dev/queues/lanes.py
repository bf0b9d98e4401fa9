"""The order in which a queue's messages may be taken.

Rules: SQS Developer Guide, "FIFO queue delivery logic": a group's messages are taken in their order, and none of them
while one is in flight; one that is visible again comes before those after it.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict, deque
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Item(Protocol):
    """What stands in a lane. Times are milliseconds."""

    visible_at: float
    delayed_until: float


ItemT = TypeVar("ItemT", bound=Item)


class Lanes(Generic[ItemT]):
    """Items in lanes: a lane is open when none of its items is out and its first one is not delayed.

    Lanes that are open wait their turn in the order in which they opened, so a busy one does not keep others out.
    An item that is out stays in its place; `visible_at` says until when, and may be changed by `hold`.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, deque[ItemT]] = {}
        self._open: OrderedDict[str, None] = OrderedDict()
        self._out: dict[ItemT, str] = {}
        self._out_of: Counter[str] = Counter()
        # When an item's delay or its time outside ends. One that is early for its item has been overtaken by a change.
        self._alarms: list[tuple[float, int, str, ItemT]] = []
        self._numbers = count()

    @property
    def next_alarm(self) -> float | None:
        """When `settle` may open a lane that is closed now."""
        return self._alarms[0][0] if self._alarms else None

    @property
    def any_open(self) -> bool:
        """Whether there is something to take."""
        return bool(self._open)

    def is_out(self, item: ItemT) -> bool:
        """Whether an item is in flight."""
        return item in self._out

    def add(self, lane: str, item: ItemT, *, now: float) -> None:
        """Puts an item at a lane's end."""
        self._lanes.setdefault(lane, deque()).append(item)
        if item.delayed_until > now:
            self._alarm(item.delayed_until, lane, item)
        self._consider(lane, now)

    def take(self, most: int, *, now: float, keep: Callable[[ItemT], bool]) -> list[ItemT]:
        """Takes out items, as many of one lane as possible before the next.

        Args:
            most: At most so many.
            now: The time.
            keep: Asked of each; one that is not kept leaves its lane for good.
        """
        taken: list[ItemT] = []
        while self._open and len(taken) < most:
            name, _ = self._open.popitem(last=False)
            lane, place = self._lanes[name], 0
            while place < len(lane) and len(taken) < most and lane[place].delayed_until <= now:
                item = lane[place]
                if keep(item):
                    taken.append(item)
                    self._out[item] = name
                    self._out_of[name] += 1
                    place += 1
                else:
                    del lane[place]
            self._consider(name, now)
        return taken

    def hold(self, item: ItemT, until: float, *, now: float) -> None:
        """Keeps an item that is out there until a time; one that has come puts it back at once."""
        item.visible_at = until
        if until > now:
            self._alarm(until, self._out[item], item)
        else:
            self._back(item, now)

    def remove(self, lane: str, item: ItemT, *, now: float) -> None:
        """Takes an item away for good."""
        self._lanes[lane].remove(item)
        if item in self._out:
            self._back(item, now)
        else:
            self._open.pop(lane, None)
            self._consider(lane, now)

    def settle(self, now: float) -> None:
        """Puts back what is due, and opens what may be open by now."""
        while self._alarms and self._alarms[0][0] <= now:
            _, _, lane, item = heapq.heappop(self._alarms)
            if item in self._out and item.visible_at <= now:
                self._back(item, now)
            self._consider(lane, now)

    def _back(self, item: ItemT, now: float) -> None:
        lane = self._out.pop(item)
        self._out_of[lane] -= 1
        self._consider(lane, now)

    def _consider(self, name: str, now: float) -> None:
        lane = self._lanes.get(name)
        if not self._out_of[name]:
            del self._out_of[name]
            if lane and lane[0].delayed_until <= now:
                self._open.setdefault(name)
        if lane is not None and not lane:
            del self._lanes[name]
            self._open.pop(name, None)

    def _alarm(self, at: float, lane: str, item: ItemT) -> None:
        heapq.heappush(self._alarms, (at, next(self._numbers), lane, item))
