"""Every event of a durable subscription is handled at least once, in the order of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import GroupReading

__all__ = ["never_handled", "skipped"]


def never_handled(evidence: Evidence) -> Iterator[Violation]:
    """Every matching event was handled, is parked, or was skipped in a redrive."""
    for group in evidence.groups:
        if not group.group.finished:
            continue
        parked = {attempt.stream: attempt.sequence for attempt in group.group.parked}
        given_up = _given_up(group)
        for stream, entries in group.entries.items():
            for entry in entries:
                place = stream, entry.sequence
                if (
                    place in group.handled
                    or place in given_up
                    or parked.get(stream, entry.sequence + 1) <= entry.sequence
                ):
                    continue
                sentence = f"{entry.event['id']!r} was neither handled nor parked"
                yield Violation(Kind.UNHANDLED, evidence.end, sentence, group.location(*place))


def skipped(evidence: Evidence) -> Iterator[Violation]:
    """The next handled event of a stream is its next or an earlier event; a failed event is not complete."""
    for group in evidence.groups:
        given_up = _given_up(group)
        for stream, tries in group.tries.items():
            order = group.order.get(stream, {})
            sequences = list(order)
            done = -1
            for attempt in tries:
                sequence, begun = attempt.handling.sequence, attempt.handling.begun
                index = order.get(sequence)
                if index is None:
                    continue  # removed since, so its neighbours are unknown
                if group.superseded(attempt):
                    continue  # the stream goes on with the next owner, from what the hub was told
                allowed = done + 1
                while allowed < index and given_up.get((stream, sequences[allowed]), begun) < begun:
                    allowed += 1
                if index > allowed:
                    sentence = f"{sequence} of {stream!r} was handled, and {sequences[allowed]} was due"
                    yield Violation(Kind.SKIPPED, begun, sentence, attempt.location)
                done = index if attempt.well else index - 1


def _given_up(group: GroupReading) -> Mapping[tuple[str, int], float]:
    """The events that were skipped in a redrive, with the times."""
    return {attempt.parked.place: attempt.at for attempt in group.group.redriven if attempt.how == "skip"}
