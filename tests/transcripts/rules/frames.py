"""Guarantee 6: frames are numbered by subscription and partition, and each number has one content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.content import same
from tests.transcripts.reading import Verdict
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.reading import Frame

__all__ = ["holes", "repeats", "wrong_partitions"]


def holes(evidence: Evidence) -> Iterator[Violation]:
    """Frame numbers increase by one, from 1."""
    for reading in evidence.readings:
        for frame in reading.frames:
            if frame.verdict is Verdict.HOLE:
                sentence = f"frame {frame.number} came after {frame.last}"
                yield Violation(Kind.HOLE, frame.at, sentence, frame.location())


def repeats(evidence: Evidence) -> Iterator[Violation]:
    """A repeated frame number has the same content."""
    for reading in evidence.readings:
        first: dict[tuple[int, int, int], Frame] = {}
        for frame in reading.frames:
            before = first.setdefault((frame.session, frame.partition, frame.number), frame)
            if frame.verdict is not Verdict.REPEAT or (before is not frame and same(before.message, frame.message)):
                continue
            held = "had not come" if before is frame else f"held {before.message}"
            sentence = f"frame {frame.number} came again with {frame.message}; before it {held}"
            yield Violation(Kind.REPEAT, frame.at, sentence, frame.location())


def wrong_partitions(evidence: Evidence) -> Iterator[Violation]:
    """A stream is in one partition, and frames come from partitions that `subscribed` named."""
    for reading in evidence.readings:
        for frame in reading.frames:
            answer = reading.subscribed(frame.session)
            if answer and frame.partition not in answer.message["partitions"]:
                sentence = f"a frame of partition {frame.partition}; concerned are {answer.message['partitions']}"
                yield Violation(Kind.PARTITION, frame.at, sentence, frame.location())
        for delivery in reading.deliveries:
            home = evidence.partitions[delivery.stream]
            if home != delivery.frame.partition:
                sentence = f"stream {delivery.stream!r} came from partition {home} elsewhere"
                place = delivery.frame.location(delivery.stream, delivery.sequence)
                yield Violation(Kind.PARTITION, delivery.frame.at, sentence, place)
