"""The status of a durable subscription: its members, its position and lag, and its held and parked streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.groups import has_pusher
from eventstore.positions import END, Cursor, Epoch, Position, before

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.groups import Circuit, Group, Member
    from eventstore.ports import Durables, Lag, Log
    from eventstore.subscriptions import ConnectionId, Durable

__all__ = ["MOST", "PartitionStanding", "Standing", "standing_of"]

MOST = 10_000
"""The number up to which a lag is counted. The lag may be greater."""


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """The status of a durable subscription in one partition.

    Attributes:
        partition: The partition's number.
        owner: The connection that owns the partition; None if there is none, or if a target does.
        in_flight: The number of events that were sent and not acknowledged.
        held: The number of held streams.
        parked: The number of parked streams.
        full: Whether so many streams are held or parked that no new events are sent (`Group.full`).
        log_lag: The number of events after the subscription's position in the log, of all streams, at most `MOST`; None
            if the caller may not know it.
        lag: How many of these events match the subscription, as far as they were counted; None if they were not.
        lag_more: Whether more events may match than `lag` counts.
        place: The position before which all events were acknowledged, except those of held and parked streams.
        version: The version of the definition that the partition applies.
        oldest: When the oldest unacknowledged event was stored, in milliseconds since 1970, parked ones excluded; None
            if there is none. Without a lag, the oldest of those that were sent or are held.
        circuit: Whether the target can be reached; closed if there is no target.
    """

    partition: int
    owner: ConnectionId | None
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
    circuit: Circuit


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a durable subscription.

    Attributes:
        durable: The subscription.
        members: Its members in all partitions.
        partitions: Its status in each partition.
        epochs: The epochs of its partitions; empty if its cursor was not asked for.
    """

    durable: Durable
    members: Sequence[Member]
    partitions: Sequence[PartitionStanding]
    epochs: Mapping[int, Epoch] = field(default_factory=dict)

    @property
    def cursor(self) -> str | None:
        """The position of the subscription as a cursor token; None without `epochs`."""
        if not self.epochs or not self.partitions:
            return None
        return Cursor({part.partition: (self.epochs[part.partition], part.place) for part in self.partitions}).token()

    @property
    def in_flight(self) -> int:
        """As in `PartitionStanding`, of all partitions."""
        return sum(part.in_flight for part in self.partitions)

    @property
    def held(self) -> int:
        """As in `PartitionStanding`, of all partitions."""
        return sum(part.held for part in self.partitions)

    @property
    def parked(self) -> int:
        """As in `PartitionStanding`, of all partitions."""
        return sum(part.parked for part in self.partitions)

    @property
    def full(self) -> bool:
        """Whether the subscription is full in any partition."""
        return any(part.full for part in self.partitions)

    @property
    def log_lag(self) -> int | None:
        """As in `PartitionStanding`, of all partitions; None if it is None in any."""
        return _sum(part.log_lag for part in self.partitions)

    @property
    def lag(self) -> int | None:
        """As in `PartitionStanding`, of all partitions; None if it is None in any."""
        return _sum(part.lag for part in self.partitions)

    @property
    def lag_more(self) -> bool:
        """Whether more events may match in any partition."""
        return any(part.lag_more for part in self.partitions)

    @property
    def open_circuits(self) -> int:
        """In how many partitions the target is taken for unavailable."""
        return sum(part.circuit.is_open for part in self.partitions)

    @property
    def oldest(self) -> int | None:
        """As in `PartitionStanding`, of all partitions."""
        return min((part.oldest for part in self.partitions if part.oldest is not None), default=None)


def standing_of(log: Log, durables: Durables, durable: Durable, *, access: Access, count: int = 0) -> Standing:
    """Return the status of a durable subscription.

    The lag in the log counts events of all streams, so an access that is confined to some streams gets none.

    Args:
        log: Holds the events.
        durables: Holds the groups of the subscription.
        durable: The subscription.
        access: The caller's access.
        count: The most events to read to compute the lag. With 0, the lag is given only where it is known without
            reading events, and there is no cursor.
    """
    groups = durables.groups(durable)
    places = {partition: group.place for partition, group in groups.items()}
    log_lags = {} if access.prefixes else log.lag(places, most=MOST)
    lags = _lags(log, durable, places, log_lags, count)
    members = dict.fromkeys(member for group in groups.values() for member in group.members)
    times = log.times({p: position for p, group in groups.items() if (position := _oldest_of(group)) is not None})
    partitions = [_partition(p, group, log_lags.get(p), lags.get(p), times.get(p)) for p, group in groups.items()]
    epochs = {p: missing.epoch for p, missing in log.missing(dict.fromkeys(places, END)).items()} if count else {}
    return Standing(durable, sorted(members), partitions, epochs)


def _lags(
    log: Log, durable: Durable, places: Mapping[int, Position], log_lags: Mapping[int, Lag], count: int
) -> dict[int, tuple[int, bool]]:
    """Return per partition how many events after a position match the subscription, and whether there may be more."""
    if durable.filter.is_everything and not durable.streams:
        return {partition: (lag.events, lag.events >= MOST) for partition, lag in log_lags.items()}
    lags = {partition: (0, False) for partition, lag in log_lags.items() if not lag.events}
    behind = {partition: places[partition] for partition in log_lags if partition not in lags}
    if count and behind:
        for partition, tail in log.tail(behind, count=max(1, count // len(behind)), streams=durable.streams).items():
            matched = sum(durable.selects(event) for _, event in tail.events)
            lags[partition] = matched, not tail.at_end
    return lags


def _sum(figures: Iterable[int | None]) -> int | None:
    known = list(figures)
    return None if None in known else sum(figure or 0 for figure in known)


def _partition(
    partition: int, group: Group, log_lag: Lag | None, lag: tuple[int, bool] | None, oldest: int | None
) -> PartitionStanding:
    times = [time for time in (oldest, None if log_lag is None else log_lag.oldest) if time is not None]
    return PartitionStanding(
        partition=partition,
        # The target's id is the hub's own, and no connection.
        owner=group.owner.connection if group.owner is not None and not has_pusher(group) else None,
        in_flight=group.in_flight,
        held=len(group.held),
        parked=len(group.parked),
        full=group.full,
        log_lag=None if log_lag is None else log_lag.events,
        lag=None if lag is None else lag[0],
        lag_more=lag is not None and lag[1],
        place=before(group.flight[0].position) if group.flight else group.place,
        version=group.version,
        oldest=min(times, default=None),
        circuit=group.circuit,
    )


def _oldest_of(group: Group) -> Position | None:
    """Return the position of the oldest event that is in flight or held; None if there is none."""
    positions = [event.position for event in group.flight[:1]]
    # Of an event that waits, only the position before it is known: at most one millisecond earlier.
    held_streams = [held for held in group.held.values() if held.sent or held.attempt]
    positions += [held.sent[0].position if held.sent else held.after for held in held_streams]
    return min(positions, default=None)
