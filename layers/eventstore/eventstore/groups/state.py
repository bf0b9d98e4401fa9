"""Where a durable subscription stands in a partition."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eventstore.groups.losses import Loss
from eventstore.positions import BEGINNING, Position

__all__ = ["MOST_ASIDE", "Group", "Held", "InFlightEvent", "Member", "Parked", "Rules"]

MOST_ASIDE = 1000
"""Streams that a group has held and parked before it is full: its state is read by every turn, and written whole."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the creator of a durable subscription asked for.

    Attributes:
        ack_deadline: Milliseconds that a member may take for what it was sent.
        max_attempts: How often an event is tried before it is parked.
        max_in_flight: How many events of a partition may wait for acknowledgement.
    """

    ack_deadline: int = 30_000
    max_attempts: int = 5
    max_in_flight: int = 100


class Member(NamedTuple):
    """A connection that takes part, and what it calls the subscription."""

    connection: str
    id: str


class InFlightEvent(NamedTuple):
    """An event that was sent: its place in the log, and in its stream.

    `removals` is the serial of the newest removal of events when it was read (`Missing.serial`): of what was removed
    later, behind it and up to where the group stood, nobody was told. `frame` is the number of the frame that it was
    sent in; 0 if an older program sent it.
    """

    position: Position
    stream: str
    sequence: int
    removals: int = 0
    frame: int = 0


@dataclass(slots=True)
class Held:
    """A stream of which an event failed; the group reads it apart from the others until it has caught up with them.

    Attributes:
        at: What comes behind it, up to the group's place, is still to be sent.
        attempt: How often the event behind `at` was tried.
        due: When it may be tried again, in milliseconds since 1970.
        sent: What was sent of it and not acknowledged.
        sent_at: When that was.
        errors: Why the event behind `at` failed, attempt by attempt.
        earlier: What was sent of it before the failure and has not been sent again: the owner's late words still count.
        by_cursor: Whether a cursor still speaks for these: the owner was silent, and never said that one failed.
        frame: The number of the frame that `sent` went in.
        removals: As in `InFlightEvent`.
        silent: Whether it failed because the owner was silent, and nothing was heard of the owner since: that it went
            away before it was sent the event again is no further failure.
    """

    at: Position
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
        """Whether it could go on, once it is due. A group that went back may stand before it for a while."""
        return not self.sent and self.at <= place


@dataclass(slots=True)
class Parked:
    """A stream that is set aside.

    Attributes:
        event: The place of the event that failed; it and all behind it is parked.
        copied: What comes behind it, the dead letter queue has yet to be given.
        sequence: Of the event that failed.
        attempts: How often that was tried.
        errors: Why it failed, attempt by attempt.
        since: When it was parked, in milliseconds since 1970.
        letters: How many events the dead letter queue was given.
        earlier: As in `Held`; so is `by_cursor`.
        removals: As in `InFlightEvent`.
        version: Of the definition under which the event that failed was last seen to match.
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
        place: See the package.
        members: Who takes part, in the order of joining.
        owner: Which of them the partition belongs to.
        revoked: When the owner was asked to release it; 0 if it was not.
        heard: When the owner last showed that it works, in milliseconds since 1970.
        frame: The number of the last frame that any owner was sent.
        granted: The number of the frame that told the owner that it owns the partition. What the owner says of frames
            before that one concerns an earlier time.
        high_watermark: The place of the last event in the log's order that any owner was ever sent.
        probe_remaining: How many events are to be sent one at a time, since a member went away with as many.
        owner_losses: How often a member went away while it had one event alone, the one that is next.
        removals: Of how many removals of events the group knows (`Missing.serial`).
        frame_offset: As in `Turn`, when the owner's frames were last numbered.
        yielded: Held and parked streams gave way to new events in the last turn, and do so no more in the next.
        version: Of the definition that the group goes by.
        settled: Per stream the last event in flight that is handled while an earlier one of another stream is not.
        losses: What the owner has yet to acknowledge that it misses.
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
    held: dict[str, Held] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    settled: dict[str, InFlightEvent] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether so much is set aside that the group takes nothing new until there is room."""
        return len(self.held) + len(self.parked) >= MOST_ASIDE

    @property
    def end_of_old(self) -> Position:
        """The place before which there is nothing new: a group that went back has been there."""
        return max([self.high_watermark, *(held.at for held in self.held.values())])

    def encoded(self) -> str:
        """What `decoded` reads back."""
        members = {
            "place": _position(self.place),
            "members": self.members,
            "owner": self.owner,
            "revoked": self.revoked,
            "heard": self.heard,
            "frame": self.frame,
            "granted": self.granted,
            "furthest": _position(self.high_watermark),
            "careful": self.probe_remaining,
            "lost": self.owner_losses,
            "removals": self.removals,
            "leap": self.frame_offset,
            "yielded": self.yielded,
            "version": self.version,
            "flight": _encoded(self.flight),
            "held": {name: _held(held) for name, held in self.held.items()},
            "parked": {name: _parked(parked) for name, parked in self.parked.items()},
            "settled": {name: _encoded([spot])[0] for name, spot in self.settled.items()},
            "losses": [loss.encoded() for loss in self.losses],
        }
        # Reasons that were kept before `groups.commands.encoded` saw to it may name half of a character.
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode(errors="replace").decode()

    @classmethod
    def decoded(cls, text: str) -> Group:
        """The group that was encoded; members that an older program did not write have their defaults."""
        found: dict[str, Any] = json.loads(text)
        return cls(
            place=Position(*found["place"]),
            members=[Member(*member) for member in found["members"]],
            owner=Member(*found["owner"]) if found["owner"] else None,
            revoked=found["revoked"],
            heard=found["heard"],
            frame=found["frame"],
            granted=found.get("granted", 0),
            high_watermark=Position(*found["furthest"]),
            probe_remaining=found["careful"],
            owner_losses=found["lost"],
            removals=found["removals"],
            frame_offset=found["leap"],
            yielded=found.get("yielded", False),
            version=found.get("version", 1),
            flight=_spots(found["flight"]),
            held={name: _held_of(members) for name, members in found["held"].items()},
            parked={name: _parked_of(members) for name, members in found["parked"].items()},
            settled={name: _spots([spot])[0] for name, spot in found.get("settled", {}).items()},
            losses=[Loss.decoded(members) for members in found.get("losses", ())],
        )


def _position(position: Position) -> list[int]:
    return [position.time, position.order, position.index]


def _encoded(spots: list[InFlightEvent]) -> list[list[Any]]:
    return [[*_position(spot.position), *spot[1:]] for spot in spots]


def _held(held: Held) -> list[Any]:
    first = [_position(held.at), held.attempt, held.due, _encoded(held.sent), held.sent_at, held.errors]
    return [*first, _encoded(held.earlier), held.by_cursor, held.frame, held.removals, held.silent]


def _parked(parked: Parked) -> list[Any]:
    places = [_position(parked.event), _position(parked.copied)]
    first = [parked.sequence, parked.attempts, parked.errors, parked.since, parked.letters]
    return [*places, *first, _encoded(parked.earlier), parked.by_cursor, parked.removals, parked.version]


def _held_of(members: list[Any]) -> Held:
    at, attempt, due, sent, sent_at, errors, *later = members
    return Held(Position(*at), attempt, due, _spots(sent), sent_at, errors, *_later(later))


def _parked_of(members: list[Any]) -> Parked:
    event, copied, sequence, attempts, errors, since, letters, *later = members
    places = Position(*event), Position(*copied)
    return Parked(*places, sequence, attempts, errors, since, letters, *_later(later))


def _later(members: list[Any]) -> list[Any]:
    """The members from `earlier` on; older programs wrote none of them."""
    return [_spots(members[0]), *members[1:]] if members else []


def _spots(members: list[list[Any]]) -> list[InFlightEvent]:
    return [InFlightEvent(Position(time, order, index), *rest) for time, order, index, *rest in members]
