"""Durable subscriptions as callers may see them: which there are, how they stand, and what they have parked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import durable_in_reach
from eventstore.durable.status import standing_of
from eventstore.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.status import Standing
    from eventstore.groups import Parked
    from eventstore.ports import Durables, Log
    from eventstore.subscriptions import Durable

__all__ = ["Directory", "ParkedStream"]

_AT_ONCE = 100
"""How many are looked at together at least, for those of others may stand between two of the caller's."""

_COUNTED = 5_000
"""Events that are read at most for a lag: some 200 ms."""


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream that a durable subscription has set aside."""

    subscription: str
    stream: str
    partition: int
    parked: Parked


class Directory:
    """Lists and describes durable subscriptions; those that the access does not cover are not there for it."""

    def __init__(self, log: Log, durables: Durables) -> None:
        self._log = log
        self._durables = durables

    def list(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[Durable]:
        """Durable subscriptions in the order of their names.

        Args:
            access: The caller's; it needs the scope `subscribe` or `admin`.
            prefix: How their names start.
            after: The name that they follow.
            count: How many at most.

        Raises:
            Forbidden: The access has neither scope.
        """
        access.require(Scope.SUBSCRIBE, Scope.ADMIN)
        return list(islice(self._covered(access, prefix=prefix, after=after, at_once=max(count, _AT_ONCE)), count))

    def describe(self, name: str, *, access: Access) -> Standing:
        """One of them, and how it stands.

        Args:
            name: Which one.
            access: The caller's; it needs the scope `subscribe` or `admin`.

        Raises:
            Forbidden: The access has neither scope.
            SubscriptionNotFound: There is none of this name.
        """
        access.require(Scope.SUBSCRIBE, Scope.ADMIN)
        durable = durable_in_reach(self._durables, name, access)
        return standing_of(self._log, self._durables, durable, access=access, count=_COUNTED)

    def standings(self, *, access: Access) -> Iterator[Standing]:
        """How all of them stand, in the order of their names; their lags only where no event is read for it.

        Raises:
            Forbidden: The access has not the scope `admin`.
        """
        access.require(Scope.ADMIN)
        covered = self._covered(access)
        return (standing_of(self._log, self._durables, durable, access=access) for durable in covered)

    def parked(
        self,
        *,
        access: Access,
        name: str | None = None,
        stream: str | None = None,
        after: tuple[str, str] = ("", ""),
        count: int,
    ) -> Sequence[ParkedStream]:
        """Streams that are parked, in the order of their subscriptions' names and their own.

        Args:
            access: The caller's; it needs the scope `admin`, and must reach the stream, if one is named.
            name: Of this subscription alone.
            stream: This stream alone, of whichever subscription.
            after: The subscription and the stream that they follow.
            count: How many at most.

        Raises:
            Forbidden: The access does not allow it.
            SubscriptionNotFound: There is none of this name.
        """
        access.require(Scope.ADMIN)
        if stream is not None:
            access.require_streams([stream], pointer="stream")
        if name is not None:
            subscriptions = iter([durable_in_reach(self._durables, name, access)])
        else:
            subscriptions = self._covered(access, start=after[0])
        found: list[ParkedStream] = []
        for durable in subscriptions:
            every = [
                ParkedStream(durable.name, one, partition, parked)
                for partition, group in self._durables.groups(durable).items()
                for one, parked in group.parked.items()
                if stream in {None, one} and (durable.name, one) > after
            ]
            found += sorted(every, key=attrgetter("stream"))
            if len(found) >= count:
                break
        return found[:count]

    def failed_event(self, found: ParkedStream, *, access: Access) -> RecordedEvent | None:
        """The event for which a stream was parked, unless it was removed meanwhile.

        Raises:
            Forbidden: The access has not the scope `admin`, or does not reach the stream.
        """
        access.require(Scope.ADMIN)
        access.require_streams([found.stream], pointer="stream")
        sequence = found.parked.sequence
        try:
            events = self._log.read(found.stream, start=sequence, stop=sequence, count=1).events
        except Absent:
            return None
        return events[0] if events else None

    def _covered(
        self, access: Access, *, prefix: str = "", after: str = "", start: str = "", at_once: int = _AT_ONCE
    ) -> Iterator[Durable]:
        """Those that the access covers, beyond a name, or from the name `start` on."""
        names: Sequence[str] = [start] if start else self._names(prefix, after, at_once)
        while names:
            yield from filter(access.covers, self._durables.definitions(names))
            names = self._names(prefix, names[-1], at_once)

    def _names(self, prefix: str, after: str, count: int) -> Sequence[str]:
        return self._durables.names(prefix=prefix, after=after, count=count)
