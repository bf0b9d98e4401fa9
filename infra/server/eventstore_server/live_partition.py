"""What a process knows of one partition for its own ephemeral subscriptions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.positions import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventstore.ports import Behind
    from eventstore.ports.follower import LogEntry
    from eventstore.positions import Epoch, Position
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["LivePartition"]


@dataclass(slots=True)
class LivePartition:
    """The dispatch state of a partition. Its lock guards everything.

    Attributes:
        number: The partition's number.
        epoch: Its epoch.
        checkpoint: The position up to which the log was dispatched.
        end: The position up to which the log is known; never before the checkpoint.
        entries: The entries between them; fewer if a subscription knew of a later end than the follower.
        token: The fencing token of the newest turn.
        keys_by_term: The subscriptions that have caught up, by their index terms.
        behind: Those that have yet to catch up, the one that waited longest first.
        frames: The number of the last frame of each subscription.
        serving: Whether a thread takes turns of the partition.
        requested: Whether a turn was requested meanwhile.
        storing: The number of threads of this process that store events in it at the moment.
        lock: Guards all of it.
    """

    number: int
    epoch: Epoch
    checkpoint: Position
    end: Position
    entries: deque[LogEntry] = field(default_factory=deque)
    token: int = 0
    keys_by_term: dict[str, dict[SubscriptionKey, None]] = field(default_factory=dict)
    behind: dict[SubscriptionKey, Behind] = field(default_factory=dict)
    frames: dict[SubscriptionKey, int] = field(default_factory=dict)
    serving: bool = False
    requested: bool = False
    storing: int = 0
    lock: Lock = field(default_factory=Lock)

    def add_entries(self, entries: Iterable[LogEntry]) -> None:
        """Add what the follower read. Entries that are known already are ignored."""
        for entry in entries:
            if entry.end > self.end:
                self.entries.append(entry)
                self.end = entry.end

    def next_goal(self, *, events: int) -> Position:
        """Return the end of the first entries that hold about so many events; the end of the log if they are fewer."""
        left = events
        for entry in self.entries:
            left -= entry.events
            if left <= 0:
                return entry.end
        return self.end

    def move_checkpoint(self, goal: Position) -> None:
        """Record that the log was dispatched up to a position."""
        self.checkpoint = max(self.checkpoint, goal)
        self.end = max(self.end, goal)
        while self.entries and self.entries[0].end <= goal:
            self.entries.popleft()

    def add_behind(self, state: Behind, *, last_frame: int = 0) -> None:
        """Add a subscription that has yet to catch up, after all others."""
        self.behind.pop(state.key, None)
        self.behind[state.key] = state
        self.frames.setdefault(state.key, last_frame)

    def add_live(self, key: SubscriptionKey, terms: Iterable[str]) -> None:
        """Move a subscription to those that have caught up."""
        self.behind.pop(key, None)
        for term in terms:
            self.keys_by_term.setdefault(term, {})[key] = None

    def remove(self, key: SubscriptionKey, terms: Iterable[str]) -> None:
        """Remove a subscription."""
        self.behind.pop(key, None)
        self.frames.pop(key, None)
        for term in terms:
            keys = self.keys_by_term.get(term)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del self.keys_by_term[term]

    def live_keys(self) -> list[SubscriptionKey]:
        """Return the keys of all subscriptions that have caught up, each once."""
        return list(dict.fromkeys(key for keys in self.keys_by_term.values() for key in keys))

    def starts_ahead(self) -> Position:
        """Return the furthest position of a subscription that has yet to catch up; `BEGINNING` if there is none."""
        return max((state.position for state in self.behind.values()), default=BEGINNING)
