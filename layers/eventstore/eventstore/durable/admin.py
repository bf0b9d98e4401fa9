"""Durable subscriptions as operators handle them: making, ending, replaying, and putting parked streams back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import durable_in_reach
from eventstore.errors import (
    NothingParked,
    StreamGone,
    SubscriptionConflict,
    SubscriptionNotFound,
    WrongSubscriptionVersion,
)
from eventstore.groups import Change, Redrive, Replay
from eventstore.ports import Start
from eventstore.positions import BEGINNING, Position
from eventstore.read.start_position import Origin, origin_of, require_kept
from eventstore.streams import partition_of
from eventstore.subscriptions import version_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.filters import Filter
    from eventstore.groups import Command
    from eventstore.ports import DeadLetters, Durables, Log, Wakeups
    from eventstore.subscriptions import Durable

__all__ = ["Changes", "DurableSubscriptions", "StartPosition"]


@dataclass(frozen=True, slots=True)
class StartPosition:
    """Where a durable subscription is to start, or to go on: behind cursors, else at a time, else as it says.

    Attributes:
        cursors: As clients were given them.
        since: Events stored at or after this time, in milliseconds since 1970.
        oldest: Whether at the oldest event kept, rather than from now on.
    """

    cursors: Sequence[str] = ()
    since: int | None = None
    oldest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be another in a durable subscription; None stays as it is.

    Attributes:
        filter: Which events.
        ack_deadline: As in `Rules`, and so are the others.
    """

    filter: Filter | None = None
    ack_deadline: int | None = None
    max_attempts: int | None = None
    max_in_flight: int | None = None

    def applied(self, durable: Durable) -> Durable:
        """The next version of the durable subscription, or the same one if nothing would be another."""
        asked = {
            "ack_deadline": self.ack_deadline,
            "max_attempts": self.max_attempts,
            "max_in_flight": self.max_in_flight,
        }
        rules = replace(durable.rules, **{name: value for name, value in asked.items() if value is not None})
        changed = replace(durable, filter=self.filter or durable.filter, rules=rules)
        return durable if changed == durable else replace(changed, version=durable.version + 1)


class DurableSubscriptions:
    """What is asked of them from outside; what is asked of one that runs, the next turns of its partitions do.

    A caller needs the scope `admin` for all of it, and sees those alone that its access covers (`Access.covers`).

    Args:
        log: Keeps the events.
        durables: Keeps the subscriptions.
        wakeups: Starts the turns that act on what was asked.
        letters: Gives the queue of parked events, when it is first needed.
    """

    def __init__(self, log: Log, durables: Durables, wakeups: Wakeups, *, letters: Callable[[], DeadLetters]) -> None:
        self._log = log
        self._durables = durables
        self._wakeups = wakeups
        self._letters = letters

    def create(self, durable: Durable, place: StartPosition, *, access: Access) -> tuple[Durable, bool]:
        """Make one, or find the same one made before.

        Args:
            durable: What is asked for; it is confined to what the access reaches.
            place: Where it is to start.
            access: The caller's; it must reach the name, which no tenant is to take from another, and the streams.

        Returns:
            The one that stands, and whether it was made now.

        Raises:
            Forbidden: The access does not allow it.
            InvalidCursor: As `starting.origin_of` says.
            StreamGone: A stream that it names was deleted for good; one that was made before may name such.
            SubscriptionConflict: There is one of this name, and it is another.
        """
        durable = _confined(durable, access)
        try:
            _same(self._durables.get(durable.name), durable)
        except SubscriptionNotFound:
            require_kept(self._log, durable.streams)
        origin = self._origin(durable, place)
        stands = self._durables.create(durable, origin.starts, removals=origin.since)
        _same(stands, durable)
        made = stands.key == durable.key
        if made:
            # Its turns tell what is deleted from here on; what was meanwhile, nobody would.
            try:
                require_kept(self._log, durable.streams)
            except StreamGone:
                self._durables.delete(durable.name)
                raise
        return stands, made

    def change(
        self, name: str, changes: Changes, *, access: Access, versions: Collection[str] | None = None
    ) -> Durable:
        """Let one go by another definition; each partition does so from its next turn on, and keeps its place.

        What is in flight ends under the old definition. Streams that are parked go on if the event that failed is not
        the subscription's any more. Asking for what it is already tells those partitions again that do not know yet.

        Args:
            name: Which one.
            changes: What is to be another; a filter is confined to what the access reaches.
            access: The caller's.
            versions: The versions (`version_tag`) of which it must be one; None for any.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name.
            WrongSubscriptionVersion: It is of another version; nothing is changed.
        """
        while True:
            durable = self._find(name, access)
            if changes.filter is not None and not durable.streams:
                changes = replace(changes, filter=access.confined(changes.filter))
            _require_version(durable, versions)
            changed = changes.applied(durable)
            if changed is durable or self._durables.change(durable, changed):
                self.announce(changed)
                return changed

    def announce(self, durable: Durable) -> None:
        """Tell the partitions that go by an older definition of this one. Doing it twice changes nothing."""
        command = Change(durable.version, durable.encoded())
        behind = [
            partition for partition, group in self._durables.groups(durable).items() if group.version < durable.version
        ]
        if behind:
            self._enqueue(durable, {partition: [command] for partition in behind})

    def announce_all(self) -> None:
        """Announce what was changed by who died before the partitions were told."""
        names: Sequence[str] = self._durables.names(prefix="", after="", count=_AT_ONCE)
        while names:
            for durable in self._durables.definitions(names):
                if durable.version > 1:
                    self.announce(durable)
            names = self._durables.names(prefix="", after=names[-1], count=_AT_ONCE)

    def delete(self, name: str, *, access: Access, versions: Collection[str] | None = None) -> None:
        """End one, discard what it had parked, and let its members know.

        Args:
            name: Which one.
            access: The caller's.
            versions: As in `change`.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name.
            WrongSubscriptionVersion: As `change` says.
        """
        durable = self._find(name, access)
        _require_version(durable, versions)
        groups = self._durables.groups(durable).values()
        self._discard(durable, sorted(stream for group in groups for stream in group.parked))
        self._durables.delete(name)
        self._wakeups.subscription_deleted(name, dict.fromkeys(member for group in groups for member in group.members))

    def replay(self, name: str, place: StartPosition, *, access: Access) -> Sequence[int]:
        """Let one go on from another place, with nothing in flight, held or parked.

        Members are told what was removed behind the place; from the oldest event on, nothing is missing.

        Args:
            name: Which one.
            place: Where it is to go on.
            access: The caller's.

        Returns:
            The partitions that are to move.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name.
            InvalidCursor: As `starting.origin_of` says.
        """
        durable = self._find(name, access)
        origin = self._origin(durable, place)
        moves = self._from_ends([partition for partition, start in origin.starts.items() if start is Start.NOW])
        for partition, start in origin.starts.items():
            if isinstance(start, Position):
                moves[partition] = Replay(start, removals=origin.since.get(partition, 0))
            elif start is Start.OLDEST:
                moves[partition] = Replay(BEGINNING, from_oldest=True)
        self._discard(durable, self._parked(durable))
        self._enqueue(durable, {partition: [move] for partition, move in moves.items()})
        return sorted(moves)

    def redrive(self, name: str, stream: str | None, how: str, *, access: Access) -> Sequence[str]:
        """Let a parked stream, or all of them, go on.

        Args:
            name: The subscription that parked them.
            stream: Which one; None for all.
            how: As in `groups.Redrive`.
            access: The caller's; it must reach the stream, if one is named.

        Returns:
            The streams that go on.

        Raises:
            Forbidden: The access does not allow it.
            SubscriptionNotFound: There is none of this name.
            NothingParked: No stream is parked, or not this one.
        """
        access.require(Scope.ADMIN)
        if stream is not None:
            access.require_streams([stream], pointer="stream")
        durable = self._find(name, access)
        parked = self._parked(durable)
        streams = parked if stream is None else [one for one in parked if one == stream]
        if not streams:
            raise NothingParked(name, stream)
        self._discard(durable, streams)
        commands: dict[int, list[Command]] = {}
        for one in streams:
            commands.setdefault(partition_of(one, self._durables.count), []).append(Redrive(one, how))
        self._enqueue(durable, commands)
        return streams

    def _find(self, name: str, access: Access) -> Durable:
        access.require(Scope.ADMIN)
        return durable_in_reach(self._durables, name, access)

    def _origin(self, durable: Durable, place: StartPosition) -> Origin:
        if place.since is not None:
            # Before the first event of that millisecond.
            at = Position(max(place.since - 1, 0), _FOREVER, 0)
            return Origin(dict.fromkeys(self._durables.partitions(durable), at), {}, ())
        return origin_of(self._log, durable.streams, cursors=place.cursors, oldest=place.oldest)

    def _from_ends(self, partitions: Collection[int]) -> dict[int, Replay]:
        """What lets groups go on from where the logs end now: nothing that was removed before is missing."""
        tails = self._log.tail(dict.fromkeys(partitions, _END), count=1, backwards=True)
        # A log of which nothing is left was not read up to any place.
        ends = {p: BEGINNING if tail.position == _END else tail.position for p, tail in tails.items()}
        return {p: Replay(end, removals=tails[p].removals) for p, end in ends.items()}

    def _parked(self, durable: Durable) -> list[str]:
        return sorted(stream for group in self._durables.groups(durable).values() for stream in group.parked)

    def _discard(self, durable: Durable, streams: Collection[str]) -> None:
        # Before the turns are told: a stream that is parked once more has new letters, which are to stay. Whoever dies
        # in between leaves it parked, and what is parked stands in the log.
        if streams:
            self._letters().discard(durable.key, *streams)

    def _enqueue(self, durable: Durable, commands: Mapping[int, Sequence[Command]]) -> None:
        self._wakeups.notify(self._durables.enqueue(durable, commands))


def _confined(asked: Durable, access: Access) -> Durable:
    """What was asked for, of what is in reach alone; its name too, so that no tenant takes another's."""
    access.require(Scope.ADMIN)
    access.require_streams([asked.name], pointer="/id")
    if asked.streams:
        access.require_streams(asked.streams, pointer="/stream")
        return asked
    return replace(asked, filter=access.confined(asked.filter))


def _require_version(durable: Durable, versions: Collection[str] | None) -> None:
    """Raise `WrongSubscriptionVersion` unless it is one of these versions; None stands for any."""
    if versions is not None and version_tag(durable) not in versions:
        raise WrongSubscriptionVersion(durable.name, actual=version_tag(durable))


def _same(stands: Durable, asked: Durable) -> None:
    """Return if they say the same; their keys, places and times may differ."""
    if (stands.filter, set(stands.streams), stands.rules) != (asked.filter, set(asked.streams), asked.rules):
        raise SubscriptionConflict(asked.name, durable=True)


_AT_ONCE = 100
_FOREVER = (1 << 63) - 1
_END = Position(_FOREVER, 0, 0)
