"""The state of a durable subscription in a partition."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from eventstore.groups.ids import ConnectionId, SubscriptionId
from eventstore.groups.losses import Loss
from eventstore.positions import BEGINNING, Position

if TYPE_CHECKING:
    from eventstore.streams import StreamName

__all__ = [
    "CLOSED",
    "MOST_ASIDE",
    "OPENS_AFTER",
    "TARGET",
    "Circuit",
    "DeliverySettings",
    "Group",
    "Held",
    "InFlightEvent",
    "Member",
    "Parked",
    "Silences",
]

MOST_ASIDE = 1000
"""The number of held and parked streams at which a group is full. Every turn reads its state, and writes all of it."""


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How events are delivered to the members or the target of a durable subscription.

    Attributes:
        ack_deadline_ms: The time, in milliseconds, within which a member must acknowledge events.
        max_attempts: How often an event is tried before its stream is parked.
        max_in_flight: How many events of a partition may be unacknowledged.
    """

    ack_deadline_ms: int = 30_000
    max_attempts: int = 5
    max_in_flight: int = 100


class Member(NamedTuple):
    """A connection that takes part in a durable subscription, and its own id for the subscription."""

    connection: ConnectionId
    id: SubscriptionId


class Silences(NamedTuple):
    """How often a member was silent as the owner since it was last active.

    Attributes:
        times: How often.
        until: Until when other members are chosen before it, in milliseconds since 1970; 0 if they are not.
    """

    times: int
    until: int


TARGET = Member(ConnectionId("@target"), SubscriptionId("@target"))
"""The owner of every partition of a subscription that has a target. No connection has such an id. The second id names
who makes the pushes: a queue, or an instance of the server."""


class Circuit(NamedTuple):
    """Whether the target of a subscription can be reached.

    Attributes:
        failures: How many pushes in a row found it unavailable.
        until: When the next push may be made, in milliseconds since 1970.
        reason: Why it was unavailable, or asked to slow down; empty if neither.
        frame: The number of the frame of the last of these pushes, so that a report that comes twice counts once. Once
            the circuit is open, that of the last push of the round: the others add nothing to it.
    """

    failures: int = 0
    until: int = 0
    reason: str = ""
    frame: int = 0

    @property
    def is_open(self) -> bool:
        """Whether only single events are pushed, to find out whether the target is back."""
        return self.failures >= OPENS_AFTER


OPENS_AFTER = 3
"""After how many pushes in a row that found the target unavailable the circuit opens."""

CLOSED = Circuit()


class InFlightEvent(NamedTuple):
    """An event that was sent: its position in the log, and its stream and sequence.

    Attributes:
        position: The position in the partition's log.
        stream: The stream's name.
        sequence: The sequence in the stream.
        removals: The serial of the newest removal when the event was read (`Missing.serial`). The owner was not
            notified of what was removed later between this event and the group's position.
        frame: The number of the frame that carried the event; 0 if an older program sent it.
    """

    position: Position
    stream: StreamName
    sequence: int
    removals: int = 0
    frame: int = 0


@dataclass(slots=True)
class Held:
    """A stream of which an event failed. The group reads it separately until it has caught up with the other streams.

    Attributes:
        after: The events after this position, up to the group's, have yet to be sent.
        attempt: How often the first event after `after` was tried.
        due: When it may be tried again, in milliseconds since 1970.
        sent: The events of the stream that were sent and not acknowledged.
        sent_at: When they were sent, in milliseconds since 1970.
        errors: Why the first event after `after` failed, one reason per attempt.
        earlier: The events that were sent before the failure and have not been sent again. Late acknowledgements and
            nacks of them count.
        by_cursor: Whether a cursor still acknowledges `earlier`: the owner was silent, and reported no failure.
        frame: The number of the frame that carried `sent`.
        removals: As in `InFlightEvent`.
        silent: Whether the event failed because the owner was silent, and the owner was not active since. If the owner
            goes away before the event is sent again, that is not another failure.
    """

    after: Position
    attempt: int
    due: int
    sent: list[InFlightEvent] = field(default_factory=list)
    sent_at: int = 0
    errors: list[str] = field(default_factory=list)
    earlier: list[InFlightEvent] = field(default_factory=list)
    by_cursor: bool = False
    frame: int = 0
    removals: int = 0
    silent: bool = False

    def waits(self, place: Position) -> bool:
        """Return whether the stream can continue once it is due.

        A group that went back may be at a position before the stream's for a while.

        Args:
            place: The group's position.
        """
        return not self.sent and self.after <= place


@dataclass(slots=True)
class Parked:
    """A parked stream: an event of it failed for the last time.

    Attributes:
        event: The position of the event that failed. It and all later events of the stream are parked.
        copied: The events after this position have yet to be sent to the dead letter queue.
        sequence: The sequence of the event that failed.
        attempts: How often it was tried.
        errors: Why it failed, one reason per attempt.
        since: When the stream was parked, in milliseconds since 1970.
        letters: How many events were sent to the dead letter queue.
        earlier: As in `Held`.
        by_cursor: As in `Held`.
        removals: As in `InFlightEvent`.
        version: The version of the definition under which the event that failed was last seen to match.
    """

    event: Position
    copied: Position
    sequence: int
    attempts: int
    errors: list[str]
    since: int
    letters: int = 0
    earlier: list[InFlightEvent] = field(default_factory=list)
    by_cursor: bool = False
    removals: int = 0
    version: int = 1


@dataclass(slots=True)
class Group:
    """A durable subscription in one partition.

    Attributes:
        place: The group's position in the log; see the package.
        members: The members, in the order of joining.
        owner: The member that owns the partition.
        revoked: When the partition was revoked from the owner, in milliseconds since 1970; 0 if it was not.
        heard: When the owner was last active, in milliseconds since 1970.
        frame: The number of the last frame that any owner was sent.
        granted: The number of the frame that granted the owner the partition. Acknowledgements and nacks of earlier
            frames concern an earlier grant.
        high_watermark: The last position in the log of any event that an owner was ever sent.
        probe_remaining: How many events are still to be sent one at a time, since a member went away with as many.
        owner_losses: How often a member went away while the next event was the only one it had.
        removals: The removals of events that the group knows (`Missing.serial`).
        frame_offset: The turn's (`Turn.frame_offset`) when the owner's frames were last numbered.
        yielded: Whether held and parked streams yielded to new events in the last turn. In the next they do not.
        version: The version of the group's definition.
        flight: The events in flight, in the order of the log.
        held: The held streams, by name.
        parked: The parked streams, by name.
        settled: Per stream the last event in flight that is handled while an earlier one of another stream is not.
        losses: The losses that the owner has not acknowledged.
        silences: Per connection of a member that was silent as the owner: how often, and until when it is passed over.
        circuit: Whether the target can be reached.
    """

    place: Position = BEGINNING
    members: list[Member] = field(default_factory=list)
    owner: Member | None = None
    revoked: int = 0
    heard: int = 0
    frame: int = 0
    granted: int = 0
    high_watermark: Position = BEGINNING
    probe_remaining: int = 0
    owner_losses: int = 0
    removals: int = 0
    frame_offset: int = 0
    yielded: bool = False
    version: int = 1
    flight: list[InFlightEvent] = field(default_factory=list)
    held: dict[StreamName, Held] = field(default_factory=dict)
    parked: dict[StreamName, Parked] = field(default_factory=dict)
    settled: dict[StreamName, InFlightEvent] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    silences: dict[ConnectionId, Silences] = field(default_factory=dict)
    circuit: Circuit = CLOSED

    @property
    def full(self) -> bool:
        """Whether so many streams are held or parked that the group sends no new events."""
        return len(self.held) + len(self.parked) >= MOST_ASIDE

    @property
    def in_flight(self) -> int:
        """The number of events that were sent and not acknowledged, those of held streams included."""
        return len(self.flight) + sum(len(held.sent) for held in self.held.values())

    @property
    def end_of_old(self) -> Position:
        """The position up to which no event is new: a group that went back has been there."""
        return max([self.high_watermark, *(held.after for held in self.held.values())])

    def encoded(self) -> str:
        """Return the text that `decoded` reads. Some stored names are older than those of the fields."""
        members: dict[str, Any] = {
            "place": self.place.numbers(),
            "members": self.members,
            "owner": self.owner,
            "revoked": self.revoked,
            "heard": self.heard,
            "frame": self.frame,
            "granted": self.granted,
            "furthest": self.high_watermark.numbers(),
            "careful": self.probe_remaining,
            "lost": self.owner_losses,
            "removals": self.removals,
            "leap": self.frame_offset,
            "yielded": self.yielded,
            "version": self.version,
            "flight": _encode_events(self.flight),
            "held": {stream: _encode_held(held) for stream, held in self.held.items()},
            "parked": {stream: _encode_parked(parked) for stream, parked in self.parked.items()},
            "settled": {stream: _encode_events([event])[0] for stream, event in self.settled.items()},
            "losses": [loss.encoded() for loss in self.losses],
        }
        if self.silences:
            members["silences"] = self.silences
        if self.circuit != CLOSED:
            members["circuit"] = self.circuit
        # A reason that was stored before `groups.commands.encoded` replaced lone surrogates may hold one.
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode(errors="replace").decode()

    @classmethod
    def decoded(cls, text: str) -> Group:
        """Return the group that was encoded; members that an older program did not write have their defaults."""
        members: dict[str, Any] = json.loads(text)
        return cls(
            place=Position(*members["place"]),
            members=[Member(*member) for member in members["members"]],
            owner=Member(*members["owner"]) if members["owner"] else None,
            revoked=members["revoked"],
            heard=members["heard"],
            frame=members["frame"],
            granted=members.get("granted", 0),
            high_watermark=Position(*members["furthest"]),
            probe_remaining=members["careful"],
            owner_losses=members["lost"],
            removals=members["removals"],
            frame_offset=members["leap"],
            yielded=members.get("yielded", False),
            version=members.get("version", 1),
            flight=_decode_events(members["flight"]),
            held={stream: _decode_held(held) for stream, held in members["held"].items()},
            parked={stream: _decode_parked(parked) for stream, parked in members["parked"].items()},
            settled={stream: _decode_events([event])[0] for stream, event in members.get("settled", {}).items()},
            losses=[Loss.decoded(loss) for loss in members.get("losses", ())],
            silences={connection: Silences(*each) for connection, each in members.get("silences", {}).items()},
            circuit=Circuit(*members.get("circuit", ())),
        )


def _encode_events(events: list[InFlightEvent]) -> list[list[Any]]:
    return [[*event.position.numbers(), *event[1:]] for event in events]


def _encode_held(held: Held) -> list[Any]:
    first = [held.after.numbers(), held.attempt, held.due, _encode_events(held.sent), held.sent_at, held.errors]
    return [*first, _encode_events(held.earlier), held.by_cursor, held.frame, held.removals, held.silent]


def _encode_parked(parked: Parked) -> list[Any]:
    positions = [parked.event.numbers(), parked.copied.numbers()]
    first = [parked.sequence, parked.attempts, parked.errors, parked.since, parked.letters]
    return [*positions, *first, _encode_events(parked.earlier), parked.by_cursor, parked.removals, parked.version]


def _decode_held(members: list[Any]) -> Held:
    after, attempt, due, sent, sent_at, errors, *later = members
    return Held(Position(*after), attempt, due, _decode_events(sent), sent_at, errors, *_decode_later(later))


def _decode_parked(members: list[Any]) -> Parked:
    event, copied, sequence, attempts, errors, since, letters, *later = members
    positions = Position(*event), Position(*copied)
    return Parked(*positions, sequence, attempts, errors, since, letters, *_decode_later(later))


def _decode_later(members: list[Any]) -> list[Any]:
    """Return the members from `earlier` on. Older programs wrote none of them."""
    return [_decode_events(members[0]), *members[1:]] if members else []


def _decode_events(members: list[list[Any]]) -> list[InFlightEvent]:
    return [InFlightEvent(Position(time, order, index), *rest) for time, order, index, *rest in members]
