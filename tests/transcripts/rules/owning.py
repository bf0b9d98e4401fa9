"""A partition of a durable subscription has one owner at a time, which receives its frames."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from tests.transcripts.content import same
from tests.transcripts.grants import cut_off
from tests.transcripts.reading import Verdict
from tests.transcripts.violation import Kind, Location, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import Grant, GroupReading, Try
    from tests.transcripts.reading import Frame

__all__ = ["handled_by_strangers", "member_frames", "member_repeats", "two_at_once", "two_owners"]


def member_frames(evidence: Evidence) -> Iterator[Violation]:
    """After `owned`, frame numbers increase by one; without it, no frame is sent."""
    for group in evidence.groups:
        for frame in group.frames:
            if frame.verdict is Verdict.HOLE:
                sentence = f"frame {frame.number} came after {frame.last}"
                yield Violation(Kind.HOLE, frame.at, sentence, frame.location())
            elif frame.verdict is Verdict.STRANGE:
                sentence = f"frame {frame.number} came to a member that does not own the partition"
                yield Violation(Kind.STRANGER, frame.at, sentence, frame.location())


def member_repeats(evidence: Evidence) -> Iterator[Violation]:
    """A repeated frame number has the same content."""
    for group in evidence.groups:
        first: dict[tuple[str, int, int, int], Frame] = {}
        for frame in group.frames:
            before = first.setdefault((frame.subscriber, frame.session, frame.partition, frame.number), frame)
            if frame.verdict is Verdict.REPEAT and (before is frame or not same(before.message, frame.message)):
                held = "had not come" if before is frame else f"held {before.message}"
                sentence = f"frame {frame.number} came again with {frame.message}; before it {held}"
                yield Violation(Kind.REPEAT, frame.at, sentence, frame.location())


def handled_by_strangers(evidence: Evidence) -> Iterator[Violation]:
    """Handled events arrived in valid frames of an owned partition, and were handled before its release."""
    for group in evidence.groups:
        given = _given(group)
        for tries in group.tries.values():
            for attempt in tries:
                key = attempt.member, attempt.session, attempt.handling.partition, attempt.handling.frame
                grant = given.get((*key, attempt.handling.stream, attempt.handling.sequence))
                if grant is None:
                    sentence = "it did not come in a frame of a partition that was the member's"
                    yield Violation(Kind.UNOWNED, attempt.handling.begun, sentence, attempt.location)
                elif attempt.handling.begun > grant.until or attempt.until > grant.until:
                    sentence = f"the partition was let go of at {grant.until:.6f}"
                    yield Violation(Kind.UNOWNED, attempt.until, sentence, attempt.location)


def two_owners(evidence: Evidence) -> Iterator[Violation]:
    """A member becomes owner only when the previous owner released the partition, left, or missed the deadline."""
    for group in evidence.groups:
        by_partition = sorted(group.grants, key=lambda grant: (grant.partition, grant.at))
        for _, grants in groupby(by_partition, key=lambda grant: grant.partition):
            for before, after in pairwise(grants):
                if before.until > after.at and not _lost(group, before, after.at):
                    sentence = f"it was {before.member.name}'s since {before.at:.6f}, until {before.until:.6f}"
                    location = Location(subscriber=after.member.name, session=after.session, partition=after.partition)
                    yield Violation(Kind.SHARED, after.at, sentence, location)


def two_at_once(evidence: Evidence) -> Iterator[Violation]:
    """No two events of a stream are handled at the same time."""
    for group in evidence.groups:
        for tries in group.tries.values():
            for before, after in pairwise(tries):
                if before.until > after.handling.begun and not _excused(group, before, after):
                    sentence = f"{before.member} handled {before.handling.sequence} of it until {before.until:.6f}"
                    yield Violation(Kind.SHARED, after.handling.begun, sentence, after.location)


def _given(group: GroupReading) -> dict[tuple[str, int, int, int, str, int], Grant]:
    return {
        (
            grant.member.name,
            grant.session,
            grant.partition,
            frame.number,
            event["hubstream"],
            int(event["hubsequence"]),
        ): grant
        for grant in group.grants
        for frame in grant.frames
        for event in frame.events
    }


def _lost(group: GroupReading, grant: Grant, at: float) -> bool:
    """Whether the hub revoked a partition from a member that was silent, or cut off unnoticed."""
    since = at - group.group.ack_deadline
    timed_out = grant.at < since and grant.silent(since, at)
    return timed_out or cut_off(grant.whole)


def _excused(group: GroupReading, before: Try, after: Try) -> bool:
    if before.cut_off:
        return True
    if (before.member, before.session) == (after.member, after.session):
        return False
    held = [
        grant
        for grant in group.grants
        if (grant.member.name, grant.session, grant.partition)
        == (before.member, before.session, before.handling.partition)
        and grant.at <= before.handling.begun
    ]
    return bool(held) and _lost(group, held[-1], after.handling.begun)
