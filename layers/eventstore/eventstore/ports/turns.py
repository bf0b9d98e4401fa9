"""The turns of a partition: the state that its one worker reads when it begins, and the result that it commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from eventstore.positions import BEGINNING, Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from eventstore.groups import Command, Group
    from eventstore.ports.instances import InstanceId
    from eventstore.subscriptions import Durable, Subscription, SubscriptionKey

__all__ = ["LEASE_MS", "Behind", "Candidates", "Lease", "Turn", "TurnResult", "Turns"]

LEASE_MS = 6000
"""How long a lease of an instance of the server lasts. Others who wait for its end know it from here."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A subscription that has yet to catch up in a partition.

    Attributes:
        key: The key of the subscription.
        position: The position up to which it has received the log.
        removals: The removal serial when it started, as in `Started`.
        end: The end of the log when the subscription started. It is live once it has received everything up to there.
            `BEGINNING` if it started at the end, or if the log was empty.
    """

    key: SubscriptionKey
    position: Position
    removals: int
    end: Position = BEGINNING


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as it begins.

    Attributes:
        partition: The partition's number.
        fencing_token: Greater than that of every earlier turn; only the turn with the greatest token can commit.
        epoch: The epoch of the partition.
        checkpoint: The position up to which the log was dispatched.
        goal: The position up to which this turn dispatches. If a turn does not commit, the next one has the same
            goal and sends the same frames under the same numbers again.
        goal_pinned: Whether an earlier try narrowed the goal; then it cannot be narrowed again.
        has_more: Whether the log has entries after the goal. A subscription that started further on has not caught up
            at the goal.
        behind: Subscriptions that have yet to catch up, the one that waited longest first; a part of them, if there
            are many.
        carried: The number of these when the goal was set; some may have ended since.
        live: Whether any subscription has caught up.
        frame_offset: The number that is added to frame numbers, because events were removed that an earlier try may
            have sent.
        removals: The removal serial of the partition (`Missing.serial`).
        is_retry: Whether an earlier turn with this goal did not commit.
        now: When the first try of the turn began, in milliseconds since 1970, also in a retry. 0 if the
            partition has no durable subscriptions.
        stamp: When this try began, in milliseconds since 1970; 0 as for `now`.
        alarm: The time of the last turn that was scheduled ahead, in milliseconds since 1970; 0 if there was none.
        groups: The group of each durable subscription, by the subscription's key. The turn changes them.
        commands: The commands that the turn applies, in order: the subscription's key, and the command.
    """

    partition: int
    fencing_token: int
    epoch: Epoch
    checkpoint: Position
    goal: Position
    behind: Sequence[Behind]
    live: bool
    frame_offset: int
    removals: int
    is_retry: bool = False
    now: int = 0
    alarm: int = 0
    goal_pinned: bool = False
    has_more: bool = False
    carried: int = 0
    stamp: int = 0
    groups: Mapping[SubscriptionKey, Group] = field(default_factory=dict)
    commands: Sequence[tuple[SubscriptionKey, Command]] = ()

    @property
    def idle(self) -> bool:
        """Whether the turn has nothing to do.

        A retry is never idle: its subscriptions may have ended, but the next turn can set a goal only after the retry
        commits.
        """
        return not (self.is_retry or self.goal > self.checkpoint or self.behind or self.groups)


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn commits, by keys of subscriptions. Keys of subscriptions that ended meanwhile are ignored.

    Attributes:
        frames: The number of the last frame that was sent to each subscription.
        places: The new positions of subscriptions that have yet to catch up.
        caught_up: The subscriptions that reached the goal, with the index terms that find them
            (`index_terms.terms_of`).
        groups: The groups as the turn leaves them. Those that are not here are as they were.
        alarm: The time of the turn that was scheduled ahead, in milliseconds since 1970; 0 if none was.
        definitions: The new definitions of durable subscriptions that changed.
        pushed: Groups that the turn changed only by pushing events whose results will change them again. A store that
            keeps a copy of groups elsewhere can leave this out: who has the older state pushes the events again.
    """

    frames: Mapping[SubscriptionKey, int] = field(default_factory=dict)
    places: Mapping[SubscriptionKey, Behind] = field(default_factory=dict)
    caught_up: Mapping[SubscriptionKey, Sequence[str]] = field(default_factory=dict)
    groups: Mapping[SubscriptionKey, Group] = field(default_factory=dict)
    alarm: int = 0
    definitions: Mapping[SubscriptionKey, Durable] = field(default_factory=dict)
    pushed: Collection[SubscriptionKey] = ()


class Candidates(NamedTuple):
    """The caught-up subscriptions that index terms find, by their keys.

    Attributes:
        keys_by_term: The keys that each term finds. Terms that find nothing are absent.
        last_frames: The number of the last frame that each subscription was sent, as `Turns.frames` returns it. Empty
            if there are many subscriptions: the caller asks for those that it needs.
    """

    keys_by_term: Mapping[str, Sequence[SubscriptionKey]]
    last_frames: Mapping[SubscriptionKey, int]


@dataclass(frozen=True, slots=True)
class Lease:
    """What an instance takes of each partition whose turns it begins: for some time, nobody else begins one.

    Attributes:
        instance: The instance.
        milliseconds: How long the lease lasts from the newest turn that the instance began, by the clock of the store.
    """

    instance: InstanceId
    milliseconds: int


class Turns(Protocol):
    """Stores, per partition, the checkpoint of dispatch and the index of live subscriptions.

    `begin` takes the `Lease` of the process, if it has one: several instances do not pre-empt each other's turns. Order
    does not depend on leases: a turn cannot commit after a newer one has begun.

    Every method raises `StoreUnavailable` if the store does not answer.
    """

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """Begin a turn, which fences off every earlier turn of the partition.

        A turn that did not commit is begun again with its goal, its subscriptions and its commands. Where nobody
        subscribes, no append or deletion needs a wake-up from then on, until a subscription starts.

        Args:
            partition: The partition's number.
            events: About how many events a new goal covers; goals are ends of whole appends.
            behind: The maximum number of subscriptions to catch up.

        Raises:
            PartitionLeased: Another instance holds a lease of the partition; nothing is changed.
        """

    def candidates(self, turn: Turn, terms: Sequence[str]) -> Candidates:
        """Return the caught-up subscriptions that terms find.

        Args:
            turn: The turn of the caller.
            terms: The index terms of events.

        Raises:
            TurnLost: Another turn has begun since.
        """

    def caught_up(self, partition: int) -> Sequence[SubscriptionKey]:
        """Return the keys of all caught-up subscriptions. There may be very many: not for every turn."""

    def durables(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Durable]:
        """Return the definitions of durable subscriptions.

        Args:
            partition: The partition's number.
            keys: The keys of the subscriptions. Those that ended are absent from the result.
        """

    def definitions(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Subscription]:
        """Return the definitions of ephemeral subscriptions.

        Args:
            partition: The partition's number.
            keys: The keys of the subscriptions. Those that ended are absent from the result.
        """

    def frames(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        """Return the number of the last frame that each subscription was sent; 0 if there was none.

        Args:
            turn: The turn of the caller.
            keys: The keys of the subscriptions.

        Raises:
            TurnLost: Another turn has begun since.
        """

    def narrow(self, turn: Turn, goal: Position) -> Turn:
        """Move the goal of a turn back to the end of an earlier append, for a turn that finds too much to do.

        The new goal holds for retries too, and cannot be moved again. Frames keep their contents under their numbers:

        * A turn narrows before it sends anything, and only the turn with the greatest token can.
        * While a turn is under way, caught-up subscriptions can only end: none begins but by `commit`. So a retry never
          finds more to do than an earlier try. If it finds too much under a goal that was not narrowed, all earlier
          tries did too, and none of them has sent anything.
        * A turn calls `candidates` or `frames` after reading and before sending. If a newer turn has begun, they raise
          `TurnLost`.

        Args:
            turn: The turn of the caller.
            goal: The end of an append between the checkpoint and the goal.

        Returns:
            The turn with the goal that holds: the one that an earlier try set, if there is one.

        Raises:
            TurnLost: Another turn has begun since; nothing is changed.
        """

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """Store the result of a turn, all or nothing, and move the checkpoint to its goal.

        Args:
            turn: The turn of the caller.
            result: Its result.

        Returns:
            Whether the partition has more to do; it has not where nobody subscribes.

        Raises:
            TurnLost: Another turn has begun since; nothing is changed.
        """

    def release(self, partition: int) -> None:
        """End the lease of a partition, if this process holds it, so that another instance can take it at once.

        A turn that is under way can still commit until another one begins. Without a `Lease`, this does nothing.
        """

    def reached(self) -> Mapping[int, Position]:
        """Return the checkpoint of each partition."""

    def waiting(self) -> Sequence[int]:
        """Return the partitions that have something to do. Where nobody subscribes, there is nothing to do."""

    def subscribed(self) -> Sequence[int]:
        """Return the partitions that any subscription concerns, ephemeral or durable, or that anybody leases."""

    def advance(self) -> None:
        """Move the checkpoint of each partition in which nobody subscribes, and that nobody leases, to its log's end.

        From then on, no append or deletion there needs a wake-up, until a subscription starts. A turn of such a
        partition that is under way is lost.
        """
