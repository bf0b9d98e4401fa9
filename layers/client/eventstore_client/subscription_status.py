"""Durable subscriptions as a hub describes them: the definition, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import optional_time

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Circuit",
    "Figures",
    "Member",
    "PartitionStatus",
    "SubscriptionInfo",
    "SubscriptionStatus",
    "SubscriptionSummary",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionInfo:
    """The definition of a durable subscription.

    Attributes:
        name: Its name.
        filters: The filters that an event must match.
        filter_name: The named filter that it must match as well; None for none.
        streams: The streams to which it is limited; empty for all.
        ack_deadline: The time that a member, or a call of the target, may take for an event.
        max_attempts: How often an event is tried before its stream is parked.
        max_in_flight: The events of a partition that may wait for acknowledgement.
        target: Where its events are pushed (docs/rules.md); None if members receive them.
        created: When it was created.
        version: The number of its definitions.
        etag: The version of this definition, for `expected`; None in a list and after a creation.
        raw: The definition as the hub sent it, with members that this version of the client does not know.
    """

    name: str
    filters: tuple[Mapping[str, Any], ...]
    filter_name: str | None
    streams: tuple[str, ...]
    ack_deadline: timedelta
    max_attempts: int
    max_in_flight: int
    target: Mapping[str, Any] | None
    created: datetime
    version: int
    etag: str | None = None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, etag: str | None = None) -> SubscriptionInfo:
        """Parse a definition that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a definition.
        """
        return cls(
            name=members["id"],
            filters=tuple(members["filters"]),
            filter_name=members.get("filter_name"),
            streams=tuple(members.get("stream", ())),
            ack_deadline=timedelta(seconds=members["ack_deadline"]),
            max_attempts=int(members["max_attempts"]),
            max_in_flight=int(members["max_in_flight"]),
            target=members.get("target"),
            created=datetime.fromisoformat(members["created"]),
            version=int(members["version"]),
            etag=etag,
            raw=members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How far a durable subscription is, in total or in one partition.

    Attributes:
        lag: Matching events that are not delivered yet, as far as the hub counted; None if it did not.
        lag_more: Whether there may be more than `lag`.
        log_lag: Events of the log that are not tested yet, matching or not; None if the hub does not report it.
        in_flight: Events that were sent and not acknowledged.
        held: Streams of which an event failed and will be redelivered.
        parked: Streams that are parked.
        full: Whether a partition has so many held or parked streams that it takes no further ones.
        oldest_age: The age of the oldest event that is not acknowledged; None if there is none.
    """

    lag: int | None
    lag_more: bool
    log_lag: int | None
    in_flight: int
    held: int
    parked: int
    full: bool
    oldest_age: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Whether events are pushed to the target of a durable subscription.

    Attributes:
        state: `closed`: events are pushed; `open`: the target is unavailable; `paused`: it asked to slow down.
        reason: Why it is not closed; None if it is.
        next_try: When the next event may be pushed; None if the circuit is closed.
    """

    state: str
    reason: str | None
    next_try: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionStatus(Figures):
    """How far a durable subscription is in one partition.

    Attributes:
        partition: The partition.
        owner: The connection that owns it; None if none does.
        version: The version of the definition that it applies.
        circuit: Whether events are pushed; None without a target.
    """

    partition: int
    owner: str | None
    version: int
    circuit: Circuit | None


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a durable subscription: its connection, and the name that it gave the subscription."""

    connection: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStatus(Figures):
    """A durable subscription, and how far it is.

    Attributes:
        definition: Its definition.
        cursor: Its position, for `subscribe(cursor=)` and `replay(cursor=)`: all events before it are acknowledged,
            except those of held and parked streams.
        open_circuits: The number of partitions whose circuit is open; None without a target.
        members: The members that receive its events.
        partitions: How far it is in each partition.
    """

    definition: SubscriptionInfo
    cursor: str | None
    open_circuits: int | None
    members: tuple[Member, ...]
    partitions: tuple[PartitionStatus, ...]

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, etag: str | None = None) -> SubscriptionStatus:
        """Parse a status that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a status.
        """
        return cls(
            definition=SubscriptionInfo.parse(members, etag=etag),
            cursor=members["cursor"],
            open_circuits=members.get("open_circuits"),
            members=tuple(Member(member["connection"], member["id"]) for member in members["members"]),
            partitions=tuple(map(_partition, members["partitions"])),
            **_figures(members),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSummary(Figures):
    """How far a durable subscription is, in total.

    Attributes:
        name: Its name.
        members: The number of its members.
        open_circuits: The number of partitions whose circuit is open; None without a target.
    """

    name: str
    members: int
    open_circuits: int | None

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> SubscriptionSummary:
        """Parse a summary that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a summary.
        """
        return cls(
            name=members["id"],
            members=int(members["members"]),
            open_circuits=members.get("open_circuits"),
            **_figures(members),
        )


def _figures(members: Mapping[str, Any]) -> dict[str, Any]:
    age = members["oldest_age"]
    return {
        "lag": members.get("lag"),
        "lag_more": bool(members.get("lag_more")),
        "log_lag": members.get("log_lag"),
        "in_flight": int(members["in_flight"]),
        "held": int(members["held"]),
        "parked": int(members["parked"]),
        "full": bool(members["full"]),
        "oldest_age": None if age is None else timedelta(seconds=age),
    }


def _partition(members: Mapping[str, Any]) -> PartitionStatus:
    circuit = members.get("circuit")
    return PartitionStatus(
        partition=int(members["partition"]),
        owner=members["owner"],
        version=int(members["version"]),
        circuit=None
        if circuit is None
        else Circuit(
            state=circuit["state"], reason=circuit.get("reason"), next_try=optional_time(circuit.get("next_try"))
        ),
        **_figures(members),
    )
