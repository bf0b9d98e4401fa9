"""The operators' use cases of durable subscriptions: create, change, delete, replay, and redrive parked streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.changes import UNCHANGED, Changes, StartPosition
from eventstore.durable.lookup import durable_in_reach
from eventstore.durable.naming import new_selection, selection_changed
from eventstore.errors import (
    FilterNotFound,
    NothingParked,
    StreamGone,
    SubscriptionConflict,
    SubscriptionHasMembers,
    SubscriptionNotFound,
    WrongSubscriptionVersion,
)
from eventstore.groups import Redrive, Replay
from eventstore.ports import Start
from eventstore.positions import BEGINNING, END, Position
from eventstore.read.start_position import Origin, origin_of, require_kept
from eventstore.streams import DurableName, StreamName, partition_of
from eventstore.subscriptions import version_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.durable.definitions import Definitions
    from eventstore.groups import Command
    from eventstore.ports import DeadLetters, Durables, Log, NamedFilters, Wakeups
    from eventstore.subscriptions import Durable, Target

__all__ = ["UNCHANGED", "Changes", "DurableSubscriptions", "StartPosition"]


class DurableSubscriptions:
    """Manages durable subscriptions. Commands for a running one are applied by the next turns of its partitions.

    A caller needs the scope `admin` for all methods, and only sees subscriptions that its access covers
    (`Access.covers`).

    Args:
        log: Holds the events.
        durables: Holds the subscriptions.
        definitions: Completes changes of their definitions.
        wakeups: Starts the turns that apply commands.
        letters: Returns the dead letter queue when it is first needed.
        require_target: Raises `TargetNotAllowed` unless the deployment pushes to a target.
        filters: Holds the filters that subscriptions may name.
    """

    def __init__(
        self,
        log: Log,
        durables: Durables,
        definitions: Definitions,
        wakeups: Wakeups,
        *,
        letters: Callable[[], DeadLetters],
        require_target: Callable[[Target], None],
        filters: NamedFilters,
    ) -> None:
        self._log = log
        self._durables = durables
        self._definitions = definitions
        self._wakeups = wakeups
        self._letters = letters
        self._require_target = require_target
        self._filters = filters

    def create(self, durable: Durable, place: StartPosition, *, access: Access) -> tuple[Durable, bool]:
        """Create a durable subscription. Creating the same one again changes nothing.

        Args:
            durable: The subscription; its filter is confined to the streams that the access reaches.
            place: Where it starts.
            access: The caller's access. It must reach the streams, and the name, so that no tenant takes another's.

        Returns:
            The stored subscription, and whether this call created it.

        Raises:
            Forbidden: The access does not allow it.
            FilterNotFound: The filter that it names does not exist.
            InvalidCursor: See `start_position.origin_of`.
            InvalidFilter: Its filters are too long.
            StreamGone: A stream that it names was deleted for good. A subscription that exists may name such a stream.
            SubscriptionConflict: Another subscription has this name.
            TargetNotAllowed: The deployment does not push to its target.
        """
        access.require(Scope.ADMIN)
        access.require_streams([durable.name], pointer="/id")
        durable = new_selection(self._filters, durable, access)
        if durable.target is not None:
            self._require_target(durable.target)
        try:
            _require_same(self._durables.get(durable.name), durable)
        except SubscriptionNotFound:
            require_kept(self._log, durable.streams)
        origin = self._origin(durable, place)
        stored = self._durables.create(durable, origin.starts, removals=origin.since)
        _require_same(stored, durable)
        is_created = stored.key == durable.key
        if is_created:
            # Its turns report what is deleted from here on. A stream that was deleted since the first check would be
            # reported by none. Likewise, a filter that was deleted since would never be changed.
            try:
                require_kept(self._log, durable.streams)
                stored = self._definitions.begin_following(stored)
            except (FilterNotFound, StreamGone):
                self._durables.delete(durable.name)
                raise
        return stored, is_created

    def change(
        self,
        name: DurableName,
        changes: Changes | Callable[[Durable], Changes],
        *,
        access: Access,
        versions: Collection[str] | None = None,
    ) -> Durable:
        """Change the definition of a durable subscription.

        Each partition applies the new definition from its next turn on, and keeps its position. Events in flight finish
        under the old definition. A parked stream resumes if the event that failed no longer matches. A change that
        changes nothing is announced again to the partitions that have yet to apply the definition.

        Args:
            name: The name of the subscription.
            changes: The changes, or what returns them for the present definition; a filter is confined to the streams
                that the access reaches.
            access: The caller's access.
            versions: The versions (`version_tag`) that the subscription may have; None for any.

        Raises:
            Forbidden: The access has not the scope.
            FilterNotFound: The filter that it is to name does not exist.
            InvalidFilter: Its filters are too long.
            SubscriptionNotFound: There is none of this name.
            WrongSubscriptionVersion: It has another version; nothing is changed.
            TargetNotAllowed: The deployment does not push to its new target.
            SubscriptionHasMembers: It would get its first target, but has members.
        """
        while True:
            durable = self._find(name, access)
            _require_version(durable, versions)
            requested = changes(durable) if callable(changes) else changes
            changed = requested.applied(durable, selection_changed(self._filters, durable, requested, access))
            self._require_change_of_target(durable, changed)
            if changed is not durable and not self._durables.change(durable, changed):
                continue
            if requested.filter_name:
                return self._definitions.follow_or_restore(changed, durable)
            self._definitions.announce(changed)
            return changed

    def delete(self, name: DurableName, *, access: Access, versions: Collection[str] | None = None) -> None:
        """Delete a durable subscription, discard its parked events, and notify its members.

        Args:
            name: The name of the subscription.
            access: The caller's access.
            versions: As in `change`.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name.
            WrongSubscriptionVersion: As in `change`.
        """
        durable = self._find(name, access)
        _require_version(durable, versions)
        groups = self._durables.groups(durable).values()
        self._discard(durable, sorted(stream for group in groups for stream in group.parked))
        self._durables.delete(name)
        self._wakeups.subscription_deleted(name, dict.fromkeys(member for group in groups for member in group.members))

    def replay(self, name: DurableName, place: StartPosition, *, access: Access) -> Sequence[int]:
        """Move a durable subscription to another position, with nothing in flight, held or parked.

        Members are notified of what was removed after the position. From the oldest event on, nothing is missing.

        Args:
            name: The name of the subscription.
            place: Where it continues.
            access: The caller's access.

        Returns:
            The partitions that move.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name.
            InvalidCursor: See `start_position.origin_of`.
        """
        durable = self._find(name, access)
        origin = self._origin(durable, place)
        moves = self._replays_from_end([partition for partition, start in origin.starts.items() if start is Start.NOW])
        for partition, start in origin.starts.items():
            if isinstance(start, Position):
                moves[partition] = Replay(start, removals=origin.since.get(partition, 0))
            elif start is Start.OLDEST:
                moves[partition] = Replay(BEGINNING, from_oldest=True)
        self._discard(durable, self._parked_streams(durable))
        self._enqueue(durable, {partition: [move] for partition, move in moves.items()})
        return sorted(moves)

    def redrive(
        self, name: DurableName, stream: StreamName | None, how: str, *, access: Access
    ) -> Sequence[StreamName]:
        """Resume a parked stream, or all of them.

        Args:
            name: The name of the subscription.
            stream: The stream to resume; None for all.
            how: As in `groups.Redrive`.
            access: The caller's access; it must reach the stream, if one is named.

        Returns:
            The streams that are resumed.

        Raises:
            Forbidden: The access does not allow it.
            SubscriptionNotFound: There is none of this name.
            NothingParked: No stream is parked, or not this one.
        """
        access.require(Scope.ADMIN)
        if stream is not None:
            access.require_streams([stream], pointer="stream")
        durable = self._find(name, access)
        parked = self._parked_streams(durable)
        streams = parked if stream is None else [stream] if stream in parked else []
        if not streams:
            raise NothingParked(name, stream)
        self._discard(durable, streams)
        commands: dict[int, list[Command]] = {}
        for parked_stream in streams:
            partition = partition_of(parked_stream, self._durables.count)
            commands.setdefault(partition, []).append(Redrive(parked_stream, how))
        self._enqueue(durable, commands)
        return streams

    def _find(self, name: DurableName, access: Access) -> Durable:
        access.require(Scope.ADMIN)
        return durable_in_reach(self._durables, name, access)

    def _require_change_of_target(self, durable: Durable, changed: Durable) -> None:
        """Raise unless the target of a durable subscription may change so; removing one is always allowed.

        Raises:
            TargetNotAllowed: The deployment does not push to the new target.
            SubscriptionHasMembers: The subscription has no target so far, and members.
        """
        if changed.target is None or changed.target == durable.target:
            return
        self._require_target(changed.target)
        if durable.target is None:
            groups = self._durables.groups(durable).values()
            members = {member for group in groups for member in group.members}
            if members:
                raise SubscriptionHasMembers(durable.name, members=len(members))

    def _origin(self, durable: Durable, place: StartPosition) -> Origin:
        if place.since is not None:
            # Right before the first event of that millisecond.
            starts = self._log.positions_at(place.since - 1, self._durables.partitions(durable))
            return Origin(starts, {}, ())
        return origin_of(self._log, durable.streams, cursors=place.cursors, oldest=place.oldest)

    def _replays_from_end(self, partitions: Collection[int]) -> dict[int, Replay]:
        """Return commands that move groups to the present ends of the logs. Earlier removals are not reported."""
        tails = self._log.tail(dict.fromkeys(partitions, END), count=1, backwards=True)
        # The position of an empty log is where reading began.
        ends = {p: BEGINNING if tail.position == END else tail.position for p, tail in tails.items()}
        return {p: Replay(end, removals=tails[p].removals) for p, end in ends.items()}

    def _parked_streams(self, durable: Durable) -> list[StreamName]:
        return sorted(stream for group in self._durables.groups(durable).values() for stream in group.parked)

    def _discard(self, durable: Durable, streams: Collection[StreamName]) -> None:
        # Before the commands are enqueued: a stream that is parked again has new letters, which must stay. If the
        # process crashes in between, the stream stays parked, and its events are in the log.
        if streams:
            self._letters().discard(durable.key, *streams)

    def _enqueue(self, durable: Durable, commands: Mapping[int, Sequence[Command]]) -> None:
        self._wakeups.notify(self._durables.enqueue(durable, commands))


def _require_version(durable: Durable, versions: Collection[str] | None) -> None:
    """Raise `WrongSubscriptionVersion` unless the subscription has one of these versions; None means any."""
    if versions is not None and version_tag(durable) not in versions:
        raise WrongSubscriptionVersion(durable.name, actual=version_tag(durable))


def _require_same(stored: Durable, requested: Durable) -> None:
    """Raise `SubscriptionConflict` unless both have the same filters, streams, settings and target."""
    # What a subscription uses changes with the filter that it names.
    if (stored.reference or stored.filter, set(stored.streams), stored.settings, stored.target) != (
        requested.reference or requested.filter,
        set(requested.streams),
        requested.settings,
        requested.target,
    ):
        raise SubscriptionConflict(requested.name, durable=True)
