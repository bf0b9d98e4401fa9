"""Lists of durable subscriptions, of their status, and of their parked streams, as far as a caller may see them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import BATCH, durable_in_reach, durables_in_order
from eventstore.durable.status import standing_of
from eventstore.errors import Absent
from eventstore.streams import DurableName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.access import Access
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.durable.status import Standing
    from eventstore.groups import Parked
    from eventstore.ports import Durables, Log
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Durable

__all__ = ["Directory", "ParkedStream"]

_COUNTED = 5_000
"""The most events that are read to compute a lag: some 200 ms."""


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream that a durable subscription has parked.

    Attributes:
        subscription: The name of the subscription.
        stream: The stream's name.
        partition: The partition of the stream.
        parked: The state of the stream.
    """

    subscription: DurableName
    stream: StreamName
    partition: int
    parked: Parked


class Directory:
    """Lists and describes durable subscriptions. Those that the caller's access does not cover are treated as absent.

    Args:
        log: Holds the events.
        durables: Holds the subscriptions.
    """

    def __init__(self, log: Log, durables: Durables) -> None:
        self._log = log
        self._durables = durables

    def list(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[Durable]:
        """Return durable subscriptions in the order of their names.

        Args:
            access: The caller's access; it needs the scope `subscribe` or `admin`.
            prefix: The prefix of their names.
            after: The name after which the list starts.
            count: The most subscriptions to return.

        Raises:
            Forbidden: The access has neither scope.
        """
        access.require(Scope.SUBSCRIBE, Scope.ADMIN)
        durables = durables_in_order(self._durables, prefix=prefix, after=after, batch=max(count, BATCH))
        return list(islice(filter(access.covers, durables), count))

    def describe(self, name: DurableName, *, access: Access) -> Standing:
        """Return the status of a durable subscription.

        Args:
            name: The name of the subscription.
            access: The caller's access; it needs the scope `subscribe` or `admin`.

        Raises:
            Forbidden: The access has neither scope.
            SubscriptionNotFound: There is none of this name.
        """
        access.require(Scope.SUBSCRIBE, Scope.ADMIN)
        durable = durable_in_reach(self._durables, name, access)
        return standing_of(self._log, self._durables, durable, access=access, count=_COUNTED)

    def standings(self, *, access: Access) -> Iterator[Standing]:
        """Return the status of all durable subscriptions, in the order of their names.

        A lag is only given where it is known without reading events.

        Raises:
            Forbidden: The access has not the scope `admin`.
        """
        access.require(Scope.ADMIN)
        covered = filter(access.covers, durables_in_order(self._durables))
        return (standing_of(self._log, self._durables, durable, access=access) for durable in covered)

    def parked(
        self,
        *,
        access: Access,
        name: DurableName | None = None,
        stream: StreamName | None = None,
        after: tuple[str, str] = ("", ""),
        count: int,
    ) -> Sequence[ParkedStream]:
        """Return parked streams, in the order of their subscriptions' names and their own.

        Args:
            access: The caller's access; it needs the scope `admin`, and must reach the stream, if one is named.
            name: The subscription whose streams are returned; None for all.
            stream: The only stream to return; None for all.
            after: The subscription and the stream after which the list starts.
            count: The most streams to return.

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
            subscriptions = filter(access.covers, durables_in_order(self._durables, start=DurableName(after[0])))
        streams: list[ParkedStream] = []
        for durable in subscriptions:
            streams_of_one = [
                ParkedStream(durable.name, name_of_stream, partition, parked)
                for partition, group in self._durables.groups(durable).items()
                for name_of_stream, parked in group.parked.items()
                if stream in {None, name_of_stream} and (durable.name, name_of_stream) > after
            ]
            streams += sorted(streams_of_one, key=attrgetter("stream"))
            if len(streams) >= count:
                break
        return streams[:count]

    def failed_event(self, parked: ParkedStream, *, access: Access) -> RecordedEvent | None:
        """Return the event for which a stream was parked; None if it was removed since.

        Args:
            parked: The parked stream.
            access: The caller's access.

        Raises:
            Forbidden: The access has not the scope `admin`, or does not reach the stream.
        """
        access.require(Scope.ADMIN)
        access.require_streams([parked.stream], pointer="stream")
        sequence = parked.parked.sequence
        try:
            events = self._log.read(parked.stream, start=sequence, stop=sequence, count=1).events
        except Absent:
            return None
        return events[0] if events else None
