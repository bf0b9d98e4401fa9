"""The recording members themselves: they acknowledge what they have handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.transcripts.content import Where
    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import Grant
    from tests.transcripts.membership import Said
    from tests.transcripts.reading import Frame
    from tests.transcripts.transcript import Json

__all__ = ["unhandled_acks"]


def unhandled_acks(evidence: Evidence) -> Iterator[Violation]:
    """What is acknowledged was handled by then, or nacked with an answer, or dropped behind what was nacked."""
    for group in evidence.groups:
        for grant in group.grants:
            done = _done(grant)
            for said in grant.said():
                for frame, place in _acknowledged(grant, said):
                    if done.get(place, said.sent + 1) > said.sent:
                        sentence = f"{place[1]} of {place[0]!r} was acknowledged, and had not been handled"
                        yield Violation(Kind.CLIENT, said.sent, sentence, frame.place(*place))


def _acknowledged(grant: Grant, said: Said) -> Iterator[tuple[Frame, Where]]:
    """What an acknowledgement speaks for, with the frames that it came in."""
    message = said.message
    if message["action"] != "ack":
        return
    for frame in grant.frames:
        if frame.at > said.sent:
            break
        again = frame.message.get("stream")
        for place in map(where, frame.events):
            spoken_for = "cursor" in message if again is None else _up_to(message, again, place[1])
            if spoken_for:
                yield frame, place
        if "cursor" in message and frame.message.get("cursor") == message["cursor"]:
            break


def _up_to(message: Json, stream: str, sequence: int) -> bool:
    return bool(message.get("stream") == stream and sequence <= message["sequence"])


def _done(grant: Grant) -> Mapping[Where, float]:
    """When the owner was first done with each event, in whichever frame that came."""
    whole, mine = grant.whole, {frame.number for frame in grant.frames}
    moments = [
        ((one.stream, one.sequence), one.ended)
        for one in whole.handlings
        if one.partition == grant.partition and one.frame in mine and not one.failed
    ]
    moments += [
        ((one.stream, one.sequence), one.at)
        for one in whole.dropped
        if one.partition == grant.partition and one.frame in mine
    ]
    moments += [
        ((said.message["stream"], said.message["sequence"]), said.answered)
        for said in whole.said
        if said.message["action"] == "nack" and said.answered is not None
    ]
    done: dict[Where, float] = {}
    for place, at in moments:
        done[place] = min(at, done.get(place, at))
    return done
