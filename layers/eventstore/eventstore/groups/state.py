"""Where a durable subscription stands in a partition."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eventstore.positions import BEGINNING, Position

__all__ = ["MOST_ASIDE", "Group", "Held", "Member", "Parked", "Rules", "Spot"]

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


class Spot(NamedTuple):
    """An event that was sent: its place in the log, and in its stream."""

    position: Position
    stream: str
    sequence: int


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
    """

    at: Position
    attempt: int
    due: int
    sent: list[Spot] = field(default_factory=list)
    sent_at: int = 0
    errors: list[str] = field(default_factory=list)

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
    """

    event: Position
    copied: Position
    sequence: int
    attempts: int
    errors: list[str]
    since: int
    letters: int = 0


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
        furthest: The place of the last event in the log's order that any owner was ever sent.
        careful: How many events are to be sent one at a time, since a member went away with as many.
        lost: How often a member went away while it had one event alone, the one that is next.
        removals: Of how many removals of events the group knows (`Missing.serial`).
        leap: As in `Turn`, when the owner's frames were last numbered.
        yielded: Held and parked streams gave way to new events in the last turn, and do so no more in the next.
    """

    place: Position = BEGINNING
    members: list[Member] = field(default_factory=list)
    owner: Member | None = None
    revoked: int = 0
    heard: int = 0
    frame: int = 0
    furthest: Position = BEGINNING
    careful: int = 0
    lost: int = 0
    removals: int = 0
    leap: int = 0
    yielded: bool = False
    flight: list[Spot] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether so much is set aside that the group takes nothing new until there is room."""
        return len(self.held) + len(self.parked) >= MOST_ASIDE

    @property
    def end_of_old(self) -> Position:
        """The place before which there is nothing new: a group that went back has been there."""
        return max([self.furthest, *(held.at for held in self.held.values())])

    def encoded(self) -> str:
        """What `decoded` reads back."""
        told = {
            "place": _told(self.place),
            "members": self.members,
            "owner": self.owner,
            "revoked": self.revoked,
            "heard": self.heard,
            "frame": self.frame,
            "furthest": _told(self.furthest),
            "careful": self.careful,
            "lost": self.lost,
            "removals": self.removals,
            "leap": self.leap,
            "yielded": self.yielded,
            "flight": [[*_told(at), stream, sequence] for at, stream, sequence in self.flight],
            "held": {
                name: [_told(h.at), h.attempt, h.due, [[*_told(at), s, n] for at, s, n in h.sent], h.sent_at, h.errors]
                for name, h in self.held.items()
            },
            "parked": {
                name: [_told(p.event), _told(p.copied), p.sequence, p.attempts, p.errors, p.since, p.letters]
                for name, p in self.parked.items()
            },
        }
        # Reasons that were kept before `groups.commands.encoded` saw to it may name half of a character.
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode(errors="replace").decode()

    @classmethod
    def decoded(cls, text: str) -> Group:
        """The group that was encoded."""
        told: dict[str, Any] = json.loads(text)
        return cls(
            place=Position(*told["place"]),
            members=[Member(*member) for member in told["members"]],
            owner=Member(*told["owner"]) if told["owner"] else None,
            revoked=told["revoked"],
            heard=told["heard"],
            frame=told["frame"],
            furthest=Position(*told["furthest"]),
            careful=told["careful"],
            lost=told["lost"],
            removals=told["removals"],
            leap=told["leap"],
            yielded=told.get("yielded", False),
            flight=_spots(told["flight"]),
            held={
                name: Held(Position(*at), attempt, due, _spots(sent), sent_at, errors)
                for name, (at, attempt, due, sent, sent_at, errors) in told["held"].items()
            },
            parked={
                name: Parked(Position(*event), Position(*copied), *rest)
                for name, (event, copied, *rest) in told["parked"].items()
            },
        )


def _told(position: Position) -> list[int]:
    return [position.time, position.order, position.index]


def _spots(told: list[list[Any]]) -> list[Spot]:
    return [Spot(Position(time, order, index), stream, sequence) for time, order, index, stream, sequence in told]
