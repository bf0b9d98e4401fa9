"""Faults put into good transcripts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import reject

from tests.transcripts.checker import first_violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.transcripts.transcript import Json, Received, Session, Subscriber, Transcript
    from tests.transcripts.violation import Violation

__all__ = ["Spot", "chosen", "found", "spots", "with_messages", "with_session"]


@dataclass(frozen=True)
class Spot:
    """One message of a transcript."""

    subscriber: int
    session: int
    index: int
    owner: Subscriber
    whole: Session
    received: Received

    @property
    def message(self) -> Json:
        return self.received.message

    @property
    def kind(self) -> str:
        return str(self.message["type"])

    def later(self) -> list[Received]:
        """The frames after it, of its session and partition."""
        behind = self.whole.received[self.index + 1 :]
        return [one for one in behind if one.message.get("partition") == self.message["partition"]]


def spots(transcript: Transcript, *kinds: str) -> Iterator[Spot]:
    """Handled messages of some kinds."""
    for number, owner in enumerate(transcript.subscribers):
        for count, session in enumerate(owner.sessions):
            for index, received in enumerate(session.received):
                if received.handled and received.message["type"] in kinds:
                    yield Spot(number, count, index, owner, session, received)


def chosen(random: Random, candidates: Iterator[Spot]) -> Spot:
    """Any of them; an example without one proves nothing."""
    listed = list(candidates)
    return random.choice(listed) if listed else reject()


def with_session(transcript: Transcript, spot: Spot, **changes: object) -> Transcript:
    """The transcript with another session in the place of a spot's."""
    session = replace(spot.whole, **changes)  # type: ignore[arg-type]
    sessions = list(spot.owner.sessions)
    sessions[spot.session] = session
    subscribers = list(transcript.subscribers)
    subscribers[spot.subscriber] = replace(spot.owner, sessions=tuple(sessions))
    return replace(transcript, subscribers=tuple(subscribers))


def with_messages(transcript: Transcript, spot: Spot, change: Callable[[list[Received], int], object]) -> Transcript:
    """The transcript with the messages of a spot's session changed in place."""
    received = list(spot.whole.received)
    change(received, spot.index)
    return with_session(transcript, spot, received=tuple(received))


def found(transcript: Transcript) -> Violation:
    """The first violation, which must be there."""
    violation = first_violation(transcript)
    assert violation is not None, "the fault was not seen"
    return violation
