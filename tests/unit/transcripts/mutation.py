"""Mutations that put faults into good transcripts."""

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

__all__ = ["MessageRef", "chosen", "message_refs", "violation_in", "with_messages", "with_session"]


@dataclass(frozen=True)
class MessageRef:
    """A reference to one message of a transcript."""

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
        """The later frames of its session and partition."""
        behind = self.whole.received[self.index + 1 :]
        return [frame for frame in behind if frame.message.get("partition") == self.message["partition"]]


def message_refs(transcript: Transcript, *kinds: str) -> Iterator[MessageRef]:
    """The handled messages of the given kinds."""
    for number, owner in enumerate(transcript.subscribers):
        for count, session in enumerate(owner.sessions):
            for index, received in enumerate(session.received):
                if received.handled and received.message["type"] in kinds:
                    yield MessageRef(number, count, index, owner, session, received)


def chosen(random: Random, candidates: Iterator[MessageRef]) -> MessageRef:
    """A random candidate; rejects an example that has none."""
    listed = list(candidates)
    return random.choice(listed) if listed else reject()


def with_session(transcript: Transcript, ref: MessageRef, **changes: object) -> Transcript:
    """The transcript with members of the referenced session replaced."""
    session = replace(ref.whole, **changes)  # type: ignore[arg-type]
    sessions = list(ref.owner.sessions)
    sessions[ref.session] = session
    subscribers = list(transcript.subscribers)
    subscribers[ref.subscriber] = replace(ref.owner, sessions=tuple(sessions))
    return replace(transcript, subscribers=tuple(subscribers))


def with_messages(
    transcript: Transcript, ref: MessageRef, change: Callable[[list[Received], int], object]
) -> Transcript:
    """The transcript with `change` applied to the messages of the referenced session."""
    received = list(ref.whole.received)
    change(received, ref.index)
    return with_session(transcript, ref, received=tuple(received))


def violation_in(transcript: Transcript) -> Violation:
    """The first violation of a transcript, which must have one."""
    violation = first_violation(transcript)
    assert violation is not None, "the fault was not reported"
    return violation
