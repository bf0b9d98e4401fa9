"""The `Turns` in memory, of a store without subscriptions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.errors import TurnLost
from eventstore.ports import Candidates, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.memory.partitions import Dispatch
    from eventstore.adapters.memory.store import MemoryStore
    from eventstore.ports import TurnResult
    from eventstore.positions import Position
    from eventstore.subscriptions import Durable, Subscription, SubscriptionKey

__all__ = ["MemoryTurns"]


class MemoryTurns:
    """See `ports.Turns`.

    A `MemoryStore` has no subscriptions, neither ephemeral nor durable ones. So nobody is behind, no term finds
    anybody, a commit ignores all keys of its result, and no append needs a wake-up once a turn has noticed that. A goal
    is the end of the log, because nothing is sent.

    Args:
        store: The store, which a `MemoryLog` shares.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def begin(
        self,
        partition: int,
        *,
        events: int,  # noqa: ARG002 - a goal covers all events
        behind: int,  # noqa: ARG002 - nobody is
    ) -> Turn:
        """See `Turns.begin`."""
        with self._store.changed:
            kept = self._store.partitions[partition]
            dispatch = kept.dispatch
            dispatch.woken = True
            dispatch.fencing_token += 1
            is_retry = dispatch.goal is not None
            # Never back, even if the last entry was removed.
            if dispatch.goal is None and kept.end > dispatch.checkpoint:
                dispatch.goal = kept.end
            return Turn(
                partition=partition,
                fencing_token=dispatch.fencing_token,
                epoch=kept.epoch,
                checkpoint=dispatch.checkpoint,
                goal=dispatch.goal or dispatch.checkpoint,
                behind=(),
                live=False,
                frame_offset=dispatch.frame_offset,
                removals=kept.removals.serial,
                is_retry=is_retry,
                goal_pinned=dispatch.goal_pinned,
                has_more=dispatch.goal_pinned,
            )

    def candidates(
        self,
        turn: Turn,
        terms: Sequence[str],  # noqa: ARG002 - none finds anybody
    ) -> Candidates:
        """See `Turns.candidates`."""
        with self._store.changed:
            self._dispatch_of(turn)
            return Candidates({}, {})

    def caught_up(self, partition: int) -> Sequence[SubscriptionKey]:  # noqa: ARG002 - nobody has, anywhere
        """See `Turns.caught_up`."""
        return []

    def durables(
        self,
        partition: int,  # noqa: ARG002 - there are none, anywhere
        keys: Sequence[SubscriptionKey],  # noqa: ARG002 - as above
    ) -> Mapping[SubscriptionKey, Durable]:
        """See `Turns.durables`."""
        return {}

    def definitions(
        self,
        partition: int,  # noqa: ARG002 - there are none, anywhere
        keys: Sequence[SubscriptionKey],  # noqa: ARG002 - as above
    ) -> Mapping[SubscriptionKey, Subscription]:
        """See `Turns.definitions`."""
        return {}

    def frames(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        """See `Turns.frames`."""
        with self._store.changed:
            self._dispatch_of(turn)
            return dict.fromkeys(keys, turn.frame_offset)

    def narrow(self, turn: Turn, goal: Position) -> Turn:
        """See `Turns.narrow`."""
        with self._store.changed:
            dispatch = self._dispatch_of(turn)
            if dispatch.goal is None:
                raise TurnLost(turn.partition)
            if not dispatch.goal_pinned:
                dispatch.goal, dispatch.goal_pinned = goal.end_of_append(), True
            return replace(turn, goal=dispatch.goal, goal_pinned=True, has_more=True)

    def commit(self, turn: Turn, result: TurnResult) -> bool:  # noqa: ARG002 - it is of subscriptions
        """See `Turns.commit`."""
        with self._store.changed:
            dispatch = self._dispatch_of(turn)
            dispatch.checkpoint, dispatch.goal, dispatch.goal_pinned = turn.goal, None, False
            return False

    def release(self, partition: int) -> None:
        """See `Turns.release`. Nobody leases partitions in the memory of one process."""

    def reached(self) -> Mapping[int, Position]:
        """See `Turns.reached`."""
        with self._store.changed:
            return {kept.number: kept.dispatch.checkpoint for kept in self._store.partitions}

    def waiting(self) -> Sequence[int]:
        """See `Turns.waiting`."""
        return []

    def subscribed(self) -> Sequence[int]:
        """See `Turns.subscribed`."""
        return []

    def advance(self) -> None:
        """See `Turns.advance`."""
        with self._store.changed:
            for kept in self._store.partitions:
                dispatch = kept.dispatch
                dispatch.woken = True
                if dispatch.goal is None and kept.end <= dispatch.checkpoint:
                    continue
                dispatch.fencing_token += 1
                dispatch.checkpoint = max(kept.end, dispatch.goal or dispatch.checkpoint)
                dispatch.goal, dispatch.goal_pinned = None, False

    def _dispatch_of(self, turn: Turn) -> Dispatch:
        """Return how far the partition of a turn was dispatched; raise `TurnLost` if another turn has begun since."""
        dispatch = self._store.partitions[turn.partition].dispatch
        if dispatch.fencing_token != turn.fencing_token:
            raise TurnLost(turn.partition)
        return dispatch
