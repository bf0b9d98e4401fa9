"""How a durable subscription stands: who takes part, how far it is, and how much it has set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.groups import before
from eventstore.positions import Cursor, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.groups import Group, Held, Member
    from eventstore.ports import Durables, Lag, Log
    from eventstore.subscriptions import Durable

__all__ = ["MOST", "PartitionStanding", "Standing", "standing_of"]

MOST = 10_000
"""A lag is counted that far: it may be more."""

_END = Position((1 << 63) - 1, 0, 0)


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """A durable subscription in one partition.

    Attributes:
        owner: The connection that the partition belongs to.
        in_flight: Events that were sent and not acknowledged.
        held: Streams of which an event failed and is to be tried again.
        parked: Streams that are set aside.
        full: Whether these two are so many that it takes nothing new (`Group.full`).
        log_lag: Events of the partition's log that it has yet to come to, of whatever stream, at most `MOST`; None if
            that is not for whoever asks.
        lag: Those of them that are the subscription's, as far as they were counted; None if nobody counted.
        lag_more: Whether there may be more of these.
        place: Everything before it was acknowledged, but for streams that are held or parked.
        version: Of the definition that it goes by.
        oldest: When the oldest event was stored that it has not acknowledged, parked ones apart, in milliseconds since
            1970; None if there is none. Without a lag, of those that were sent or are to be tried again.
    """

    partition: int
    owner: str | None
    in_flight: int
    held: int
    parked: int
    full: bool
    log_lag: int | None
    lag: int | None
    lag_more: bool
    place: Position
    version: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A durable subscription as it stands, with its members in all partitions.

    Attributes:
        epochs: Of its partitions; none if nobody asked for its place.
    """

    durable: Durable
    members: Sequence[Member]
    partitions: Sequence[PartitionStanding]
    epochs: Mapping[int, str] = field(default_factory=dict)

    @property
    def cursor(self) -> str | None:
        """Where it stands, as clients carry it."""
        places = {one.partition: (self.epochs[one.partition], one.place) for one in self.partitions if self.epochs}
        return Cursor(places).token() if places else None

    @property
    def in_flight(self) -> int:
        """As in `PartitionStanding`, of all partitions; so are the others."""
        return sum(one.in_flight for one in self.partitions)

    @property
    def held(self) -> int:
        """See `in_flight`."""
        return sum(one.held for one in self.partitions)

    @property
    def parked(self) -> int:
        """See `in_flight`."""
        return sum(one.parked for one in self.partitions)

    @property
    def full(self) -> bool:
        """Whether it is full anywhere."""
        return any(one.full for one in self.partitions)

    @property
    def log_lag(self) -> int | None:
        """See `in_flight`; None if it is None of one."""
        return _sum(one.log_lag for one in self.partitions)

    @property
    def lag(self) -> int | None:
        """See `log_lag`."""
        return _sum(one.lag for one in self.partitions)

    @property
    def lag_more(self) -> bool:
        """Whether there may be more anywhere."""
        return any(one.lag_more for one in self.partitions)

    @property
    def oldest(self) -> int | None:
        """See `in_flight`."""
        return min((one.oldest for one in self.partitions if one.oldest is not None), default=None)


def standing_of(log: Log, durables: Durables, durable: Durable, *, access: Access, count: int = 0) -> Standing:
    """How one stands.

    A lag in the log counts events of all streams, so an access to some of them is told none.

    Args:
        log: Where its events are.
        durables: Where it stands.
        durable: Which one.
        access: Of who asks.
        count: How many events are read at most to see whether they are the subscription's; 0 if its lag is wanted only
            where that is known without, and its place is not.
    """
    groups = durables.groups(durable)
    places = {partition: group.place for partition, group in groups.items()}
    log_lags = {} if access.prefixes else log.lag(places, most=MOST)
    lags = _lags(log, durable, places, log_lags, count)
    members = dict.fromkeys(member for group in groups.values() for member in group.members)
    partitions = [_partition(p, group, log_lags.get(p), lags.get(p)) for p, group in groups.items()]
    epochs = {p: found.epoch for p, found in log.missing(dict.fromkeys(places, _END)).items()} if count else {}
    return Standing(durable, sorted(members), partitions, epochs)


def _lags(
    log: Log, durable: Durable, places: Mapping[int, Position], log_lags: Mapping[int, Lag], count: int
) -> dict[int, tuple[int, bool]]:
    """Per partition how many events of its log the subscription wants, and whether there may be more."""
    if durable.filter.text == "[]" and not durable.streams:
        return {partition: (lag.events, lag.events >= MOST) for partition, lag in log_lags.items()}
    found = {partition: (0, False) for partition, lag in log_lags.items() if not lag.events}
    behind = {partition: places[partition] for partition in log_lags if partition not in found}
    if count and behind:
        for partition, tail in log.tail(behind, count=max(1, count // len(behind)), streams=durable.streams).items():
            events = [event for _, event in tail.events]
            wanted = sum(durable.matches(event.stream, recorded_attributes(event)) for event in events)
            found[partition] = wanted, not tail.at_end
    return found


def _sum(figures: Iterable[int | None]) -> int | None:
    known = list(figures)
    return None if None in known else sum(figure or 0 for figure in known)


def _partition(partition: int, group: Group, lag: Lag | None, wanted: tuple[int, bool] | None) -> PartitionStanding:
    times = [spot.position.time for spot in group.flight[:1]]
    times += [_time(held) for held in group.held.values() if held.sent or held.attempt]
    times += [lag.oldest] if lag is not None and lag.oldest is not None else []
    return PartitionStanding(
        partition=partition,
        owner=group.owner.connection if group.owner else None,
        in_flight=len(group.flight) + sum(len(held.sent) for held in group.held.values()),
        held=len(group.held),
        parked=len(group.parked),
        full=group.full,
        log_lag=None if lag is None else lag.events,
        lag=None if wanted is None else wanted[0],
        lag_more=wanted is not None and wanted[1],
        place=before(group.flight[0].position) if group.flight else group.place,
        version=group.version,
        oldest=min(times, default=None),
    )


def _time(held: Held) -> int:
    # Of an event that waits, only the place before it is known; the two are of one millisecond, or of two in a row.
    return held.sent[0].position.time if held.sent else held.after.time
