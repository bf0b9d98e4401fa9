"""The turns of this process's own ephemeral subscriptions, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.errors import TurnLost
from eventstore.ports import Candidates, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.ports import Behind, TurnResult
    from eventstore.ports.follower import LogEntry
    from eventstore.ports.log_values import LogEnd
    from eventstore.positions import Epoch, Position
    from eventstore.subscriptions import ConnectionId, Durable, Subscription, SubscriptionKey
    from eventstore_server.live_partition import LivePartition

__all__ = ["LiveTurns"]


class LiveTurns:
    """See `ports.Turns`. One thread at a time takes turns of a partition; others add and remove subscriptions.

    A turn sends its frames once it has read everything, and nothing can fail between sending and committing. So no
    turn is a retry that has sent frames before, and no number leaps.

    Args:
        partitions: The partitions, by number.
        is_congested: Whether the client of a connection has yet to read what it was sent. Its subscriptions do not
            catch up meanwhile.
    """

    def __init__(
        self, partitions: Sequence[LivePartition], *, is_congested: Callable[[ConnectionId], bool] = lambda _: False
    ) -> None:
        self.partitions = partitions
        self._is_congested = is_congested
        self._subscriptions: dict[SubscriptionKey, Subscription] = {}

    # Subscriptions

    def add(self, subscription: Subscription, starts: Iterable[tuple[int, Epoch, Behind]]) -> Sequence[int]:
        """Add a subscription, which has yet to catch up in each of its partitions.

        Args:
            subscription: The subscription.
            starts: Its partitions, their epochs when its starts were chosen, and where it starts.

        Returns:
            The partitions that have another epoch by now: it was not added to them.
        """
        self._subscriptions[subscription.key] = subscription
        refused: list[int] = []
        for number, epoch, behind in starts:
            partition = self.partitions[number]
            with partition.lock:
                if partition.epoch == epoch:
                    partition.add_behind(behind)
                else:
                    refused.append(number)
        return refused

    def remove(self, key: SubscriptionKey, partitions: Iterable[int], terms: Sequence[str]) -> None:
        """Remove a subscription. Repeating the call changes nothing."""
        self._subscriptions.pop(key, None)
        for number in partitions:
            partition = self.partitions[number]
            with partition.lock:
                partition.remove(key, terms)

    def has(self, key: SubscriptionKey) -> bool:
        """Whether there is a subscription."""
        return key in self._subscriptions

    def subscriptions(self) -> Sequence[Subscription]:
        """Return all subscriptions."""
        return list(self._subscriptions.values())

    def frames_of(self, key: SubscriptionKey) -> Mapping[int, int]:
        """Return the number of the last frame of a subscription in each partition that has sent one."""
        return {partition.number: frame for partition in self.partitions if (frame := partition.frames.get(key, 0))}

    # The log

    def ends(self) -> Mapping[int, Position]:
        """Return the position up to which each log is known."""
        return {partition.number: partition.end for partition in self.partitions}

    def add_entries(self, number: int, entries: Iterable[LogEntry]) -> bool:
        """Add entries of a log that were read, and return whether a turn has something to do."""
        partition = self.partitions[number]
        with partition.lock:
            partition.add_entries(entries)
            if not partition.keys_by_term and not partition.behind:
                partition.move_checkpoint(partition.end)
            return self._has_more(partition)

    def has_unknown(self, news: Mapping[int, Sequence[LogEntry]]) -> bool:
        """Return whether there are entries that are not known yet, among the next ones of each log."""
        return any(entries[-1].end > self.partitions[number].end for number, entries in news.items() if entries)

    def is_storing(self) -> bool:
        """Whether any thread stores events."""
        return any(partition.storing for partition in self.partitions)

    def begin_storing(self, number: int) -> Position | None:
        """Record that the calling thread stores events in a partition, and will deliver them.

        Returns:
            The position after which it will have to read the log; None if there is nobody to deliver to.
        """
        partition = self.partitions[number]
        with partition.lock:
            partition.storing += 1
            is_live = bool(partition.keys_by_term) and not partition.behind
            return partition.checkpoint if is_live else None

    def end_storing(self, number: int, *, delivers: bool) -> bool:
        """Record that the calling thread has stored its events, and return whether it is to take a turn now.

        Then `serving` is set. There is none to take without live subscriptions, beside another thread, and where some
        have yet to catch up.

        Args:
            number: The partition.
            delivers: Whether the thread would take a turn.
        """
        partition = self.partitions[number]
        with partition.lock:
            partition.storing -= 1
            if not delivers or partition.serving or partition.behind or not partition.keys_by_term:
                return False
            partition.serving = True
            return True

    def restart(self, number: int, end: LogEnd) -> Sequence[Subscription]:
        """Begin anew in a partition whose store was reset.

        Returns:
            The subscriptions that it had. They cannot go on: the caller closes their connections.
        """
        partition = self.partitions[number]
        with partition.lock:
            keys = [*partition.live_keys(), *partition.behind]
            # A turn under way is of the old history.
            partition.token += 1
            partition.epoch, partition.checkpoint, partition.end = end.epoch, end.position, end.position
            for state in (partition.entries, partition.keys_by_term, partition.behind, partition.frames):
                state.clear()
        return [self._subscriptions[key] for key in keys if key in self._subscriptions]

    # Turns

    def begin(self, number: int, *, events: int, behind: int) -> Turn:
        """See `Turns.begin`."""
        partition = self.partitions[number]
        with partition.lock:
            partition.token += 1
            carried = self._carried(partition)[:behind]
            # A subscription may know of a later end than the follower, which never sees an entry that was removed.
            partition.end = max([partition.end, *(max(state.position, state.end) for state in carried)])
            goal = partition.next_goal(events=events)
            return Turn(
                partition=number,
                fencing_token=partition.token,
                epoch=partition.epoch,
                checkpoint=partition.checkpoint,
                goal=goal,
                behind=carried,
                live=bool(partition.keys_by_term),
                frame_offset=0,
                removals=0,
                has_more=goal < partition.end or partition.starts_ahead() > goal,
                carried=len(carried),
            )

    def candidates(self, turn: Turn, terms: Sequence[str]) -> Candidates:
        """See `Turns.candidates`."""
        partition = self._partition_of(turn)
        with partition.lock:
            found = {term: list(keys) for term in terms if (keys := partition.keys_by_term.get(term))}
            frames = partition.frames
            return Candidates(found, {key: frames[key] for keys in found.values() for key in keys})

    def caught_up(self, number: int) -> Sequence[SubscriptionKey]:
        """See `Turns.caught_up`."""
        partition = self.partitions[number]
        with partition.lock:
            return partition.live_keys()

    def definitions(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Subscription]:  # noqa: ARG002 - a key says it all
        """See `Turns.definitions`."""
        known = self._subscriptions
        return {key: known[key] for key in keys if key in known}

    def durables(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Durable]:  # noqa: ARG002 - durable subscriptions are in the store
        """See `Turns.durables`."""
        return {}

    def frames(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        """See `Turns.frames`."""
        partition = self._partition_of(turn)
        with partition.lock:
            return {key: partition.frames.get(key, 0) for key in keys}

    def narrow(self, turn: Turn, goal: Position) -> Turn:
        """See `Turns.narrow`."""
        self._partition_of(turn)
        return replace(turn, goal=goal, goal_pinned=True, has_more=True)

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """See `Turns.commit`."""
        partition = self._partition_of(turn)
        with partition.lock:
            partition.move_checkpoint(turn.goal)
            for key, frame in result.frames.items():
                if key in partition.frames:
                    partition.frames[key] = frame
            for key, state in result.places.items():
                if key in partition.behind:
                    partition.add_behind(state)
            for key, terms in result.caught_up.items():
                if key in partition.behind:
                    partition.add_live(key, terms)
            return self._has_more(partition)

    def reached(self) -> Mapping[int, Position]:
        """See `Turns.reached`."""
        return {partition.number: partition.checkpoint for partition in self.partitions}

    def waiting(self) -> Sequence[int]:
        """See `Turns.waiting`."""
        return [partition.number for partition in self.partitions if self._has_more(partition)]

    def subscribed(self) -> Sequence[int]:
        """See `Turns.subscribed`."""
        return [partition.number for partition in self.partitions if partition.keys_by_term or partition.behind]

    def advance(self) -> None:
        """See `Turns.advance`: `add_entries` moves the checkpoint where this process has no subscriptions."""

    def release(self, partition: int) -> None:
        """See `Turns.release`: nobody else serves this process's subscriptions."""

    def _has_more(self, partition: LivePartition) -> bool:
        return partition.end > partition.checkpoint or any(self._carried(partition))

    def _carried(self, partition: LivePartition) -> list[Behind]:
        return [
            state
            for key, state in partition.behind.items()
            if key in self._subscriptions and not self._is_congested(self._subscriptions[key].connection)
        ]

    def _partition_of(self, turn: Turn) -> LivePartition:
        partition = self.partitions[turn.partition]
        if partition.token != turn.fencing_token:
            raise TurnLost(turn.partition)
        return partition
