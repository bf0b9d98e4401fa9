"""What a subscriber received, read by the protocol's table (docs/protocol.md, "events")."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.violation import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.transcripts.transcript import Json, Received, Subscriber

__all__ = ["Delivery", "Frame", "Reading", "Told", "Verdict"]

_NUMBERED = frozenset({"events", "live", "truncated"})


class Verdict(Enum):
    """What the table says of a frame."""

    NEXT = auto()
    REPEAT = auto()
    HOLE = auto()
    STRANGE = auto()
    """To a member of a durable subscription that does not own the partition."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A numbered message.

    Attributes:
        session: Which of the subscriber's sessions, from 1.
        index: Its place among all that the subscriber received.
        last: The number before which it came; the next one was due.
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

    def place(self, stream: str | None = None, *sequences: int) -> Place:
        """Where it is found."""
        return Place(
            subscriber=self.subscriber,
            session=self.session,
            partition=self.partition,
            frame=self.number,
            stream=stream,
            sequences=sequences,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of a frame that counted."""

    frame: Frame
    stream: str
    sequence: int
    event: Json


@dataclass(frozen=True, slots=True)
class Told:
    """Sequences that the hub said are removed, or with no stream, that there is more than it could tell."""

    at: float
    place: Place
    stream: str | None
    first: int
    last: int


class Reading:
    """One subscriber's sessions as frames, deliveries and what was told.

    Attributes:
        sessions: Those of the store as it is now, by their numbers.
        frames: Every numbered message of all sessions.
        deliveries: The handled events of `sessions`, in order of receipt, without frames that came again.
    """

    def __init__(self, subscriber: Subscriber, *, since: float) -> None:
        self.subscriber = subscriber
        self.all = dict(enumerate(subscriber.sessions, 1))
        self.sessions = {number: one for number, one in self.all.items() if one.sent >= since}
        self._answers = {
            number: next((one for one in session.received if one.message.get("type") == "subscribed"), None)
            for number, session in self.all.items()
        }
        self.frames: Sequence[Frame] = list(self._frames())
        self.deliveries: Sequence[Delivery] = [
            Delivery(frame, *where(event), event)
            for frame in self.frames
            if frame.session in self.sessions and frame.handled and frame.verdict is not Verdict.REPEAT
            for event in frame.events
        ]
        self.told: Sequence[Told] = list(self._told())

    def place(self, session: int) -> Place:
        """Where a session is found."""
        return Place(subscriber=self.subscriber.name, session=session)

    def subscribed(self, session: int) -> Received | None:
        """The answer to a session's subscribe, if it came."""
        return self._answers[session]

    def excuses(self, stream: str, sequence: int) -> bool:
        """Whether the hub told that an event was removed."""
        return any(
            told.stream is None or (told.stream == stream and told.first <= sequence <= told.last) for told in self.told
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

    def _told(self) -> Iterator[Told]:
        for number in self.sessions:
            if answer := self.subscribed(number):
                yield from _told(answer.at, self.place(number), answer.message)
        for frame in self.frames:
            if frame.session in self.sessions and frame.kind == "truncated" and frame.handled:
                yield from _told(frame.at, frame.place(), frame.message)


def _told(at: float, place: Place, message: Json) -> Iterator[Told]:
    for entry in message.get("missing", ()):
        yield Told(at, place, entry["stream"], entry["first"], entry["last"])
    if message.get("missing_more"):
        yield Told(at, place, None, 0, 0)
