"""The turns of a partition: what its one worker knows as it starts, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from eventstore.positions import BEGINNING, Position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["Behind", "Turn", "TurnResult", "Turns"]


@dataclass(frozen=True, slots=True)
class Behind:
    """A subscription that has yet to catch up.

    Attributes:
        key: Its key.
        position: Where it stands.
        removals: As in `Started`.
        end: Where the log ended when it began: before that it has not caught up. `BEGINNING` if it began there, or if
            the log was empty.
    """

    key: str
    position: Position
    removals: int
    end: Position = BEGINNING


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as it begins.

    Attributes:
        fencing_token: Greater than that of every earlier turn; only the turn with the newest token may commit.
        epoch: The partition's.
        checkpoint: Where live delivery stands.
        target: Where this turn carries it. A turn that does not commit leaves its target to the next one: what it may
            have sent is sent again under the same frame numbers.
        target_pinned: Whether an earlier try has narrowed the target; then it is not moved again.
        has_more: Whether the log goes on behind the target. Who begins further on has not caught up there.
        behind: Subscriptions that have yet to catch up, the one that waits longest first; not all, if they are many.
        carried: How many they were when the target was set; some may have ended since.
        live: Whether any subscription has caught up.
        frame_offset: What is added to numbers of frames, for events were removed that an earlier try may have sent.
        removals: How many removals of events the partition has seen (`Missing.serial`).
        is_retry: Whether an earlier try came to nothing: its target stands until this one commits.
        now: When it was begun, in milliseconds since 1970; a second try has the time of the first. 0 without groups.
        stamp: When it was begun this time, as `now`.
        alarm: When a turn was last asked for ahead of time, in milliseconds since 1970; 0 if none ever was.
        groups: The state of each durable subscription, by its key (`Group.encoded`).
        commands: What the turn applies: the key of the subscription, and the command (`groups.encoded`).
    """

    partition: int
    fencing_token: int
    epoch: str
    checkpoint: Position
    target: Position
    behind: Sequence[Behind]
    live: bool
    frame_offset: int
    removals: int
    is_retry: bool = False
    now: int = 0
    alarm: int = 0
    target_pinned: bool = False
    has_more: bool = False
    carried: int = 0
    stamp: int = 0
    groups: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[tuple[str, str]] = ()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do.

        A second try never is: those whom the first one was for may have ended, but until it commits, no other begins.
        """
        return not (self.is_retry or self.target > self.checkpoint or self.behind or self.groups)


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn has done. Subscriptions are named by their keys; those that ended meanwhile are passed over.

    Attributes:
        frames: The number of the last frame of each that was sent any.
        places: How far those have come that are still behind.
        caught_up: Those that reached the target, with the terms under which they are to be found (`matching.terms_of`).
        groups: The durable subscriptions that moved, and their states.
        alarm: When a turn was asked for ahead of time; 0 if none was.
        definitions: The durable subscriptions that were changed, and what they are now (`Durable.encoded`).
    """

    frames: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, Behind] = field(default_factory=dict)
    caught_up: Mapping[str, Sequence[str]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    alarm: int = 0
    definitions: Mapping[str, str] = field(default_factory=dict)


class Turns(Protocol):
    """Keeps, per partition, where delivery stands, and finds who wants an event."""

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """Begin a turn of about that many events, and of that many subscriptions that are behind."""

    def candidates(self, partition: int, terms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The keys of the subscriptions that have caught up and are found under each term."""

    def caught_up(self, partition: int) -> Sequence[str]:
        """The keys of all subscriptions that have caught up. There may be very many: for what seldom happens."""

    def durables(self, partition: int, keys: Sequence[str]) -> Mapping[str, str]:
        """What `Durable.encoded` gave, of those that have not ended."""

    def definitions(self, partition: int, keys: Sequence[str]) -> Mapping[str, str]:
        """What `Subscription.encoded` gave, of those that have not ended."""

    def frames(self, turn: Turn, keys: Sequence[str]) -> Mapping[str, int]:
        """The number of the last frame that each was sent; 0 if none was.

        Raises:
            TurnLost: Another turn has begun since.
        """

    def narrow(self, turn: Turn, target: Position) -> Turn:
        """Let a turn carry the partition less far, to the end of an earlier append; the turn as it goes on.

        That is for a turn that finds too much to do. The new target holds for those who take the turn again too, and is
        not moved again. Frames stay the same under the same numbers, because

        * a turn narrows before it sends anything, and only the newest one may;
        * while a turn is under way, subscriptions that have caught up only end: none begins but by `commit`. So a
          later try finds no more to do than an earlier one, and if it finds too much, under a target that nobody has
          narrowed, then so did all before it, and none of them has sent anything;
        * who was overtaken before it knew what there is to do sends nothing: it asks for `frames` between.

        Raises:
            TurnLost: Another turn has begun since; nothing is changed.
        """

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """Store what a turn has done, all or nothing.

        Returns:
            Whether the partition has more to do.

        Raises:
            TurnLost: Another turn has begun since; nothing is changed.
        """

    def reached(self) -> Mapping[int, Position]:
        """Where each partition's dispatch stands."""

    def waiting(self) -> Sequence[int]:
        """The partitions that have something to do."""
