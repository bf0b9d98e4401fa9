"""The messages of a subscriber, classified by the table of the protocol (docs/protocol.md, "events")."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.violation import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.transcripts.transcript import Json, Received, Subscriber

__all__ = ["Delivery", "Frame", "Reading", "ReportedRemoval", "Verdict"]

_NUMBERED = frozenset({"events", "live", "truncated"})


class Verdict(Enum):
    """How the table classifies a frame."""

    NEXT = auto()
    REPEAT = auto()
    HOLE = auto()
    STRANGE = auto()
    """Sent to a member that does not own the partition."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A numbered message.

    Attributes:
        session: The number of the subscriber's session, from 1.
        index: Its index among all numbered messages of the subscriber.
        last: The last frame number before it; the next number was expected.
    """

    subscriber: str
    session: int
    index: int
    at: float
    message: Json
    handled: bool
    verdict: Verdict
    last: int

    @property
    def kind(self) -> str:
        return str(self.message["type"])

    @property
    def partition(self) -> int:
        return int(self.message["partition"])

    @property
    def number(self) -> int:
        return int(self.message["frame"])

    @property
    def events(self) -> Sequence[Json]:
        return self.message["events"] if self.kind == "events" else ()

    def location(self, stream: str | None = None, *sequences: int) -> Location:
        """The location of the frame."""
        return Location(
            subscriber=self.subscriber,
            session=self.session,
            partition=self.partition,
            frame=self.number,
            stream=stream,
            sequences=sequences,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event of a frame, without repetitions."""

    frame: Frame
    stream: str
    sequence: int
    event: Json


@dataclass(frozen=True, slots=True)
class ReportedRemoval:
    """Sequences that the hub reported as removed; without a stream, that there are more than it listed."""

    at: float
    location: Location
    stream: str | None
    first: int
    last: int


class Reading:
    """The sessions of a subscriber as frames, deliveries and reported removals.

    Attributes:
        sessions: The sessions since the last reset of the store, by number.
        frames: Every numbered message of all sessions.
        deliveries: The handled events of `sessions`, in order of receipt, without repeated frames.
    """

    def __init__(self, subscriber: Subscriber, *, since: float) -> None:
        self.subscriber = subscriber
        self.all = dict(enumerate(subscriber.sessions, 1))
        self.sessions = {number: session for number, session in self.all.items() if session.sent >= since}
        self._answers = {
            number: next(
                (received for received in session.received if received.message.get("type") == "subscribed"), None
            )
            for number, session in self.all.items()
        }
        self.frames: Sequence[Frame] = list(self._frames())
        self.deliveries: Sequence[Delivery] = [
            Delivery(frame, *where(event), event)
            for frame in self.frames
            if frame.session in self.sessions and frame.handled and frame.verdict is not Verdict.REPEAT
            for event in frame.events
        ]
        self.removals: Sequence[ReportedRemoval] = list(self._reported_removals())

    def location(self, session: int) -> Location:
        """The location of a session."""
        return Location(subscriber=self.subscriber.name, session=session)

    def subscribed(self, session: int) -> Received | None:
        """The answer to the subscribe request of a session, if it was received."""
        return self._answers[session]

    def excuses(self, stream: str, sequence: int) -> bool:
        """Whether the hub reported the removal of an event."""
        return any(
            removal.stream is None or (removal.stream == stream and removal.first <= sequence <= removal.last)
            for removal in self.removals
        )

    def _frames(self) -> Iterator[Frame]:
        index = 0
        for number, session in self.all.items():
            last: dict[int, int] = defaultdict(int)
            for received in session.received:
                index += 1
                message = received.message
                if message.get("type") in _NUMBERED and message["id"] == session.subscribe["id"]:
                    yield self._frame(number, index, received, last[message["partition"]])
                    last[message["partition"]] = max(message["frame"], last[message["partition"]])

    def _frame(self, session: int, index: int, received: Received, last: int) -> Frame:
        number = received.message["frame"]
        verdict = Verdict.REPEAT if number <= last else Verdict.NEXT if number == last + 1 else Verdict.HOLE
        name = self.subscriber.name
        return Frame(name, session, index, received.at, received.message, received.handled, verdict, last)

    def _reported_removals(self) -> Iterator[ReportedRemoval]:
        for number in self.sessions:
            if answer := self.subscribed(number):
                yield from _reported_removals(answer.at, self.location(number), answer.message)
        for frame in self.frames:
            if frame.session in self.sessions and frame.kind == "truncated" and frame.handled:
                yield from _reported_removals(frame.at, frame.location(), frame.message)


def _reported_removals(at: float, location: Location, message: Json) -> Iterator[ReportedRemoval]:
    for entry in message.get("missing", ()):
        yield ReportedRemoval(at, location, entry["stream"], entry["first"], entry["last"])
    if message.get("missing_more"):
        yield ReportedRemoval(at, location, None, 0, 0)
